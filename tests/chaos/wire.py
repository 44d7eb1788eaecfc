# SPDX-License-Identifier: MIT
"""wire.py - one XML stream of a client: connection, parser, SASL (RFC 6120, RFC 5802).

Nothing here hides what a server does: no queue that is sent again, no stanza that is dropped. A
server whose output is not well-formed ends the connection with a Fault.
"""

import asyncio
import base64
import collections
import hashlib
import hmac
import os
import ssl
import xml.etree.ElementTree as etree

CLIENT = "{jabber:client}"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
SM = "urn:xmpp:sm:3"


class Fault(Exception):
    """What no server may do, whenever it was killed."""


class Lost(Exception):
    """The connection is gone, or the server was too slow: try again."""


class Keys:
    """SCRAM keys, derived once for each salt: clients return thousands of times."""

    def __init__(self, password):
        self.password = password.encode()
        self.known = {}

    def salted(self, digest, salt, iterations):
        key = (digest, salt, iterations)
        if key not in self.known:
            self.known[key] = hashlib.pbkdf2_hmac(digest, self.password, salt, iterations)
        return self.known[key]


class Stream(asyncio.Protocol):
    """Elements go to `handler`, or wait in a queue for next() while there is none."""

    def __init__(self):
        self.transport = None
        self.handler = None
        self.on_lost = None
        self.is_lost = False
        self.fault = None
        self._waiting = collections.deque()
        self._waiter = None
        self._restart()

    def _restart(self):
        self._parser = etree.XMLPullParser(("start", "end"))
        self._depth = 0
        self._root = None

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, exc):
        self.is_lost = True
        self._wake()
        if self.on_lost is not None:
            self.on_lost()

    def data_received(self, data):
        if self.is_lost:
            return
        try:
            self._parser.feed(data)
            for event, element in self._parser.read_events():
                if event == "start":
                    self._depth += 1
                    if self._depth == 1:
                        self._root = element
                else:
                    self._depth -= 1
                    if self._depth == 1:
                        del self._root[:]
                        self._take(element)
                    elif self._depth == 0:
                        self.abort()
        except etree.ParseError as error:
            self.fail(f"not well-formed: {error}")
        except Fault as error:
            self.fail(str(error))

    def fail(self, why):
        self.fault = self.fault or why
        self.abort()

    def _take(self, element):
        if self.handler is not None:
            self.handler(element)
            return
        self._waiting.append(element)
        self._wake()

    def _wake(self):
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def hand_over(self, handler):
        """From here on elements go to HANDLER, first of all those that are there already."""
        self.handler = handler
        while self._waiting:
            handler(self._waiting.popleft())

    def write(self, text):
        if not self.is_lost and not self.transport.is_closing():
            self.transport.write(text.encode() if isinstance(text, str) else text)

    def abort(self):
        """As a network that is gone: no end of the stream, no close_notify."""
        self.is_lost = True
        if self.transport is not None:
            self.transport.abort()
        self._wake()

    async def next(self, *names):
        """The next element. Any whose name is not in NAMES is not expected, and ends the stream."""
        while not self._waiting:
            if self.fault:
                raise Fault(self.fault)
            if self.is_lost:
                raise Lost("connection lost")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(self._waiter, 30)
            except asyncio.TimeoutError:
                self.abort()
                raise Lost("no answer for 30 s") from None
        element = self._waiting.popleft()
        name = element.tag.rpartition("}")[2]
        if names and name not in names:
            text = etree.tostring(element, encoding="unicode")
            self.abort()
            raise Lost(f"expected {'/'.join(names)}, got {text[:300]}")
        return element

    async def open(self, host):
        self._restart()
        self.write(f"<?xml version='1.0'?><stream:stream to='{host}' version='1.0' "
                   "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")
        return await self.next("features")

    async def authenticate(self, user, keys, features):
        offered = [e.text for e in features.iter(f"{{{SASL}}}mechanism")]
        name, digest = (("SCRAM-SHA-256", "sha256") if "SCRAM-SHA-256" in offered
                        else ("SCRAM-SHA-1", "sha1"))
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n={user},r={nonce}"
        self.write(f"<auth xmlns='{SASL}' mechanism='{name}'>"
                   f"{base64.b64encode(('n,,' + first).encode()).decode()}</auth>")
        challenge = base64.b64decode((await self.next("challenge")).text)
        fields = dict(f.split("=", 1) for f in challenge.decode().split(","))
        if not fields["r"].startswith(nonce):
            raise Fault("the server changed the nonce")
        salted = keys.salted(digest, base64.b64decode(fields["s"]), int(fields["i"]))
        client = hmac.digest(salted, b"Client Key", digest)
        final = f"c=biws,r={fields['r']}"
        message = f"{first},{challenge.decode()},{final}".encode()
        stored = hashlib.new(digest, client).digest()
        proof = bytes(a ^ b for a, b in zip(client, hmac.digest(stored, message, digest)))
        text = f"{final},p={base64.b64encode(proof).decode()}"
        self.write(f"<response xmlns='{SASL}'>{base64.b64encode(text.encode()).decode()}"
                   "</response>")
        await self.next("success")


def insecure_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def connect(address, user, keys, host, context=None):
    """A stream after SASL and its features; CONTEXT: direct TLS."""
    loop = asyncio.get_running_loop()
    try:
        _, stream = await asyncio.wait_for(
            loop.create_connection(Stream, *address, ssl=context,
                                   ssl_handshake_timeout=20 if context else None), 25)
    except (OSError, asyncio.TimeoutError) as error:
        raise Lost(str(error)) from None
    try:
        await stream.authenticate(user, keys, await stream.open(host))
        return stream, await stream.open(host)
    except BaseException:
        stream.abort()
        raise
