/* SPDX-License-Identifier: MIT */
/* test_element.c - trees built, changed, copied, searched and written; source text passed on. */
#include "test.h"

#include "xmpp/xml_reader.h"
#include "xmpp/xml_writer.h"

#define CLIENT "jabber:client"

static const struct xml_limits limits = {100000, 64, 64, 1000};

static struct element *
parse(struct test *t, const char *text)
{
	const char *why = NULL;
	struct element *el = xml_parse(t->arena, str(text), &limits, &why);

	test_row(t, text);
	check_str(t, str(why), NULL);
	return el;
}

/* EL in a stream of CLIENT. */
static struct str
written(struct test *t, const struct element *el)
{
	return xml_text(t->arena, el, STR(CLIENT));
}

TEST(element_build)
{
	struct element *el = element_new(t->arena, CLIENT, "message"), *child;

	element_setz(t->arena, el, "to", "a'b\"<&>\t\n\r");
	element_setz(t->arena, el, "type", "chat");
	element_add_leaf(t->arena, el, "body", STR("1 < 2 & 3 > \"2\"\r\n"));
	child = element_add(t->arena, el, "urn:x", "x");
	element_add(t->arena, child, NULL, "y");
	element_add_text(t->arena, child, STR(""));
	check_str(t, written(t, el),
		  "<message to='a&apos;b&quot;&lt;&amp;&gt;&#9;&#10;&#13;' type='chat'>"
		  "<body>1 &lt; 2 &amp; 3 &gt; \"2\"&#13;\n</body><x "
		  "xmlns='urn:x'><y/></x></message>");
	check_str(t, xml_text(t->arena, element_child(el, NULL, "body"), STR_NONE),
		  "<body xmlns='jabber:client'>1 &lt; 2 &amp; 3 &gt; \"2\"&#13;\n</body>");

	element_setz(t->arena, el, "to", "c");
	element_set(t->arena, el, "type", STR_NONE);
	element_set(t->arena, el, "nothing", STR_NONE);
	element_setz(t->arena, el, "id", "1");
	element_detach(element_child(el, NULL, "body"));
	check_str(t, written(t, el), "<message to='c' id='1'><x xmlns='urn:x'><y/></x></message>");
	element_append(el, element_new(t->arena, "", "none"));
	element_detach(child);
	element_detach(child);
	check_str(t, written(t, el), "<message to='c' id='1'><none xmlns=''/></message>");
}

TEST(element_search)
{
	struct element *el =
		parse(t, "<a xmlns='urn:a' xml:lang='en' b='1'>x<c>1</c>y<c xmlns='urn:c'"
			 ">2</c><d/><c>3</c>z</a>");
	struct element *c = element_child(el, "urn:a", "c");

	check_str(t, element_attr(el, "b"), "1");
	check_str(t, element_attr(el, "lang"), NULL);
	check_str(t, element_attr(el, "c"), NULL);
	check_str(t, element_text(t->arena, el), "xyz");
	check_str(t, element_text(t->arena, c), "1");
	check_str(t, element_child_text(t->arena, el, "urn:c", "c"), "2");
	check_str(t, element_child_text(t->arena, el, NULL, "d"), "");
	check_str(t, element_child_text(t->arena, el, NULL, "e"), NULL);
	check_str(t, element_text(t->arena, element_next(c, "urn:a", "c")), "3");
	check_str(t, element_next(c, NULL, NULL)->ns, "urn:c");
	check(t, element_child(el, NULL, NULL) == c);
	check(t, element_child(el, "urn:d", "c") == NULL);
	check(t, element_next(element_next(c, "urn:a", "c"), NULL, NULL) == NULL);
	check(t, element_is(c, "urn:a", "c") && !element_is(c, "urn:c", "c"));
	check(t, !element_is(el->children, "", "") && element_is_text(el->children));
}

/* What no XML can say does not break the stream it is written to (SEC-01). */
TEST(sec01_writer_replaces_what_is_no_character)
{
	static const struct {
		struct str text;
		const char *want;
	} rows[] = {
		{STR("a\0b\x01\x1f"), "a\xef\xbf\xbd"
				      "b\xef\xbf\xbd\xef\xbf\xbd"},
		{STR("\xff"), "\xef\xbf\xbd"},
		{STR("\xc3"), "\xef\xbf\xbd"},
		{STR("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
		 "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
		{STR("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{STR("\xef\xbf\xbe"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{STR("]]>]"), "]]&gt;]"},
		{STR("\x7f"), "\x7f"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct element *el = element_new(t->arena, "", "a");
		struct str text;

		element_set(t->arena, el, "b", rows[i].text);
		element_add_text(t->arena, el, rows[i].text);
		text = xml_text(t->arena, el, STR(""));
		check_strs(t, text,
			   arena_printf(t->arena, "<a b='%s'>%s</a>", rows[i].want, rows[i].want));
		check(t, xml_parse(t->arena, text, &limits, NULL) != NULL);
	}
}

TEST(xml_write_prefixes)
{
	check_str(t,
		  written(t, parse(t, "<p:a xmlns:p='urn:p' p:b='1' c='2' p:d='3' xml:lang='x' "
				      "xmlns:q='urn:q' q:b='4'/>")),
		  "<a xmlns='urn:p' xmlns:ns0='urn:p' ns0:b='1' c='2' ns0:d='3' xml:lang='x' "
		  "xmlns:ns4='urn:q' ns4:b='4'/>");
	check_str(t, written(t, parse(t, "<xml:a xmlns='urn:x'><b/><xml:c><d/></xml:c></xml:a>")),
		  "<xml:a><b xmlns='urn:x'/><xml:c><d xmlns='urn:x'/></xml:c></xml:a>");
	check_str(t, written(t, parse(t, "<a xmlns='urn:x'><xml:b><c/></xml:b></a>")),
		  "<a xmlns='urn:x'><xml:b><c/></xml:b></a>");
}

TEST(xml_write_parts)
{
	struct buf buf = {0};

	xml_write_attr(&buf, "to", STR("a&b"));
	xml_write_attr(&buf, "from", STR_NONE);
	xml_write_attr(&buf, "id", STR(""));
	xml_escape(&buf, STR("<'\n"));
	check_strs(t, buf_str(&buf), STR(" to='a&amp;b' id=''&lt;&apos;&#10;"));
	buf_free(&buf);
}

#define STREAM                                                                                     \
	"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "    \
	"xmlns:out='urn:out'>"

static const struct {
	const char *text;
	bool is_self_contained;
	const char *inner; /* NULL: cannot be used */
} sources[] = {
	{"<message/>", true, ""},
	{"<message></message>", true, ""},
	{"<message to='a'> <body>b</body></message >", true, " <body>b</body>"},
	{"<message><x xmlns='urn:x'><y/></x></message>", true, "<x xmlns='urn:x'><y/></x>"},
	{"<message xmlns='jabber:client'><body/></message>", true, "<body/>"},
	{"<message xmlns='urn:other'><body/></message>", true, "<body/>"},
	{"<message xml:lang='en'><xml:x xml:y=''/></message>", true, "<xml:x xml:y=''/>"},
	{"<message xmlns:p='urn:p'><p:x/></message>", true, NULL},
	{"<message xmlns:p='urn:p'><x/></message>", true, "<x/>"},
	{"<message xmlns:p='urn:p' p:a=''><x/></message>", true, "<x/>"},
	{"<message><p:x xmlns:p='urn:p'/></message>", true, "<p:x xmlns:p='urn:p'/>"},
	{"<message><x xmlns:p='urn:p'><y p:z=''/></x></message>", true,
	 "<x xmlns:p='urn:p'><y p:z=''/></x>"},
	{"<message><out:x/></message>", false, NULL},
	{"<message><x><y out:z=''/></x></message>", false, NULL},
	{"<message><x xmlns:out='urn:in'><out:y/></x></message>", true,
	 "<x xmlns:out='urn:in'><out:y/></x>"},
	{"<message out:a=''><x/></message>", false, "<x/>"},
	{"<message><stream:error/></message>", false, NULL},
	{"<out:message><x xmlns='urn:x'/></out:message>", false, "<x xmlns='urn:x'/>"},
	{"<out:message><body/></out:message>", false, NULL},
	{"<p:message xmlns:p='jabber:client'><p:body/></p:message>", false, NULL},
	{"<message xmlns='urn:x'><p:x xmlns:p='urn:p'><y/></p:x></message>", true,
	 "<p:x xmlns:p='urn:p'><y/></p:x>"},
	{"<message xmlns=''><x/></message>", true, "<x/>"},
	{"<message><body xmlns='jabber:client'/></message>", false, NULL},
	{"<message><p:body xmlns:p='jabber:client'/></message>", false, NULL},
	{"<message xmlns='jabber:client'><body xmlns='jabber:client'/></message>", true, NULL},
	{"<message><x xmlns='urn:x'><message xmlns='jabber:client'/></x></message>", true,
	 "<x xmlns='urn:x'><message xmlns='jabber:client'/></x>"},
};

TEST(sec04_source_slices)
{
	for (size_t i = 0; i < COUNT(sources); i++) {
		struct xml_reader *reader = xml_reader_new(&limits, true);
		struct str input = STR(STREAM), inner;
		struct arena *arena;
		struct element *el;

		test_row(t, sources[i].text);
		check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_HEADER);
		check(t, !element_is_self_contained(el) && !element_inner_source(el, &inner));
		check_str(t, el->source, NULL);
		arena_free(arena);
		input = str(sources[i].text);
		check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_ELEMENT);
		/* The tree outlives its reader. */
		xml_reader_free(reader);
		check_str(t, el->source, sources[i].text);
		check_int(t, element_is_self_contained(el), sources[i].is_self_contained);
		check_int(t, element_inner_source(el, &inner), sources[i].inner != NULL);
		if (sources[i].inner != NULL)
			check_str(t, inner, sources[i].inner);
		arena_free(arena);
	}
}

/* An element further in depends on the default namespace around it, unless that is the stream's. */
TEST(sec04_source_of_inner_elements)
{
	struct xml_reader *reader = xml_reader_new(&limits, true);
	struct str input = STR(STREAM "<message><body/><x xmlns='urn:x'><y/><out:z/></x>"
				      "<message xmlns='jabber:client'><body/></message></message>");
	struct element *el, *x;
	struct arena *arena;

	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_HEADER);
	arena_free(arena);
	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_ELEMENT);
	x = element_child(el, "urn:x", "x");
	check(t, element_is_self_contained(element_child(el, NULL, "body")));
	check(t, !element_is_self_contained(x));
	check(t, !element_is_self_contained(element_child(x, NULL, "y")));
	check(t, !element_is_self_contained(element_child(x, NULL, "z")));
	check(t, element_is_self_contained(element_next(x, NULL, NULL)));
	check_str(t, element_next(x, NULL, NULL)->source,
		  "<message xmlns='jabber:client'><body/></message>");
	arena_free(arena);
	xml_reader_free(reader);
}

/* In no stream, what has no namespace could not keep that in one that has a default. */
TEST(sec04_no_namespace)
{
	struct str inner;

	check(t, !element_is_self_contained(parse(t, "<a/>")));
	check(t, !element_inner_source(parse(t, "<p:a xmlns:p='urn:p'><b/></p:a>"), &inner));
	check(t, element_is_self_contained(parse(t, "<a xmlns='urn:a'/>")));
}

TEST(sec04_changes_take_the_source_away)
{
	struct element *el = parse(t, "<a xmlns='urn:a'><b><c/></b><d/></a>");
	struct element *b = element_child(el, NULL, "b"), *d = element_child(el, NULL, "d");
	struct str inner;

	element_setz(t->arena, el, "from", "romeo@example.net");
	check(t, el->source.p == NULL && !element_is_self_contained(el));
	check(t, element_inner_source(el, &inner));
	check_str(t, inner, "<b><c/></b><d/>");
	check_str(t, d->source, "<d/>");

	element_setz(t->arena, element_child(b, NULL, "c"), "e", "1");
	check(t, !element_inner_source(el, &inner) && !element_inner_source(b, &inner));
	check(t, b->source.p == NULL && d->source.p != NULL);

	el = parse(t, "<a xmlns='urn:a'><b/></a>");
	b = element_child(el, NULL, "b");
	element_detach(b);
	check(t, el->source.p == NULL && !element_inner_source(el, &inner));
	check_str(t, b->source, "<b/>");

	el = parse(t, "<a xmlns='urn:a'><b/></a>");
	element_add_text(t->arena, el, STR("x"));
	check(t, el->source.p == NULL && !element_inner_source(el, &inner));
}

TEST(element_copies)
{
	struct arena *arena = arena_new();
	struct element *el = xml_parse(arena,
				       STR("<a xmlns='urn:a' b='&lt;' c='d'>e<f xmlns:p='urn:p' "
					   "p:g=''/>&amp;<h><i/></h>j</a>"),
				       &limits, NULL);
	struct element *copy = element_copy(t->arena, el);
	struct element *h = element_copy(t->arena, element_child(el, NULL, "h"));
	struct str before = written(t, el), inner;

	arena_free(arena);
	check_strs(t, written(t, copy), before);
	check(t, element_is_self_contained(copy));
	check(t, element_inner_source(copy, &inner));
	check_str(t, inner, "e<f xmlns:p='urn:p' p:g=''/>&amp;<h><i/></h>j");
	check_str(t, element_child(copy, NULL, "h")->source, "<h><i/></h>");
	check_str(t, h->source, "<h><i/></h>");
	check(t, h->parent == NULL && h->next == NULL && !element_is_self_contained(h));
	check_str(t, xml_text(t->arena, h, STR("urn:a")), "<h><i/></h>");

	copy = element_copy(t->arena, element_new(t->arena, "urn:a", "built"));
	check_str(t, xml_text(t->arena, copy, STR("")), "<built xmlns='urn:a'/>");
	check(t, copy->source.p == NULL);
}

/* However large it is, and however its bytes come, its views follow the copy of its source. */
TEST(xml_views_follow_a_growing_source)
{
	struct buf text = {0};
	struct str want;

	buf_addz(&text, "<a xmlns='urn:a' xmlns:p='urn:p'>");
	for (int i = 0; i < 3000; i++)
		buf_printf(&text, "<p:b c%d='%d'>&lt;%d</p:b>t%d", i, i, i, i);
	buf_addz(&text, "</a>");
	want = written(t, xml_parse(t->arena, buf_str(&text),
				    &(struct xml_limits){1 << 20, 9, 9, 90000}, NULL));
	for (size_t cut = 1; cut < 5000; cut = cut * 3 + 1) {
		struct xml_reader *reader =
			xml_reader_new(&(struct xml_limits){1 << 20, 9, 9, 90000}, false);
		struct str rest = buf_str(&text), inner;
		enum xml_event event = XML_MORE;
		struct arena *arena;
		struct element *el;

		while (event == XML_MORE && rest.len > 0) {
			struct str piece = str_first(rest, cut);

			rest = str_from(rest, piece.len);
			event = xml_reader_next(reader, &piece, &arena, &el);
		}
		if (check_int(t, event, XML_ELEMENT)) {
			check(t, str_equal(written(t, el), want));
			check(t, str_equal(el->source, buf_str(&text)));
			check(t, !element_inner_source(el, &inner));
		}
		arena_free(arena);
		xml_reader_free(reader);
	}
	buf_free(&text);
}

TEST(xml_parse_wants_one_element)
{
	static const char *const bad[] = {"",      " ",    "x",
					  "<a",    "<a>",  "<a/><b/>",
					  "<a/>x", "</a>", "<?xml version='1.0'?><a/>"};

	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *why = NULL;

		test_row(t, bad[i]);
		check(t, xml_parse(t->arena, str(bad[i]), &limits, &why) == NULL);
		check(t, why != NULL);
		check(t, xml_parse(t->arena, str(bad[i]), &limits, NULL) == NULL);
	}
	check(t, parse(t, " \n<a/>\t") != NULL);
}
