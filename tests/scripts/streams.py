# SPDX-License-Identifier: MIT
"""streams.py - a client's stream, as little of one as the conversations need."""

import base64
import hashlib
import hmac
import os
import select
import socket
import ssl
import struct
import time
import xml.parsers.expat
import xml.sax.saxutils

import trees

NS_SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
NS_BIND = "urn:ietf:params:xml:ns:xmpp-bind"
NS_DISCO = "http://jabber.org/protocol/disco#info"
CAPS_NODE = "https://recado.example/test"
NS_STREAMS = trees.NS_STREAMS
NS_TLS = "urn:ietf:params:xml:ns:xmpp-tls"
COMPONENT_SECRET = "um-segredo-de-ensaio"
NS_COMPONENT = "jabber:component:accept"
PASSWORD = "s3nha-de-ensaio"
TIMEOUT = float(os.environ.get("RECADO_SCRIPTS_TIMEOUT", "15"))


class Ended(Exception):
    """The stream is over, or nothing came in time."""


def quote(text):
    return xml.sax.saxutils.escape(text, {"'": "&apos;"})


class Stream:
    """RENAME turns a text of the server's into the script's words."""

    def __init__(self, name, port, rename, receive_buffer=0):
        self.name, self.rename = name, rename
        self.socket = socket.socket()
        self.socket.settimeout(TIMEOUT)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = trees.Reader()
        self.queue = []  # ("header", Node), ("element", Node), ("close", None), ("end", None)
        self.hidden = {}  # answers that only the runner waits for, by id
        self.features = None  # the newest that open() got
        self.jid = None  # once bound, in the script's words
        self.is_over = False
        self.caps = {}  # answers to disco#info, by node
        self.asked = set()  # ids of iqs for which an answer may still come

    def send(self, data):
        if isinstance(data, str):
            data = data.encode()
        try:
            self.socket.sendall(data)
        except OSError as error:
            self.end(f"cannot send: {error}")

    def end(self, why):
        if not self.is_over:
            self.is_over = True
            self.queue.append(("end", why))

    def read(self, timeout):
        """Takes what has come, waiting up to TIMEOUT for something."""
        if self.is_over:
            return
        if not (isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()):
            if not select.select([self.socket], [], [], timeout)[0]:
                return
        try:
            data = self.socket.recv(65536)
        except ssl.SSLWantReadError:
            return
        except OSError as error:
            self.end(str(error))
            return
        if not data:
            self.end("end of the connection")
            return
        try:
            events = self.reader.feed(data)
        except xml.parsers.expat.ExpatError as error:
            self.end(f"bad XML from the server: {error}: {data[:500]!r}")
            return
        for kind, node in events:
            if node is not None:
                node.rename(self.rename)
                node.translate(NS_COMPONENT, trees.NS_CLIENT)
            if kind == "element" and node.attributes.get("type") in ("result", "error"):
                self.asked.discard(node.attributes.get("id"))
            if not (kind == "element" and self.is_own(node)):
                self.queue.append((kind, node))

    def is_own(self, node):
        """What belongs to the runner and not to the conversation."""
        ident = node.attributes.get("id", "")
        if ident.startswith("runner-"):  # none that the server makes at random does
            self.hidden[ident] = node
            return True
        # As every client does.
        if (self.jid and node.is_named(trees.NS_CLIENT, "iq") and
                node.attributes.get("type") == "get" and
                node.find("urn:xmpp:ping", "ping") is not None and
                "/" not in node.attributes.get("from", "") and
                "@" not in node.attributes.get("from", "")):
            self.send(f"<iq type='result' id='{quote(ident)}'/>")
            return True
        query = node.find(NS_DISCO, "query") if node.is_named(trees.NS_CLIENT, "iq") else None
        if query is not None and query.attributes.get("node") in self.caps:
            self.send(f"<iq type='result' id='{quote(ident)}'>"
                      f"{self.caps[query.attributes['node']]}</iq>")
            return True
        return False

    def announce(self, features):
        """Presence with capabilities (XEP-0115); whoever asks for them is answered."""
        ver = base64.b64encode(hashlib.sha1("".join(
            f"{text}<" for text in ["client/pc//", *sorted(features)]).encode()).digest()).decode()
        node = f"{CAPS_NODE}#{ver}"
        self.caps[node] = (f"<query xmlns='{NS_DISCO}' node='{node}'>"
                           "<identity category='client' type='pc'/>" +
                           "".join(f"<feature var='{quote(name)}'/>" for name in features) +
                           "</query>")
        self.send(f"<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' "
                  f"node='{CAPS_NODE}' ver='{ver}'/></presence>")

    def next(self, timeout=None):
        """The next event, or Ended when none comes in time."""
        deadline = time.monotonic() + (TIMEOUT if timeout is None else timeout)
        while not self.queue:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Ended(f"nothing came to {self.name} in time")
            self.read(left)
        return self.queue.pop(0)

    def next_element(self, ns, local):
        while True:
            kind, node = self.next()
            if kind == "element" and node.is_named(ns, local):
                return node
            if kind in ("close", "end") or node.name in (f"{trees.NS_STREAM} error",
                                                         f"{NS_SASL} failure"):
                raise Ended(f"{self.name}: wanted <{local}/>, got {node or kind}")

    def wait_hidden(self, idents):
        deadline = time.monotonic() + TIMEOUT
        while not idents <= self.hidden.keys() and not self.is_over:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Ended(f"{self.name}: no answer of the server in time")
            self.read(left)
        return [self.hidden.pop(ident, None) for ident in idents]

    def wait_for_answers(self, patience):
        """To what was asked in the script. Not all is answered, and that is waited for but once."""
        deadline = time.monotonic() + patience
        while self.asked and not self.is_over and time.monotonic() < deadline:
            self.read(deadline - time.monotonic())
        self.asked.clear()

    def restart(self):
        self.reader = trees.Reader()

    def open(self, host, more=""):
        self.restart()
        self.send(f"<?xml version='1.0'?><stream:stream to='{host}'{more} version='1.0' "
                  f"xmlns='jabber:client' xmlns:stream='{trees.NS_STREAM}'>")
        self.features = self.next_element(trees.NS_STREAM, "features")
        return self.features

    def start_tls(self, host, ca_file, direct=False):
        """The handshake. The certificate must be HOST's own."""
        context = ssl.create_default_context(cafile=str(ca_file))
        if direct:
            context.set_alpn_protocols(["xmpp-client"])
        self.socket = context.wrap_socket(self.socket, server_hostname=host)
        self.restart()

    def negotiate_tls(self, host, ca_file):
        self.open(host)
        self.send(f"<starttls xmlns='{NS_TLS}'/>")
        self.next_element(NS_TLS, "proceed")
        self.start_tls(host, ca_file)

    def authenticate(self, user):
        """SCRAM-SHA-256 (RFC 5802, RFC 7677); checks the server's signature too."""
        nonce = base64.b64encode(os.urandom(18)).decode()
        bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
        first = base64.b64encode(f"n,,{bare}".encode()).decode()
        self.send(f"<auth xmlns='{NS_SASL}' mechanism='SCRAM-SHA-256'>{first}</auth>")
        challenge = base64.b64decode(self.next_element(NS_SASL, "challenge").text()).decode()
        fields = dict(field.split("=", 1) for field in challenge.split(","))
        if self.features is not None and fields["h"] != offer_hash(self.features):
            raise Ended(f"{self.name}: the server offered something else (XEP-0474)")
        salted = salted_password(fields["s"], int(fields["i"]))
        without_proof = f"c=biws,r={fields['r']}"
        message = f"{bare},{challenge},{without_proof}".encode()
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        final = f"{without_proof},p={base64.b64encode(proof).decode()}"
        self.send(f"<response xmlns='{NS_SASL}'>{base64.b64encode(final.encode()).decode()}"
                  "</response>")
        success = base64.b64decode(self.next_element(NS_SASL, "success").text())
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        if success != b"v=" + base64.b64encode(hmac.digest(server_key, message, "sha256")):
            raise Ended(f"{self.name}: the server's signature is wrong")

    def log_in(self, user, host):
        """SASL, then the new stream; returns its features."""
        self.open(host)
        self.authenticate(user)
        return self.open(host)

    def be_component(self, name):
        """XEP-0114: the header, and the handshake."""
        self.send(f"<stream:stream to='{name}' xmlns='{NS_COMPONENT}' "
                  f"xmlns:stream='{trees.NS_STREAM}'>")
        kind, node = self.next()
        if kind != "header":
            raise Ended(f"{self.name}: no header: {node or kind}")
        digest = hashlib.sha1((node.attributes["id"] + COMPONENT_SECRET).encode()).hexdigest()
        self.send(f"<handshake>{digest}</handshake>")
        self.next_element(trees.NS_CLIENT, "handshake")

    def bind(self, resource):
        self.send(f"<iq type='set' id='runner-bind'><bind xmlns='{NS_BIND}'>"
                  f"<resource>{quote(resource)}</resource></bind></iq>")
        reply, = self.wait_hidden({"runner-bind"})
        if reply is None or reply.attributes["type"] != "result":
            raise Ended(f"{self.name}: not bound: {reply or self.queue}")
        self.jid = reply.find(NS_BIND, "bind").elements()[0].text()

    def close(self):
        """</stream:stream>, and the server's."""
        self.send("</stream:stream>")
        deadline = time.monotonic() + TIMEOUT
        while not self.is_over and time.monotonic() < deadline:
            self.read(deadline - time.monotonic())
        self.drop()

    def cut(self):
        """The connection ends without a word."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.drop()

    def drop(self):
        self.is_over = True
        self.socket.close()


def offer_hash(features):
    """XEP-0474 §5.1, for SCRAM-SHA-256 and the profile of RFC 6120."""
    mechanisms = features.find(NS_SASL, "mechanisms")
    text = "\x1e".join(sorted(node.text() for node in mechanisms.elements()))
    bindings = features.find("urn:xmpp:sasl-cb:0", "sasl-channel-binding")
    if bindings is not None:
        text += "\x1f" + "\x1e".join(sorted(node.attributes["type"]
                                            for node in bindings.elements()))
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


SALTED = {}


def salted_password(salt, iterations):
    key = (salt, iterations)
    if key not in SALTED:
        SALTED[key] = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), base64.b64decode(salt),
                                          iterations)
    return SALTED[key]
