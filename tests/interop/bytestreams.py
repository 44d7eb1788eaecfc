#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bytestreams.py - files through the proxy of XEP-0065: slixmpp's clients, and what is refused.

With a server of its own. Prints what it checked; exits 0, 1, or 77.
"""

import asyncio
import hashlib
import os
import pathlib
import socket
import sys
import tempfile

import servers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
import streams  # noqa: E402

try:
    import slixmpp
except ImportError:
    print("slixmpp is not there")
    sys.exit(77)

HOST, PASSWORD, PATIENCE = servers.HOST, streams.PASSWORD, 20
NS = "http://jabber.org/protocol/bytestreams"
SIZE = 3 << 20


class Failure(Exception):
    pass


class Recado(servers.Recado):
    def prepare(self, accounts):
        super().prepare(accounts)
        self.proxy_port, = servers.free_ports(1)
        self.config.write_text(self.config.read_text().replace(
            "\n);", f''',\n\t{{ type = "proxy"; address = "127.0.0.1"; port = {self.proxy_port}; }}\n);
modules = {{ bytestreams = {{ enabled = true; address = "127.0.0.1"; bytes = "4MiB"; streams = 1; }}; }};'''))


def log_in(server, user):
    stream = streams.Stream(user, server.port, lambda text: text)
    stream.negotiate_tls(HOST, server.ca_file)
    stream.log_in(user, HOST)
    stream.bind("a")
    return stream


def ask(stream, kind, ident, payload, to=f"proxy.{HOST}"):
    """The type of the answer, or its condition, and the answer."""
    stream.send(f"<iq type='{kind}' id='{ident}' to='{to}'>{payload}</iq>")
    what, node = stream.next(PATIENCE)
    if what != "element" or node.attributes.get("id") != ident:
        raise Failure(f"instead of an answer: {node or what}")
    if node.attributes["type"] == "error":
        error = next(e for e in node.elements() if e.name.endswith(" error"))
        return error.elements()[0].name.rpartition(" ")[2], node
    return node.attributes["type"], node


def name_of(sid, requester, target):
    return hashlib.sha1(f"{sid}{requester}{target}".encode()).hexdigest()


def connect(server, name, greeting=b"\x05\x01\x00"):
    """Up to the answer to the request."""
    sock = socket.create_connection(("127.0.0.1", server.proxy_port), PATIENCE)
    sock.sendall(greeting)
    if read(sock, 2) != b"\x05\x00":
        raise Failure("the greeting is refused")
    sock.sendall(b"\x05\x01\x00\x03\x28" + name.encode() + b"\0\0")
    if read(sock, 47) != b"\x05\x00\x00\x03\x28" + name.encode() + b"\0\0":
        raise Failure("the request is refused")
    return sock


def read(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            return data
        data += piece
    return data


def activate(stream, sid, target, ident):
    return ask(stream, "set", ident,
               f"<query xmlns='{NS}' sid='{sid}'><activate>{target}</activate></query>")[0]


def expect(got, want, what):
    if got != want:
        raise Failure(f"{what}: {got} instead of {want}")
    print(f"  {what}")


def closes(server, data):
    """Whether the proxy hangs up on that."""
    with socket.create_connection(("127.0.0.1", server.proxy_port), PATIENCE) as sock:
        sock.sendall(data)
        while sock.recv(4096):
            pass
    return True


def refusals(server):
    romeo = log_in(server, "romeo")
    target = f"juliet@{HOST}/a"
    _, node = ask(romeo, "get", "1", f"<query xmlns='{NS}'/>")
    host = node.elements()[0].elements()[0].attributes
    expect((host["jid"], host["host"], host["port"]), (f"proxy.{HOST}", "127.0.0.1", str(server.proxy_port)),
           "where the proxy is")
    expect(activate(romeo, "s1", target, "2"), "not-authorized", "nobody is there")
    name = name_of("s1", romeo.jid, target)
    one = connect(server, name)
    expect(activate(romeo, "s1", target, "3"), "not-allowed", "one of the two is there")
    other = connect(server, name)
    third = socket.create_connection(("127.0.0.1", server.proxy_port), PATIENCE)
    third.sendall(b"\x05\x01\x00\x05\x01\x00\x03\x28" + name.encode() + b"\0\0")
    expect(read(third, 47)[2:], b"", "a third one is turned away")
    mercutio = log_in(server, "mercutio")
    expect(activate(mercutio, "s1", target, "4"), "not-authorized", "somebody else's stream")
    one.sendall(b"early")
    expect(activate(romeo, "s1", target, "5"), "result", "active")
    other.sendall(b"back")
    expect((read(other, 5), read(one, 4)), (b"early", b"back"), "both ways, and what was sent before")
    second = name_of("s2", romeo.jid, target)
    waiting = [connect(server, second), connect(server, second)]
    # Of this account there may be one stream at a time on the worker that has this name.
    got = activate(romeo, "s2", target, "6")
    if got not in ("resource-constraint", "result"):
        raise Failure(f"a second stream: {got}")
    one.close()
    expect(read(other, 1), b"", "the end of one is the end of the other")
    for sock in waiting + [other, third]:
        sock.close()
    name = name_of("s3", romeo.jid, target)
    one, other = connect(server, name), connect(server, name)
    deadline = 100
    while activate(romeo, "s3", target, f"7-{deadline}") == "resource-constraint" and deadline:
        deadline -= 1
    try:
        one.sendall(bytes(5 << 20))
    except OSError:
        pass
    got = 0
    try:
        while piece := other.recv(65536):
            got += len(piece)
    except OSError:
        pass
    if got > 4 << 20:
        raise Failure(f"{got} bytes came")
    print("  not more than a stream may carry")
    for data in (b"\x04\x01", b"\x05\x01\x02", b"\x05\x01\x00\x05\x02\x00\x03\x28",
                 b"\x05\x01\x00\x05\x01\x00\x01\x7f\0\0\1\0\x50", b"\x05\x01\x00\x05\x01\x00\x03\x09localhost\0\x50",
                 b"\x05\x01\x00\x05\x01\x00\x03\x28" + b"A" * 40 + b"\0\0",
                 b"\x05\x01\x00\x05\x01\x00\x03\x28" + b"a" * 40 + b"\0\x50", b"GET / HTTP/1.0\r\n\r\n"):
        closes(server, data)
    print("  no other SOCKS: no addresses, no ports, no other names (SEC-61)")
    for stream in (romeo, mercutio):
        stream.close()


class Client(slixmpp.ClientXMPP):
    def __init__(self, user, ca_file):
        super().__init__(f"{user}@{HOST}/slixmpp", PASSWORD)
        self.ca_certs = str(ca_file)
        self.register_plugin("xep_0065", {"auto_accept": True})
        self.started = asyncio.get_event_loop().create_future()
        self.came = asyncio.get_event_loop().create_future()
        self.data = bytearray()
        self.add_event_handler("session_start", lambda _: self.started.set_result(True))
        self.add_event_handler("socks5_data", lambda args: self.take(args[1] if isinstance(args, tuple) else args))

    def take(self, data):
        self.data += data
        if len(self.data) >= SIZE and not self.came.done():
            self.came.set_result(True)


async def transfer(server):
    romeo, juliet = Client("benvolio", server.ca_file), Client("juliet", server.ca_file)
    for client in (romeo, juliet):
        client.connect(("127.0.0.1", server.port))
        await asyncio.wait_for(client.started, PATIENCE)
        client.send_presence()
    proxy = romeo.plugin["xep_0065"]
    found = await proxy.discover_proxies(jid=HOST, timeout=PATIENCE)
    if slixmpp.JID(f"proxy.{HOST}") not in found:
        raise Failure(f"the proxies are {found}")
    stream = await asyncio.wait_for(proxy.handshake(juliet.boundjid.full, timeout=PATIENCE), PATIENCE)
    data = os.urandom(SIZE)
    await stream.write(data) if asyncio.iscoroutinefunction(stream.write) else stream.write(data)
    await asyncio.wait_for(juliet.came, PATIENCE)
    if bytes(juliet.data) != data:
        raise Failure("what came is not what was sent")
    print(f"  slixmpp sends slixmpp {SIZE >> 20} MiB")
    for client in (romeo, juliet):
        await asyncio.wait_for(client.disconnect(), PATIENCE)


def main():
    servers.skip_others()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="recado-bytestreams-"))
    server = Recado(directory, os.environ["RECADO_INTEROP_SERVER_BUILD"])
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    def play():
        refusals(server)
        loop.run_until_complete(asyncio.wait_for(transfer(server), 3 * PATIENCE))
    return servers.run_alone(
        server, {user: PASSWORD for user in ("romeo", "juliet", "mercutio", "benvolio")}, play,
        (Failure, RuntimeError, OSError, streams.Ended, asyncio.TimeoutError, slixmpp.exceptions.XMPPError))


sys.exit(main())
