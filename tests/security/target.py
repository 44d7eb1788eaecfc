# SPDX-License-Identifier: MIT
"""target.py - the server under attack, the attacker's tools, and the bystanders."""

import socket
import ssl
import time

import servers
import streams
import trees

HOSTS = ("localhost", "other.localhost")
PROFILES = {
    # What a server has that nobody configured, with a second host.
    "default": "",
    # Limits so small that a test reaches them.
    "small": """
limits = {
	stanza_bytes = 20000; stanza_bytes_before_auth = 10000; auth_timeout = "2s";
	unauthenticated_per_address = 40; outbound_queue_bytes = 262144; offline_messages = 100000;
	offline_bytes = "64MiB"; directed_presence = 20; roster_items = 20;
	unacknowledged_stanzas = 100; rate_bytes = 0; sessions_per_account = 5; login_failures_per_minute = 1000;
};
sessions = { silent_after = "1s"; };
modules = { ping = { timeout = "1s"; }; };
""",
}
CASES = []


class Case:
    def __init__(self, name, profile, run):
        self.name, self.profile, self.run = name, profile, run


def case(name, profile="default"):
    def add(run):
        CASES.append(Case(name, profile, run))
        return run
    return add


def check(claim, *words):
    if not claim:
        raise AssertionError(" ".join(str(word) for word in words))


class Raw:
    """A connection that sends what it is told and keeps what it gets."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.got = b""
        self.is_over = False

    def send(self, data):
        try:
            self.socket.sendall(data if isinstance(data, bytes) else data.encode())
        except OSError:
            self.is_over = True
        return self

    def read(self, until=b"</stream:stream>", timeout=10):
        """What came up to UNTIL, the end of the connection, or the time-out."""
        deadline = time.monotonic() + timeout
        while until not in self.got and not self.is_over:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except (TimeoutError, socket.timeout):
                break
            except OSError:
                data = b""
            self.is_over = not data
            self.got += data
        return self.got.decode(errors="replace")

    def take(self, until, timeout=10):
        text = self.read(until.encode(), timeout)
        check(until in text, f"{until!r} did not come:", text)
        self.got = b""
        return text

    def tls(self, context, host):
        self.socket = context.wrap_socket(self.socket, server_hostname=host)
        return self

    def close(self):
        self.socket.close()


def header(host="localhost", version=" version='1.0'", extra=""):
    return (f"<?xml version='1.0'?><stream:stream to='{host}'{version} xmlns='jabber:client' "
            f"xmlns:stream='http://etherx.jabber.org/streams'{extra}>")


class Target(servers.Recado):
    def __init__(self, directory, build, profile):
        super().__init__(directory, build)
        self.profile = profile
        self.bystanders = None
        self.number = 0

    def prepare(self, accounts):
        super().prepare(accounts)
        text = self.config.read_text().replace(
            'host = "localhost";', 'hosts = ( "localhost", "other.localhost" );')
        lines = [line for line in text.splitlines(True) if not line.startswith("sessions =")]
        self.config.write_text("".join(lines) + PROFILES[self.profile])

    def populate(self, accounts):
        users = [f"u{number}" for number in range(60)] + ["bystander-a", "bystander-b"]
        self.control("account", "import", "-", text="".join(
            f"{user}@{host}\t{streams.PASSWORD}\n" for user in users for host in HOSTS
            if host == "localhost" or user == "u0"))

    def start(self, accounts=None):
        super().start({})
        self.greet_bystanders()

    def again(self):
        """After the process has ended."""
        self.launch()
        self.greet_bystanders()

    def greet_bystanders(self):
        self.bystanders = [self.log_in("bystander-a"), self.log_in("bystander-b")]
        for stream in self.bystanders:
            stream.send("<presence/>")

    def raw(self):
        return Raw(self.port)

    def context(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def raw_tls(self, host="localhost"):
        """STARTTLS done, the second header answered."""
        raw = self.raw().send(header(host))
        raw.take("</stream:features>")
        raw.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        raw.take("proceed")
        raw.tls(self.context(), host).send(header(host))
        raw.features = raw.take("</stream:features>")
        return raw

    def log_in(self, user=None, resource="r", host="localhost"):
        """A session over TLS, bound if RESOURCE is; without USER, of one that no other case has."""
        if user is None:
            user = f"u{self.number}"
            self.number += 1
        stream = streams.Stream(user, self.port, lambda text: text)
        stream.open(host)
        stream.send(f"<starttls xmlns='{streams.NS_TLS}'/>")
        stream.next_element(streams.NS_TLS, "proceed")
        stream.socket = self.context().wrap_socket(stream.socket, server_hostname=host)
        stream.log_in(user, host)
        if resource is not None:
            stream.bind(resource)
        return stream

    def check_bystanders(self):
        """They talk as if nothing had happened."""
        one, two = self.bystanders
        mark = str(time.monotonic_ns())
        one.send(f"<message to='{two.jid}' id='{mark}'><body>{mark}</body></message>")
        while True:
            kind, node = two.next()
            check(kind == "element", "a bystander's stream ended:", kind, node)
            if node.attributes.get("id") == mark:
                return

    def log_end(self):
        return self.log.read_text(errors="replace")[-3000:]


def stream_error(raw, condition, timeout=10):
    """The stream ends with that condition, in order."""
    text = raw.read(timeout=timeout)
    check(f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'" in text,
          f"wanted <{condition}/>, got", text[-600:] or "nothing")
    check("</stream:stream>" in text, "the stream was not closed:", text[-300:])


def wants_error(stream, condition):
    """The same for a bound session."""
    while True:
        kind, node = stream.next()
        if kind == "element" and node.is_named(trees.NS_STREAM, "error"):
            names = [child.name for child in node.elements()]
            check(f"{trees.NS_STREAMS} {condition}" in names, f"wanted {condition}, got", names)
            return
        check(kind == "element", f"wanted {condition}, got", kind, node)


def answers(stream):
    """A round trip; returns what came before its answer."""
    mark = f"p{time.monotonic_ns()}"
    stream.send(f"<iq type='get' to='localhost' id='{mark}'><ping xmlns='urn:xmpp:ping'/></iq>")
    came = []
    while True:
        kind, node = stream.next()
        check(kind == "element", "the stream ended:", kind, node)
        if node.attributes.get("id") == mark:
            return came
        came.append(node)
