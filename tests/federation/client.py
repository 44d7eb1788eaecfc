# SPDX-License-Identifier: MIT
"""client.py - a small XMPP client for checks: logs in with a password, sends, and waits for what is
to come. All that came and nobody waited for yet stays in `inbox`, in order."""

import base64
import hashlib
import itertools
import select
import socket
import ssl
import time
import xml.etree.ElementTree as ET

CLIENT = "{jabber:client}"
ids = itertools.count(1)


class Gone(Exception):
    """The server ended the stream, or the connection broke."""


class Client:
    def __init__(self, server, user, resource="check", log_in=True):
        self.server, self.user, self.resource = server, user, resource
        self.bare = f"{user}@{server.domain}"
        self.jid = f"{self.bare}/{resource}"
        self.socket = None
        self.inbox = []
        if log_in:
            self.log_in()

    # The stream

    def _open(self):
        self.parser = ET.XMLPullParser(["start", "end"])
        self.depth = 0
        self._send(f"<?xml version='1.0'?><stream:stream to='{self.server.domain}' version='1.0' "
                   "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")

    def _send(self, text):
        self.socket.sendall(text.encode())

    def _read(self, seconds):
        """The first-level elements that come within that time, or as soon as there is one."""
        found = []
        end = time.monotonic() + seconds
        while not found:
            left = end - time.monotonic()
            if left <= 0 or not (isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()
                                 or select.select([self.socket], [], [], left)[0]):
                break
            try:
                data = self.socket.recv(65536)
            except ConnectionError as error:
                raise Gone(str(error)) from error
            if not data:
                raise Gone("closed")
            self.parser.feed(data)
            for event, element in self.parser.read_events():
                self.depth += 1 if event == "start" else -1
                if event == "end" and self.depth == 1:
                    found.append(element)
        return found

    def _expect(self, name, seconds=20):
        end = time.monotonic() + seconds
        while True:
            for at, element in enumerate(self.inbox):
                if element.tag.endswith("}" + name):
                    return self.inbox.pop(at)
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{self.jid}: no <{name}/> came")
            self.inbox += self._read(left)

    def log_in(self, patience=20):
        """Also at a server that has just begun, and hangs up at first."""
        end = time.monotonic() + patience
        while True:
            try:
                self.socket = socket.create_connection((self.server.address, 5222), 10)
                return self._log_in()
            except (OSError, Gone):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def _log_in(self):
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.inbox = []
        self._open()
        if self._expect("features").find("{urn:ietf:params:xml:ns:xmpp-tls}starttls") is not None:
            self._send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            self._expect("proceed")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket, server_hostname=self.server.domain)
            self._open()
            self._expect("features")
        token = base64.b64encode(f"\0{self.user}\0secret".encode()).decode()
        self._send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                   f"{token}</auth>")
        self._expect("success")
        self._open()
        self._expect("features")
        bound = self.ask("set", "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                         f"<resource>{self.resource}</resource></bind>", None)
        self.jid = bound[0][0].text
        self.ask("get", "<query xmlns='jabber:iq:roster'/>", None)
        return self

    def close(self):
        if self.socket is not None:
            try:
                self._send("</stream:stream>")
                while self._read(5):
                    pass
            except (OSError, Gone):
                pass
            self.socket.close()
            self.socket = None

    def drop(self):
        """Without a word."""
        self.socket.close()
        self.socket = None

    # Stanzas

    def send(self, text):
        self._send(text)

    def wait(self, test, what, seconds=20):
        """Takes the first stanza that passes out of the inbox, now or when it comes."""
        end = time.monotonic() + seconds
        while True:
            for at, element in enumerate(self.inbox):
                if test(element):
                    return self.inbox.pop(at)
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{self.jid} got no {what}; but: " + "; ".join(
                    ET.tostring(e, encoding="unicode")[:300] for e in self.inbox[-8:]))
            self.inbox += self._read(left)

    def pending(self, seconds=0.3):
        """All that is there, or comes within that time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.inbox += self._read(end - time.monotonic())
        inbox, self.inbox = self.inbox, []
        return inbox

    def ask(self, kind, payload, to, seconds=30):
        """An iq and its answer, which may be an error."""
        number = f"q{next(ids)}"
        address = f" to='{to}'" if to else ""
        self.send(f"<iq type='{kind}' id='{number}'{address}>{payload}</iq>")
        return self.wait(lambda e: e.tag == CLIENT + "iq" and e.get("id") == number
                         and e.get("type") in ("result", "error"), f"answer to {payload}", seconds)

    def message(self, to, body, kind="chat"):
        number = f"m{next(ids)}"
        self.send(f"<message to='{to}' type='{kind}' id='{number}'><body>{body}</body></message>")
        return number

    def wait_body(self, body, seconds=20):
        return self.wait(lambda e: e.tag == CLIENT + "message" and e.get("type") != "error"
                         and e.findtext(CLIENT + "body") == body, f"message {body!r}", seconds)

    def wait_error(self, number, seconds=20):
        return self.wait(lambda e: e.get("type") == "error" and e.get("id") == number,
                         f"error for {number}", seconds)

    def presence(self, kind=None, to=None, seconds=None):
        attributes = (f" type='{kind}'" if kind else "") + (f" to='{to}'" if to else "")
        self.send(f"<presence{attributes}/>")

    def wait_presence(self, kind, who, seconds=20):
        """KIND None: available. WHO is a bare or a full address."""
        return self.wait(lambda e: e.tag == CLIENT + "presence" and e.get("type") == kind
                         and (e.get("from", "") == who
                              or e.get("from", "").startswith(who + "/")),
                         f"presence {kind} from {who}", seconds)

    def wait_push(self, who, subscription, seconds=20):
        def is_it(element):
            item = element.find(".//{jabber:iq:roster}item")
            return (element.tag == CLIENT + "iq" and element.get("type") == "set"
                    and item is not None and item.get("jid") == who
                    and item.get("subscription") == subscription)
        push = self.wait(is_it, f"roster push {who} {subscription}", seconds)
        self.send(f"<iq type='result' id='{push.get('id')}'/>")
        return push


def condition(element):
    """The condition of an error stanza."""
    for child in element.iter():
        if child.tag.startswith("{urn:ietf:params:xml:ns:xmpp-stanzas}"):
            return child.tag.split("}")[1]
    return None


class Component(Client):
    """A service of the server's (XEP-0114); it speaks as one of its addresses, which is `bare`."""

    def __init__(self, server):
        self.domain = f"upload.{server.domain}"
        super().__init__(server, "service", log_in=False)
        self.bare = self.jid = f"service@{self.domain}"
        self.parser, self.depth = ET.XMLPullParser(["start", "end"]), 0
        self.socket = socket.create_connection((server.address, 5347), 10)
        self._send("<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream="
                   f"'http://etherx.jabber.org/streams' to='{self.domain}'>")
        self.parser.feed(self.socket.recv(4096))
        header = next(element for _, element in self.parser.read_events())
        self.depth = 1
        key = hashlib.sha1(f"{header.get('id')}secret".encode()).hexdigest()
        self._send(f"<handshake>{key}</handshake>")
        self._expect("handshake")

    def message(self, to, body, kind="chat"):
        number = f"c{next(ids)}"
        self.send(f"<message from='{self.bare}' to='{to}' type='{kind}' id='{number}'>"
                  f"<body>{body}</body></message>")
        return number
