#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""test_recadoctl.py RECADOD RECADOCTL - a server in a directory of its own, and all that recadoctl
may ask of it; then the manuals and completions that come from the same tables."""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

SERVER, CTL = (os.path.abspath(path) for path in sys.argv[1:3])
ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "bench"))
from ports import free_ports  # noqa: E402

WAIT_S = 30
LONG_S = 180  # for hundreds of passwords, in a slow build on a busy machine


class Skip(Exception):
    pass


class Place:
    """A directory with a configuration, and the server that runs there."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="recado-test-"))
        self.port, = free_ports(1)
        self.config = self.directory / "recado.conf"
        self.server = None
        self.write()

    def write(self, extra="", hosts='host = "localhost";', listener=""):
        self.config.write_text(f"""{hosts}
data_directory = "data"; run_directory = "run"; certificate_directory = "certificates";
workers = 2; sasl = {{ scram_iterations = 4096; }};
listeners = ( {{ port = {self.port}; address = "127.0.0.1"; }}{listener} );
{extra}
""")

    def start(self):
        log = open(self.directory / "log", "ab")
        self.server = subprocess.Popen([SERVER, "-c", self.config], stderr=log, stdout=log)
        log.close()
        deadline = time.monotonic() + WAIT_S
        while self.ctl("status").returncode != 0:
            assert self.server.poll() is None, (self.directory / "log").read_text()
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.05)

    def ctl(self, *args, stdin=""):
        return subprocess.run([CTL, "--config", self.config, *args], input=stdin,
                              capture_output=True, text=True, timeout=LONG_S, check=False)

    def lines(self, *args):
        got = self.ctl(*args)
        assert got.returncode == 0, got
        return got.stdout.splitlines()

    def json(self, *args):
        return [json.loads(line) for line in self.lines("--json", *args)]

    def close(self):
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            try:
                self.server.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        shutil.rmtree(self.directory)


class Client:
    """XEP-0078 on plain TCP: the shortest way to a session."""

    def __init__(self, port, user, password, resource="Work"):
        self.sock = socket.create_connection(("127.0.0.1", port), WAIT_S)
        self.sock.sendall(
            b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='localhost' "
            b"xmlns:stream='http://etherx.jabber.org/streams'>")
        self.heard = b""
        self.hear(b"<stream:stream")
        self.sock.sendall(
            f"<iq type='set' id='auth'><query xmlns='jabber:iq:auth'><username>{user}</username>"
            f"<password>{password}</password><resource>{resource}</resource></query></iq>".encode())
        self.hear(b"</iq>", b"/>")
        self.is_in = b"type='result'" in self.heard or b'type="result"' in self.heard

    def hear(self, *ends):
        while not any(end in self.heard for end in ends):
            got = self.sock.recv(65536)
            if not got:
                break
            self.heard += got

    def rest(self):
        try:
            self.hear(b"</stream:stream>")
        except ConnectionResetError:
            pass
        self.sock.close()
        return self.heard.decode()


def eq(got, want):
    assert got == want, f"{got!r} is not {want!r}"


def has(text, part):
    assert part in text, f"{part!r} is not in {text!r}"


# Without a server.

def test_nobody_answers(place):
    got = place.ctl("status")
    eq(got.returncode, 3)
    has(got.stderr, "is the server running?")


def test_command_lines_that_make_no_sense(place):
    for args, part in [
            ([], ""), (["nothing"], 'unknown command "nothing"'),
            (["account"], 'unknown command "account"'), (["account", "add"], "usage:"),
            # A password has no place on the command line.
            (["account", "add", "a@localhost", "secret"], "usage:"),
            (["account", "add", "a@localhost", "--password=x"], "unknown flag --password=x"),
            (["status", "--yes"], "unknown flag --yes"), (["status", "--json=1"], "takes no value"),
            (["session", "kick", "a@localhost", "--reason"], "--reason needs TEXT"),
            (["account", "delete", b"\xff@localhost"], "argument 5 is not valid UTF-8"),
            (["completion", "tcsh"], "bash, zsh and fish"), (["help", "nothing"], "no command")]:
        got = place.ctl(*args)
        eq((args, got.returncode), (args, 2))
        has(got.stderr, part)


def test_help(place):
    text = place.ctl("help").stdout
    for words in ["account import FILE", "session kick ADDRESS...", "--json"]:
        has(text, words)
    for args in (["help", "account", "import"], ["account", "import", "--help"],
                 ["--help", "account", "import", "x"]):
        got = place.ctl(*args)
        eq(got.returncode, 0)
        has(got.stdout, "--update")
    eq(place.ctl("help", "account").stdout.count("usage:"), 7)


# With a server.

def test_accounts(place):
    eq(place.lines("account", "list"), [])
    got = place.ctl("account", "add", "Romeo@Localhost", "--password-stdin", stdin="mont ague\n")
    eq((got.returncode, got.stdout, got.stderr), (0, "added Romeo@Localhost\n", ""))
    got = place.ctl("account", "add", "romeo@localhost", "--generate")
    eq((got.returncode, got.stderr), (1, "recadoctl: romeo@localhost exists already\n"))
    assert re.fullmatch("[a-z2-9]{20}\n", place.ctl("account", "add", "juliet@localhost",
                                                    "--generate").stdout)
    got = place.json("account", "add", "nurse@localhost", "--generate")[0]
    eq((got["account"], len(got["password"])), ("nurse@localhost", 20))
    assert Client(place.port, "nurse", got["password"]).is_in
    assert not Client(place.port, "nurse", got["password"] + "x").is_in
    eq(place.lines("account", "list"),
       ["juliet@localhost", "nurse@localhost", "romeo@localhost"])
    eq(place.json("account", "list", "localhost")[0], {"account": "juliet@localhost"})
    eq(place.lines("account", "list", "elsewhere"), [])
    eq(place.lines("account", "delete", "nurse@localhost"), ["deleted nurse@localhost"])
    got = place.ctl("account", "delete", "nurse@localhost", "juliet@localhost")
    eq((got.returncode, got.stdout), (1, "deleted juliet@localhost\n"))
    eq(got.stderr, "recadoctl: there is no account nurse@localhost\n")
    eq(place.lines("account", "list"), ["romeo@localhost"])


def test_accounts_that_cannot_be(place):
    for account, password, part in [
            ("localhost", "x\n", "not an account's address"),
            ("a@localhost/x", "x\n", "not an account's address"),
            ("a b@localhost", "x\n", "is no address"),
            ("a@elsewhere", "x\n", "not among the hosts"),
            ("b@localhost", "", "the password is empty"),
            ("b@localhost", "\n", "the password is empty"),
            ("b@localhost", "x" * 1025, "more than 1023 bytes"),
            ("b@localhost", "\x07\n", "the password cannot be used")]:
        got = place.ctl("account", "add", account, "--password-stdin", stdin=password)
        eq((account, password[:9], got.returncode), (account, password[:9], 1))
        has(got.stderr, part)
    eq(place.ctl("account", "password", "b@localhost", "--generate").returncode, 1)
    got = place.ctl("--json", "account", "password", "b@localhost", "--generate")
    eq((got.returncode, got.stderr), (1, ""))
    eq(json.loads(got.stdout)["error"]["condition"], "item-not-found")


def at_terminal(place, typed, *args):
    """What a person at a terminal sees, and the exit code."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(CTL, [CTL, "--config", str(place.config), *args])
    seen = b""
    for prompt, answer in typed:
        while prompt not in seen:
            seen += os.read(fd, 1024)
        time.sleep(0.05)  # the prompt comes before the echo is off
        os.write(fd, answer)
    try:
        while True:
            got = os.read(fd, 1024)
            if not got:
                break
            seen += got
    except OSError:
        pass  # how Linux ends a terminal
    os.close(fd)
    return seen, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_passwords_from_the_terminal(place):
    typed = [(b"Password for t@localhost: ", b"s3cret\n"), (b"Once more: ", b"s3cret\n")]
    seen, code = at_terminal(place, typed, "account", "add", "t@localhost")
    eq(code, 0)
    assert b"s3cret" not in seen, seen
    assert Client(place.port, "t", "s3cret").is_in
    typed[1] = (b"Once more: ", b"other\n")
    seen, code = at_terminal(place, typed, "account", "password", "t@localhost")
    eq(code, 1)
    has(seen.decode(), "the two are not the same")
    seen, code = at_terminal(place, [(b"Password for t@localhost: ", b"\x03")],
                             "account", "password", "t@localhost")
    eq(code, -signal.SIGINT)
    seen, code = at_terminal(place, [(b"[y/N] ", b"n\n")], "account", "delete", "t@localhost")
    eq(code, 1)
    seen, code = at_terminal(place, [(b"[y/N] ", b"y\n")], "account", "delete", "t@localhost")
    eq((code, b"deleted t@localhost" in seen), (0, True))


def test_import(place):
    text = ("a@localhost\tpw one\r\n" 'b@localhost,"p,""w"\n'
            '{"account": "c@localhost", "password": "x"}\n'
            "no password\n" "\n" "romeo@localhost,new\n" "@x,y\n" "d@elsewhere,y\n"
            "e@localhost," + "x" * 9000 + "\n" "f@localhost,no end of line")
    got = place.ctl("account", "import", "-", stdin=text)
    eq((got.returncode, got.stdout), (1, "4 imported, 5 failed\n"))
    faults = sorted(got.stderr.splitlines(), key=lambda line: int(line.split(":")[1]))
    eq([line.split(":")[1] for line in faults], ["4", "6", "7", "8", "9"])
    eq(faults[1], "-:6: romeo@localhost exists already")
    eq(faults[4], "-:9: the line has more than 8191 bytes")
    for user, password in [("a", "pw one"), ("b", 'p,"w'), ("f", "no end of line")]:
        assert Client(place.port, user, password).is_in, user
    got = place.ctl("account", "import", "--update", "--json", "-", stdin="a@localhost,new\n")
    eq((got.returncode, json.loads(got.stdout)), (0, {"imported": 1, "failed": 0}))
    assert Client(place.port, "a", "new").is_in
    eq(place.ctl("account", "import", "/nowhere").returncode, 1)


def scram_keys(password, count):
    """As another server would keep them (RFC 5802 §3)."""
    fields = ["v1"]
    for name, algorithm in [("SHA-1", "sha1"), ("SHA-256", "sha256")]:
        salted = hashlib.pbkdf2_hmac(algorithm, password.encode(), b"pepper", count)
        client = hmac.digest(salted, b"Client Key", algorithm)
        fields.append(":".join([name, str(count)] + [base64.b64encode(part).decode() for part in (
            b"pepper", hashlib.new(algorithm, client).digest(),
            hmac.digest(salted, b"Server Key", algorithm))]))
    return ";".join(fields)


def test_import_of_keys(place):
    lines = [{"account": "k@localhost", "credentials": scram_keys("from elsewhere", 4096)},
             {"account": "bad@localhost", "credentials": "v1;SHA-1:4096:x:y:z"},
             {"account": "nobody@localhost", "credentials": "v1"}]
    got = place.ctl("account", "import", "-", stdin="\n".join(map(json.dumps, lines)))
    eq((got.returncode, got.stdout), (1, "2 imported, 1 failed\n"))
    has(got.stderr, "-:2: the credentials are not in the form")
    assert Client(place.port, "k", "from elsewhere").is_in
    assert not Client(place.port, "k", "other").is_in
    assert not Client(place.port, "nobody", "").is_in


def test_long_lists_come_whole(place):
    count = 520  # more than a page
    path = place.directory / "accounts"
    path.write_text("".join(f"u{i:04}@localhost\tx\n" for i in range(count)))
    eq(place.lines("account", "import", str(path)), [f"{count} imported, 0 failed"])
    got = [line for line in place.lines("account", "list") if line.startswith("u")]
    eq(got, [f"u{i:04}@localhost" for i in range(count)])


def test_sessions(place):
    place.ctl("account", "add", "s@localhost", "--password-stdin", stdin="x")
    one, two = Client(place.port, "s", "x", "One"), Client(place.port, "s", "x", "Two")
    got = [row for row in place.json("session", "list") if row["jid"].startswith("s@")]
    eq([row["jid"] for row in got], ["s@localhost/One", "s@localhost/Two"])
    eq((got[0]["address"], got[0]["tls"], got[0]["available"]), ("127.0.0.1", None, False))
    eq(len(place.lines("session", "list", "s@localhost")), 2)
    eq(len(place.lines("session", "list", "nobody@localhost")), 0)
    eq(place.lines("session", "kick", "s@localhost/One", "--reason", "good <night>"),
       ["s@localhost/One: ended 1"])
    text = one.rest()
    has(text, "policy-violation")
    has(text, "good &lt;night")
    eq(place.ctl("session", "kick", "s@localhost/One").returncode, 1)
    eq(place.ctl("session", "kick", "s@localhost", "--reason", "\x1b").returncode, 1)
    eq(len(place.lines("session", "list", "s@localhost/Two")), 1)
    eq(place.lines("session", "kick", "s@localhost"), ["s@localhost: ended 1"])
    has(two.rest(), "policy-violation")


def test_devices(place):
    place.ctl("account", "add", "d@localhost", "--password-stdin", stdin="x")
    eq(place.lines("device", "list", "d@localhost"), [])
    eq(place.json("device", "list", "d@localhost"), [])
    for words in (["list", "no-one@localhost"], ["list", "localhost"], ["list", "d@localhost/x"],
                  ["revoke", "d@localhost", "0123456789abcdef"], ["revoke", "d@localhost", ""]):
        got = place.ctl("device", *words)
        eq((words, got.returncode), (words, 1))


def test_nodes(place):
    place.ctl("account", "add", "n@localhost", "--password-stdin", stdin="x")
    eq(place.lines("pubsub", "list", "n@localhost"), [])
    eq(place.lines("pubsub", "list", "pubsub.localhost"), [])
    for words in (["list", "no-one@localhost"], ["list", "localhost"], ["list", "rooms.localhost"],
                  ["list", "n@localhost/x"], ["list", "n@elsewhere"], ["list", "@"],
                  ["delete", "n@localhost", "none"], ["delete", "pubsub.localhost", "none"]):
        got = place.ctl("pubsub", *words)
        eq((words, got.returncode), (words, 1))


def test_sec40_new_password_and_removal_end_sessions(place):
    place.ctl("account", "add", "v@localhost", "--password-stdin", stdin="old")
    client = Client(place.port, "v", "old")
    place.ctl("account", "password", "v@localhost", "--password-stdin", stdin="new")
    has(client.rest(), "not-authorized")
    assert not Client(place.port, "v", "old").is_in
    client = Client(place.port, "v", "new")
    place.ctl("account", "delete", "v@localhost")
    has(client.rest(), "not-authorized")
    assert not Client(place.port, "v", "new").is_in
    place.ctl("account", "add", "v@localhost", "--password-stdin", stdin="again")
    assert Client(place.port, "v", "again").is_in


def test_status_and_log_level(place):
    got = place.json("status")[0]
    eq((got["pid"], len(got["workers"]), got["hosts"]), (place.server.pid, 2, ["localhost"]))
    assert sum(worker["logins"] for worker in got["workers"]) > 0
    has(place.ctl("status").stdout, f"process {place.server.pid}, up ")
    eq(place.lines("log-level"), ["info"])
    eq(place.lines("log-level", "debug"), ["debug"])
    eq(place.ctl("log-level", "loud").returncode, 1)
    eq(place.lines("log-level"), ["debug"])


def test_r15_reload_is_all_or_nothing(place):
    client = Client(place.port, "romeo", "mont ague", "Stays")
    for extra, faults in [("foo = 1;\nworkers_ = 3;", [":5: ", ":6: "]), ("user = ;", [":5: "])]:
        place.write(extra)
        got = place.ctl("reload", "--socket", str(place.directory / "run/control.sock"))
        eq(got.returncode, 1)
        has(got.stderr, "nothing was changed")
        for fault in faults:
            has(got.stderr, "recado.conf" + fault)
        assert Client(place.port, "romeo", "mont ague").is_in
    place.write("foo = 1;")
    eq(place.ctl("reload").returncode, 1)  # the socket is found in the broken file
    place.write('workers_ = 1;', hosts="")
    place.write("shutdown_timeout = \"1s\"; user = \"nobody\";")
    eq(place.lines("reload"), ["reloaded; at the next start only: user"])
    eq(place.lines("log-level"), ["info"])
    place.write()
    eq(place.ctl("reload").returncode, 0)
    eq(place.lines("reload"), ["reloaded"])
    client.sock.sendall(b"<presence/>")
    eq(len(place.lines("session", "list", "romeo@localhost/Stays")), 1)


def test_check_with_a_server(place):
    got = place.json("check")
    eq(got[-1]["errors"], 0)
    has([row["text"] for row in got if row.get("topic") == "port"], f"{place.port} is served")
    place.write("foo = 1;")
    got = place.ctl("check")
    eq(got.returncode, 1)
    has(got.stdout, "unknown key foo")
    place.write()


def test_stop(place):
    client = Client(place.port, "romeo", "mont ague")
    eq(place.lines("stop"), ["stopping"])
    has(client.rest(), "system-shutdown")
    eq(place.server.wait(WAIT_S), 0)
    assert not (place.directory / "run/control.sock").exists()
    eq(place.ctl("status").returncode, 3)


# Without a server again.

def findings(place, *args):
    got = place.ctl("--json", "check", "--no-dns", *args)
    rows = [json.loads(line) for line in got.stdout.splitlines()]
    eq(got.returncode, 1 if rows[-1]["errors"] else 0)
    return [f"{row['level']} {row['topic']}: {row['text']}" for row in rows[:-1]]


def make_certificate(place, name, *options, at="now"):
    directory = place.directory / "certificates"
    directory.mkdir(exist_ok=True)
    subprocess.run(["faketime", at, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x", "-keyout",
                    directory / "localhost.key", "-out", directory / "localhost.crt",
                    "-addext", f"subjectAltName=DNS:{name}", *options],
                   check=True, capture_output=True)
    return directory


def test_check_certificates(place):
    # What the server made for itself.
    has(str(findings(place)), "warning certificate: localhost: there is none")
    make_certificate(place, "localhost", "-days", "90")
    got = str(findings(place))
    has(got, "warning certificate: localhost: signed by itself")
    has(got, "ok certificate: localhost: valid until ")
    make_certificate(place, "localhost", "-days", "3")
    has(str(findings(place)), "warning certificate: localhost: expires on ")
    make_certificate(place, "localhost", "-days", "3", at="10 days ago")
    has(str(findings(place)), "error certificate: localhost: expired on ")
    make_certificate(place, "localhost", "-days", "90", at="10 days")
    has(str(findings(place)), "error certificate: localhost: not valid before ")
    make_certificate(place, "example.com", "-days", "90")
    has(str(findings(place)), "error certificate: localhost: the certificate is not for this name")
    directory = make_certificate(place, "localhost", "-days", "90")
    (directory / "localhost.key").chmod(0o644)
    has(str(findings(place)), "warning certificate: localhost: everybody on this machine can read")
    other = (directory / "localhost.key").read_bytes()
    make_certificate(place, "localhost", "-days", "90")
    (directory / "localhost.key").write_bytes(other)
    has(str(findings(place)), "error certificate: localhost: ")
    (directory / "localhost.crt").write_text("nothing")
    has(str(findings(place)), "error certificate: localhost: ")
    shutil.rmtree(directory)


def test_check_ports_files_and_users(place):
    has(findings(place), f"ok port: {place.port} is free")
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", place.port))
        sock.listen()
        has(str(findings(place)), f"error port: {place.port} is taken by another program")
    data = place.directory / "data"
    has(str(findings(place)), "ok format: this version can read the data")
    data.chmod(0o755)
    has(str(findings(place)), "warning data: everybody on this machine can look into ")
    data.chmod(0o700)
    place.write('user = "no-such-user"; group = "no-such-group"; control_group = "no-such-group2";')
    got = str(findings(place))
    for text in ["there is no user no-such-user", "there is no group no-such-group'",
                 "there is no group no-such-group2"]:
        has(got, text)
    place.write()
    database = data / "recado.db"
    saved = database.read_bytes()
    database.write_bytes(saved[:60] + struct.pack(">I", 999) + saved[64:])
    has(str(findings(place)), "error format: the data are in format 999, written by a newer Recado")
    database.write_bytes(b"not a database at all" * 100)
    has(str(findings(place)), "error format: ")
    database.write_bytes(saved)


class NameServer(threading.Thread):
    """Answers from a table: (name, type) to a list of rdata; other names do not exist."""

    def __init__(self, table, silent=False):
        super().__init__(daemon=True)
        self.table, self.silent = table, silent
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.sock.getsockname()[1]}"
        self.start()

    def run(self):
        while True:
            query, peer = self.sock.recvfrom(4096)
            if self.silent:
                continue
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            kind = struct.unpack(">H", query[at + 1:at + 3])[0]
            found = self.table.get((".".join(labels), kind), [])
            is_known = any(name == ".".join(labels) for name, _ in self.table)
            answer = query[:2] + struct.pack(">HHHHH", 0x8180 | (0 if is_known else 3), 1,
                                             len(found), 0, 0) + query[12:at + 5]
            for data in found:
                answer += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
            self.sock.sendto(answer, peer)


def srv(port, target):
    name = b"".join(bytes([len(label)]) + label.encode() for label in target.split(".")) + b"\0"
    return struct.pack(">HHH", 0, 5, port) + name


def dns_findings(place, table, silent=False):
    server = NameServer(table, silent)
    got = place.ctl("check", "--json", "--nameserver", server.address)
    rows = [json.loads(line) for line in got.stdout.splitlines()]
    return [f"{row['level']}: {row['text']}" for row in rows if row.get("topic") == "dns"]


def test_check_dns(place):
    place.write(hosts='hosts = ("im.münchen.de", "localhost");')
    host = "im.xn--mnchen-3ya.de"
    record = f"_xmpp-client._tcp.{host}. 3600 IN SRV 0 5 {place.port} {host}."
    address = {(host, 1): [b"\x7f\0\0\1"]}
    service = f"_xmpp-client._tcp.{host}"
    eq(dns_findings(place, {}),
       [f"warning: {host} has no address; publish an A or AAAA record for it, or for what the SRV "
        "records name", f"warning: publish: {record}",
        "ok: localhost is a local name, which needs no records"])
    eq(dns_findings(place, address | {(service, 33): [srv(place.port, host)]})[:2],
       [f"ok: {host} has an address", f"ok: {service} leads to {host}, port {place.port}"])
    eq(dns_findings(place, address | {(service, 33): [srv(1, host)]})[1],
       f"warning: the records of {service} lead to other ports; there should be: {record}")
    has(dns_findings(place, {(service, 33): [srv(place.port, "gone.example.com")]}),
        "error: gone.example.com has no address; publish an A or AAAA record")
    has(dns_findings(place, address | {(f"_xmpp-server._tcp.{host}", 33): [srv(5269, host)]}),
        f"warning: _xmpp-server._tcp.{host} leads to {host}, port 5269; no listener here is "
        "for other servers")
    eq(dns_findings(place, address | {(service, 33): [b"\0"]})[1], f"warning: publish: {record}")
    place.write(hosts='hosts = ("im.münchen.de");',
                listener=', { type = "s2s"; address = "127.0.0.1"; port = 5269; }')
    found = dns_findings(place, address | {(f"_xmpp-server._tcp.{host}", 33): [srv(5269, host)],
                                           (f"rooms.{host}", 1): [b"\x7f\0\0\1"]})
    has(found, f"ok: _xmpp-server._tcp.{host} leads to {host}, port 5269")
    has(found, f"ok: other servers find rooms.{host}")
    found = dns_findings(place, address)
    has(found, f"warning: publish: _xmpp-server._tcp.{host}. 3600 IN SRV 0 5 5269 {host}.")
    has(found, f"warning: other servers do not find rooms.{host}; publish an A or AAAA record")
    place.write(hosts='hosts = ("im.münchen.de", "localhost");')
    eq(dns_findings(place, {}, silent=True)[1],
       f"warning: could not look up {service}; there should be: {record}")
    place.write()


def test_config_manual_is_current(_place):
    got = subprocess.run([SERVER, "--config-manual", "markdown"], capture_output=True, text=True,
                         check=True)
    assert got.stdout == (ROOT / "doc/config.md").read_text(), \
        "doc/config.md is old: recadod --config-manual markdown > doc/config.md"


def test_man_pages(_place):
    if shutil.which("mandoc") is None:
        raise Skip("mandoc is not there")
    generated = subprocess.run([SERVER, "--config-manual", "mdoc"], capture_output=True, check=True)
    pages = [(path.name, path.read_bytes()) for path in (ROOT / "doc/man").glob("*.[1-9]")]
    for name, page in pages + [("recado.conf.5", generated.stdout)]:
        got = subprocess.run(["mandoc", "-Tlint", "-Wstyle"], input=page, capture_output=True,
                             check=False)
        faults = [line for line in got.stdout.decode().splitlines()
                  if "referenced manual not found" not in line]
        eq((name, faults), (name, []))


def test_man_page_has_every_command(place):
    page = (ROOT / "doc/man/recadoctl.8").read_text().replace("\\-", "-")
    for line in place.ctl("help").stdout.splitlines():
        match = re.match(r"  ((?:[a-z-]+ ?)+)", line)
        if match and not line.startswith("  --"):
            has(page, ".It Cm " + match[1].strip())
    for flag in set(re.findall(r"--([a-z-]+)", place.ctl("help", "").stdout)):
        has(page, "Fl -" + flag)


def complete_bash(place, *words):
    script = place.ctl("completion", "bash").stdout
    line = " ".join(f"'{word}'" for word in words)
    got = subprocess.run(["bash", "-c", script + f"\nCOMP_WORDS=(recadoctl {line})\n"
                          "COMP_CWORD=$((${#COMP_WORDS[@]}-1))\n_recadoctl\n"
                          'printf "%s\\n" "${COMPREPLY[@]}"'],
                         capture_output=True, text=True, check=True, cwd=place.directory)
    eq(got.stderr, "")
    return got.stdout.split()


def test_completion_bash(place):
    eq(complete_bash(place, "acc"), ["account"])
    has(complete_bash(place, ""), "session")
    eq(complete_bash(place, "account", ""), ["add", "delete", "list", "password", "import", "disable",
                                              "enable"])
    eq(complete_bash(place, "--json", "--socket", "x", "account", "i"), ["import"])
    has(complete_bash(place, "account", "import", "--"), "--update")
    has(complete_bash(place, "account", "import", ""), "recado.conf")
    eq(complete_bash(place, "log-level", "w"), ["warning"])
    eq(complete_bash(place, "--config", "rec"), ["recado.conf"])
    eq(complete_bash(place, "completion", ""), ["bash", "zsh", "fish"])


def test_completion_zsh(place):
    if shutil.which("zsh") is None:
        raise Skip("zsh is not there")
    script = place.directory / "_recadoctl"
    script.write_text(place.ctl("completion", "zsh").stdout)
    subprocess.run(["zsh", "-n", script], check=True)
    # The builtin that completion ends in, replaced by one that prints.
    for words, want in [(["acc"], "account device session"), (["account", ""], "add delete list"),
                        (["account", "import", "--"], "--update --socket")]:
        line = " ".join(f"'{word}'" for word in words)
        got = subprocess.run(["zsh", "-fc", f"compadd() {{ shift; print -r -- $* }}; _files() {{ }};"
                              f"words=(recadoctl {line}); CURRENT=$#words; source {script}"],
                             capture_output=True, text=True, check=True)
        has(got.stdout, want)


def test_completion_fish(place):
    if shutil.which("fish") is None:
        raise Skip("fish is not there")
    script = place.directory / "recadoctl.fish"
    script.write_text(place.ctl("completion", "fish").stdout)
    for line, want in [("recadoctl acc", "account"), ("recadoctl account im", "import"),
                       ("recadoctl --json account import --up", "--update"),
                       ("recadoctl completion z", "zsh"), ("recadoctl --soc", "--socket"),
                       ("recadoctl account import recado.c", "recado.conf")]:
        got = subprocess.run(["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"],
                             capture_output=True, text=True, check=True, cwd=place.directory,
                             env=os.environ | {"HOME": str(place.directory)})
        eq(got.stderr, "")
        has([row.split("\t")[0] for row in got.stdout.splitlines()], want)


BEFORE = [test_nobody_answers, test_command_lines_that_make_no_sense, test_help]
RUNNING = [test_accounts, test_accounts_that_cannot_be, test_passwords_from_the_terminal, test_import,
           test_import_of_keys, test_long_lists_come_whole, test_sessions, test_devices,
           test_nodes,
           test_sec40_new_password_and_removal_end_sessions, test_status_and_log_level,
           test_r15_reload_is_all_or_nothing, test_check_with_a_server, test_stop]
AFTER = [test_check_certificates, test_check_ports_files_and_users,
         test_check_dns, test_config_manual_is_current, test_man_pages,
         test_man_page_has_every_command, test_completion_bash, test_completion_zsh,
         test_completion_fish]


def run_all():
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    place = Place()
    try:
        for test in BEFORE + [Place.start] + RUNNING + AFTER:
            try:
                test(place)
                counts["passed"] += test is not Place.start
            except Skip as why:
                print(f"SKIP {test.__name__}: {why}")
                counts["skipped"] += 1
            except Exception:  # one failure does not hide the others
                print(f"FAIL {test.__name__}")
                traceback.print_exc(file=sys.stdout)
                counts["failed"] += 1
        log = (place.directory / "log").read_text() if counts["failed"] else ""
        if "Sanitizer" in log or "runtime error" in log:
            print(log)
    finally:
        place.close()
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return counts["failed"]


sys.exit(1 if run_all() else 0)
