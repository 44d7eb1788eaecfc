/* SPDX-License-Identifier: MIT */
/*
 * test_xml.c - what the XML reader accepts and refuses: each row whole, byte by byte and cut at
 * every place, next to expat and libxml2 (SEC-01, SEC-02, SEC-03, SEC-05).
 */
#include "test.h"

#include "base/utf8.h"
#include "xml_oracle.h"

#include <stdio.h>
#include <stdlib.h>

#define HEADER                                                                                     \
	"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "    \
	"xmlns:out='urn:out'>"
#define FOOTER "</stream:stream>"
#define FINE (-1)

static const struct xml_limits limits = {100000, 64, 64, 1000};

static bool
is_same_result(const struct xml_seen *a, const struct xml_seen *b)
{
	return xml_seen_same(a, b) && a->is_wrong == b->is_wrong && a->is_at_end == b->is_at_end &&
	       a->fault == b->fault && a->why == b->why;
}

/* However TEXT is cut, the same comes of it (SEC-08). */
static void
check_cuts(struct test *t, struct str text, const struct xml_seen *whole)
{
	bool is_same = true;

	for (ptrdiff_t cut = 1 - (ptrdiff_t)text.len; cut <= 3 && is_same; cut++) {
		struct xml_seen seen = xml_see_ours(text, cut, &limits);

		is_same = is_same_result(&seen, whole);
		xml_seen_free(&seen);
		if (!is_same)
			printf("cut %td\n", cut);
	}
	check(t, is_same);
}

/* WANT: FINE or a fault, of the whole stream TEXT. */
static void
check_stream(struct test *t, struct str text, int want)
{
	struct xml_seen whole = xml_see_ours(text, 0, &limits);

	if (whole.is_wrong && want == FINE)
		printf("refused: %s\n", whole.why);
	check_int(t, whole.is_wrong ? (int)whole.fault : FINE, want);
	check_cuts(t, text, &whole);
	/* What we accept, both accept with the same tree; what only they accept is meant so. */
	check_str(t, str(xml_disagreement(text, &whole)), NULL);
	xml_seen_free(&whole);
}

struct row {
	const char *text;
	int want;
};

/* TEXT as the content of a stream; when it is fine, all its elements can travel. */
static void
check_content(struct test *t, struct str text, int want)
{
	struct str stream = arena_join(t->arena, STR(HEADER), text);

	stream = arena_join(t->arena, stream, STR(FOOTER));
	check_stream(t, stream, want);
	check_str(t, str(xml_cannot_travel(stream, "jabber:client", &limits)), NULL);
}

static void
check_rows(struct test *t, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		test_row(t, rows[i].text);
		check_content(t, str(rows[i].text), rows[i].want);
	}
	test_row(t, "");
}

static const struct row syntax[] = {
	{"<message/>", FINE},
	{" \t\r\n<message/>\n\n", FINE},
	{"<message></message>", FINE},
	{"<message\t\r\n  to = 'a'\n from\r=\n\"b\" ></message \n>", FINE},
	{"<message to='a\"b' from=\"c'd\" id=''/>", FINE},
	{"<message to='a>b'>c>d</message>", FINE},
	{"<message>one<a/>two<b>three</b>four</message>", FINE},
	{"<message xml:lang='en'/>", FINE},
	{"<_a.-1 b_='1' c-.='2'/>", FINE},
	{"<été à='1'/>", FINE},
	{"<a>&lt;&gt;&amp;&apos;&quot;</a>", FINE},
	{"<a b='&lt;&gt;&amp;&apos;&quot;'/>", FINE},
	{"<a>&#65;&#x41;&#x10FFFF;&#9;&#10;&#13;&#xe9;&#x00065;</a>", FINE},
	{"<a b='&#65;&#x41;&#9;&#10;&#13;'/>", FINE},
	{"<a>&#0000000000065;</a>", FINE}, /* 16 bytes */
	{"<a>&#00000000000065;</a>", XML_NOT_WELL_FORMED},
	{"<a>a\rb\r\nc\n\rd\r\r\n</a>", FINE},
	{"<a b='a\rb\r\nc\n\rd\te  '/>", FINE},
	{"<a>]] ]> ]]&gt; ] ></a>", FINE},
	{"<a><![CDATA[<b>&amp;</b>]]></a>", FINE},
	{"<a>x<![CDATA[]]]]>]]&#62;<![CDATA[>]]>y</a>", FINE},
	{"<a><![CDATA[]]></a>", FINE},
	{"<a><![CDATA[]]]>]]&gt;</a>", FINE},
	{"<a><![CDATA[\r\n\r]]>\n</a>", FINE},
	{"<a>]]<![CDATA[>]]>]<![CDATA[]>]]></a>", FINE},
	{"<a>0123456789abcdef\n0123456789abcdef\t0123456789]abcdef</a>", FINE},

	{"text", XML_NOT_WELL_FORMED},
	{"<a/>&#32;", XML_NOT_WELL_FORMED},
	{"<![CDATA[ ]]>", XML_RESTRICTED},
	{"<a>]]></a>", XML_NOT_WELL_FORMED},
	{"<a>x]]]></a>", XML_NOT_WELL_FORMED},
	{"<a b='<'/>", XML_NOT_WELL_FORMED},
	{"<a b='&'/>", XML_NOT_WELL_FORMED},
	{"<a b=1/>", XML_NOT_WELL_FORMED},
	{"<a b/>", XML_NOT_WELL_FORMED},
	{"<a b='1'c='2'/>", XML_NOT_WELL_FORMED},
	{"<a b='1\"/>", XML_NOT_WELL_FORMED},
	{"<a 'b'/>", XML_NOT_WELL_FORMED},
	{"<a =''/>", XML_NOT_WELL_FORMED},
	{"<a / >", XML_NOT_WELL_FORMED},
	{"<a/b='1'>", XML_NOT_WELL_FORMED},
	{"< a/>", XML_NOT_WELL_FORMED},
	{"<1/>", XML_NOT_WELL_FORMED},
	{"<-a/>", XML_NOT_WELL_FORMED},
	{"<a<b/>", XML_NOT_WELL_FORMED},
	{"<\xc2\xb7/>", XML_NOT_WELL_FORMED}, /* U+00B7 may stand in a name, but not first */
	{"<a\xc2\xb7/>", FINE},
	{"<a\xf0\x90\x90\x80/>",
	 XML_NOT_WELL_FORMED}, /* a letter of XML 1.0's fifth edition only */
	{"<>", XML_NOT_WELL_FORMED},
	{"</>", XML_NOT_WELL_FORMED},
	{"<a></b>", XML_NOT_WELL_FORMED},
	{"<a></aa>", XML_NOT_WELL_FORMED},
	{"<aa></a>", XML_NOT_WELL_FORMED},
	{"<a></ a>", XML_NOT_WELL_FORMED},
	{"<a></a b=''>", XML_NOT_WELL_FORMED},
	{"<a></a/>", XML_NOT_WELL_FORMED},
	{"</a>", XML_NOT_WELL_FORMED},
	{"<a><b></a></b>", XML_NOT_WELL_FORMED},
	{"<a></stream:stream>", XML_NOT_WELL_FORMED},
	{"<a></stream:stream></a>", XML_NOT_WELL_FORMED},
	{"<a>&lt;/stream:stream&gt;</a>", FINE},
	{"<stream:stream to='a'></stream:stream>", FINE},
	{"<a>&;</a>", XML_NOT_WELL_FORMED},
	{"<a>& amp;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#x;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#X41;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#6a;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#-1;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#0;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#8;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#xd800;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#xdfff;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#xfffe;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#xffff;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#x110000;</a>", XML_NOT_WELL_FORMED},
	{"<a>&#4294967361;</a>", XML_NOT_WELL_FORMED}, /* 2^32 + 65 */
	{"<a b='1' b='2'/>", XML_NOT_WELL_FORMED},
	{"<a b='1' c='2' d='3' e='4' f='5' g='6' h='7' i='8' j='9' k='10' c='11'/>",
	 XML_NOT_WELL_FORMED},
	{"<a b='1' c='2' d='3' e='4' f='5' g='6' h='7' i='8' j='9' k='10' cc='11'/>", FINE},
	{"<a>\x01</a>", XML_NOT_WELL_FORMED},
	{"<a>\x1f</a>", XML_NOT_WELL_FORMED},
	{"<a b='\x0c'/>", XML_NOT_WELL_FORMED},
	{"<a><![CDATA[\x0b]]></a>", XML_NOT_WELL_FORMED},
	{"<a\x01/>", XML_NOT_WELL_FORMED},
	{"<a>\x7f\xc2\x80\xc2\x85\xe2\x80\xa8</a>", FINE}, /* odd, but characters */
	{"<a b='\x7f\xc2\x80\xc2\x85\xe2\x80\xa8'/>", FINE},
};

TEST(xml_syntax)
{
	check_rows(t, syntax, COUNT(syntax));
}

TEST(sec03_a_nul_is_no_character)
{
	static const char text[] = HEADER "<a>b\0c</a>" FOOTER, name[] = HEADER "<a\0/>" FOOTER,
			  value[] = HEADER "<a b='\0'/>" FOOTER, top[] = HEADER "\0<a/>" FOOTER;

	check_stream(t, str_of(text, sizeof(text) - 1), XML_NOT_WELL_FORMED);
	check_stream(t, str_of(name, sizeof(name) - 1), XML_NOT_WELL_FORMED);
	check_stream(t, str_of(value, sizeof(value) - 1), XML_NOT_WELL_FORMED);
	check_stream(t, str_of(top, sizeof(top) - 1), XML_NOT_WELL_FORMED);
}

static const struct row streams[] = {
	{"<?xml version='1.0'?>" HEADER FOOTER, FINE},
	{"<?xml version=\"1.0\" encoding=\"utf-8\" standalone='no' ?>\n" HEADER FOOTER, FINE},
	{"<?xml version = '1.0' encoding='UTF-8'?>" HEADER "<a/>", FINE},
	{"\xef\xbb\xbf" HEADER FOOTER, FINE},
	{"\xef\xbb\xbf<?xml version='1.0'?>" HEADER FOOTER, FINE},
	{"\n" HEADER FOOTER, FINE},
	{"<stream/>", FINE},
	{"<stream:stream xmlns:stream='urn:s'/>", FINE},
	{"<s to='x'><a/></s >", FINE},
	{"<?xml version='1.0'", FINE},
	{HEADER "<a b='c", FINE},
	{"\xef\xbb" HEADER, XML_NOT_WELL_FORMED},
	{"\xef\xbb\xbf\xef\xbb\xbf" HEADER, XML_NOT_WELL_FORMED},
	{HEADER "\xef\xbb\xbf<a/>", XML_NOT_WELL_FORMED},
	{"hello", XML_NOT_WELL_FORMED},
	{"\x16\x03\x01", XML_NOT_WELL_FORMED}, /* TLS, where there should be none */
	{"\xff\xfe<\0", XML_BAD_UTF8},
	{"</stream>", XML_NOT_WELL_FORMED},
	{"<?xml version='1.1'?>" HEADER, XML_NOT_WELL_FORMED},
	{"<?xml encoding='UTF-8'?>" HEADER, XML_NOT_WELL_FORMED},
	{"<?xml version='1.0' standalone='maybe'?>" HEADER, XML_NOT_WELL_FORMED},
	{"<?xml version='1.0' standalone='no' encoding='UTF-8'?>" HEADER, XML_NOT_WELL_FORMED},
	{"<?xml version='1.0'>" HEADER, XML_NOT_WELL_FORMED},
	{"<?xml version='1.0'encoding='UTF-8'?>" HEADER, XML_NOT_WELL_FORMED},
	{"<?xml version='1.0' encoding='ISO-8859-1'?>" HEADER, XML_BAD_ENCODING},
	{"<?xml version='1.0' encoding='UTF-16'?>" HEADER, XML_BAD_ENCODING},
	{"<?xml version='1.0' encoding='US-ASCII'?>" HEADER, XML_BAD_ENCODING},
	{"<?xml version='1.0'?><?xml version='1.0'?>" HEADER, XML_RESTRICTED},
	{HEADER "<?xml version='1.0'?>", XML_RESTRICTED},
	{"<?xml-stylesheet href='a'?>" HEADER, XML_RESTRICTED},
	{"<?XML version='1.0'?>" HEADER, XML_RESTRICTED},
	{"<stream:stream>", XML_BAD_NAMESPACE},
	{"<s a='1' a='2'>", XML_NOT_WELL_FORMED},
};

TEST(xml_stream_header)
{
	for (size_t i = 0; i < COUNT(streams); i++) {
		test_row(t, streams[i].text);
		check_stream(t, str(streams[i].text), streams[i].want);
	}
}

/* Other parsers know no XML declaration behind white space; no use is made of its absence. */
TEST(xml_white_space_before_the_declaration)
{
	struct xml_seen seen =
		xml_see_ours(STR("\r\n<?xml version='1.0'?>" HEADER FOOTER), 0, &limits);

	check(t, !seen.is_wrong && seen.is_at_end);
	xml_seen_free(&seen);
}

/* What follows the root's end is left in the input. */
TEST(xml_end_of_stream)
{
	struct xml_reader *reader = xml_reader_new(&limits, true);
	struct str input = STR(HEADER FOOTER "\xff<!");
	struct arena *arena;
	struct element *el;

	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_HEADER);
	check(t, element_is(el, "http://etherx.jabber.org/streams", "stream"));
	arena_free(arena);
	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_END);
	check(t, arena == NULL && el == NULL);
	check_strs(t, input, STR("\xff<!"));
	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_END);
	xml_reader_free(reader);
}

/* RFC 6120 §4.3.3: a new header, and perhaps a new declaration; nothing is left of the old one. */
TEST(xml_restart)
{
	struct xml_reader *reader = xml_reader_new(&limits, true);
	struct str input = STR(HEADER "<out:auth/><ne");
	const char *why = NULL;
	struct arena *arena;
	struct element *el;

	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_HEADER);
	arena_free(arena);
	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_ELEMENT);
	check(t, element_is(el, "urn:out", "auth"));
	check(t, !xml_reader_is_inside(reader));
	arena_free(arena);
	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_MORE);
	check(t, xml_reader_is_inside(reader));

	xml_reader_restart(reader);
	check(t, !xml_reader_is_inside(reader));
	input = STR("<?xml version='1.0'?><stream xmlns='jabber:client'><out:auth/>");
	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_HEADER);
	check(t, element_is(el, "jabber:client", "stream"));
	arena_free(arena);
	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_WRONG);
	check_int(t, xml_reader_why(reader, &why), XML_BAD_NAMESPACE);
	check_str(t, str(why), "a prefix that is not declared");
	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_WRONG);
	xml_reader_free(reader);
}

/* WebSocket framing (RFC 7395 §3.3): no root, each message an element. */
TEST(xml_without_root)
{
	struct xml_reader *reader = xml_reader_new(&limits, false);
	struct str input = STR("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/><a/></a>");
	struct arena *arena;
	struct element *el;

	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_ELEMENT);
	check(t, element_is(el, "urn:ietf:params:xml:ns:xmpp-framing", "open"));
	arena_free(arena);
	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_ELEMENT);
	check(t, element_is(el, "", "a"));
	arena_free(arena);
	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_WRONG);
	check_int(t, xml_reader_why(reader, NULL), XML_NOT_WELL_FORMED);
	xml_reader_free(reader);
}

static const struct row namespaces[] = {
	{"<a xmlns='urn:a'><b xmlns=''><c/></b><d xmlns='urn:d'/></a>", FINE},
	{"<p:a xmlns:p='urn:p' p:b='1' b='2'><p:c xmlns:p='urn:q' p:b='3'/><p:d/></p:a>", FINE},
	{"<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' q:c='2'/>", FINE},
	{"<a p:b='1' xmlns:p='urn:p' xmlns='urn:a' b='2'/>", FINE},
	{"<out:a out:b='1'/>", FINE},
	{"<a xmlns:out='urn:in'><out:b/></a><out:c/>", FINE},
	{"<stream:a/>", FINE},
	{"<xml:a xml:b='1'><b/></xml:a>", FINE},
	{"<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='x'/>", FINE},
	{"<a xmlns='urn:a&amp;b'/>", FINE},
	{"<a xmlns='  '/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:é'/>", FINE},
	{"<a xmlns='a:b'><b xmlns='a' /></a>", FINE},
	{"<p:a/>", XML_BAD_NAMESPACE},
	{"<a p:b='1'/>", XML_BAD_NAMESPACE},
	{"<a><b xmlns:p='urn:p'/><p:c/></a>", XML_BAD_NAMESPACE},
	{"<a xmlns:p=''/>", XML_BAD_NAMESPACE},
	{"<a xmlns:xml='urn:x'/>", XML_BAD_NAMESPACE},
	{"<a xmlns:xmlns='urn:x'/>", XML_BAD_NAMESPACE},
	{"<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>", XML_BAD_NAMESPACE},
	{"<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='http://www.w3.org/2000/xmlns/'/>", XML_BAD_NAMESPACE},
	{"<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='http://www.w3.org/XML/1998/namespace'/>", XML_BAD_NAMESPACE},
	{"<xmlns:a/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:a' xmlns='urn:b'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns:p='urn:a' xmlns:p='urn:a'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' q:b='2'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' c='' d='' e='' f='' g='' h='' i='' q:b='2'/>",
	 XML_NOT_WELL_FORMED},
	{"<a:b:c xmlns:a='urn:a'/>", XML_NOT_WELL_FORMED},
	{"<:a/>", XML_NOT_WELL_FORMED},
	{"<a:/>", XML_NOT_WELL_FORMED},
	{"<a:1 xmlns:a='urn:a'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns:='urn:a'/>", XML_NOT_WELL_FORMED},
	{"<out:a></a>", XML_NOT_WELL_FORMED},
	{"<p:a xmlns:p='urn:p'></q:a>", XML_NOT_WELL_FORMED},
};

TEST(xml_namespaces)
{
	check_rows(t, namespaces, COUNT(namespaces));
}

/* Nothing that could be a separator between a namespace and a name gets in. */
static const struct row separators[] = {
	{"<a xmlns='urn:a b'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:a|b'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:a\nb'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:a&#10;b'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:a&#9;b'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:a}b'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:a{b'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:a^b'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:a&lt;b'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:a&quot;b'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:a\\b'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:a\x7f'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:a\x0c'/>", XML_NOT_WELL_FORMED},
	{"<a xmlns='urn:a\xff'/>", XML_BAD_UTF8},
	{"<a xmlns:p='urn:a b'/>", XML_BAD_NAMESPACE},
	{"<a xmlns='urn:a:b'/>", FINE},
	{"<a xmlns=\"urn:a?b#c[d]@e!f$g'h(i)j*k+l,m;n=o%20p/q_r~s.t-u&amp;v\"/>", FINE},
	{"<message xmlns='jabber:client'><message xmlns='jabber:server'>"
	 "<message xmlns=''/></message></message>",
	 FINE},
};

TEST(sec02_separators_and_flips)
{
	check_rows(t, separators, COUNT(separators));
}

/* "ab" + "c" is not "a" + "bc", and a prefix says nothing. */
TEST(sec02_names_are_pairs)
{
	struct element *a = xml_parse(t->arena, STR("<p:c xmlns:p='ab'/>"), &limits, NULL);
	struct element *b = xml_parse(t->arena, STR("<bc xmlns='a'/>"), &limits, NULL);

	check(t, element_is(a, "ab", "c") && !element_is(a, "a", "bc"));
	check(t, element_is(b, "a", "bc") && !element_is(b, "ab", "c"));
	check(t, xml_parse(t->arena, STR("<a xmlns:p='ab' xmlns:q='a' p:c='' q:bc=''/>"), &limits,
			   NULL) != NULL);
}

static const struct row restricted[] = {
	{"<!-- -->", XML_RESTRICTED},
	{"<!", XML_RESTRICTED},
	{"<!DOCTYPE a>", XML_RESTRICTED},
	{"<!ENTITY a 'b'>", XML_RESTRICTED},
	{"<?php ?>", XML_RESTRICTED},
	{"<a><!-- --></a>", XML_RESTRICTED},
	{"<a><!D", XML_RESTRICTED},
	{"<a><![cdata[]]></a>", XML_RESTRICTED},
	{"<a><![INCLUDE[]]></a>", XML_RESTRICTED},
	{"<a>text<?", XML_RESTRICTED},
	{"<a><?xml version='1.0'?></a>", XML_RESTRICTED},
	{"<a>&nbsp;</a>", XML_RESTRICTED},
	{"<a>&ampx;</a>", XML_RESTRICTED},
	{"<a>&AMP;</a>", XML_RESTRICTED},
	{"<a b='&lol9;'/>", XML_RESTRICTED},
};

TEST(sec05_no_dtd_entity_pi_or_comment)
{
	static const struct row in_front[] = {
		{"<!DOCTYPE lolz [<!ENTITY lol 'lol'>]>" HEADER, XML_RESTRICTED},
		{"<?xml version='1.0'?><!DOCTYPE a SYSTEM 'file:///etc/passwd'>", XML_RESTRICTED},
		{"<?xml version='1.0'?><!-- -->" HEADER, XML_RESTRICTED},
		{"<!-- -->", XML_RESTRICTED},
		{"<?pi ?>" HEADER, XML_RESTRICTED},
	};

	check_rows(t, restricted, COUNT(restricted));
	for (size_t i = 0; i < COUNT(in_front); i++) {
		test_row(t, in_front[i].text);
		check_stream(t, str(in_front[i].text), in_front[i].want);
	}
}

/* The refusal comes with the first byte that tells, not with the end of the construct. */
TEST(sec05_at_the_first_byte)
{
	static const char *const beginnings[] = {"<!", "<a><!-", "<a>b<?", "<a><![D", HEADER "<?"};

	for (size_t i = 0; i < COUNT(beginnings); i++) {
		struct xml_reader *reader = xml_reader_new(&limits, i == 4);
		struct str all = str(beginnings[i]), input = str_first(all, all.len - 1);
		struct element *el;
		struct arena *arena;

		test_row(t, beginnings[i]);
		if (i == 4) {
			check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_HEADER);
			arena_free(arena);
		}
		check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_MORE);
		input = str_from(all, all.len - 1);
		check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_WRONG);
		check_int(t, xml_reader_why(reader, NULL), XML_RESTRICTED);
		xml_reader_free(reader);
	}
}

/* Decoding that shares nothing with the code under test: the character in BYTES, or -1. */
static int32_t
decode(const unsigned char *bytes, size_t len)
{
	static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	int32_t c = bytes[0];

	if (len == 1)
		return c < 0x80 ? c : -1;
	if (c >> (7 - len) != (1 << (len + 1)) - 2)
		return -1;
	c &= (1 << (7 - len)) - 1;
	for (size_t i = 1; i < len; i++) {
		if (bytes[i] >> 6 != 2)
			return -1;
		c = c << 6 | (bytes[i] & 63);
	}
	return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? -1 : c;
}

/* Whether BYTES are characters of XML. Of those below U+0080 only NUL and letters are asked for. */
static bool
are_chars(const unsigned char *bytes, size_t len)
{
	while (len > 0) {
		size_t n = 1;

		while (n <= MIN(len, (size_t)4) && decode(bytes, n) < 0)
			n++;
		if (n > MIN(len, (size_t)4) || decode(bytes, n) == 0)
			return false;
		if (decode(bytes, n) == 0xfffe || decode(bytes, n) == 0xffff)
			return false;
		bytes += n;
		len -= n;
	}
	return true;
}

/* The places where bytes can stand: text, value, namespace, CDATA; a name is stricter still. */
static const struct place {
	const char *before, *after;
	bool is_name;
} places[] = {
	{"<a>", "</a>", false},
	{"<a b='", "'/>", false},
	{"<a><![CDATA[", "]]></a>", false},
	{"<a>0123456789", "0123456789</a>", false},
	{"<a xmlns='urn:", "'/>", false},
	{"<a", "/>", true},
	{"<a b", "='1'/>", true},
};

static void
check_bytes(struct test *t, const struct place *place, const unsigned char *bytes, size_t len)
{
	struct arena *arena = arena_new();
	struct str text = str_of(bytes, len), all;
	bool is_char = are_chars(bytes, len);
	struct element *el;

	all = arena_join(arena, arena_join(arena, str(place->before), text), str(place->after));
	el = xml_parse(arena, all, &limits, NULL);
	if (el == NULL ? is_char && !place->is_name : !is_char) {
		char row[64];

		snprintf(row, sizeof(row), "%s%02x %02x %02x %02x", place->before, bytes[0],
			 len > 1 ? bytes[1] : 0, len > 2 ? bytes[2] : 0, len > 3 ? bytes[3] : 0);
		test_row(t, row);
		check(t, false);
	}
	arena_free(arena);
}

/* All sequences of a lead byte and LEN - 1 more, of which those from the third on are from a few.
 */
static void
check_sequences(struct test *t, const struct place *place, size_t len)
{
	static const unsigned char few[] = {0x00, 'A', 0x80, 0x8f, 0xa0, 0xbe, 0xbf, 0xc0, 0xff};
	size_t thirds = len > 2 ? COUNT(few) : 1, fourths = len > 3 ? COUNT(few) : 1;
	unsigned char b[4];

	for (unsigned lead = len == 1 ? 0x80 : 0xc0; lead < 0x100 && t->failures == 0; lead++)
		for (unsigned second = len > 1 ? 0x7f : 0xff; second < 0x100; second++)
			for (size_t i = 0; i < thirds * fourths; i++) {
				b[0] = (unsigned char)lead;
				b[1] = second == 0x7f ? 0 : (unsigned char)second;
				b[2] = few[i % thirds];
				b[3] = few[i / thirds];
				check_bytes(t, place, b, len);
			}
}

TEST(sec01_malformed_utf8_everywhere)
{
	for (size_t i = 0; i < COUNT(places); i++)
		for (size_t len = 1; len <= 4; len++)
			check_sequences(t, &places[i], len);
}

/* Every character of Unicode, and every value that is none, next to expat's opinion. */
TEST(sec01_every_character)
{
	for (uint32_t c = 0x80; c <= 0x10ffff && t->failures == 0; c += c < 0x3000 ? 1 : 61) {
		char bytes[4];
		bool is_char = !(c >= 0xd800 && c < 0xe000) && c != 0xfffe && c != 0xffff;
		struct arena *arena = arena_new();
		struct str text = str_of(bytes, utf8_encode(c, bytes));
		struct str all = arena_printf(arena, "<a>%.*s</a>", STR_ARG(text));
		struct element *el = xml_parse(arena, all, &limits, NULL);

		check(t, (el != NULL) == is_char);
		if (el != NULL)
			check(t, str_equal(element_text(arena, el), text));
		arena_free(arena);
	}
}

/* What is a name for us is one for the strictest and for the most recent parser. */
TEST(sec03_names)
{
	for (uint32_t c = 0x80; c < 0x10200 && t->failures == 0; c++) {
		struct arena *arena = arena_new();
		char bytes[4];
		struct str text = str_of(bytes, utf8_encode(c, bytes));

		for (int is_inside = 0; is_inside < 2; is_inside++) {
			struct str all = arena_printf(arena, "<%s%.*s/>", is_inside ? "a" : "",
						      STR_ARG(text));
			struct xml_seen expat = xml_see_expat(all, true);
			bool is_name = xml_parse(arena, all, &limits, NULL) != NULL;

			check(t, is_name == !expat.is_wrong);
			xml_seen_free(&expat);
			if (is_name && c % 16 == 0) {
				struct xml_seen libxml2 = xml_see_libxml2(all);

				check(t, !libxml2.is_wrong);
				xml_seen_free(&libxml2);
			}
		}
		arena_free(arena);
	}
}

static const struct row smuggled[] = {
	{"<message><body>&lt;/body&gt;&lt;/message&gt;&lt;message to='b'/&gt;</body></message>",
	 FINE},
	{"<a><![CDATA[</a></stream:stream><message/>]]></a>", FINE},
	{"<a b='&#10;&#13;&#9; &lt;/a&gt;'>&#13;</a>", FINE},
	{"<a b='\"/&gt;' c=\"'\">'\"</a>", FINE},
	{"<a>]]&gt;&#93;&#93;&#62;]]&#x3e;</a>", FINE},
	{"<a>&amp;lt;&#38;lt;&#x26;#60;</a>", FINE},
	{"<message><stream:stream><message/></stream:stream></message>", FINE},
	{"<a xmlns:ns0='urn:0' ns0:b='1' xmlns:ns1='urn:1' ns1:b='2' c='3'/>", FINE},
	{"<a xmlns:ns0='urn:0'><ns0:b ns0:c='' xmlns:d='urn:1' d:c=''/></a>", FINE},
};

TEST(sec03_smuggling_by_serialisation)
{
	check_rows(t, smuggled, COUNT(smuggled));
}
