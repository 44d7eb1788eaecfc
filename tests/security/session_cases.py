# SPDX-License-Identifier: MIT
"""session_cases.py - SEC-10, SEC-21, SEC-39 to SEC-56: who one is, and what one may say."""

import hashlib
import base64
import threading
import time

import streams
from target import answers, case, check, stream_error, wants_error

import trees


def online(victim, resource="r", user=None):
    stream = victim.log_in(user, resource)
    stream.send("<presence/>")
    answers(stream)
    return stream


@case("sec10_numbers_out_of_range")
def sec10(victim):
    stream = victim.log_in()
    for text in ("128", "-129", "99999999999999999999", "1e3", "0x10", "--1"):
        stream.send(f"<presence id='p'><priority>{text}</priority></presence>")
        errors = [node for node in answers(stream) if node.attributes.get("type") == "error"]
        check(len(errors) == 1, text, errors)
    stream.send("<iq type='get' id='v'><query xmlns='jabber:iq:roster' ver='99999999999999999999999'/></iq>")
    check(any(node.attributes.get("type") == "result" for node in answers(stream)), "roster")


@case("sec21_directed_presence_is_bounded", "small")
def sec21(victim):
    stream = online(victim)
    for number in range(60):
        stream.send(f"<presence to='room{number}@localhost' id='d{number}'/>")
    refused = [node for node in answers(stream) if node.attributes.get("type") == "error"]
    check(len(refused) == 40, len(refused))
    for number in range(60):
        stream.send(f"<iq type='set' id='r{number}'><query xmlns='jabber:iq:roster'>"
                    f"<item jid='c{number}@localhost'/></query></iq>")
    results = [node.attributes.get("type") for node in answers(stream)
               if node.attributes.get("id", "").startswith("r")]
    deadline = time.monotonic() + 10
    while len(results) < 60 and time.monotonic() < deadline:
        results += [node.attributes.get("type") for node in answers(stream)
                    if node.attributes.get("id", "").startswith("r")]
    check(results.count("result") == 20 and results.count("error") == 40, results)


@case("sec39_one_owner_of_a_resource")
def sec39(victim):
    user = f"u{victim.number}"
    victim.number += 1
    sessions, lock = [], threading.Lock()

    def bind():
        try:
            stream = victim.log_in(user, "same")
        except streams.Ended:
            return
        with lock:
            sessions.append(stream)

    threads = [threading.Thread(target=bind) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alive = 0
    for stream in sessions:
        try:
            answers(stream)
            alive += 1
        except (AssertionError, streams.Ended):
            pass
    check(alive == 1, f"{alive} of {len(sessions)} still have the resource")


@case("sec40_password_change_and_removal_end_sessions")
def sec40(victim):
    for what in ("<username>{user}</username><password>a new one</password>", "<remove/>"):
        one = online(victim)
        user = one.name
        others = [online(victim, f"o{number}", user) for number in range(2)]
        one.send("<iq type='set' id='c' to='localhost'><query xmlns='jabber:iq:register'>"
                 + what.format(user=user) + "</query></iq>")
        for other in others:
            wants_error(other, "not-authorized")
        while True:
            kind, node = one.next()
            check(kind == "element", kind, node)
            if node.attributes.get("id") == "c":
                check(node.attributes["type"] == "result", node)
                break
        try:
            victim.log_in(user, "again")
            raise AssertionError("the old password still opens the account")
        except streams.Ended:
            pass


@case("sec46_from_is_stamped")
def sec46(victim):
    reader = online(victim)
    own = victim.log_in()
    bare = own.jid.split("/")[0]
    for kind in ("<message to='{to}'{f}><body>x</body></message>", "<presence to='{to}'{f}/>",
                 "<iq type='get' id='1' to='{to}'{f}><ping xmlns='urn:xmpp:ping'/></iq>",
                 "<message type='error' to='{to}'{f}><error type='cancel'/></message>"):
        for address in (None, bare, own.jid):
            own.send(kind.format(to=reader.jid, f=f" from='{address}'" if address else ""))
            answers(own)
            _, node = reader.next()
            check(node.attributes["from"] == own.jid, kind, address, node)
        for address in (f"{bare}/other", "u59@localhost", "localhost", "admin@localhost/x", reader.jid):
            attacker = victim.log_in("u53", "a")
            attacker.send(kind.format(to=reader.jid, f=f" from='{address}'"))
            wants_error(attacker, "invalid-from")
            attacker.drop()
    check(not answers(reader), "something with a forged address came through")


@case("sec48_roster_pushes_of_others_reach_nobody")
def sec48(victim):
    reader, attacker = online(victim), victim.log_in()
    push = ("<iq type='set' id='push' to='{to}'><query xmlns='jabber:iq:roster'>"
            "<item jid='evil@localhost' subscription='both'/></query></iq>")
    for to in (reader.jid, reader.jid.split("/")[0]):
        attacker.send(push.format(to=to))
        came, deadline = [], time.monotonic() + 10  # the reader's account may have another worker
        while not came and time.monotonic() < deadline:
            came = answers(attacker)
        check(any(node.attributes.get("type") == "error" for node in came), to, came)
    other_device = victim.log_in(reader.name, "second")
    other_device.send(push.format(to=reader.jid))
    answers(other_device)
    check(not answers(reader), "a forged push came through")


@case("sec16_errors_that_nobody_reads", "small")
def sec16(victim):
    """Stanzas that can't be understood are answered at once: that queue has an end too."""
    stream = victim.log_in(None, "r")
    flood = b"<iq/>" * 20000
    sent = 0
    stream.socket.settimeout(5)
    try:
        for _ in range(400):  # 40 MB, for which some 900 MB of errors would wait
            stream.socket.sendall(flood)
            sent += len(flood)
    except OSError:
        pass
    check(sent < 400 * len(flood), "all was taken")
    stream.drop()


def subscribe(victim, name, to, size):
    stream = online(victim, user=name)
    stream.send(f"<presence type='subscribe' to='{to}'><status>{'x' * size}</status></presence>")
    came, deadline = [], time.monotonic() + 10
    while size > 4096 and not came and time.monotonic() < deadline:
        came = answers(stream)
    check(size <= 4096 or came[0].attributes["type"] == "error", came)
    answers(stream)
    stream.drop()


@case("sec21_requests_of_strangers_lock_nobody_out", "small")
def sec21_requests(victim):
    """The queue of this profile holds 256 KiB: long requests are refused, the rest fits."""
    for number in range(20, 40):
        subscribe(victim, f"u{number}", "u45@localhost", 18000 if number % 2 else 4000)
    stream = victim.log_in("u45", "r")
    stream.send("<presence/>")
    requests = [node for node in answers(stream) if node.attributes.get("type") == "subscribe"]
    check(len(requests) == 10, len(requests))
    stream.drop()


@case("sec40_logins_begun_before_a_new_password", "default")
def sec40_pending(victim):
    """Whoever logged in with the old password and waits with binding, stays outside."""
    waiting = victim.log_in("u46", None)
    owner = victim.log_in("u46", "r")
    owner.send("<iq type='set' id='c'><query xmlns='jabber:iq:register'><username>u46</username>"
               f"<password>{streams.PASSWORD}</password></query></iq>")
    kind, node = owner.next()
    check(node.attributes.get("type") == "result", node)
    wants_error(waiting, "not-authorized")


@case("sec40_the_last_session_stores_nothing", "default")
def sec40_last(victim):
    """What is stored behind the removal would be the next owner's."""
    owner = victim.log_in("u47", "r")
    owner.send("<iq type='set' id='r'><query xmlns='jabber:iq:register'><remove/></query></iq>")
    for number in range(200):
        owner.send(f"<iq type='set' id='s{number}'><query xmlns='jabber:iq:private'>"
                   f"<x xmlns='evil:{number}'>{number}</x></query></iq>")
        owner.send(f"<iq type='set' id='t{number}'><query xmlns='jabber:iq:roster'>"
                   f"<item jid='evil{number}@localhost'/></query></iq>")
    wants_error(owner, "not-authorized")
    victim.control("account", "import", "-", text=f"u47@localhost\t{streams.PASSWORD}\n")
    heir = victim.log_in("u47", "r")
    heir.send("<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>")
    check("evil" not in "".join(node.write() for node in answers(heir)), "a roster was inherited")
    for number in (0, 50, 100, 199):
        heir.send(f"<iq type='get' id='g{number}'><query xmlns='jabber:iq:private'>"
                  f"<x xmlns='evil:{number}'/></query></iq>")
        kind, node = heir.next()
        check(str(number) not in node.elements()[0].elements()[0].text(), "private storage was inherited")


@case("sec54_false_capabilities")
def sec54(victim):
    """A hash that does not fit is asked about and not believed; a flood of new ones is bounded."""
    stream = online(victim)
    for number in range(30):
        ver = base64.b64encode(hashlib.sha1(str(number).encode()).digest()).decode()
        stream.send("<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://x' "
                    f"ver='{ver}'/></presence>")
    asked = [node for node in answers(stream)
             if node.find("http://jabber.org/protocol/disco#info", "query") is not None]
    check(asked, "nobody asked")
    for node in asked:
        stream.send(f"<iq type='result' id='{node.attributes['id']}' to='localhost'>"
                    "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='evil'/></query></iq>")
    answers(stream)


@case("sec55_answers_to_nothing")
def sec55(victim):
    stream, other = online(victim), online(victim)
    for to in ("", " to='localhost'", f" to='{stream.jid.split('/')[0]}'"):
        for number in range(20):
            stream.send(f"<iq type='result' id='{number}'{to}/>")
            stream.send(f"<iq type='error' id='{number}'{to}><error type='cancel'/></iq>")
    check(not answers(stream), "an answer was answered")
    other.send(f"<iq type='result' id='x' to='{stream.jid.split('/')[0]}'/>")
    answers(other)
    check(not answers(stream), "a result to the account came through")
    for bad in ("<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='get' id='1'/>",
                "<iq id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
                "<iq type='huh' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
                "<iq type='set' id='1'><a xmlns='urn:a'/><b xmlns='urn:b'/></iq>"):
        stream.send(bad)
        came = answers(stream)
        check(len(came) == 1 and came[0].attributes["type"] == "error"
              and came[0].find(trees.NS_CLIENT, "error").find(trees.NS_STANZAS, "bad-request")
              is not None, bad, came)


@case("sec56_addresses_that_are_none")
def sec56(victim):
    stream = victim.log_in()
    for to in ("@localhost", "a@", "a@@localhost", "localhost/", "a b@localhost", "a@local host",
               "\u212aelvin\u0000".replace("\u0000", "") + "@/x", "x" * 1024 + "@localhost", "a@\u2028"):
        stream.send(f"<message to='{streams.quote(to)}' id='m'><body>x</body></message>")
        came = answers(stream)
        check(len(came) == 1 and came[0].find(trees.NS_CLIENT, "error").find(
            trees.NS_STANZAS, "jid-malformed") is not None, repr(to), came)
