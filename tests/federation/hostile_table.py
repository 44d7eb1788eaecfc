# SPDX-License-Identifier: MIT
"""hostile_table.py - each element of TLS, SASL, dialback, bidi and stream management in each state of a
stream between servers, from either side (SEC-28, SEC-31, SEC-41 to SEC-44).

The rules say what happens in each place of the table. Besides, whatever the place: what is sent in
the name of a domain that has not proved itself reaches nobody, what is meant for a domain goes to
nobody who has not proved to be it, and the server goes on.
"""

import concurrent.futures
import fnmatch
import threading
import time

from hostile import FRIEND, ME, US

AUTH = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
TLS_NS = "xmlns='urn:ietf:params:xml:ns:xmpp-tls'"
SM_NS = "xmlns='urn:xmpp:sm:3'"

# Name: what is sent; {me} is the attacker's domain.
ELEMENTS = {
    "db-key": "<db:result from='{me}' to='{us}'>key</db:result>",
    "db-key-friend": "<db:result from='{friend}' to='{us}'>key</db:result>",
    "db-key-ours": "<db:result from='{us}' to='{us}'>key</db:result>",
    "db-key-nowhere": "<db:result from='{me}' to='nowhere.example'>key</db:result>",
    "db-key-nobody": "<db:result>key</db:result>",
    "db-valid": "<db:result from='{me}' to='{us}' type='valid'/>",
    "db-valid-friend": "<db:result from='{friend}' to='{us}' type='valid'/>",
    "db-invalid": "<db:result from='{me}' to='{us}' type='invalid'/>",
    "db-error": "<db:result from='{me}' to='{us}' type='error'><error type='cancel'><item-not-found "
                "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>",
    "db-type": "<db:result from='{me}' to='{us}' type='maybe'/>",
    "db-ask": "<db:verify from='{me}' to='{us}' id='1'>key</db:verify>",
    "db-ask-nobody": "<db:verify>key</db:verify>",
    "db-answer": "<db:verify from='{me}' to='{us}' id='{id}' type='valid'/>",
    "db-answer-friend": "<db:verify from='{friend}' to='{us}' id='{id}' type='valid'/>",
    "auth-external": f"<auth {AUTH} mechanism='EXTERNAL'>=</auth>",
    "auth-plain": f"<auth {AUTH} mechanism='PLAIN'>AGEAYg==</auth>",
    "auth-none": f"<auth {AUTH}/>",
    "response": f"<response {AUTH}>=</response>",
    "abort": f"<abort {AUTH}/>",
    "challenge": f"<challenge {AUTH}>=</challenge>",
    "success": f"<success {AUTH}/>",
    "failure": f"<failure {AUTH}><not-authorized/></failure>",
    "bidi": "<bidi xmlns='urn:xmpp:bidi'/>",
    "enable": f"<enable {SM_NS} resume='true'/>",
    "enabled": f"<enabled {SM_NS} id='x' resume='true'/>",
    "resume": f"<resume {SM_NS} previd='x' h='0'/>",
    "resumed": f"<resumed {SM_NS} previd='x' h='0'/>",
    "sm-failed": f"<failed {SM_NS}/>",
    "r": f"<r {SM_NS}/>",
    "a": f"<a {SM_NS} h='0'/>",
    "a-too-much": f"<a {SM_NS} h='4000000000'/>",
    "a-no-number": f"<a {SM_NS} h='x'/>",
    "starttls": f"<starttls {TLS_NS}/>",
    "proceed": f"<proceed {TLS_NS}/>",
    "tls-failure": f"<failure {TLS_NS}/>",
    "features": "<stream:features/>",
    "error": "<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
             "</stream:error>",
    "message-friend": "<message from='x@{friend}' to='{anna}' type='chat'><body>forged</body></message>",
    "message-ours": "<message from='x@{us}' to='{anna}' type='chat'><body>forged</body></message>",
    "message-nobody": "<message to='{anna}' type='chat'><body>forged</body></message>",
    "iq-friend": "<iq from='x@{friend}' to='{us}' type='get' id='i'><ping xmlns='urn:xmpp:ping'/></iq>",
    "presence-friend": "<presence from='x@{friend}' to='{anna}' type='subscribe'/>",
}


def send_element(stage, link, name, me, stream_id):
    link.send(ELEMENTS[name].format(me=me, us=US, friend=FRIEND, anna=stage.anna.bare, id=stream_id))


def short(element):
    """What came, in a word or two."""
    word = element.tag.split("}")[1]
    if element.get("type"):
        word += ":" + element.get("type")
    inner = [e.tag.split("}")[1] for e in element.iter() if "ns:xmpp-" in e.tag and e is not element
             and e.tag.split("}")[1] not in ("mechanism", "mechanisms", "required", "text")]
    return word + ("/" + inner[0] if inner else "")


# Streams that we accept

def unopened(stage):
    return stage.connect()


def plain(stage):
    link = stage.connect()
    link.open(ME, US)
    assert link.read_named("features") is not None
    return link


def secured(stage):
    return stage.secure(None)


def certified(stage):
    return stage.secure()


def pending(stage):
    link = stage.secure(None)
    link.send(f"<db:result from='{ME}' to='{US}'>key</db:result>")
    return link


def proven(stage):
    return stage.proven()


def external(stage):
    """After <success/>, where a new header is due."""
    link = stage.secure()
    link.send(f"<auth {AUTH} mechanism='EXTERNAL'>=</auth>")
    assert link.read_named("success") is not None
    link.restart()
    return link


def restarted(stage):
    link = external(stage)
    link.open(ME, US)
    assert link.read_named("features") is not None
    return link


def counted(stage):
    link = stage.proven()
    link.send(f"<enable {SM_NS} resume='true'/>")
    assert link.read_named("enabled") is not None
    return link


def both_ways(stage):
    """One connection for both directions, and proven."""
    link = stage.secure()
    link.send("<bidi xmlns='urn:xmpp:bidi'/>")
    link.send(f"<auth {AUTH} mechanism='EXTERNAL'>=</auth>")
    assert link.read_named("success") is not None
    link.open(ME, US)
    assert link.read_named("features") is not None
    return link


INCOMING = [unopened, plain, secured, certified, proven, external, restarted, counted, both_ways]
PROVEN = "proven restarted counted both_ways"

# States, elements, and what comes of it; the first that fits counts. "..." is that the stream goes on,
# and ends by what is sent next in another's name. "again": a new header, or TLS, follows. "|": either.
INCOMING_RULES = [
    ("unopened external", "db-* features error", "bad-namespace-prefix"),
    ("unopened external", "*", "invalid-namespace"),
    ("counted", "error", "a closed"),  # what came is acknowledged before the end, not after it
    ("*", "error", "closed"),
    ("*", "db-key-nobody db-ask-nobody", "improper-addressing"),
    (PROVEN, "message-nobody", "improper-addressing"),
    (PROVEN, "message-* iq-* presence-*", "invalid-from"),
    ("*", "message-* iq-* presence-*", "not-authorized"),
    ("plain", "starttls", "proceed closed"),
    ("*", "db-ask", "verify:invalid ..."),
    ("*", "db-key-nowhere", "result:error/item-not-found ..."),
    ("plain", "db-key*", "result:error/policy-violation ..."),
    ("*", "db-key-ours", "result:error/policy-violation ..."),
    ("*", "db-key-friend", "result:error/remote-server-not-found ...|..."),
    ("secured", "db-key", "...|result:valid invalid-from"),
    ("pending", "db-key", "..."),
    ("certified", "db-key", "result:valid invalid-from"),
    (PROVEN, "db-key", "result:valid ..."),
    ("*", "db-*", "..."),
    ("plain secured certified pending counted", "enable resume", "failed/unexpected-request ..."),
    (PROVEN, "enable", "enabled ..."),
    (PROVEN, "resume", "failed/item-not-found ..."),
    ("counted", "r", "a ..."),
    ("counted", "a a-*", "..."),
    ("certified", "auth-external", "success again"),
    ("certified", "auth-*", "failure/invalid-mechanism ..."),
    ("certified", "response abort", "failure/malformed-request ..."),
    ("secured certified pending", "bidi", "..."),
    ("*", "*", "unsupported-stanza-type"),
]


def rule(rules, state, name):
    for states, names, reaction in rules:
        if any(fnmatch.fnmatch(state, s) for s in states.split()) and \
                any(fnmatch.fnmatch(name, n) for n in names.split()):
            return reaction.split("|")
    raise AssertionError(f"no rule for {state}/{name}")


def play(stage, state, name):
    """What comes of it, in words."""
    link = state(stage)
    came = []
    send_element(stage, link, name, ME, link.header.get("id") if link.header is not None else "1")
    try:
        stage.stanza(link, f"x@{ME}", body=f"ours {state.__name__}/{name}")
        stage.stanza(link, f"x@{FRIEND}", body="forged")
    except OSError:
        pass
    end = None
    while end is None:
        element = link.read(5)
        if element is None:
            end = "again" if link.is_garbled else "closed" if link.is_over else "open"
        elif element.tag.endswith("}error"):
            end = element[0].tag.split("}")[1]
        else:
            came.append(short(element))
    link.close()
    return " ".join([*came, end])


def bodies(stage):
    return [e.findtext("{jabber:client}body") for e in stage.anna.pending(1)
            if e.get("type") != "error" and e.findtext("{jabber:client}body")]


def play_all(stage, states):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return {(state.__name__, name): pool.submit(play, stage, state, name)
                for state in states for name in ELEMENTS}


def incoming_table(stage):
    places = play_all(stage, INCOMING)
    stage.authority.answer = None
    places |= play_all(stage, [pending])
    stage.authority.answer = "valid"
    heard = bodies(stage)
    assert "forged" not in heard
    wrong = []
    for (state, name), future in places.items():
        got = future.result()
        is_proven = state in PROVEN.split()
        tail = "invalid-from" if is_proven else "not-authorized"
        wanted = rule(INCOMING_RULES, state, name)
        # Who is proven is heard while the stream goes on; who is not is never heard.
        may = is_proven or "result:valid" in got
        must = is_proven and any(w.endswith("...") for w in wanted)
        is_heard = f"ours {state}/{name}" in heard
        if got not in [w.replace("...", tail) for w in wanted] or (is_heard and not may) or \
                (must and not is_heard):
            wrong.append(f"{state}/{name}: {got}, not {' or '.join(wanted)}; heard: {is_heard}")
    assert not wrong, "\n".join(wrong)


# Streams that we open: SCRIPT gets as far as the place where the element is sent.

class Callee:
    def __init__(self, stage, domain, state, name):
        self.stage, self.domain, self.state, self.name = stage, domain, state, name
        self.came = []
        self.done = threading.Event()
        stage.authority.scripts[domain] = self.serve

    def features(self, link, inner):
        self.stage.authority.reply_header(link)
        link.send(f"<stream:features>{inner}</stream:features>")

    def expect(self, link, name):
        if link.read_named(name) is None:
            raise OSError(f"no <{name}/> came")

    def secure(self, link):
        self.features(link, f"<starttls {TLS_NS}/>")
        self.expect(link, "starttls")
        link.send(f"<proceed {TLS_NS}/>")
        link.socket = self.stage.authority.context.wrap_socket(link.socket, server_side=True)
        link.restart()
        self.stage.authority.wait_header(link)

    def header(self, link):
        self.stage.authority.reply_header(link)

    def starttls(self, link):
        self.features(link, f"<starttls {TLS_NS}/>")
        self.expect(link, "starttls")

    def tls(self, link):
        self.secure(link)
        self.stage.authority.reply_header(link)

    def asked(self, link):
        self.secure(link)
        self.features(link, "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
                      f"<bidi xmlns='urn:xmpp:features:bidi'/><sm {SM_NS}/>")
        self.expect(link, "result")

    def sasl(self, link):
        self.secure(link)
        self.features(link, f"<mechanisms {AUTH}><mechanism>EXTERNAL</mechanism></mechanisms>")
        self.expect(link, "auth")

    def counting(self, link):
        """<enable/> has come, and is not answered."""
        self.asked(link)
        link.send(f"<db:result from='{self.domain}' to='{US}' type='valid'/>")
        self.expect(link, "enable")

    def ready(self, link):
        self.counting(link)
        link.send(f"<enabled {SM_NS} id='first' resume='true'/>")
        self.expect(link, "message")

    def serve(self, link):
        try:
            getattr(self, self.state)(link)
            link.queue.clear()
            send_element(self.stage, link, self.name, self.domain, "hostile")
            # What is said in the name of others, whatever has become of the stream.
            self.stage.stanza(link, f"x@{FRIEND}", body="forged")
            self.stage.stanza(link, f"x@{self.domain}", body="forged")
            while (element := link.read(1)) is not None:
                self.came.append(short(element))
            self.came.append("again" if link.is_garbled else "closed" if link.is_over else "open")
            link.close()
        except OSError as error:
            self.came.append(repr(error))
        self.stage.authority.scripts.pop(self.domain, None)
        self.done.set()


OUTGOING = ["header", "starttls", "tls", "asked", "sasl", "counting", "ready"]
LATE = "counting ready"
OUTGOING_RULES = [
    ("*", "error", "closed"),
    ("*", "db-key-nobody db-ask-nobody", "error/improper-addressing closed"),
    (LATE, "message-nobody", "error/improper-addressing closed"),
    ("*", "message-* iq-* presence-*", "..."),
    ("*", "db-key*", "result:error/not-allowed ..."),
    ("*", "db-ask", "verify:invalid ..."),
    ("asked", "db-valid", "enable message:chat error/invalid-from closed"),
    ("asked", "db-invalid db-error db-type", "closed"),
    ("*", "db-*", "..."),
    ("starttls", "proceed", "again"),
    ("tls", "features", "result ..."),
    ("sasl", "success", "again"),
    ("sasl", "failure", "result ..."),
    (LATE, "r", "a ..."),
    (LATE, "a-*", "error/undefined-condition closed"),
    ("asked counting ready", "*", "..."),
    ("*", "*", "closed"),
]


def outgoing_table(stage):
    """Each place is a domain of its own, for one that has failed is left alone for a while."""
    places = [(state, name) for state in OUTGOING for name in ELEMENTS]
    callees = [Callee(stage, f"x{i}.{ME}", *place) for i, place in enumerate(places)]
    for at in range(0, len(callees), 50):
        for callee in callees[at:at + 50]:
            stage.anna.message(f"y@{callee.domain}", "secret")
        end = time.monotonic() + 15
        for callee in callees[at:at + 50]:
            callee.done.wait(max(0, end - time.monotonic()))
    assert "forged" not in bodies(stage)
    wrong = []
    for callee in callees:
        got = " ".join(word for word in callee.came if word != "r")
        tail = f"error/{'invalid-from' if callee.state in LATE.split() else 'not-authorized'} closed"
        wanted = [w.replace("...", tail) for w in rule(OUTGOING_RULES, callee.state, callee.name)]
        if got not in wanted:
            wrong.append(f"{callee.state}/{callee.name}: {got}, not {' or '.join(wanted)}")
    assert not wrong, "\n".join(wrong)


CASES = [incoming_table, outgoing_table]
