#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""slixmpp_client.py - slixmpp, driven by lines (client_protocol.md)."""

import asyncio
import sys

import slixmpp

PORT, MODE, JID, PASSWORD, CA_FILE = sys.argv[1:6]


def say(*words):
    print("\t".join(str(word) for word in words), flush=True)


class Client(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(JID, PASSWORD)
        self.ca_certs = CA_FILE
        self.auto_authorize = None  # the test decides
        self.auto_subscribe = False
        self.add_event_handler("session_start", self.on_start)
        self.add_event_handler("message", self.on_message)
        self.add_event_handler("roster_update", self.on_roster)
        self.add_event_handler("connection_failed", lambda why: print(why, file=sys.stderr))
        self.add_event_handler("failed_auth", lambda _: say("refused"))
        self.add_event_handler("disconnected", self.on_end)
        for kind in ("available", "unavailable", "subscribe", "subscribed", "unsubscribe",
                     "unsubscribed"):
            self.add_event_handler(f"presence_{kind}", self.on_presence)

    async def on_start(self, _):
        say("online", self.boundjid.full)
        await self.get_roster()
        self.send_presence()
        say("ready")

    def on_message(self, stanza):
        if stanza["type"] in ("chat", "normal") and stanza["body"]:
            say("message", stanza["from"].full, stanza["body"])

    def on_roster(self, iq):
        for jid, item in iq["roster"]["items"].items():
            say("item", jid, item["subscription"], item["name"])

    def on_presence(self, stanza):
        kind = stanza["type"]
        if kind in ("away", "chat", "dnd", "xa"):  # slixmpp's name for <show/>
            kind = "available"
        say("presence", stanza["from"].full, kind)

    def on_end(self, _):
        say("offline")
        asyncio.get_event_loop().stop()

    def obey(self, line):
        verb, *words = line.rstrip("\n").split("\t")
        if verb == "message":
            self.send_message(words[0], words[1], mtype="chat")
        elif verb == "add":
            self.update_roster(words[0], name=words[1])
        elif verb == "remove":
            self.del_roster_item(words[0])
        elif verb in ("subscribe", "subscribed", "unsubscribe", "unsubscribed"):
            self.send_presence(pto=words[0], ptype=verb)
        elif verb == "quit":
            self.send_presence(ptype="unavailable")
            self.disconnect()


async def read_commands(client):
    reader = asyncio.StreamReader()
    await asyncio.get_event_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        client.obey(line.decode())


def main():
    client = Client()
    if MODE == "tls":
        client.connect(("127.0.0.1", int(PORT)), use_ssl=True, force_starttls=False)
    else:
        client.connect(("127.0.0.1", int(PORT)))
    loop = asyncio.get_event_loop()
    commands = loop.create_task(read_commands(client))
    loop.run_forever()
    commands.cancel()


main()
