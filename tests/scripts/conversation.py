# SPDX-License-Identifier: MIT
"""conversation.py - plays a script against a server."""

import base64
import hashlib
import hmac
import re
import ssl
import time

import streams
import trees
from script import ACTOR, REPEAT, account_of, expand

HOSTS = re.compile(r"(?<![\w-])example\.(com|net)(?![\w.-])", re.IGNORECASE)
STREAM_HEADER = re.compile(r"(<\?xml[^>]*>\s*)?<(\w+:)?stream[\s>]")
LINES = re.compile(r"\n(?=[^\s<>]+/\S+ [<>] )")
CODED = re.compile(r"\{(base64|sha1|ht|ht-endp):([^}]*)\}")

# The ids of requests to the server and what is on it; clients may well say nothing.
ASKED = re.compile(r"<iq\b(?=[^>]*\btype='(?:get|set)')(?![^>]*\bto='[^']*/)[^>]*?\bid='([^']*)'")

class Failed(Exception):
    pass


class Play:
    """One run of a script. SERVER is the Recado of `run`."""

    def __init__(self, script, server, prefix):
        self.script, self.server, self.prefix = script, server, prefix
        self.actors, self.captures = {}, {}
        self.serial, self.speaker = 0, None
        self.apart = set()  # see are_apart

    # The hosts of a script have names of their own on the server, so that scripts do not meet.

    def to_server(self, text):
        return HOSTS.sub(lambda match: self.prefix + match.group(0), text)

    def to_script(self, text):
        return text.replace(f"{self.prefix}example.", "example.") if self.prefix else text

    def fill(self, text):
        """What is sent, with its placeholders."""
        text = expand(text)
        text = trees.PLACEHOLDER.sub(
            lambda match: self.captures.get(match.group(1), match.group(0)), text)
        return CODED.sub(self.encode, text)

    def encode(self, match):
        if match.group(1).startswith("ht"):
            return self.hashed_token(match.group(1) == "ht-endp", *match.group(2).split(":"))
        data = self.to_server(match.group(2)).encode().decode("unicode_escape").encode("latin-1")
        if match.group(1) == "sha1":
            return hashlib.sha1(data).hexdigest()
        return base64.b64encode(data).decode()

    def hashed_token(self, is_bound, user, token):
        """HT-SHA-256-NONE or -ENDP: of the connection that was named last."""
        data = b"Initiator"
        if is_bound:
            data += hashlib.sha256(self.speaker.socket.getpeercert(True)).digest()
        message = self.to_server(user).encode() + b"\0" + hmac.digest(token.encode(), data, "sha256")
        return base64.b64encode(message).decode()

    def run(self):
        """Raises Failed, with all that is to be said."""
        at, step = 0, None
        try:
            self.script.play(self)
            while at < len(self.script.steps):
                step = self.script.steps[at]
                at = self.step(at)
            step = None
            self.finish()
        except (streams.Ended, Failed, OSError, ValueError) as error:
            where = f"line {step.line}: {step.text}" if step else "at the end"
            raise Failed(f"{where}\n{error}\n{self.waiting()}") from error
        finally:
            for stream in self.actors.values():
                stream.drop()

    def waiting(self):
        lines = []
        for name, stream in self.actors.items():
            for kind, node in stream.queue:
                lines.append(f"also came to {name}: {node if kind == 'element' else (kind, str(node))}")
        return "\n".join(lines)

    def step(self, at):
        """Does step AT. Returns the next one."""
        text = self.script.steps[at].text
        repeat = REPEAT.match(text)
        if repeat is not None:
            for n in range(1, int(repeat.group(1)) + 1):
                self.captures["n"] = str(n)
                for line in LINES.split(repeat.group(2)):
                    self.do(line)
        elif ACTOR.match(text) and ACTOR.match(text).group(2).startswith("<~ "):
            return self.group(at, ACTOR.match(text).group(1))
        else:
            self.do(text)
        return at + 1

    def do(self, text):
        if text == "restart":
            self.restart()
        elif text == "crash":
            self.crash()
        elif text == "settle":
            self.settle()
        elif text.startswith("apart "):
            self.apart.add(tuple(text.split()[1:]))
        elif text.startswith("together "):
            self.apart.remove(tuple(text.split()[1:]))
        elif text.startswith("drop host "):
            self.server.drop_host(self.to_server(text[10:]))
        elif text.startswith("ctl "):
            self.server.control(*self.to_server(self.fill(text[4:])).split())
        elif text.startswith("wait "):
            time.sleep(float(text[5:]))
        else:
            match = ACTOR.match(text)
            if match is None:
                raise Failed("not a line of a script")
            name, words = match.groups()
            if name.startswith("raw "):
                self.raw(name, words)
            else:
                self.act(name, words)

    def act(self, name, words):
        verb, _, rest = words.partition(" ")
        if verb in ("connects", "online"):
            self.connect(name, rest if verb == "connects" else "")
            if verb == "online":
                self.go_online(name, rest)
            return
        if verb == "wants":
            self.go_online_wanting(name, rest.split())
            return
        if name not in self.actors and verb in (">", "<"):
            self.connect(name, "")
        stream = self.actors.get(name)
        if stream is None:
            raise Failed(f"{name} is not connected")
        if verb == ">":
            text = self.to_server(self.fill(rest))
            stream.asked.update(ASKED.findall(text))
            stream.send(text)
        elif verb == "<":
            self.expect(name, rest)
        elif words == "gets nothing":
            self.settle()
            self.nothing(name)
        elif words == "forgets":
            self.settle()
            stream.queue = [event for event in stream.queue if event[0] != "element"]
        elif words == "ends":
            self.expect_end(name)
        elif words == "disconnects":
            self.settle()
            self.nothing(name)
            del self.actors[name]
            stream.close()
        elif words == "cuts":
            self.settle()
            self.nothing(name)
            del self.actors[name]
            stream.cut()
        else:
            raise Failed(f"no such thing to do: {words}")

    def raw(self, name, words):
        verb, _, rest = words.partition(" ")
        if verb == "connects":
            self.actors[name] = self.dial(name, rest)
            return
        if name not in self.actors:
            self.actors[name] = self.dial(name, "")
        self.speaker = stream = self.actors[name]
        if verb == ">":
            if STREAM_HEADER.match(rest):
                stream.restart()
            stream.send(self.to_server(self.fill(rest)))
        elif verb == ">>":
            stream.send(self.to_server(rest).encode("latin-1").decode("unicode_escape")
                        .encode("latin-1"))
        elif verb == "<":
            self.expect(name, rest)
        elif verb == "opens":  # as NAME: over TLS, up to the features
            self.open_as(stream, rest.removeprefix("as "))
        elif verb == "is":  # component NAME
            self.be_component(name, self.to_server(rest.removeprefix("component ")))
        elif words == "starts tls":
            stream.start_tls(self.to_server("example.com"), self.ca_file())
        elif verb == "logs":  # in as NAME
            user, _, host = rest.removeprefix("in as ").partition("@")
            features = stream.log_in(user, self.to_server(host or "example.com"))
            stream.queue.append(("element", features))
        elif verb == "authenticates":  # as NAME
            stream.authenticate(rest.removeprefix("as "))
        elif words == "ends":
            self.expect_end(name)
        elif words == "disconnects":
            del self.actors[name]
            stream.close()
        elif words == "cuts":
            del self.actors[name]
            stream.cut()
        else:
            raise Failed(f"no such thing to do: {words}")

    def open_as(self, stream, user):
        """A header that says who it is (XEP-0388 §2.1); TLS before it, if there is none yet."""
        host = self.to_server("example.com")
        if not isinstance(stream.socket, ssl.SSLSocket):
            stream.start_tls(host, self.ca_file(), direct=True)
        stream.open(host, f" from='{streams.quote(user)}@{host}'")

    def ca_file(self, host="example.com"):
        return self.server.certificate(self.to_server(host))

    def dial(self, name, how):
        is_direct = how == "tls"
        ports = {"": self.server.port, "tls": self.server.tls_port,
                 "component": self.server.component_port}
        if how not in ports:
            raise Failed(f"no such way to connect: {how}")
        stream = streams.Stream(name, ports[how], self.to_script)
        if is_direct:
            stream.start_tls(self.to_server("example.com"), self.ca_file(), direct=True)
        return stream

    def connect(self, name, how):
        if name in self.actors:
            raise Failed(f"{name} is connected already")
        self.settle()
        user, _, host = account_of(name).partition("@")
        real = self.to_server(host)
        is_direct = how == "over tls"
        stream = streams.Stream(name, self.server.tls_port if is_direct else self.server.port,
                                self.to_script)
        if is_direct:
            stream.start_tls(real, self.ca_file(host), direct=True)
        elif how == "over starttls":
            stream.negotiate_tls(real, self.ca_file(host))
        elif how:
            raise Failed(f"no such way to connect: {how}")
        self.actors[name] = stream
        stream.log_in(user, real)
        stream.bind(name.partition("/")[2])

    def go_online(self, name, priority):
        """Roster, presence, and all that comes of it."""
        stream = self.actors[name]
        stream.send("<iq type='get' id='runner-roster'><query xmlns='jabber:iq:roster'/></iq>")
        stream.wait_hidden({"runner-roster"})
        stream.send(f"<presence><priority>{priority}</priority></presence>" if priority
                    else "<presence/>")
        self.settle()
        stream.queue = [event for event in stream.queue if event[0] != "element"]

    def go_online_wanting(self, name, nodes):
        """Online, with "+notify" for NODES; the messages that come of it are not forgotten."""
        if name not in self.actors:
            self.connect(name, "")
            self.go_online(name, "")
        stream = self.actors[name]
        stream.announce([f"{node}+notify" for node in nodes])
        self.settle()
        stream.queue = [(kind, node) for kind, node in stream.queue if kind != "element" or
                        node.is_named(trees.NS_CLIENT, "message")]

    def receive(self, name):
        kind, node = self.actors[name].next()
        return kind, node

    def expect(self, name, text):
        kind, node = self.receive(name)
        if text == "</stream:stream>":
            if kind != "close":
                raise Failed(f"came: {node if node is not None else kind}")
            return
        expected = trees.parse(expand(text))
        why = self.compare(name, expected, kind, node, self.captures)
        if why is not None:
            raise Failed(f"{why}\nexpected: {expected}\ncame: {node if node else kind}")

    def compare(self, name, expected, kind, node, captures):
        if kind not in ("element", "header"):
            return f"the stream is at its {kind}"
        if (kind == "header") != (expected.is_named(trees.NS_STREAM, "stream")):
            return f"an unexpected {kind}"
        stream = self.actors[name]
        optional = ()
        if "to" not in expected.attributes and stream.jid and kind == "element":
            optional = ("to",)
            own = (stream.jid, stream.jid.partition("/")[0])
            if node.attributes.get("to", stream.jid) not in own:
                return f"addressed to {node.attributes['to']}"
        captured = dict(captures)
        why = trees.difference(expected, node, captures, captured, optional)
        if why is None:
            captures.update(captured)
        return why

    def group(self, at, name):
        """Steps from AT on that may come in any order. Returns the step behind them."""
        wanted, end = [], at
        while end < len(self.script.steps) and \
                self.script.steps[end].text.startswith(f"{name} <~ "):
            wanted.append(self.script.steps[end].text[len(name) + 4:])
            end += 1
        if name not in self.actors:
            raise Failed(f"{name} is not connected")
        wanted = [trees.parse(expand(text)) for text in wanted]
        for _ in range(len(wanted)):
            kind, node = self.receive(name)
            for expected in wanted:
                if self.compare(name, expected, kind, node, self.captures) is None:
                    wanted.remove(expected)
                    break
            else:
                raise Failed("came: %s\nexpected one of:\n%s" % (
                    node if node else kind, "\n".join(map(str, wanted))))
        return end

    def expect_end(self, name):
        """The server closes the connection."""
        stream = self.actors[name]
        kind, node = stream.next()
        if kind == "close":
            stream.send("</stream:stream>")
            kind, node = stream.next()
        if kind != "end":
            raise Failed(f"the stream goes on: {node if node else kind}")
        del self.actors[name]
        stream.drop()

    def be_component(self, name, component):
        """Again, while the server has not noticed yet that an earlier connection was cut."""
        deadline = time.monotonic() + 5
        while True:
            try:
                self.actors[name].be_component(component)
                return
            except streams.Ended as why:
                if "conflict" not in str(why) or time.monotonic() > deadline:
                    raise
            time.sleep(0.02)
            self.speaker = self.actors[name] = self.dial(name, "component")

    def settle(self):
        """
        What is under way arrives: first the answers to all that was asked. Then in each round every session waits for a write to the store, and for
        a message of every other session. Three rounds do for a request, what it causes at the other
        side, and the answer to that.
        """
        live = [s for n, s in self.actors.items() if s.jid and not s.is_over]
        for stream in live:
            stream.wait_for_answers(1)
        for _ in range(3 if live else 0):
            self.serial += 1
            ident = f"runner-{self.serial}"
            for stream in live:
                stream.send(f"<iq type='set' id='{ident}'><query xmlns='jabber:iq:private'>"
                            "<barrier xmlns='recado:test'/></query></iq>")
            for stream in live:
                stream.wait_hidden({ident})
            marks = {}
            for n, sender in enumerate(live):
                for k, receiver in enumerate(live):
                    mark = f"{ident}-{n}-{k}"
                    sender.send(f"<message type='headline' id='{mark}' "
                                f"to='{streams.quote(self.to_server(receiver.jid))}'/>")
                    gets_it = sender if self.are_apart(sender, receiver) else receiver
                    marks.setdefault(gets_it, set()).add(mark)
            for stream in live:
                if not any(s.is_over for s in live):
                    stream.wait_hidden(marks.get(stream, set()))

    def are_apart(self, one, other):
        """Whether what one of them sends to the other comes back as an error."""
        return any(self.is_of(one, a) and self.is_of(other, b) or
                   self.is_of(one, b) and self.is_of(other, a) for a, b in self.apart)

    def is_of(self, stream, name):
        return name in (stream.name, stream.name.partition("/")[0])

    def nothing(self, name):
        stream = self.actors[name]
        stream.read(0)
        if stream.queue:
            kind, node = stream.queue.pop(0)
            raise Failed(f"came to {name}: {node if node else kind}")

    def restart(self):
        self.settle()
        for name in list(self.actors):
            if not name.startswith("raw "):
                self.nothing(name)
                self.actors.pop(name).close()
        self.server.restart()

    def crash(self):
        """Nobody is told anything."""
        self.server.crash()
        for stream in self.actors.values():
            stream.drop()
        self.actors.clear()

    def finish(self):
        """Nobody has got what the script does not know of."""
        self.settle()
        for name in self.actors:
            self.nothing(name)
