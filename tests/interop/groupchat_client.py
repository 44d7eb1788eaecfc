#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""groupchat_client.py - a client of 1999, driven by lines (client_protocol.md): jabber:iq:auth, and
"groupchat 1.0": a room is entered by sending it presence, and nothing else is understood."""

import socket
import sys
import threading
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import quoteattr, escape

PORT, MODE, JID, PASSWORD, CA_FILE = sys.argv[1:6]
USER, _, REST = JID.partition("@")
HOST, _, RESOURCE = REST.partition("/")


def say(*words):
    print("\t".join(words), flush=True)


class Stream:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", int(PORT)))
        self.parser = ElementTree.XMLPullParser(("start", "end"))
        self.depth = 0

    def send(self, text):
        self.socket.sendall(text.encode())

    def stanzas(self):
        while data := self.socket.recv(65536):
            self.parser.feed(data)
            for event, element in self.parser.read_events():
                self.depth += 1 if event == "start" else -1
                if event == "end" and self.depth == 1:
                    yield element
                elif event == "end" and self.depth == 0:
                    return


def local(element):
    return element.tag.rpartition("}")[2]


def text_of(stanza, name):
    return next((child.text or "" for child in stanza if local(child) == name), None)


def on_stanza(stream, stanza):
    sender, kind = stanza.get("from", ""), stanza.get("type", "")
    if local(stanza) == "iq" and stanza.get("id") == "auth":
        if kind != "result":
            say("refused")
            return
        say("online", JID)
        stream.send("<presence/>")
        say("ready")
    elif local(stanza) == "presence":
        say("presence", sender, kind or "available")
        # It knows its own nick, and nothing of status codes.
        if sender in stream.seats:
            say("left" if kind == "unavailable" else "joined", sender)
    elif local(stanza) == "message" and text_of(stanza, "body") is not None:
        verb = "groupchat" if kind == "groupchat" else "message"
        say(verb, sender, text_of(stanza, "body"))


def obey(stream, line):
    verb, *words = line.rstrip("\n").split("\t")
    if verb == "join":
        stream.seats.add(f"{words[0]}/{words[1]}")
        stream.send(f"<presence to={quoteattr('/'.join(words[:2]))}/>")
    elif verb == "leave":
        stream.send(f"<presence type='unavailable' to={quoteattr('/'.join(words[:2]))}/>")
    elif verb in ("say", "message"):
        kind = "groupchat" if verb == "say" else "chat"
        stream.send(f"<message type='{kind}' to={quoteattr(words[0])}>"
                    f"<body>{escape(words[1])}</body></message>")
    elif verb == "quit":
        stream.send("</stream:stream>")


def read_commands(stream):
    for line in sys.stdin:
        obey(stream, line)


def main():
    stream = Stream()
    stream.seats = set()
    stream.send(f"<stream:stream to='{HOST}' xmlns='jabber:client' "
                "xmlns:stream='http://etherx.jabber.org/streams'>")
    stream.send("<iq type='set' id='auth'><query xmlns='jabber:iq:auth'>"
                f"<username>{escape(USER)}</username><password>{escape(PASSWORD)}</password>"
                f"<resource>{escape(RESOURCE)}</resource></query></iq>")
    threading.Thread(target=read_commands, args=(stream,), daemon=True).start()
    for stanza in stream.stanzas():
        on_stanza(stream, stanza)
    say("offline")


main()
