#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""omemo.py - two Profanities write to each other in OMEMO: their devices and keys are nodes of their
accounts (XEP-0163, XEP-0384), and what lies in the archive is cipher (XEP-0313). Then one of them is
away for a while, and catches up; the second time on what another client of the account, slixmpp, has
got already.

Prints each thing that it checked; exits 0, or 1 at the first that failed.
"""

import os
import sys
import time

import clients
from profanity import Profanity

HOST = "localhost"
MAM = "<query xmlns=\"urn:xmpp:mam:2\""
STARTED = time.monotonic()


def env(name):
    return os.environ["RECADO_INTEROP_" + name]


def checked(what):
    print(f"  ok at {time.monotonic() - STARTED:4.1f} s: {what}", flush=True)


def log_in(client, user):
    client.start(env("PORT"), "starttls", f"{user}@{HOST}/{client.name}", env("PASSWORD"), env("CA_FILE"))
    client.expect("online", f"{user}@{HOST}")
    client.expect("ready")


def until(what, is_so, client, seconds=20):
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise clients.Failure(f"{what}; the screen:\n{client.screen()}")
        time.sleep(0.1)


def count(client, *words):
    """How many lines of its debug log have all of WORDS."""
    return sum(all(word in line for word in words)
               for line in client.log.read_text(errors="replace").splitlines())


def logged(client, *words):
    return count(client, *words) > 0


def shows_once(client, text):
    client.see(text)
    time.sleep(0.5)  # for what should not come
    count = client.screen().count(text)
    if count != 1:
        raise clients.Failure(f"{text!r} is shown {count} times:\n{client.screen()}")


def become_contacts(anna, bert, users):
    addresses = [f"{user}@{HOST}" for user in users]
    anna.tell("subscribe", addresses[1])
    bert.expect("presence", addresses[0], "subscribe")
    bert.tell("subscribed", addresses[0])
    bert.tell("subscribe", addresses[0])
    anna.expect("presence", addresses[1], "subscribe")
    anna.tell("subscribed", addresses[1])
    anna.expect_roster(addresses[1], "both")
    bert.expect_roster(addresses[0], "both")


def make_keys(client):
    client.type("/omemo trustmode blind")
    client.type("/omemo gen")
    until("no device list is published",
          lambda: logged(client, "RECV", "publish", "axolotl.devicelist"), client)


def story(anna, bert, other):
    users = [env("FIRST"), env("SECOND")]
    addresses = [f"{user}@{HOST}" for user in users]
    for client, user in zip((anna, bert), users):
        log_in(client, user)
    become_contacts(anna, bert, users)
    for client in (anna, bert):
        make_keys(client)
    until("the other's devices are not heard of",
          lambda: logged(anna, "RECV", "<event", "axolotl.devicelist", addresses[1]), anna)
    checked("both publish devices and keys, and hear of each other's (XEP-0163)")

    anna.type(f"/omemo start {addresses[1]}")
    until("no keys come", lambda: logged(anna, "RECV", "bundle", "signedPreKeyPublic", addresses[1]), anna)
    anna.type("segredo número 1")
    bert.expect("encrypted", addresses[0])
    bert.type(f"/msg {addresses[0]}")
    shows_once(bert, "segredo número 1")
    bert.type(f"/omemo start {addresses[0]}")
    bert.see("[OMEMO]")
    bert.type("resposta número 2")
    shows_once(anna, "resposta número 2")
    checked("a message and its answer, encrypted, are read")

    bert.quit()
    anna.type("ausente número 3")
    anna.see("ausente número 3")
    log_in(bert, users[1])
    bert.expect("encrypted", addresses[0])
    bert.type(f"/msg {addresses[0]}")
    shows_once(bert, "ausente número 3")
    checked("one that came in between is read, once")

    bert.quit()
    log_in(other, users[1])
    anna.type("/omemo end")
    anna.type("às claras número 4")
    other.expect("message", addresses[0], "às claras número 4")
    other.quit()
    log_in(bert, users[1])
    bert.type("/mam on")
    bert.see("Message Archive Management enabled")
    bert.type(f"/msg {addresses[0]}")
    bert.see("às claras número 4")
    # Profanity 0.13.1 asks twice, and shows both answers: each must have it once.
    until("the archive is not read", lambda: count(bert, "RECV", "<fin") == count(bert, "SENT", MAM), bert)
    found = count(bert, "RECV", "<result", "às claras número 4")
    if found != count(bert, "RECV", "<fin"):
        raise clients.Failure(f"the archive has it {found} times")
    checked("what another device got meanwhile comes from the archive, once (XEP-0313)")
    for secret in ("segredo", "resposta", "ausente"):
        if logged(bert, "RECV", secret):
            raise clients.Failure(f"{secret} came in the clear")
    checked("nothing of the secrets ever came in the clear")


def main():
    with Profanity() as anna, Profanity() as bert, clients.make("slixmpp", "") as other:
        try:
            story(anna, bert, other)
        except clients.Failure as failure:
            print(f"FAILED: {failure}")
            return 1
    return 0


sys.exit(main())
