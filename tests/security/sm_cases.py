# SPDX-License-Identifier: MIT
"""sm_cases.py - SEC-18, SEC-19, SEC-40, SEC-47: stream management, and sessions that wait."""

import sqlite3
import time

import streams
from target import answers, case, check, wants_error

NS_SM = "urn:xmpp:sm:3"


def enabled(victim, user=None, resource="r"):
    """A session that may be resumed, and the id it is resumed by."""
    stream = victim.log_in(user, resource)
    stream.send(f"<enable xmlns='{NS_SM}' resume='true'/>")
    return stream, stream.next_element(NS_SM, "enabled").attributes["id"]


def returning(victim, user):
    """A stream that has logged in and bound nothing."""
    return victim.log_in(user, None)


def resume(stream, previd, handled):
    stream.send(f"<resume xmlns='{NS_SM}' previd='{previd}' h='{handled}'/>")
    return next_of(stream, "resumed", "failed")


def next_of(stream, *names):
    while True:
        kind, node = stream.next()
        check(kind == "element", f"wanted one of {names}, got", kind, node)
        if node.name in [f"{NS_SM} {name}" for name in names]:
            return node


def condition(node):
    return [child.name.rpartition(" ")[2] for child in node.elements()]


@case("sec18_a_client_that_acknowledges_nothing", "small")
def sec18(victim):
    sender, silent = victim.log_in("u50"), enabled(victim, "u51")[0]
    silent.send("<presence/>")
    for number in range(150):
        sender.send(f"<message to='u51@localhost' id='m{number}' type='chat'>"
                    f"<body>{number}</body></message>")
    wants_error(silent, "policy-violation")
    # What it had not acknowledged is not lost: each once, in order, to who comes next.
    heir = victim.log_in("u51", "heir")
    heir.send("<presence/>")
    got = []
    deadline = time.monotonic() + 20
    while len(got) < 150 and time.monotonic() < deadline:
        kind, node = heir.next()
        if kind == "element" and node.name.endswith(" message"):
            got.append(node.attributes["id"])
    check(got == [f"m{number}" for number in range(150)], got)


@case("sec19_somebody_elses_session")
def sec19_other(victim):
    stream, previd = enabled(victim, "u40")
    tag, secret = previd.split("-", 1)
    thief = returning(victim, "u41")
    for guess in (previd, f"{tag}-{'A' * len(secret)}", f"{tag}-", tag, "", "0-", f"-{secret}",
                  f"{tag}-{secret}x", previd.upper() if previd != previd.upper() else previd[1:],
                  "99999999999999999999999-x", "'; DROP TABLE entry; --".replace("'", "&apos;")):
        check("item-not-found" in condition(resume(thief, guess, 0)), guess)
    # Nor its owner's with a secret that is not right.
    own = returning(victim, "u40")
    check("item-not-found" in condition(resume(own, f"{tag}-{'A' * len(secret)}", 0)))
    check(resume(own, previd, 0).name == f"{NS_SM} resumed")
    wants_error(stream, "conflict")


@case("sec19_wrong_numbers")
def sec19_numbers(victim):
    stream, previd = enabled(victim, "u42")
    stream.drop()
    back = returning(victim, "u42")
    back.send(f"<resume xmlns='{NS_SM}' previd='{previd}' h='1000'/>")
    wants_error(back, "undefined-condition")
    for wrong in ("", "-1", "4294967296", "1.5", "x"):
        again = returning(victim, "u42")
        check("bad-request" in condition(resume(again, previd, wrong)), wrong)
        again.drop()
    # The session has outlived all that.
    check(resume(returning(victim, "u42"), previd, 0).name == f"{NS_SM} resumed")


@case("sec19_two_resume_at_once")
def sec19_twice(victim):
    for _ in range(4):
        stream, previd = enabled(victim, "u43")
        stream.drop()
        both = [returning(victim, "u43"), returning(victim, "u43")]
        for one in both:
            one.send(f"<resume xmlns='{NS_SM}' previd='{previd}' h='0'/>")
        outcomes = []
        for one in both:
            node = next_of(one, "resumed", "failed")
            outcomes.append("resumed" if node.name.endswith("resumed") else condition(node)[0])
        check("resumed" in outcomes and set(outcomes) <= {"resumed", "conflict"}, outcomes)
        # One of them has it: a message arrives once.
        time.sleep(0.05)
        sender = victim.log_in("u44")
        sender.send("<message to='u43@localhost/r' type='chat' id='only'><body>x</body></message>")
        answers(sender)
        sender.drop()
        owners = 0
        for one in both:
            while not one.is_over:
                one.read(0.2)
                if not one.queue:
                    break
                kind, node = one.next()
                if kind == "element" and node.attributes.get("id") == "only":
                    owners += 1
            one.drop()
        check(owners == 1, owners)


@case("sec19_numbers_wrap_at_2_32")
def sec19_wrap(victim):
    """After a kill -9; the record is made to say that nearly 2^32 stanzas went both ways."""
    stream, previd = enabled(victim, "u45")
    answers(stream)
    time.sleep(0.5)  # the record is written behind the answer
    victim.process.kill()
    victim.process.wait()
    with sqlite3.connect(victim.directory / "data" / "recado.db") as db:
        (key, value), = db.execute("SELECT key, value FROM item WHERE key = ?",
                                   (previd.split("-")[0].encode(),))
        lines = [f"{line.split()[0]} 4294967294" if line.split(" ")[0] in ("in", "acked", "out")
                 else line for line in value.decode().split("\n")]
        db.execute("UPDATE item SET value = ? WHERE key = ?", ("\n".join(lines).encode(), key))
    db.close()
    victim.again()
    back = returning(victim, "u45")
    check(resume(back, previd, 4294967294).attributes["h"] == "4294967294")
    for _ in range(3):
        back.send("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
    back.send(f"<r xmlns='{NS_SM}'/>")
    check(next_of(back, "a").attributes["h"] == "1")
    back.send(f"<a xmlns='{NS_SM}' h='1'/>")
    answers(back)


@case("sec40_sessions_that_wait_end_with_the_password")
def sec40(victim):
    stream, previd = enabled(victim, "u46")
    stream.drop()
    victim.control("account", "password", "u46@localhost", "--password-stdin",
                   text=f"{streams.PASSWORD}\n")
    time.sleep(0.5)
    check("item-not-found" in condition(resume(returning(victim, "u46"), previd, 0)))
