#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""slixmpp_client.py - slixmpp, driven by lines (client_protocol.md)."""

import asyncio
import sys

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

MUC_USER = "http://jabber.org/protocol/muc#user"
PORT, MODE, JID, PASSWORD, CA_FILE = sys.argv[1:6]


def say(*words):
    print("\t".join(str(word) for word in words), flush=True)


class Client(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(JID, PASSWORD)
        self.ca_certs = CA_FILE
        self.auto_authorize = None  # the test decides
        self.auto_subscribe = False
        for plugin in ("xep_0045", "xep_0359", "xep_0425"):
            self.register_plugin(plugin)
        self.add_event_handler("groupchat_message", self.on_groupchat)
        self.register_handler(Callback("retraction", MatchXPath(
            "{jabber:client}message/{urn:xmpp:message-retract:1}retract"), self.on_retract))
        self.register_handler(Callback("occupant", MatchXPath(
            f"{{jabber:client}}presence/{{{MUC_USER}}}x"), self.on_occupant))
        self.seated = None  # done when it sits in the room that it enters
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

    def on_groupchat(self, stanza):
        if stanza["body"]:
            say("groupchat", stanza["from"].full, stanza["body"], stanza["stanza_id"]["id"])

    def on_retract(self, stanza):
        retract = stanza.xml.find("{urn:xmpp:message-retract:1}retract")
        say("retracted", stanza["from"].full, retract.get("id"))

    def on_roster(self, iq):
        for jid, item in iq["roster"]["items"].items():
            say("item", jid, item["subscription"], item["name"])

    def on_presence(self, stanza):
        kind = stanza["type"]
        if kind in ("away", "chat", "dnd", "xa"):  # slixmpp's name for <show/>
            kind = "available"
        if stanza.xml.find(f"{{{MUC_USER}}}x") is None:
            say("presence", stanza["from"].full, kind)

    def on_occupant(self, stanza):
        kind = "unavailable" if stanza["type"] == "unavailable" else "available"
        codes = {code.get("code") for code in stanza.xml.iter(f"{{{MUC_USER}}}status")}
        say("presence", stanza["from"].full, kind)
        if "110" in codes:
            say("left" if kind == "unavailable" else "joined", stanza["from"].full,
                *sorted(codes - {"110"}))
            if kind == "available" and self.seated and not self.seated.done():
                self.seated.set_result(None)

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
        elif verb in ("join", "create", "say", "kick", "moderate", "leave"):
            asyncio.get_event_loop().create_task(self.in_room(verb, *words))
        elif verb == "quit":
            self.send_presence(ptype="unavailable")
            self.disconnect()


    async def in_room(self, verb, room, *words):
        muc = self["xep_0045"]
        if verb in ("join", "create"):
            # Not join_muc_wait, which waits for a subject: mu-conference sends none.
            self.seated = asyncio.get_event_loop().create_future()
            muc.join_muc(room, words[0])
            await self.seated
            if verb == "create":
                await muc.set_room_config(room, self["xep_0004"].make_form(ftype="submit"))
                say("created", room)
        elif verb == "say":
            self.send_message(room, words[0], mtype="groupchat")
        elif verb == "kick":
            await muc.set_role(room, words[0], "none", reason="Avaunt, you cullion!")
        elif verb == "moderate":
            await self["xep_0425"].moderate(slixmpp.JID(room), words[0], reason="Inappropriate")
        elif verb == "leave":
            muc.leave_muc(room, words[0])


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
