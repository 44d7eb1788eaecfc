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
NS_SM = "urn:xmpp:sm:3"
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
        self.reader, self.queue = trees.Reader(), []

    def send(self, text):
        self.tls.write(text.encode())

    def flush(self):
        data = self.out.read()
        if data:
            self.socket.sendall(data)
            self.count += 1

    def exchange(self):
        """What there is to say goes out; then the server's turn, which is a new trip only if something
        went out since the last."""
        self.flush()
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

    def outcome(self):
        """"success", or what came instead of it."""
        try:
            return self.wait_for(NS_SASL2, "success").name.rpartition(" ")[2]
        except (conversation.Failed, streams.Ended) as error:
            return str(error)

    def wait_for(self, ns, local):
        """The element of that name; what comes before it is passed over."""
        while True:
            while self.queue:
                kind, node = self.queue.pop(0)
                if kind == "element" and node.is_named(ns, local):
                    return node
                if kind == "element" and node.name.endswith((" failure", " error")):
                    raise conversation.Failed(f"came: {node}")
            try:
                self.queue += self.reader.feed(self.tls.read(65536))
            except ssl.SSLWantReadError:
                self.exchange()


def header(host):
    return (f"<?xml version='1.0'?><stream:stream from='romeo@{host}' to='{host}' version='1.0' "
            f"xmlns='jabber:client' xmlns:stream='{trees.NS_STREAM}'>")


def encode(data):
    return base64.b64encode(data).decode()


def first_login(play, host, bind=BIND):
    """With the password. Returns the client, its token, and what was bound."""
    client = Flights(play, host)
    client.handshake()
    plain = encode(f"\0romeo\0{streams.PASSWORD}".encode())
    client.send(f"{header(host)}<authenticate xmlns='{NS_SASL2}' mechanism='PLAIN'>"
                f"<initial-response>{plain}</initial-response>{AGENT}{bind}"
                "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>"
                "</authenticate>")
    success = client.wait_for(NS_SASL2, "success")
    token = success.find("urn:xmpp:fast:0", "token").attributes["token"]
    return client, token, success.find("urn:xmpp:bind:0", "bound")


def come_back(play, host, token, count, more=BIND):
    """The one message of a phone that comes back, sent behind the handshake."""
    client = Flights(play, host)
    client.handshake()
    proof = hmac.digest(token.encode(), b"Initiator", "sha256")
    client.send(f"{header(host)}<authenticate xmlns='{NS_SASL2}' mechanism='HT-SHA-256-NONE'>"
                f"<initial-response>{encode(b'romeo' + bytes(1) + proof)}</initial-response>"
                f"{AGENT}{more}<fast xmlns='urn:xmpp:fast:0' count='{count}'/></authenticate>"
                "<presence/><iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
    return client


def back_in_two(play):
    """With TLS 1.3: the handshake's flight, and one with the header, the token and the bind."""
    host = play.to_server("example.com")
    client, token, _ = first_login(play, host)
    client.socket.close()
    client = come_back(play, host, token, 1)
    success = client.wait_for(NS_SASL2, "success")
    fail_unless(success.find("urn:xmpp:bind:0", "bound") is not None, f"not bound: {success}")
    client.wait_for(trees.NS_CLIENT, "iq")  # behind its presence: it is online
    client.socket.close()
    fail_unless(client.count == 2, f"{client.count} round trips instead of 2")


def resumed_in_two(play):
    """The same with the session of before (XEP-0198 §11.2), and the message that it missed."""
    host = play.to_server("example.com")
    enable = f"<enable xmlns='{NS_SM}' resume='true'/>"
    client, token, bound = first_login(play, host, f"<bind xmlns='urn:xmpp:bind:0'>{enable}</bind>")
    ident = bound.find(NS_SM, "enabled").attributes["id"]
    client.send("<presence/><iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
    client.wait_for(trees.NS_CLIENT, "iq")
    client.socket.close()
    juliet = streams.Stream("juliet", play.server.port, play.to_script)
    play.actors["juliet"] = juliet
    juliet.log_in("juliet", host)
    juliet.bind("balcony")
    juliet.send(f"<message type='chat' to='romeo@{host}'><body>Romeo?</body></message>"
                "<iq type='get' id='runner-p'><ping xmlns='urn:xmpp:ping'/></iq>")
    juliet.wait_hidden({"runner-p"})
    client = come_back(play, host, token, 1,
                       f"<resume xmlns='{NS_SM}' previd='{ident}' h='2'/>"
                       f"<bind xmlns='urn:xmpp:bind:0'>{enable}</bind>")
    success = client.wait_for(NS_SASL2, "success")
    fail_unless(success.find(NS_SM, "resumed") is not None, f"not resumed: {success}")
    fail_unless(success.find("urn:xmpp:bind:0", "bound") is None, f"and bound: {success}")
    client.wait_for(trees.NS_CLIENT, "message")
    client.wait_for(trees.NS_CLIENT, "iq")
    client.socket.close()
    fail_unless(client.count == 2, f"{client.count} round trips instead of 2")


def sec36_replayed(play):
    """SEC-36: one first flight, caught and sent by many at the same moment, opens one session."""
    host = play.to_server("example.com")
    first, token, _ = first_login(play, host)
    clients = [come_back(play, host, token, 7) for _ in range(12)]
    for client in clients:
        client.flush()
    outcomes = [client.outcome() for client in clients]
    for client in (first, *clients):
        client.socket.close()
    fail_unless(outcomes.count("success") == 1, f"came: {outcomes}")


def scripts():
    return [Race("flights: back_in_two", back_in_two, "romeo"),
            Race("flights: resumed_in_two", resumed_in_two, "romeo juliet"),
            Race("flights: sec36_replayed", sec36_replayed, "romeo",
                 ["limits = { login_failures_per_minute = 0; };"])]
