#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""legacy_dialogue.py - a client of the year 2000, byte for byte, on a plain TCP connection.

No version in the stream header, no features in the answer, jabber:iq:auth (XEP-0078) with the
password as it is, and a message without any presence before it. Prints what it checked; exits 0 or
1. The server and two accounts come from the environment, which tests/interop/run sets.
"""

import os
import socket
import sys
import xml.etree.ElementTree as ElementTree

HOST = "localhost"
NS_STREAM = "http://etherx.jabber.org/streams"
NS_AUTH = "{jabber:iq:auth}"
PATIENCE = 15

SERVER = os.environ["RECADO_INTEROP_SERVER"]
PORT = int(os.environ["RECADO_INTEROP_PORT"])
USER = os.environ["RECADO_INTEROP_FIRST"]
PEER = os.environ["RECADO_INTEROP_SECOND"]
PASSWORD = os.environ["RECADO_INTEROP_PASSWORD"]
PEER_PASSWORD = os.environ.get("RECADO_INTEROP_SECOND_PASSWORD", PASSWORD)

HEADER = ('<?xml version="1.0"?><stream:stream xmlns:stream="http://etherx.jabber.org/streams" '
          f'xmlns="jabber:client" to="{HOST}">')


class Failure(Exception):
    pass


def claim(is_so, what, stream=None):
    if not is_so:
        raise Failure(what if stream is None else f"{what}: the server sent {stream.raw!r}")
    print(f"  ok: {what}", flush=True)


class Stream:
    """One connection; the server's stream is parsed as it comes."""

    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", PORT), PATIENCE)
        self.parser = ElementTree.XMLPullParser(("start", "end"))
        self.raw = b""
        self.depth = 0
        self.pending = []

    def send(self, text):
        self.socket.sendall(text.encode())

    def next(self):
        """The next ("open", header), ("stanza", element) or ("close", header)."""
        while True:
            for event, element in self._events():
                if event == "start":
                    self.depth += 1
                    if self.depth == 1:
                        return "open", element
                else:
                    self.depth -= 1
                    if self.depth == 1:
                        return "stanza", element
                    if self.depth == 0:
                        return "close", element
            data = self.socket.recv(65536)
            if not data:
                raise Failure(f"the server closed the connection after {self.raw!r}")
            self.raw += data
            self.parser.feed(data)

    def _events(self):
        self.pending.extend(self.parser.read_events())
        while self.pending:
            yield self.pending.pop(0)

    def stanza(self):
        kind, element = self.next()
        if kind != "stanza":
            raise Failure(f"{kind} instead of a stanza: {self.raw!r}")
        if SERVER == "prosody" and element.tag == f"{{{NS_STREAM}}}features":
            return self.stanza()  # it sends them to everybody
        return element

    def open(self):
        self.send(HEADER)
        kind, header = self.next()
        if kind != "open":
            raise Failure(f"{kind} instead of a header: {self.raw!r}")
        return header


def auth(user, password, resource="Work", auth_id="auth_2"):
    return (f'<iq type="set" id="{auth_id}" to="{HOST}"><query xmlns="jabber:iq:auth">'
            f"<username>{user}</username><password>{password}</password>"
            f"<resource>{resource}</resource></query></iq>")


def the_dialogue(subject):
    """Exactly what such a client sends, and all that it may rely on."""
    stream = Stream()
    header = stream.open()
    claim(header.tag == f"{{{NS_STREAM}}}stream" and header.get("from") == HOST
          and header.get("id"), "a header with from and id", stream)
    claim("version" not in header.attrib, "and without version, as the client's (RFC 6120 §4.7.5)",
          stream)
    stream.send(auth(USER, PASSWORD))
    result = stream.stanza()
    expected = {"from": HOST, "id": "auth_2", "type": "result"}
    claim(result.tag == "{jabber:client}iq" and result.attrib == expected
          and len(result) == 0,
          '<iq from="HOST" id="auth_2" type="result"/>, and no features before it', stream)
    stream.send(f'<message to="{PEER}@{HOST}"><subject>{subject}</subject><body>{subject}</body>'
                '</message><presence type="unavailable"><status>Logged out</status></presence>'
                "</stream:stream>")
    kind, element = stream.next()
    while kind == "stanza" and element.get("type") != "error":
        kind, element = stream.next()
    claim(kind == "close" and stream.raw.rstrip().endswith(b"</stream:stream>"),
          "</stream:stream>, and no error before it", stream)
    claim(stream.socket.recv(1) == b"", "the server closes the connection")


def log_in(user, password, resource):
    stream = Stream()
    stream.open()
    stream.send(auth(user, password, resource))
    result = stream.stanza()
    if result.get("type") != "result":
        raise Failure(f"{user} can't log in: {stream.raw!r}")
    stream.send("<presence/>")
    return stream


def the_message(stream):
    while True:
        stanza = stream.stanza()
        if stanza.tag == "{jabber:client}message":
            return stanza


def check_message(stanza, subject):
    claim(stanza.get("from") == f"{USER}@{HOST}/Work"
          and stanza.findtext("{jabber:client}subject") == subject
          and stanza.findtext("{jabber:client}body") == subject,
          f"the peer gets it, from {USER}@{HOST}/Work")


def the_get():
    """§3.1: what the server wants; then a wrong password, after which the right one still works."""
    stream = Stream()
    stream.open()
    stream.send(f'<iq type="get" id="auth_1" to="{HOST}"><query xmlns="jabber:iq:auth">'
                f"<username>{USER}</username></query></iq>")
    result = stream.stanza()
    query = result.find(f"{NS_AUTH}query")
    claim(result.get("type") == "result" and result.get("id") == "auth_1" and query is not None
          and {child.tag for child in query} == {NS_AUTH + name for name in
                                                 ("username", "password", "resource")},
          "the get names username, password and resource, and no digest", stream)
    stream.send(auth(USER, "not" + PASSWORD, auth_id="auth_wrong"))
    error = stream.stanza()
    condition = error.find("{jabber:client}error/"
                           "{urn:ietf:params:xml:ns:xmpp-stanzas}not-authorized")
    claim(error.get("type") == "error" and error.get("id") == "auth_wrong"
          and condition is not None, "a wrong password is <not-authorized/> (§3.3)",
          stream)
    stream.send(auth(USER, PASSWORD))
    claim(stream.stanza().get("type") == "result", "and the right one works on the same stream")
    stream.send("</stream:stream>")


def main():
    print("the legacy dialogue")
    try:
        the_dialogue("teste 1449")
        peer = log_in(PEER, PEER_PASSWORD, "Later")
        check_message(the_message(peer), "teste 1449")
        the_dialogue("teste 1450")
        check_message(the_message(peer), "teste 1450")
        peer.send("</stream:stream>")
        the_get()
    except (Failure, OSError, ElementTree.ParseError) as failure:
        print(f"  FAIL: {failure!r}")
        return 1
    return 0


sys.exit(main())
