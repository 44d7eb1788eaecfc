# SPDX-License-Identifier: MIT
"""flights.py - how many round trips a phone that comes back needs: counted, not timed.

A flight is all that the client can say before it needs bytes of the server. TCP's own is not among
them.
"""

import base64
import hmac
import socket
import ssl

import conversation
import streams
import trees
from races import Race, fail_unless

NS_SASL2 = "urn:xmpp:sasl:2"
AGENT = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/>"
BIND = "<bind xmlns='urn:xmpp:bind:0'><tag>phone</tag></bind>"


class Flights:
    """A client's side of TLS in memory, so that every wait for the server is seen."""

    def __init__(self, play, host):
        context = ssl.create_default_context(cafile=str(play.ca_file()))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["xmpp-client"])
        self.received, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.received, self.out, server_hostname=host)
        self.socket = socket.create_connection(("127.0.0.1", play.server.tls_port))
        self.socket.settimeout(streams.TIMEOUT)
        self.count = 0
        self.reader = trees.Reader()

    def send(self, text):
        self.tls.write(text.encode())

    def exchange(self):
        """What there is to say goes out; then the server's turn, which is a new trip only if something
        went out since the last."""
        data = self.out.read()
        if data:
            self.socket.sendall(data)
            self.count += 1
        got = self.socket.recv(65536)
        if not got:
            raise streams.Ended("the server closed the connection")
        self.received.write(got)

    def handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                self.exchange()

    def wait_for(self, ns, local):
        """The element of that name; what comes before it is passed over."""
        while True:
            try:
                events = self.reader.feed(self.tls.read(65536))
            except ssl.SSLWantReadError:
                self.exchange()
                continue
            for kind, node in events:
                if kind == "element" and node.is_named(ns, local):
                    return node
                if kind == "element" and node.name.endswith((" failure", " error")):
                    raise conversation.Failed(f"came: {node}")


def header(host):
    return (f"<?xml version='1.0'?><stream:stream from='romeo@{host}' to='{host}' version='1.0' "
            f"xmlns='jabber:client' xmlns:stream='{trees.NS_STREAM}'>")


def encode(data):
    return base64.b64encode(data).decode()


def get_token(play, host):
    client = Flights(play, host)
    client.handshake()
    plain = encode(f"\0romeo\0{streams.PASSWORD}".encode())
    client.send(f"{header(host)}<authenticate xmlns='{NS_SASL2}' mechanism='PLAIN'>"
                f"<initial-response>{plain}</initial-response>{AGENT}{BIND}"
                "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>"
                "</authenticate>")
    token = client.wait_for(NS_SASL2, "success").find("urn:xmpp:fast:0", "token")
    client.socket.close()
    return token.attributes["token"]


def back_in_two(play):
    """With TLS 1.3: the handshake's flight, and one with the header, the token and the bind."""
    host = play.to_server("example.com")
    token = get_token(play, host)
    client = Flights(play, host)
    client.handshake()
    proof = hmac.digest(token.encode(), b"Initiator", "sha256")
    client.send(f"{header(host)}<authenticate xmlns='{NS_SASL2}' mechanism='HT-SHA-256-NONE'>"
                f"<initial-response>{encode(b'romeo' + bytes(1) + proof)}</initial-response>"
                f"{AGENT}{BIND}<fast xmlns='urn:xmpp:fast:0' count='1'/></authenticate>"
                "<presence/><iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
    success = client.wait_for(NS_SASL2, "success")
    fail_unless(success.find("urn:xmpp:bind:0", "bound") is not None, f"not bound: {success}")
    client.wait_for(trees.NS_CLIENT, "iq")  # behind its presence: it is online
    client.socket.close()
    fail_unless(client.count == 2, f"{client.count} round trips instead of 2")


def scripts():
    return [Race("flights: back_in_two", back_in_two, "romeo")]
