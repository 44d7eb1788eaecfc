# SPDX-License-Identifier: MIT
"""xml_cases.py - SEC-01 to SEC-08: what is not XML, and what is too much of it."""

import streams
from target import answers, case, check, header, stream_error, wants_error

BAD_UTF8 = [b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf0\x80\x80\x80",
            b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xff", b"\xc3(", b"\xe2\x82(", b"\xf0\x9f\x98("]


def sent(node):
    """What the sender put into it: the server adds the id in its archive (XEP-0359)."""
    return [child for child in node.elements() if not child.is_named("urn:xmpp:sid:0", "stanza-id")]



@case("sec01_malformed_utf8_reaches_nobody")
def sec01(victim):
    reader = victim.log_in()
    reader.send("<presence/>")
    for bad in BAD_UTF8:
        for before, after in ((b"<message to='%s'><body>a", b"b</body></message>"),
                              (b"<message to='%s' id='a", b"'><body>x</body></message>"),
                              (b"<message to='%s'><x", b"/></message>")):
            sender = victim.log_in("u59", f"r-{bad.hex()}")
            sender.send(before.replace(b"%s", reader.jid.encode()) + bad + after)
            wants_error(sender, "bad-format")
            sender.drop()
    check(not [node for node in answers(reader) if "message" in node.name], "bytes were passed on")


@case("sec02_namespace_tricks")
def sec02(victim):
    one, two = victim.log_in(), victim.log_in()
    two.send("<presence/>")
    answers(two)
    for ns in ("a:b", "urn:x", "http://a/#b", "urn:x:%7Cy"):
        one.send(f"<message to='{two.jid}'><x xmlns='{ns}'><y xmlns='jabber:client'/></x>"
                 f"<p:x xmlns:p='{ns}' xmlns:q='{ns}'><q:x/></p:x></message>")
        kind, node = two.next()
        check(kind == "element", kind)
        names = [child.name for child in sent(node)]
        check(names == [f"{ns} x", f"{ns} x"], names)
        check(sent(node)[0].elements()[0].name == "jabber:client y", "flip of the default namespace")
    for bad in ("<message><p:x/></message>", "<message xmlns:xml='urn:x'/>",
                "<message xmlns:xmlns='urn:x'/>", "<message xmlns:p='http://www.w3.org/2000/xmlns/'/>",
                "<message q:a='1'/>", "<message><x xmlns='a|b'/></message>",
                "<message><x xmlns='a SP'/></message>",
                "<message><x xmlns='a&#10;b'/></message>"):
        attacker = victim.log_in("u58", "a")
        attacker.send(bad)
        wants_error(attacker, "bad-namespace-prefix")
        attacker.drop()


@case("sec03_nothing_is_smuggled")
def sec03(victim):
    one, two = victim.log_in(), victim.log_in()
    two.send("<presence/>")
    answers(two)
    texts = ["&lt;/message>&lt;message from='admin@localhost'/>", "<![CDATA[</body><evil/>]]>",
             "&lt;/stream:stream>", "]]&gt;", "a&#xd;b&#x9;c", "&amp;lt;", "<![CDATA[]]]]><![CDATA[>]]>"]
    meant = ["</message><message from='admin@localhost'/>", "</body><evil/>", "</stream:stream>", "]]>",
             "a\rb\tc", "&lt;", "]]>"]
    for text, want in zip(texts, meant):
        one.send(f"<message to='{two.jid}'><body>{text}</body></message>")
        kind, node = two.next()
        got = node.find("jabber:client", "body")
        check(got is not None and got.text() == want and len(sent(node)) == 1, kind, node)
    one.send(f"<message to='{two.jid}'><stream:stream xmlns:stream='http://etherx.jabber.org/streams'/>"
             "<x a='>' b='&#x27;&quot;&#10;'/></message>")
    kind, node = two.next()
    check(sent(node)[1].attributes == {"a": ">", "b": "'\"\n"}, node)


@case("sec04_prefixes_of_the_stream_are_declared_again")
def sec04(victim):
    two = victim.log_in()
    two.send("<presence/>")
    answers(two)
    one = streams.Stream("u57", victim.port, lambda text: text)
    one.open("localhost")
    one.send(f"<starttls xmlns='{streams.NS_TLS}'/>")
    one.next_element(streams.NS_TLS, "proceed")
    one.socket = victim.context().wrap_socket(one.socket, server_hostname="localhost")
    one.open("localhost")
    one.authenticate("u57")
    one.restart()
    one.send(header(extra=" xmlns:foo='urn:foo' xmlns:c='jabber:client'"))
    one.next_element("http://etherx.jabber.org/streams", "features")
    one.bind("r")
    one.send(f"<message to='{two.jid}'><foo:bar foo:baz='1'><stream:x/></foo:bar></message>")
    kind, node = two.next()
    child = sent(node)[0]
    check(child.name == "urn:foo bar" and child.attributes == {"urn:foo baz": "1"}, node)
    one.send(f"<c:message to='{two.jid}'><c:body>hi</c:body></c:message>")
    kind, node = two.next()
    check(node.find("jabber:client", "body").text() == "hi", node)


RESTRICTED = ["<!DOCTYPE x [<!ENTITY a 'b'>]>", "<!-- x -->", "<?pi x?>", "<!ENTITY x 'y'>"]


@case("sec05_no_dtd_comment_or_pi_in_any_state")
def sec05(victim):
    for text in RESTRICTED:
        stream_error(victim.raw().send(text), "restricted-xml")
        stream_error(victim.raw().send(header() + text), "restricted-xml")
        raw = victim.raw_tls()
        raw.send(text)
        stream_error(raw, "restricted-xml")
        for place in (text, f"<message>{text}</message>", f"<message><body>{text}</body></message>"):
            stream = victim.log_in("u56", "a")
            stream.send(place)
            wants_error(stream, "restricted-xml")
            stream.drop()
    stream = victim.log_in("u56", "b")
    stream.send("<message><body>&undefined;</body></message>")
    wants_error(stream, "restricted-xml")


@case("sec06_deep_nesting")
def sec06(victim):
    stream_error(victim.raw().send(header() + "<a>" * 200000), "policy-violation")
    stream = victim.log_in()
    stream.send("<message><body>" + "<a>" * 200000)
    wants_error(stream, "policy-violation")


@case("sec07_too_many_attributes_and_elements")
def sec07(victim):
    for text in ("<message " + " ".join(f"a{n}='1'" for n in range(20000)),
                 "<message " + " ".join(f"xmlns:a{n}='u'" for n in range(20000)),
                 "<message>" + "<a/>" * 60000):
        stream = victim.log_in("u55", "a")
        stream.send(text)
        wants_error(stream, "policy-violation")
        stream.drop()


@case("sec08_drip_feeding")
def sec08(victim):
    one, two = victim.log_in(), victim.log_in()
    two.send("<presence/>")
    answers(two)
    body = "abc&amp;d\u00e9" * 400
    for byte in f"<message to='{two.jid}'><body>{body}</body></message>".encode():
        one.send(bytes([byte]))
    kind, node = two.next()
    check(node.find("jabber:client", "body").text() == body.replace("&amp;", "&"), kind)


@case("sec11_stanza_size_at_the_border", "small")
def sec11(victim):
    for size, fits in ((20000, True), (20001, False)):
        stream = victim.log_in("u54", f"a{size}")
        frame = f"<iq type='get' to='localhost' id='x{size}'><ping xmlns='urn:xmpp:ping'><!></ping></iq>"
        stanza = frame.replace("<!>", "x" * (size - len(frame) + 3))
        check(len(stanza) == size, len(stanza))
        stream.send(stanza)
        if fits:
            check(not answers(stream) or True)
        else:
            wants_error(stream, "policy-violation")
        stream.drop()
    for size, fits in ((10000, True), (10001, False)):
        raw = victim.raw_tls()
        frame = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'></auth>"
        raw.send(frame.replace("></", ">" + "A" * (size - len(frame)) + "</"))
        if fits:
            raw.take("invalid-mechanism")
        else:
            stream_error(raw, "policy-violation")
        raw.close()
