# SPDX-License-Identifier: MIT
"""hostile.py - a server that keeps to no rule (SEC-28, SEC-31, SEC-41 to SEC-44): it plays each
element of dialback, SASL, bidi and stream management where it does not belong, and sends in the
name of others. What counts each time is what the victim, anna, gets: nothing.
"""

import base64
import json
import select
import socket
import ssl
import threading
import time
import xml.etree.ElementTree as ET

from client import Client, condition
from world import DOMAINS

US, ME, FRIEND = "recado.example", "hostile.example", "prosody.example"
TLS = "{urn:ietf:params:xml:ns:xmpp-tls}"
SASL = "{urn:ietf:params:xml:ns:xmpp-sasl}"
DB = "{jabber:server:dialback}"
SM = "{urn:xmpp:sm:3}"
STREAM_ERROR = "{urn:ietf:params:xml:ns:xmpp-streams}"


class Link:
    """A stream between servers, in raw bytes."""

    def __init__(self, sock):
        self.socket = sock
        self.queue = []
        self.is_over = False     # the other has closed it
        self.is_garbled = False  # what came is not of this stream: a new header, or TLS
        self.restart()

    def restart(self):
        self.parser = ET.XMLPullParser(["start", "end"])
        self.depth = 0
        self.header = None

    def send(self, text):
        self.socket.sendall(text.encode())

    def open(self, sender, to, attributes="version='1.0'"):
        sender = f" from='{sender}'" if sender else ""
        self.restart()
        self.send("<?xml version='1.0'?><stream:stream xmlns='jabber:server' "
                  "xmlns:db='jabber:server:dialback' "
                  f"xmlns:stream='http://etherx.jabber.org/streams' to='{to}'{sender} "
                  f"{attributes}>")

    def read(self, seconds=5):
        """The next first-level element, or None when the stream has ended or time is over."""
        end = time.monotonic() + seconds
        while not self.queue:
            left = end - time.monotonic()
            pending = isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()
            if left <= 0 or not (pending or select.select([self.socket], [], [], left)[0]):
                return None
            try:
                data = self.socket.recv(65536)
            except OSError:
                data = b""
            if not data:
                self.is_over = True
                return None
            try:
                self.take(data)
            except ET.ParseError:
                self.is_garbled = True
                return None
        return self.queue.pop(0)

    def take(self, data):
        self.parser.feed(data)
        for event, element in self.parser.read_events():
            if event == "start" and self.depth == 0:
                self.header = element
            self.depth += 1 if event == "start" else -1
            if event == "end" and self.depth == 1:
                self.queue.append(element)

    def read_named(self, name, seconds=5):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            element = self.read(end - time.monotonic())
            if element is None or element.tag.endswith("}" + name):
                return element
        return None

    def error(self, seconds=5):
        """The condition of the stream error that comes, "closed", or None when none does."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            element = self.read(end - time.monotonic())
            if element is None:
                return "closed" if time.monotonic() < end else None
            if element.tag.endswith("}error"):
                return element[0].tag.replace(STREAM_ERROR, "")
        return None

    def close(self):
        self.socket.close()


class Authority(threading.Thread):
    """Listens for calls to ME; ANSWER says what it does with db:verify: "valid", "invalid",
    "error" or None. All that it was sent stays in `seen`."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.answer = "valid"
        self.on_ready = None  # called with the link when a db:result came
        self.scripts = {}     # by domain: called with the link, after the header that asks for it
        self.seen = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*world.certificate(ME))
        self.listener = socket.create_server((DOMAINS[ME], 5269), backlog=100)
        self.start()

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(Link(sock),), daemon=True).start()

    def reply_header(self, link):
        link.send("<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:db='jabber:server"
                  ":dialback' xmlns:stream='http://etherx.jabber.org/streams' id='hostile' "
                  f"from='{link.header.get('to')}' to='{US}' version='1.0'>")

    def serve(self, link):
        try:
            self.wait_header(link)
            if link.header is None:
                return
            if link.header.get("to") in self.scripts:
                self.scripts[link.header.get("to")](link)
                return
            self.reply_header(link)
            link.send("<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
                      "</stream:features>")
            if link.read_named("starttls") is None:
                return
            link.send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            link.socket = self.context.wrap_socket(link.socket, server_side=True)
            link.restart()
            self.wait_header(link)
            self.reply_header(link)
            link.send("<stream:features><bidi xmlns='urn:xmpp:features:bidi'/><dialback "
                      "xmlns='urn:xmpp:features:dialback'><errors/></dialback></stream:features>")
            while (element := link.read(60)) is not None:
                self.seen.append(element)
                self.take(link, element)
        except (OSError, ValueError):
            pass

    @staticmethod
    def wait_header(link):
        end = time.monotonic() + 5
        while link.header is None and time.monotonic() < end:
            link.queue += [e for e in [link.read(0.1)] if e is not None]

    def take(self, link, element):
        if element.tag == DB + "verify" and self.answer:
            link.send(f"<db:verify from='{element.get('to')}' to='{element.get('from')}' "
                      f"id='{element.get('id')}' type='{self.answer}'/>")
        elif element.tag == DB + "result":
            if self.on_ready is not None:
                self.on_ready(link)
            else:
                link.send(f"<db:result from='{element.get('to')}' to='{element.get('from')}' "
                          "type='valid'/>")

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts there
        self.join()
        self.listener.close()


class Stage:
    """One Recado, a user of it, and the means to attack it."""

    def __init__(self, world, ours):
        self.world, self.ours = world, ours
        for is_good in (True, False):  # before there are threads that want them
            world.certificate(ME, is_good)
        self.authority = Authority(world)
        self.anna = Client(ours, "anna")
        self.anna.presence()
        self.anna.wait_presence(None, self.anna.bare)

    def connect(self):
        return Link(socket.create_connection((self.ours.address, 5269), 10))

    def secure(self, certificate=ME, is_good=True, sender=ME, to=US):
        """A stream with TLS whose features have come."""
        link = self.connect()
        link.open(sender, to)
        assert link.read_named("features") is not None
        link.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        assert link.read_named("proceed") is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate:
            if isinstance(certificate, str):
                certificate = self.world.certificate(certificate, is_good)
            context.load_cert_chain(*certificate)
        link.socket = context.wrap_socket(link.socket)
        link.open(sender, to)
        link.features = link.read_named("features")
        assert link.features is not None
        return link

    def proven(self):
        """Authenticated for ME, by dialback."""
        self.authority.answer = "valid"
        link = self.secure(is_good=False)
        link.send(f"<db:result from='{ME}' to='{US}'>key</db:result>")
        answer = link.read_named("result")
        assert answer is not None and answer.get("type") == "valid", answer
        return link

    def stanza(self, link, sender, to=None, body="forged"):
        link.send(f"<message from='{sender}' to='{to or self.anna.bare}' type='chat'>"
                  f"<body>{body}</body></message>")

    def nothing_came(self, seconds=0.4):
        got = [e for e in self.anna.pending(seconds) if e.findtext("{jabber:client}body")]
        assert not got, ET.tostring(got[0])

    def came(self, body="forged"):
        self.anna.wait_body(body)


def offers_external(link):
    return any(m.text == "EXTERNAL" for m in link.features.iter(SASL + "mechanism"))


# Each takes a Stage. What must not pass ends with nothing_came.

def stanza_before_authentication(stage):
    for link in (stage.connect(), stage.secure(None)):
        if not hasattr(link, "features"):
            link.open(ME, US)
            link.read_named("features")
        stage.stanza(link, f"x@{ME}")
        assert link.error() in ("not-authorized", "closed")
    stage.nothing_came()


def unsolicited_results(stage):
    """CVE-2012-3525: answers that nobody asked for, on the wrong stream."""
    for text in (f"<db:result from='{ME}' to='{US}' type='valid'/>",
                 f"<db:result from='{US}' to='{ME}' type='valid'/>",
                 f"<db:verify from='{ME}' to='{US}' id='1' type='valid'/>",
                 f"<db:result from='{FRIEND}' to='{US}' type='valid'/>"):
        link = stage.secure(None)
        link.send(text)
        stage.stanza(link, f"x@{ME}")
        assert link.error() in ("not-authorized", "closed"), text
    stage.nothing_came()


def verify_for_oneself(stage):
    """The answer to a check, sent on the very stream that is to be checked."""
    stage.authority.answer = None
    link = stage.secure(None)
    link.send(f"<db:result from='{ME}' to='{US}'>key</db:result>")
    link.send(f"<db:verify from='{ME}' to='{US}' id='{link.header.get('id')}' type='valid'/>")
    stage.stanza(link, f"x@{ME}")
    assert link.error() in ("not-authorized", "closed")
    stage.nothing_came()
    stage.authority.answer = "valid"


def wrong_key(stage):
    stage.authority.answer = "invalid"
    link = stage.secure(None)
    link.send(f"<db:result from='{ME}' to='{US}'>key</db:result>")
    answer = link.read_named("result", 10)
    assert answer is not None and answer.get("type") == "invalid", answer
    assert link.error() in ("closed",)
    stage.authority.answer = "error"
    link = stage.secure(None)
    link.send(f"<db:result from='{ME}' to='{US}'>key</db:result>")
    answer = link.read_named("result", 10)
    assert answer is not None and answer.get("type") == "error", answer
    stage.authority.answer = "valid"
    stage.nothing_came()


def clear_text(stage):
    """Neither dialback, nor bidi, nor SASL, nor stream management without TLS."""
    link = stage.connect()
    link.open(ME, US)
    features = link.read_named("features")
    assert not list(features.iter(SASL + "mechanism"))
    link.send(f"<db:result from='{ME}' to='{US}'>key</db:result>")
    answer = link.read_named("result")
    assert answer is not None and answer.get("type") == "error"
    for text in ("<bidi xmlns='urn:xmpp:bidi'/>",
                 "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>"):
        link = stage.connect()
        link.open(ME, US)
        link.read_named("features")
        link.send(text)
        assert link.error() is not None, text
    stage.nothing_came()


def injection(stage):
    """SEC-28: plaintext behind <starttls/>."""
    link = stage.connect()
    link.open(ME, US)
    link.read_named("features")
    link.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><db:result "
              f"from='{ME}' to='{US}'>key</db:result>")
    assert link.error() == "policy-violation"


UNREADABLE = ("", f"x@{ME}@{FRIEND}", f"x@xn--{ME}")


def names(stage):
    """SEC-43: who is authenticated as one domain sends as that one, and as no other."""
    for sender, may in ((ME, True), (f"x@{ME}/r", True), (f"x@{ME.upper()}", True),
                        (f"x@{ME}.", True), (f"x@sub.{ME}", False), (f"x@{FRIEND}", False),
                        (f"x@{US}", False), (f"x@{ME}@{FRIEND}", False),
                        (f"x@xn--{ME}", False), (f"x@{ME}.{FRIEND}", False), ("", False)):
        link = stage.proven()
        stage.stanza(link, sender)
        if may:
            stage.came()
        else:
            # One stanza that can't be read is no reason to end a stream of good ones.
            assert link.error(1) is not None or sender in UNREADABLE, sender
            stage.nothing_came()
        link.close()


def recipients(stage):
    for to in (f"y@{FRIEND}", "y@nowhere.example", f"y@sub.{US}", ME):
        link = stage.proven()
        stage.stanza(link, f"x@{ME}", to)
        assert link.error() in ("host-unknown", "improper-addressing"), to


def claims(stage):
    """Headers in the name of others."""
    for sender, to in ((US, US), (ME, "nowhere.example"), (ME, FRIEND)):
        link = stage.connect()
        link.open(sender, to)
        assert link.error() is not None, (sender, to)
    link = stage.secure(sender=FRIEND)  # my certificate, a friend's name
    assert not offers_external(link)
    link.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
    stage.stanza(link, f"x@{FRIEND}")
    assert link.error() is not None
    stage.nothing_came()


def host_switch(stage):
    """SEC-31: after TLS, another pair of domains."""
    for sender, to in ((FRIEND, US), (ME, "rooms." + US)):
        link = stage.connect()
        link.open(ME, US)
        link.read_named("features")
        link.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        link.read_named("proceed")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        link.socket = context.wrap_socket(link.socket)
        link.open(sender, to)
        assert link.error() is not None, (sender, to)


def external(stage):
    """A good certificate: its own domain, whatever else is asked for."""
    link = stage.secure()
    assert offers_external(link)
    wish = base64.b64encode(FRIEND.encode()).decode()
    link.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>{wish}</auth>")
    failure = link.read_named("failure")
    assert failure is not None and failure[0].tag == SASL + "invalid-authzid"
    link.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>=</auth>")
    failure = link.read_named("failure")
    assert failure is not None and failure[0].tag == SASL + "invalid-mechanism"
    link.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
    assert link.read_named("success") is not None
    stage.stanza(link, f"x@{ME}")  # without a new header
    assert link.error() is not None
    stage.nothing_came()
    link = stage.secure(is_good=False)  # nobody vouches for it
    assert not offers_external(link)
    link.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
    assert link.read_named("success", 1) is None


def management(stage):
    """Stream management before its time, of others, and of more than there is."""
    link = stage.secure(None)
    link.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    assert link.read_named("failed") is not None
    link.send("<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>")
    assert link.read_named("failed") is not None
    link = stage.proven()
    link.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    enabled = link.read_named("enabled")
    assert enabled is not None
    link.send("<enable xmlns='urn:xmpp:sm:3'/>")
    assert link.read_named("failed") is not None
    for h in ("4294967296", "-1", "x", "99"):
        link.send(f"<a xmlns='urn:xmpp:sm:3' h='{h}'/>")
    link.send("<r xmlns='urn:xmpp:sm:3'/>")
    assert link.read_named("a").get("h") == "0"
    link.send("<resumed xmlns='urn:xmpp:sm:3' previd='x' h='0'/>")
    assert link.error() is not None


def bidi(stage):
    """On a stream that asked for both directions nothing goes out before it is authenticated."""
    link = stage.secure(None)
    link.send("<bidi xmlns='urn:xmpp:bidi'/>")
    stage.authority.answer = None
    link.send(f"<db:result from='{ME}' to='{US}'>key</db:result>")
    stage.anna.message(f"y@{ME}", "for the true one")
    element = link.read(1)
    assert element is None, ET.tostring(element)
    stage.authority.answer = "valid"


def both_directions(stage):
    """What waits for somebody who can't be called goes out on his stream, but not before its features."""
    stage.ours.control("s2s", "close", ME)
    stage.authority.scripts[ME] = lambda link: link.close()
    try:
        number = stage.anna.message(f"y@{ME}", "it waits")
        time.sleep(0.3)
        link = stage.secure()
        link.send("<bidi xmlns='urn:xmpp:bidi'/>")
        link.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
        assert link.read_named("success") is not None
        time.sleep(0.3)  # time for it to come too early
        link.open(ME, US)
        assert link.read().tag.endswith("}features")
        came = link.read_named("message")
        while came is not None and came.get("id") != number:  # left over from other cases
            came = link.read_named("message")
        assert came is not None
        link.close()
    finally:
        del stage.authority.scripts[ME]


def many_domains(stage):
    """A stream holds a bounded number of pairs."""
    link = stage.proven()
    for i in range(150):
        link.send(f"<db:result from='x{i}.hostile.example' to='{US}'>key</db:result>")
    conditions = set()
    for _ in range(60):
        answer = link.read_named("result", 5)
        if answer is None:
            break
        conditions |= {e.tag.split("}")[1] for e in answer.iter() if "stanzas" in e.tag}
        if "resource-constraint" in conditions:
            return
    raise AssertionError(conditions)


def answers_on_our_stream(stage):
    """Where we called: results for other pairs, checks that we never sent, stanzas."""
    def misbehave(link):
        link.send(f"<db:result from='{FRIEND}' to='{US}' type='valid'/>"
                  f"<db:verify from='{FRIEND}' to='{US}' id='1' type='valid'/>"
                  f"<message from='x@{FRIEND}' to='{stage.anna.bare}' type='chat'>"
                  "<body>forged</body></message>"
                  f"<message from='x@{ME}' to='{stage.anna.bare}' type='chat'>"
                  "<body>forged</body></message>")
    stage.ours.control("s2s", "close", ME)
    stage.authority.on_ready = misbehave
    stage.authority.seen.clear()
    stage.anna.message(f"y@{ME}", "secret")
    stage.nothing_came(1.5)
    assert not [e for e in stage.authority.seen if e.tag.endswith("message")], "sent too early"
    stage.authority.on_ready = None
    stage.ours.control("s2s", "close", ME)


def lost_pong(stage):
    """A server without stream management is asked by ping what has arrived; when an answer gets
    lost, it is asked again."""
    def pings():
        return [e.get("id") for e in list(stage.authority.seen)
                if e.find("{urn:xmpp:ping}ping") is not None]

    def waiting():
        rows = map(json.loads, stage.ours.control("s2s", "list", ME, "--json").stdout.splitlines())
        return sum(row.get("waiting_bytes", 0) for row in rows)
    link = stage.proven()
    stage.authority.seen.clear()
    stage.anna.message(f"y@{ME}", "has it arrived?")
    end = time.monotonic() + 20
    while len(pings()) < 2 and time.monotonic() < end:
        time.sleep(0.1)
    first, again = pings()[:2]
    assert first == again and waiting() > 0
    link.send(f"<iq type='result' id='{first}' from='{ME}' to='{US}'/>")
    while waiting() > 0 and time.monotonic() < end:
        time.sleep(0.1)
    assert waiting() == 0


def broken_xml(stage):
    for text in ("<message from='a'", "<!DOCTYPE x>", "<?pi?>", "<!-- x -->", "</stream:stream>",
                 "<x xmlns='urn:unknown'/>", "<a" * 1000, "\x00", "<iq/>" * 3):
        link = stage.proven()
        link.send(text)
        stage.stanza(link, f"x@{FRIEND}")
        link.error(1)
        link.close()
    stage.nothing_came()


def certificates(stage):
    """SEC-38: what a certificate must be, besides for the right name (for that: test_certificate.c)."""
    both = "extendedKeyUsage=serverAuth,clientAuth"
    for name, is_good, signed, *more in (
            ("good", True, True, "-days", "2", "-addext", both),
            ("no-usage", True, True, "-days", "2"),
            ("signing-usage", False, True, "-days", "2", "-addext",
             "extendedKeyUsage=codeSigning"),
            ("self-signed", False, False, "-days", "2", "-addext", both)):
        link = stage.secure(stage.world.crafted(name, ME, signed, more))
        assert offers_external(link) == is_good, name
        link.close()
    for name, made in (("expired", "-9d"), ("not-yet", "+9d")):
        dated = stage.world.crafted(name, ME, True, ("-days", "2", "-addext", both), made=made)
        assert not offers_external(stage.secure(dated)), name
    leaf = stage.world.crafted("leaf", ME, True, ("-days", "2"), issuer=stage.world.certificate(ME))
    assert not offers_external(stage.secure(leaf)), "issued by a certificate that is no authority"


def spool_expires(stage):
    """What waits too long comes back as an error to its sender (the stage's spool_time)."""
    started = time.monotonic()
    number = stage.anna.message("x@dead.example", "is there anybody?")
    assert condition(stage.anna.wait_error(number)) == "remote-server-timeout"
    assert time.monotonic() - started > 1.5


CASES = [stanza_before_authentication, unsolicited_results, verify_for_oneself, wrong_key,
         clear_text, injection, names, recipients, claims, host_switch, external, management, bidi, both_directions,
         many_domains, answers_on_our_stream, lost_pong, broken_xml, certificates, spool_expires]
