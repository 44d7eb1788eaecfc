# SPDX-License-Identifier: MIT
"""trees.py - XML as trees: parsed from a stream as it comes, and compared with what was expected."""

import re
import xml.parsers.expat

NS_CLIENT = "jabber:client"
NS_STREAM = "http://etherx.jabber.org/streams"
NS_STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
NS_STREAMS = "urn:ietf:params:xml:ns:xmpp-streams"
# Words for people, and ids of archives; compared only where a script expects them.
ASIDES = {f"{NS_STANZAS} text", f"{NS_STREAMS} text", "urn:xmpp:sid:0 stanza-id"}

PLACEHOLDER = re.compile(r"\{(\.\.\.|=?[a-z][a-z0-9_-]*)\}")


class Node:
    """name is "namespace local"; children are Nodes and strings."""

    def __init__(self, name, attributes):
        self.name, self.attributes, self.children = name, attributes, []

    def elements(self):
        return [child for child in self.children if isinstance(child, Node)]

    def text(self):
        return "".join(child for child in self.children if isinstance(child, str))

    def is_named(self, ns, local):
        return self.name == f"{ns} {local}"

    def find(self, ns, local):
        return next((e for e in self.elements() if e.is_named(ns, local)), None)

    def rename(self, rename):
        self.attributes = {name: rename(value) for name, value in self.attributes.items()}
        self.children = [rename(child) if isinstance(child, str) else child
                         for child in self.children]
        for child in self.elements():
            child.rename(rename)

    def translate(self, ns, to):
        """Everything in NS is in another namespace."""
        was, _, local = self.name.rpartition(" ")
        if was == ns:
            self.name = f"{to} {local}"
        for child in self.elements():
            child.translate(ns, to)

    def write(self, parent_ns=NS_CLIENT, depth=0):
        """With line breaks, for people."""
        ns, _, local = self.name.rpartition(" ")
        tag = f"stream:{local}" if ns == NS_STREAM else local
        out = "  " * depth + "<" + tag
        if ns not in (parent_ns, NS_STREAM):
            out += f" xmlns='{ns}'"
        for name, value in sorted(self.attributes.items()):
            out += f" {name.replace('http://www.w3.org/XML/1998/namespace ', 'xml:')}='{value}'"
        if not self.children:
            return out + "/>"
        if not self.elements():
            return f"{out}>{self.text()}</{tag}>"
        inner = [child.write(ns, depth + 1) if isinstance(child, Node)
                 else "  " * (depth + 1) + child for child in self.children]
        return "\n".join([out + ">", *inner, "  " * depth + f"</{tag}>"])

    def __str__(self):
        return self.write()


class Reader:
    """Bytes of a stream in; its header, its elements and its end out, as ("header", Node),
    ("element", Node) and ("close", None)."""

    def __init__(self):
        self.parser = xml.parsers.expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.open, self.events = [], []

    def feed(self, data):
        self.parser.Parse(data)
        events, self.events = self.events, []
        return events

    def _start(self, name, attributes):
        node = Node(name, attributes)
        if not self.open:
            self.events.append(("header", node))
        elif len(self.open) > 1:
            self.open[-1].children.append(node)
        self.open.append(node)

    def _end(self, _name):
        node = self.open.pop()
        if not self.open:
            self.events.append(("close", None))
        elif len(self.open) == 1:
            tidy(node)
            self.events.append(("element", node))

    def _text(self, text):
        if len(self.open) > 1:
            self.open[-1].children.append(text)


def tidy(node):
    """Drops the white space between elements, and joins pieces of text."""
    if node.elements():
        node.children = [child.strip() if isinstance(child, str) else child
                         for child in node.children]
        node.children = [child for child in node.children if child != ""]
    elif node.children:
        node.children = [node.text()]
    for child in node.elements():
        tidy(child)


def parse(text):
    """One element as it stands in a script; a stream's header may lack its end."""
    if text.startswith("<stream:stream") and not text.endswith(("/>", "</stream:stream>")):
        text += "</stream:stream>"
    reader = Reader()
    events = reader.feed(f"<r xmlns='{NS_CLIENT}' xmlns:stream='{NS_STREAM}'>{text}</r>".encode())
    nodes = [node for kind, node in events if kind == "element"]
    if len(nodes) != 1:
        raise ValueError("not one element")
    return nodes[0]


def value_matches(pattern, value, captures, captured):
    """Whether VALUE is as PATTERN says; what it captures is added to CAPTURED."""
    out, at, names = "", 0, []
    for match in PLACEHOLDER.finditer(pattern):
        word = match.group(1)
        out += re.escape(pattern[at:match.start()])
        at = match.end()
        if word == "any":
            out += ".*"
        elif word.startswith("="):
            names.append(word[1:])
            out += "(.*)"
        else:
            out += re.escape(captured.get(word, captures.get(word, match.group(0))))
    match = re.fullmatch(out + re.escape(pattern[at:]), value, re.DOTALL)
    if match is None:
        return False
    captured.update(zip(names, match.groups()))
    return True


def is_error(node):
    """It may have a number for old clients (XEP-0086), compared only where a script expects it."""
    return node.is_named(NS_CLIENT, "error")


def difference(expected, received, captures, captured, optional=()):
    """Why RECEIVED is not as EXPECTED, or None. OPTIONAL: attributes that may be there or not."""
    where = received.name.rpartition(" ")[2]
    if expected.name != received.name:
        return f"<{received.name}/> instead of <{expected.name}/>"
    for name in sorted(expected.attributes.keys() | received.attributes.keys()):
        want, got = expected.attributes.get(name), received.attributes.get(name)
        if want is None and (name in optional or (name == "code" and is_error(received))):
            continue
        if want is None:
            return f"<{where}/> has {name}='{got}'"
        if got is None:
            return f"<{where}/> lacks {name}='{want}'"
        if not value_matches(want, got, captures, captured):
            return f"<{where}/> has {name}='{got}' instead of '{want}'"
    return children_difference(expected, received, captures, captured)


def children_difference(expected, received, captures, captured):
    where = received.name.rpartition(" ")[2]
    wanted, got = list(expected.children), list(received.children)
    asides = ASIDES - {child.name for child in wanted if isinstance(child, Node)}
    got = [child for child in got if not (isinstance(child, Node) and child.name in asides)]
    if "{...}" in wanted:
        wanted.remove("{...}")
        return search_children(where, wanted, got, captures, captured)
    if len(wanted) == 1 and isinstance(wanted[0], str) and not received.elements():
        got = got or [""]
    if len(wanted) != len(got):
        return f"<{where}/> holds {len(got)} things instead of {len(wanted)}"
    for want, have in zip(wanted, got):
        if isinstance(want, str) or isinstance(have, str):
            if isinstance(want, Node) or isinstance(have, Node):
                return f"<{where}/> has text where there should be none, or the other way round"
            if not value_matches(want, have, captures, captured):
                return f"<{where}/> says \"{have}\" instead of \"{want}\""
        else:
            why = difference(want, have, captures, captured)
            if why is not None:
                return why
    return None


def search_children(where, wanted, got, captures, captured):
    """Those that are wanted must be there, in any order, among others."""
    left = [child for child in got if isinstance(child, Node)]
    for want in wanted:
        for have in left:
            trial = dict(captured)
            if difference(want, have, captures, trial) is None:
                captured.update(trial)
                left.remove(have)
                break
        else:
            return f"<{where}/> does not hold {want}"
    return None
