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


NO_RATE = "rate_bytes = 0; offline_messages = 0; offline_bytes = 0;"


def scripts():
    return [
        Race("races: sec39_parallel_binds", parallel_binds, "romeo"),
        Race("races: sec16_slow_reader", slow_reader, "romeo juliet",
             [f"limits = {{ outbound_queue_bytes = 1048576; {NO_RATE} }};"]),
        Race("races: dies_with_offline_messages", dies_with_offline_messages, "romeo juliet",
             [f"limits = {{ {NO_RATE} }};"]),
    ]
