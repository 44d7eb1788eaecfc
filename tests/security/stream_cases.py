# SPDX-License-Identifier: MIT
"""stream_cases.py - SEC-12 to SEC-17, SEC-28 to SEC-34: headers, floods, STARTTLS, SASL."""

import base64
import re
import select
import socket
import ssl
import subprocess
import threading
import time

import streams
from target import answers, case, check, header, stream_error, wants_error

SASL = "urn:ietf:params:xml:ns:xmpp-sasl"


def memory_kib(victim):
    status = open(f"/proc/{victim.process.pid}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


@case("sec12_stream_headers")
def sec12(victim):
    stream = "http://etherx.jabber.org/streams"
    for text, condition in (
            ("<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='urn:x'>",
             "invalid-namespace"),
            (f"<stream:nothing to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='{stream}'>",
             "bad-format"),
            (header("unknown.example"), "host-unknown"),
            (header("a@localhost"), "host-unknown"),
            (header("localhost\u0660"), "host-unknown"),
            (header(version=" version='abc'"), "unsupported-version"),
            (header().replace(" to='localhost'", ""), "improper-addressing"),
            ("<?xml version='1.0' encoding='latin-1'?>", "unsupported-encoding"),
            ("no xml at all", "not-well-formed"),
            ("GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
            ("<stream:stream " + " ".join(f"a{n}='1'" for n in range(5000)), "policy-violation"),
            (header() + "<message/>", "not-authorized"),
            (header() + "<presence/>", "not-authorized"),
            (header() + "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", "not-authorized"),
            (header() + "<x xmlns='urn:x'/>", "not-authorized"),
            (header() + "<message xmlns='jabber:server'/>", "invalid-namespace")):
        stream_error(victim.raw().send(text), condition)
    # A second header is but an unknown element in the stream.
    raw = victim.raw().send(header())
    raw.take("</stream:features>")
    raw.send(header()[21:])
    raw.send("</stream:stream>")
    text = raw.read()
    check("not-authorized" in text or "policy-violation" in text or "bad-format" in text, text)


@case("sec12_sec15_deadlines", "small")
def deadlines(victim):
    """A header, a handshake, SASL that never ends: cut when auth_timeout is over, drip or not."""
    def parked():
        yield victim.raw()
        yield victim.raw().send("<?xml version='1.0'?><stream:stream ")
        yield victim.raw().send(header())
        raw = victim.raw().send(header())
        raw.take("</stream:features>")
        raw.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        raw.take("proceed")
        yield raw
        raw = victim.raw_tls()
        raw.send(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>biwsbj11MCxyPWFiYw==</auth>")
        raw.take("challenge")
        yield raw

    waiting = list(parked())
    deadline = time.monotonic() + 8
    while waiting and time.monotonic() < deadline:
        for raw in waiting:
            try:
                raw.socket.send(b" ")  # one byte at a time is no progress
            except (OSError, ssl.SSLError):
                raw.is_over = True
            raw.read(until=b"never", timeout=0.05)
        waiting = [raw for raw in waiting if not raw.is_over]
    check(not waiting, f"{len(waiting)} connections outlived the deadline")


@case("sec13_keepalive_flood")
def sec13(victim):
    stream = victim.log_in()
    for _ in range(200):
        stream.send(b" \n\t\r" * 2048)
    answers(stream)


@case("sec14_unauthenticated_connections_are_capped", "small")
def sec14(victim):
    connections = [victim.raw() for _ in range(60)]
    time.sleep(0.3)
    open_ones = 0
    for raw in connections:
        raw.send(header())
        if "features" in raw.read(b"</stream:features>", 1):
            open_ones += 1
    check(0 < open_ones <= 40, f"{open_ones} got through")
    for raw in connections:
        raw.close()
    time.sleep(0.3)
    victim.log_in().close()


@case("sec14_connect_and_abort_leaves_nothing")
def sec14_drift(victim):
    def cycles(count):
        for number in range(count):
            raw = victim.raw()
            raw.send(header()[:number % 120])
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            raw.close()
    cycles(3000)  # until the allocator, and a sanitizer, have what they keep
    time.sleep(0.5)
    before = memory_kib(victim)
    cycles(4000)
    time.sleep(0.5)
    grown = memory_kib(victim) - before
    check(grown < 4096, f"{grown} KiB stayed")


@case("sec16_a_reader_that_does_not_read", "small")
def sec16(victim):
    """Its session ends, the sender never waits, and no message is lost."""
    sender, slow = victim.log_in(), victim.log_in(resource="slow")
    slow.send("<presence/>")
    answers(slow)
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    account = slow.jid.split("/")[0]
    count, body = 3000, "m" * 3000
    for number in range(count):
        sender.send(f"<message to='{account}' type='chat' id='n{number}'><body>{body}</body></message>")
        if number % 500 == 0:
            began = time.monotonic()
            answers(sender)
            check(time.monotonic() - began < 5, "the sender had to wait")
    answers(sender)
    got = set()
    # What it had in its buffers, then, as somebody else, the rest.
    try:
        while len(got) < count:
            kind, node = slow.next(2)
            if kind != "element":
                break
            if "id" in node.attributes:
                got.add(node.attributes["id"])
    except streams.Ended:
        pass
    check(len(got) < count, "everything fitted into buffers: the test shows nothing")
    slow.drop()
    again = victim.log_in(account.split("@")[0], "again")
    again.send("<presence/>")
    while len(got) < count:
        kind, node = again.next(20)
        check(kind == "element", kind, node, len(got))
        if node.attributes.get("id", "").startswith("n"):
            got.add(node.attributes["id"])


@case("sec17_no_renegotiation")
def sec17(victim):
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{victim.tls_port}", "-tls1_2", "-alpn",
         "xmpp-client"], input=b"R\n", capture_output=True, timeout=20)
    text = (done.stdout + done.stderr).decode(errors="replace")
    check("Secure Renegotiation IS supported" in text or "no renegotiation" in text, text)
    check("no renegotiation" in text, "the renegotiation was not refused:", text[-500:])


@case("sec17_handshake_storm")
def sec17_storm(victim):
    stop = threading.Event()

    def storm():
        while not stop.is_set():
            try:
                victim.context().wrap_socket(
                    socket.create_connection(("127.0.0.1", victim.tls_port)),
                    server_hostname="localhost").close()
            except OSError:
                pass

    threads = [threading.Thread(target=storm) for _ in range(8)]
    stream = victim.log_in()
    for thread in threads:
        thread.start()
    try:
        worst = 0
        for _ in range(50):
            began = time.monotonic()
            answers(stream)
            worst = max(worst, time.monotonic() - began)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    check(worst < 2, f"a ping took {worst} s during handshakes")


@case("sec20_no_compression")
def not_offered(victim):
    raw = victim.raw_tls()
    check("compress" not in raw.features, raw.features)
    stream = victim.log_in()
    stream.send("<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>")
    wants_error(stream, "unsupported-stanza-type")


@case("sec28_starttls_injection")
def sec28(victim):
    starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
    auth = f"<auth xmlns='{SASL}' mechanism='PLAIN'>AHUwAHg=</auth>"
    for behind in (auth, " ", "\n" + auth, "<", "\x16\x03\x01"):
        raw = victim.raw().send(header())
        raw.take("</stream:features>")
        raw.send(starttls + behind)
        text = raw.read(timeout=5)
        check("proceed" not in text and "success" not in text, repr(behind), text)
    # Nor does anything of the first stream live on in the second.
    raw = victim.raw_tls()
    check("starttls" not in raw.features, raw.features)


@case("sec29_nothing_but_starttls_before_encryption")
def sec29(victim):
    plain = base64.b64encode(b"\0u0\0" + streams.PASSWORD.encode()).decode()
    raw = victim.raw().send(header())
    features = raw.take("</stream:features>")
    check("<mechanism>PLAIN</mechanism>" not in features, features)
    raw.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{plain}</auth>")
    raw.take("invalid-mechanism")
    for text in ("<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
                 "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>",
                 "<enable xmlns='urn:xmpp:sm:3'/>",
                 "<iq type='set' id='1'><query xmlns='jabber:iq:auth'><username>u0</username>"
                 f"<password>{streams.PASSWORD}</password><resource>r</resource></query></iq>"):
        raw = victim.raw().send(header())
        raw.take("</stream:features>")
        raw.send(text)
        check("not-authorized" in raw.read(timeout=5), text, raw.got)


def plain_login(victim, authzid, user="u0", host="localhost"):
    raw = victim.raw_tls(host)
    data = f"{authzid}\0{user}\0{streams.PASSWORD}".encode()
    raw.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{base64.b64encode(data).decode()}</auth>")
    text = raw.read(b"/>", 10)
    raw.close()
    return text


@case("sec30_authorization_identity")
def sec30(victim):
    for authzid in ("", "u0@localhost", "U0@LOCALHOST"):
        check("success" in plain_login(victim, authzid), "refused:", authzid)
    for authzid in ("u1@localhost", "u0@other.localhost", "u0@localhost/r", "admin@localhost", "u0",
                    "localhost", "u0@localhost ", "@"):
        check("invalid-authzid" in plain_login(victim, authzid), "taken:", authzid)


@case("sec31_one_stream_one_host")
def sec31(victim):
    raw = victim.raw_tls()
    data = base64.b64encode(b"\0u0\0" + streams.PASSWORD.encode()).decode()
    raw.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{data}</auth>")
    raw.take("success")
    stream_error(raw.send(header("other.localhost")), "improper-addressing")
    # STARTTLS on one host, then the other.
    raw = victim.raw().send(header("other.localhost"))
    raw.take("</stream:features>")
    raw.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    raw.take("proceed")
    raw.tls(victim.context(), "other.localhost").send(header("localhost"))
    stream_error(raw, "improper-addressing")
    # SNI says one, the header the other.
    import target
    raw = target.Raw(victim.tls_port).tls(victim.context(), "other.localhost")
    stream_error(raw.send(header("localhost")), "improper-addressing")


@case("sec32_only_what_is_offered")
def sec32(victim):
    raw = victim.raw_tls()
    offered = set(re.findall("<mechanism>([^<]*)", raw.features))
    check({"SCRAM-SHA-512-PLUS", "SCRAM-SHA-256", "PLAIN"} <= offered, offered)
    names = ["EXTERNAL", "ANONYMOUS", "DIGEST-MD5", "CRAM-MD5", "LOGIN", "GSSAPI", "X-OAUTH2",
             "OAUTHBEARER", "SCRAM-SHA-256 ", "scram-sha-256", "plain", "", "SCRAM-SHA3-512", "\u00e9"]
    for name in names[:18]:
        raw.send(f"<auth xmlns='{SASL}' mechanism='{name}'>=</auth>")
        raw.take("invalid-mechanism")
    raw = victim.raw_tls()
    raw.send(f"<auth xmlns='{SASL}'>=</auth>")
    raw.take("invalid-mechanism")


def first_message(victim, flag, user, mechanism="SCRAM-SHA-256"):
    raw = victim.raw_tls()
    data = base64.b64encode(f"{flag},,n={user},r=abcdefgh".encode()).decode()
    raw.send(f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{data}</auth>")
    text = raw.read(b"</", 10)
    raw.close()
    return text


@case("sec33_stripped_mechanisms_are_noticed")
def sec33(victim):
    check("challenge" in first_message(victim, "n", "u0"), "n")
    check("failure" in first_message(victim, "y", "u0"), "the y flag though -PLUS was offered")
    check("failure" in first_message(victim, "p=tls-unique", "u0", "SCRAM-SHA-256-PLUS"), "tls-unique")
    raw = victim.raw_tls()
    check("tls-exporter" in raw.features and "tls-server-end-point" in raw.features, raw.features)


@case("sec34_unknown_users_look_like_others")
def sec34(victim):
    def salt(user):
        text = first_message(victim, "n", user)
        data = base64.b64decode(re.search(r">([A-Za-z0-9+/=]+)</challenge", text).group(1)).decode()
        return re.search(r"s=([^,]*),i=(\d+)", data).groups()

    check(salt("nobody") == salt("nobody"), "the salt is not stable")
    check(salt("nobody") != salt("nobody2"), "the salt is the same for all")
    check([len(field) for field in salt("nobody")] == [len(field) for field in salt("u0")],
          salt("nobody"), salt("u0"))
    texts = []
    for user in ("u0", "nobody"):
        raw = victim.raw_tls()
        data = base64.b64encode(f"\0{user}\0wrong".encode()).decode()
        raw.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{data}</auth>")
        texts.append(raw.take("</failure>"))
    check(texts[0] == texts[1], texts)


@case("sec37_ids_do_not_repeat")
def sec37(victim):
    seen = set()
    for _ in range(300):
        raw = victim.raw().send(header())
        seen.add(re.search("id='([^']*)'", raw.take("</stream:features>")).group(1))
        raw.close()
    check(len(seen) == 300 and all(len(one) >= 20 for one in seen), len(seen))
