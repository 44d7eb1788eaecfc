#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""room.py - four clients in one room: slixmpp, whose room it is, xmpp.js, Profanity and one that
knows no more than groupchat 1.0. They talk, one is kicked, one is killed, a message is taken back.

Two accounts, two clients each, all under nicks of their own. Prints each thing that it checked; exits
0, or 1 at the first that failed.
"""

import os
import sys
import time

import clients

HOST = "localhost"
ROOM = f"quarto-{os.getpid()}@rooms.{HOST}"
STARTED = time.monotonic()


def env(name):
    return os.environ["RECADO_INTEROP_" + name]


def checked(what):
    print(f"  ok at {time.monotonic() - STARTED:4.1f} s: {what}", flush=True)


def log_in(client, user):
    mode = client.modes[0]
    client.start(env("PORT"), mode, f"{user}@{HOST}/{client.name}", env("PASSWORD"),
                 env("CA_FILE"))
    client.expect("online", f"{user}@{HOST}")
    client.expect("ready")


def everybody_hears(everybody, sender, body):
    """Returns the message's id in the archive, as somebody knows it who can."""
    sender.tell("say", ROOM, body)
    heard = [client.expect("groupchat", f"{ROOM}/{sender.name}", body) for client in everybody]
    return next((event[3] for event in heard if len(event) > 3), None)


def story(owner, js, terminal, old):
    everybody = [owner, js, terminal, old]
    for client, user in zip(everybody, (env("FIRST"), env("SECOND"), env("FIRST"), env("SECOND"))):
        log_in(client, user)
    checked("all four log in")

    owner.tell("create", ROOM, owner.name)
    owner.expect("created", ROOM)
    checked("slixmpp makes a room (XEP-0045 §10.1.2)")
    for number, client in enumerate(everybody[1:], 1):
        client.tell("join", ROOM, client.name)
        client.expect("joined", f"{ROOM}/{client.name}")
        for other in everybody[:number]:
            other.expect("presence", f"{ROOM}/{client.name}", "available")
            client.expect("presence", f"{ROOM}/{other.name}", "available")
        checked(f"{client.name} enters; all see each other")

    ids = {client.name: everybody_hears(everybody, client, f"olá de {client.name} & <todos> ☀")
           for client in everybody}
    checked("each says something, and all hear it once, the speaker too (§7.4)")

    owner.tell("moderate", ROOM, ids["profanity"])
    for client in (owner, js, terminal):
        client.expect("retracted", ROOM, ids["profanity"])
    checked("slixmpp takes Profanity's message back; xmpp.js and Profanity hear it (XEP-0425)")

    owner.tell("kick", ROOM, "xmppjs")
    js.expect("left", f"{ROOM}/xmppjs", "307")
    for client in (owner, terminal, old):
        client.expect("presence", f"{ROOM}/xmppjs", "unavailable")
    checked("xmpp.js is kicked (§8.2): it learns why, the others see it go")
    js.tell("join", ROOM, "xmppjs")
    js.expect("joined", f"{ROOM}/xmppjs")
    for client in (owner, terminal, old):
        client.expect("presence", f"{ROOM}/xmppjs", "available")
    everybody_hears(everybody, js, "de volta")
    checked("it comes back, and is heard")

    terminal.kill()
    for client in (owner, js, old):
        client.expect("presence", f"{ROOM}/profanity", "unavailable")
    checked("Profanity is killed; the room sees it go")
    old.tell("leave", ROOM, "groupchat")
    old.expect("left", f"{ROOM}/groupchat")
    for client in (owner, js):
        client.expect("presence", f"{ROOM}/groupchat", "unavailable")
    checked("the old client leaves (§7.14)")
    everybody_hears([owner, js], owner, "só nós dois")
    checked("the last two still hear each other")
    for client in (owner, js, old):
        client.quit()
    checked("all end their streams")


def main():
    made = [clients.make(name, env("BUILD"))
            for name in ("slixmpp", "xmppjs", "profanity", "groupchat")]
    with made[0], made[1], made[2], made[3]:
        try:
            story(*made)
        except clients.Failure as failure:
            print(f"  FAIL: {failure}")
            return 1
    return 0


sys.exit(main())
