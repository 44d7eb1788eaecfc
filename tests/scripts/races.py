# SPDX-License-Identifier: MIT
"""races.py - what a script can't say: clients that do many things at once, or stop reading."""

import time

import conversation
import streams
from script import Script

CHAT = "<message type='chat' id='{}' to='{}'><body>{}</body></message>"


class Race(Script):
    """A script without lines, that plays itself: PLAY is a function of a conversation.Play."""

    def __init__(self, name, play, accounts, server=()):
        super().__init__(name, f"accounts: {accounts}")
        self.server, self.play = list(server), play
        self.is_alone = bool(server)


def fail_unless(is_true, why):
    if not is_true:
        raise conversation.Failed(why)


def log_in(play, user, resource=None, receive_buffer=0):
    stream = streams.Stream(f"{user}/{resource}", play.server.port, play.to_script, receive_buffer)
    play.actors[f"{stream.name} {len(play.actors)}"] = stream
    stream.log_in(user, play.to_server("example.com"))
    if resource is not None:
        stream.bind(resource)
    return stream


PATIENCE = 20  # s, of who waits for what must come


def read_all(stream, enough, seconds):
    """The ids of the messages that come until ENOUGH(ids), the end, or nothing more for SECONDS."""
    ids, quiet = [], time.monotonic() + seconds
    while not enough(ids) and time.monotonic() < quiet:
        if not stream.queue:
            stream.read(0.1)
        if stream.queue:
            quiet = time.monotonic() + seconds
        while stream.queue:
            kind, node = stream.queue.pop(0)
            if kind == "end":
                return ids
            if kind == "element" and node.name.endswith(" message"):
                ids.append(int(node.attributes["id"]))
    return ids


def parallel_binds(play):
    """SEC-39: many clients want one resource at the same moment; one has it in the end."""
    all_streams = [log_in(play, "romeo") for _ in range(40)]
    for stream in all_streams:
        stream.send(f"<iq type='set' id='b'><bind xmlns='{streams.NS_BIND}'>"
                    "<resource>orchard</resource></bind></iq>")
    for stream in all_streams:
        kind, node = stream.next()
        fail_unless(kind == "element" and node.attributes.get("type") == "result", f"{kind} {node}")
    owners = 0
    for stream in all_streams:
        stream.send(f"<iq type='get' id='p' to='{play.to_server('example.com')}'>"
                    "<ping xmlns='urn:xmpp:ping'/></iq>")
        kind, node = stream.next()
        if node is not None and node.name.endswith(" iq"):
            owners += 1
            continue
        fail_unless(node is not None and node.find(streams.NS_STREAMS, "conflict") is not None,
                    f"the loser is told nothing: {kind} {node}")
    play.actors.clear()
    fail_unless(owners == 1, f"{owners} clients have the resource")
    for stream in all_streams:
        stream.drop()


def slow_reader(play):
    """SEC-16, R1: who does not read is sent away; the sender does not wait, and nothing is lost."""
    count, body = 200, "x" * 50000
    juliet = log_in(play, "juliet", "slow", receive_buffer=4096)
    juliet.send("<presence/>")
    romeo = log_in(play, "romeo", "orchard")
    to = play.to_server("juliet@example.com")
    slowest = 0
    for number in range(count):
        romeo.send(CHAT.format(number, to, body))
        if number % 20 == 0:
            started = time.monotonic()
            romeo.send(f"<iq type='get' id='runner-{number}' to='{play.to_server('example.com')}'>"
                       "<ping xmlns='urn:xmpp:ping'/></iq>")
            romeo.wait_hidden({f"runner-{number}"})
            slowest = max(slowest, time.monotonic() - started)
    fail_unless(slowest < 5, f"the sender waited {slowest:.1f} s")
    time.sleep(0.5)
    first = read_all(juliet, lambda ids: len(ids) == count, 3)
    fail_unless(juliet.is_over, "she was not sent away")
    again = log_in(play, "juliet", "fast")
    again.send("<presence/>")
    second = read_all(again, lambda ids: count - 1 in ids, 5)
    missing = set(range(count)) - set(first) - set(second)
    fail_unless(not missing, f"lost: {sorted(missing)}")
    fail_unless(second == sorted(second), f"out of order: {second}")
    fail_unless(first == sorted(first), f"out of order: {first}")


def dies_with_offline_messages(play):
    """XEP-0160: what a client did not get before it died is there when it comes again."""
    count, body = 150, "y" * 20000
    romeo = log_in(play, "romeo", "orchard")
    for number in range(count):
        romeo.send(CHAT.format(number, play.to_server("juliet@example.com"), body))
    romeo.send(f"<iq type='get' id='runner-p' to='{play.to_server('example.com')}'>"
               "<ping xmlns='urn:xmpp:ping'/></iq>")
    romeo.wait_hidden({"runner-p"})
    juliet = log_in(play, "juliet", "balcony", receive_buffer=4096)
    juliet.send("<presence/>")
    time.sleep(0.5)
    first = read_all(juliet, lambda ids: len(ids) >= 5, 3)
    juliet.cut()
    again = log_in(play, "juliet", "chamber")
    again.send("<presence/>")
    second = read_all(again, lambda ids: count - 1 in ids, 5)
    fail_unless(first == list(range(len(first))), f"out of order: {first}")
    missing = set(range(count)) - set(first) - set(second)
    fail_unless(not missing, f"lost: {sorted(missing)}")
    fail_unless(second == sorted(second), f"out of order: {second}")


def until_answer(stream, ident):
    """The ids of the messages that come before it."""
    ids = []
    while True:
        kind, node = stream.next()
        fail_unless(kind == "element", f"{stream.name}: {kind}")
        if node.attributes.get("id") == ident:
            return ids
        if node.name.endswith(" message"):
            ids.append(int(node.attributes["id"]))


def blocks_while_messages_come(play):
    """XEP-0191: each message is delivered or refused, never both, and none comes behind the answer to a block."""
    juliet, romeo = log_in(play, "juliet", "balcony"), log_in(play, "romeo", "orchard")
    juliet.send("<presence/>")
    jid, count, rounds = play.to_server("juliet@example.com"), 0, 15
    came, blocked = [], False
    for number in range(rounds):  # an odd number, so that in the end romeo is blocked
        for _ in range(20):
            romeo.send(CHAT.format(count, jid, "x"))
            count += 1
        word = "unblock" if blocked else "block"
        juliet.send(f"<iq type='set' id='c{number}'><{word} xmlns='urn:xmpp:blocking'>"
                    f"<item jid='{play.to_server('romeo@example.com')}'/></{word}></iq>")
        came += until_answer(juliet, f"c{number}")
        blocked = not blocked
        if blocked:  # whatever is under way now is refused
            romeo.send(CHAT.format(count, jid, "x"))
            count += 1
            juliet.send(f"<iq type='get' id='p{number}' to='{play.to_server('example.com')}'>"
                        "<ping xmlns='urn:xmpp:ping'/></iq>")
            late = until_answer(juliet, f"p{number}")
            fail_unless(not late, f"{late} came behind the answer to the block")
    play.apart.add(("juliet", "romeo"))
    refused, deadline = [], time.monotonic() + PATIENCE
    while len(came) + len(refused) < count and time.monotonic() < deadline:
        refused += read_all(romeo, lambda ids: len(ids) + len(came) + len(refused) >= count, 0.2)
        came += read_all(juliet, lambda ids: len(ids) + len(came) + len(refused) >= count, 0.2)
    refused += read_all(romeo, lambda ids: False, 0.3)  # what is there twice
    came += read_all(juliet, lambda ids: False, 0.1)
    fail_unless(came == sorted(came) and refused == sorted(refused), "out of order")
    fail_unless(sorted(came + refused) == list(range(count)),
                f"{count} sent, {len(came)} came, {len(refused)} refused")
    fail_unless(count - 1 in refused, "the last one was not refused")


def wakes_and_sleeps(play):
    """XEP-0352: no message is lost or overtaken, and a presence never comes behind a newer one of its kind."""
    juliet, romeo = log_in(play, "juliet", "phone"), log_in(play, "romeo", "orchard")
    juliet.send("<presence/>")
    full, rounds = play.to_server("juliet@example.com/phone"), 200
    for number in range(rounds):
        romeo.send(f"<presence to='{full}'><status>{number}</status></presence>")
        if number % 7 == 0:
            romeo.send(CHAT.format(number, full, "x"))
        if number % 5 == 0:
            juliet.send(f"<{'in' if number % 2 else ''}active xmlns='urn:xmpp:csi:0'/>")
    juliet.send("<active xmlns='urn:xmpp:csi:0'/>")
    romeo.send(CHAT.format(rounds, full, "x"))
    seen, messages = [], []
    while rounds not in messages:
        kind, node = juliet.next()
        fail_unless(kind == "element", f"juliet: {kind}")
        if node.name.endswith(" message"):
            messages.append(int(node.attributes["id"]))
            newest = max((n for n in seen), default=-1)
            fail_unless(newest == min(messages[-1], rounds - 1),
                        f"message {messages[-1]} came behind presence {newest}")
        elif node.find("jabber:client", "status") is not None:
            seen.append(int(node.find("jabber:client", "status").text()))
    fail_unless(seen == sorted(seen) and len(set(seen)) == len(seen), f"presence out of order: {seen}")
    fail_unless(messages == [n for n in range(rounds) if n % 7 == 0] + [rounds], f"messages: {messages}")


NO_RATE = "rate_bytes = 0; offline_messages = 0; offline_bytes = 0;"


def scripts():
    return [
        Race("races: sec39_parallel_binds", parallel_binds, "romeo"),
        Race("races: sec16_slow_reader", slow_reader, "romeo juliet",
             [f"limits = {{ outbound_queue_bytes = 1048576; {NO_RATE} }};"]),
        Race("races: dies_with_offline_messages", dies_with_offline_messages, "romeo juliet",
             [f"limits = {{ {NO_RATE} }};"]),
        Race("races: blocks_while_messages_come", blocks_while_messages_come, "romeo juliet"),
        Race("races: wakes_and_sleeps", wakes_and_sleeps, "romeo juliet"),
    ]
