# SPDX-License-Identifier: MIT
"""hostile_dns.py - a name server that answers what no name server should (SEC-44). Whatever it says, the
operator who asks for a domain is told in time what is wrong with it, and the server goes on.
"""

import collections
import json
import socket
import struct
import threading
import time

import servers
from client import Client, condition
from hostile import Authority
from world import DOMAINS

PROGRAM = "unbound"  # of the world; what is asked is ours
A, CNAME, AAAA, SRV = 1, 5, 28, 33
NXDOMAIN = 3


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def srv(target, port=5269, priority=0, weight=0):
    return struct.pack(">HHH", priority, weight, port) + name(target)


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def records(kind, *data):
    return [(kind, item) for item in data]


# Domain: what is said of each kind of question; a function gets the name that was asked for.
def loop(asked, kind):
    return records(CNAME, name("other." + asked if not asked.startswith("other.") else asked[6:]))


def chain(asked, kind):
    """A name that leads to another one, for ever."""
    return records(CNAME, name(f"n{time.monotonic_ns()}.chain.example"))


def many(asked, kind):
    """Thousands of servers."""
    if kind == SRV:
        return records(SRV, *(srv(f"t{i}.many.example") for i in range(2000)))
    return records(A, packed("10.77.0.250")) if kind == A else []


def wide(asked, kind):
    """A server of thousands of addresses."""
    if kind == SRV:
        return records(SRV, srv("t.wide.example"))
    if kind == A:
        return records(A, *(bytes([10, 78, i // 200, 1 + i % 200]) for i in range(2000)))
    return []


def private(address):
    def answer(asked, kind):
        if kind == SRV:
            return records(SRV, srv("t." + asked.split("._tcp.")[-1]))
        if kind == (AAAA if ":" in address else A):
            return records(kind, packed(address))
        return []
    return answer


def us(asked, kind):
    """The way to it leads to ourselves."""
    if kind == SRV:
        return records(SRV, srv("t.us.example", 5270 if "xmpps" in asked else 5269))
    return records(A, packed(DOMAINS["recado.example"])) if kind == A else []


def crooked(asked, kind):
    """Data that are none of their kind."""
    if kind == SRV:
        return records(SRV, b"", b"\0", b"\0\0\0\0\0\0", b"\0\0\0\0\x14\x95\xc0\x0c",
                       b"\0\0\0\0\x14\x95\x3fxx", b"\0\0\0\0\x14\x95" + b"\x3f" + b"x" * 63 + b"\x01")
    return records(kind, b"\0" * 3, b"\0" * 17)


SWALLOWED = ("fd77::1", "10.77.1.1", "10.77.1.2")


def families(asked, kind):
    """IPv6 leads nowhere."""
    return {SRV: records(SRV, srv("t.families.example")), AAAA: records(AAAA, packed(SWALLOWED[0])),
            A: records(A, packed(DOMAINS["hostile.example"]))}.get(kind, [])


def second(asked, kind):
    """The better one of two servers does not answer."""
    if kind == SRV:
        return records(SRV, srv("a.second.example", priority=1), srv("b.second.example", priority=2))
    return records(A, packed(SWALLOWED[1] if asked.startswith("a.") else
                             DOMAINS["hostile.example"])) if kind == A else []


def dead(asked, kind):
    """None of them does."""
    return {SRV: records(SRV, srv("t.dead.example")), AAAA: records(AAAA, packed(SWALLOWED[0])),
            A: records(A, *map(packed, SWALLOWED[1:]))}.get(kind, [])


ANSWERS = {
    "families.example": families, "second.example": second, "dead.example": dead,
    "loop.example": loop, "chain.example": chain, "many.example": many, "wide.example": wide,
    "us.example": us, "crooked.example": crooked,
    "loopback.example": private("127.0.0.1"), "link.example": private("169.254.169.254"),
    "lan.example": private("10.77.0.1"), "lan6.example": private("fd00::1"),
    "mapped.example": private("::ffff:10.77.0.1"), "silent.example": None, "garbage.example": b"\xff" * 40,
    "short.example": b"",
}


class NameServer:
    def __init__(self, address):
        self.asked = collections.Counter()
        self.full_names = set()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 53))
        self.tcp = socket.create_server((address, 53))
        self.is_over = False
        self.threads = [threading.Thread(target=serve, daemon=True) for serve in (self.serve_udp, self.serve_tcp)]
        for thread in self.threads:
            thread.start()

    def serve_udp(self):
        while True:
            query, peer = self.udp.recvfrom(4096)
            if self.is_over:
                return
            answer = self.answer(query)
            if answer is not None and len(answer) > 1200:
                answer = answer[:2] + struct.pack(">H", 0x8780) + answer[4:6] + b"\0" * 6 + query[12:]
            if answer is not None:
                self.udp.sendto(answer, peer)

    def serve_tcp(self):
        while True:
            try:
                sock, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_stream, args=(sock,), daemon=True).start()

    def serve_stream(self, sock):
        try:
            while len(head := sock.recv(2, socket.MSG_WAITALL)) == 2:
                answer = self.answer(sock.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL))
                if answer is not None:
                    sock.sendall(struct.pack(">H", len(answer)) + answer)
        except (OSError, IndexError):  # of somebody who hung up
            pass
        sock.close()

    def answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        asked, kind = ".".join(labels).lower(), struct.unpack(">H", query[at + 1:at + 3])[0]
        question = query[12:at + 5]
        domain = ".".join(asked.split(".")[-2:])
        self.asked[domain, kind] += 1
        self.full_names.add(asked)
        say = ANSWERS.get(domain, NXDOMAIN)
        if say is None:
            return None
        if isinstance(say, bytes):
            return query[:2] + say
        found = say(asked, kind) if callable(say) else []
        if asked.startswith("_xmpps-") and say in (families, second, dead):
            found = []  # nobody takes TLS at once
        body, count = b"", 0
        for of, data in found:
            record = b"\xc0\x0c" + struct.pack(">HHIH", of, 1, 1, len(data)) + data
            if len(question) + len(body) + len(record) > 60000:
                break
            body, count = body + record, count + 1
        flags = 0x8580 if callable(say) else 0x8580 | NXDOMAIN
        return query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + question + body

    def close(self):
        """Whoever still waits for a descriptor that is closed would read from the next that gets its number."""
        self.is_over = True
        self.udp.sendto(b"", self.udp.getsockname())
        self.tcp.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        self.udp.close()
        self.tcp.close()


class Stage:
    def __init__(self, world, build):
        options = 'dns_server = "127.0.0.53"; connect_timeout = "3s";'
        self.names = NameServer("127.0.0.53")
        self.authority = Authority(world)
        world.swallow(*SWALLOWED)
        self.ours = servers.Recado(world, build, s2s=options, requires_certificate=False)
        self.strict = servers.Recado(world, build, domain="recado2.example", s2s=options,
                                     private_addresses=False)
        self.logs = [self.ours, self.strict]

    def start(self):
        self.ours.start()
        self.strict.start()
        self.anna = Client(self.ours, "anna")
        self.anna.presence()

    def told(self, domain, why, server=None, seconds=15):
        """What the operator hears of DOMAIN, in time."""
        began = time.monotonic()
        done = (server or self.ours).control("check", domain)
        assert time.monotonic() - began < seconds, "that took too long"
        assert done.returncode == 1, done
        assert why in done.stdout, done

    def close(self):
        self.names.close()
        self.authority.end()


def loops(stage):
    """Names that lead to each other, or on and on."""
    for domain in ("loop.example", "chain.example"):
        stage.told(domain, "cannot look up")
    assert stage.names.asked["chain.example", SRV] + stage.names.asked["chain.example", A] < 200


def huge_sets(stage):
    """No more of them are looked at than the best ones, and no more called."""
    stage.told("many.example", "answer")
    assert stage.names.asked["many.example", SRV] > 0
    assert stage.names.asked["many.example", A] <= 8, stage.names.asked
    stage.told("wide.example", "answer")


def private_addresses(stage):
    """Nobody out there may lead us to what is behind our firewall."""
    for domain in ("loopback.example", "link.example", "lan.example", "lan6.example",
                   "mapped.example"):
        stage.told(domain, "private", server=stage.strict)


def ourselves(stage):
    """We call ourselves, once, and say that we are not that domain."""
    stage.told("us.example", "host-unknown")
    time.sleep(1)
    rows = [json.loads(line) for line in
            stage.ours.control("s2s", "list", "us.example", "--json").stdout.splitlines()]
    assert len(rows) == 1 and rows[0]["state"] == "failed", rows


def no_sense(stage):
    """Data that are none, and answers that are none."""
    stage.told("crooked.example", "cannot look up")
    stage.told("garbage.example", "cannot look up")
    for domain in ("short.example", "silent.example"):
        stage.told(domain, "do not answer", seconds=5)


def eyeballs(stage):
    """RFC 8305: a family or a server that says nothing costs a moment, not the time for all."""
    for domain in ("families.example", "second.example"):
        began = time.monotonic()
        done = stage.ours.control("check", domain)
        assert done.returncode == 0 and DOMAINS["hostile.example"] in done.stdout, done
        assert time.monotonic() - began < 2, "that took too long"
    stage.told("dead.example", "answer")


def many_domains(stage):
    """SEC-26: one account makes the server look for as many new domains as it may, and no more; the
    rest comes back at once, and others do not notice."""
    bert = Client(stage.ours, "bert")
    began = stage.ours.memory()
    count, allowed = 5000, 100
    bert.send("".join(f"<message to='x@d{i}.silent.example' id='n{i}'><body>hello</body></message>"
                      for i in range(count)))
    refused = 0
    end = time.monotonic() + 60
    while refused < count - allowed and time.monotonic() < end:
        began_ping = time.monotonic()
        stage.anna.ask("get", "<ping xmlns='urn:xmpp:ping'/>", stage.ours.domain)
        assert time.monotonic() - began_ping < 2
        refused += sum(condition(e) == "resource-constraint" for e in bert.pending(0.2)
                       if e.get("type") == "error")
    assert refused == count - allowed, refused
    looked = {n for n in stage.names.full_names if n.startswith("_xmpp-server._tcp.d")}
    assert len(looked) <= allowed, len(looked)
    assert stage.ours.memory() - began < 64 << 20, (began, stage.ours.memory())
    bert.close()


def still_there(stage):
    """After all that."""
    stage.anna.message(stage.anna.bare, "still there")
    stage.anna.wait_body("still there")
    for server in stage.logs:
        assert server.control("status").returncode == 0


CASES = [loops, huge_sets, private_addresses, ourselves, no_sense, eyeballs, many_domains, still_there]
