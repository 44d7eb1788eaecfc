/* SPDX-License-Identifier: MIT */
/* xml_oracle.c - three parsers, one form of dump. */
#include "xml_oracle.h"

#include "xmpp/xml_writer.h"

#include <expat.h>
#include <libxml/parser.h>
#include <stdlib.h>

/* None of these can stand in XML, so that nothing can imitate the structure. */
#define OPEN 1
#define CLOSE 2
#define ATTR 3
#define TEXT 4
#define FIELD 5

#define SEPARATOR '\x06'

void
xml_seen_free(struct xml_seen *seen)
{
	buf_free(&seen->dump);
}

bool
xml_seen_same(const struct xml_seen *a, const struct xml_seen *b)
{
	return str_equal(buf_str(&a->dump), buf_str(&b->dump));
}

static void
put_name(struct buf *buf, char kind, struct str ns, struct str name)
{
	buf_add_char(buf, kind);
	buf_add(buf, ns);
	buf_add_char(buf, FIELD);
	buf_add(buf, name);
	buf_add_char(buf, FIELD);
}

/* Character data joins with what stands before it. */
static void
put_text(struct buf *buf, struct str text)
{
	struct str before = buf_str(buf);

	if (text.len == 0)
		return;
	if (before.len > 0 && before.p[before.len - 1] == TEXT)
		buf->end--;
	else
		buf_add_char(buf, TEXT);
	buf_add(buf, text);
	buf_add_char(buf, TEXT);
}

static void
dump_start(struct buf *buf, const struct element *el)
{
	put_name(buf, OPEN, el->ns, el->name);
	for (const struct attr *attr = el->attrs; attr != NULL; attr = attr->next) {
		put_name(buf, ATTR, attr->ns, attr->name);
		buf_add(buf, attr->value);
	}
}

void
xml_dump(struct buf *buf, const struct element *el)
{
	const struct element *at = el;

	for (;;) {
		if (element_is_text(at)) {
			put_text(buf, at->text);
		} else {
			dump_start(buf, at);
			if (at->children != NULL) {
				at = at->children;
				continue;
			}
			buf_add_char(buf, CLOSE);
		}
		while (at != el && at->next == NULL) {
			at = at->parent;
			buf_add_char(buf, CLOSE);
		}
		if (at == el)
			return;
		at = at->next;
	}
}

/* Reads INPUT to its end; false when nothing more is to be read. */
static bool
see_piece(struct xml_reader *reader, struct str input, struct xml_seen *seen)
{
	size_t len = input.len;

	for (;;) {
		struct arena *arena;
		struct element *el;
		const char *before = input.p, *end = input.p + input.len;
		enum xml_event event = xml_reader_next(reader, &input, &arena, &el);

		assert(input.p >= before && input.p + input.len == end);
		switch (event) {
		case XML_MORE:
			assert(input.len == 0);
			seen->used += len;
			return true;
		case XML_HEADER:
			dump_start(&seen->dump, el);
			break;
		case XML_ELEMENT:
			xml_dump(&seen->dump, el);
			break;
		case XML_END:
			seen->is_at_end = true;
			seen->used += len - input.len;
			return false;
		case XML_WRONG:
			seen->is_wrong = true;
			seen->fault = xml_reader_why(reader, &seen->why);
			return false;
		}
		arena_free(arena);
	}
}

struct xml_seen
xml_see_ours(struct str text, ptrdiff_t cut, const struct xml_limits *limits)
{
	struct xml_reader *reader = xml_reader_new(limits, true);
	struct xml_seen seen = {0};
	bool goes_on = true;

	while (goes_on && text.len > 0) {
		size_t len = cut == 0 ? text.len : MIN(text.len, (size_t)labs(cut));
		/* In memory of its own, so that a sanitizer sees each byte too far. */
		char *piece = malloc(len);

		memcpy(piece, text.p, len);
		goes_on = see_piece(reader, str_of(piece, len), &seen);
		free(piece);
		text = str_from(text, len);
		if (cut < 0)
			cut = 0;
	}
	xml_reader_free(reader);
	return seen;
}

struct expat_state {
	XML_Parser parser;
	struct xml_seen *seen;
	struct buf element; /* the first-level element so far */
	int depth;
};

static void
expat_name(struct buf *buf, char kind, const char *joined)
{
	const char *end = strchr(joined, SEPARATOR);

	if (end == NULL)
		put_name(buf, kind, STR(""), str(joined));
	else
		put_name(buf, kind, str_of(joined, (size_t)(end - joined)), str(end + 1));
}

static void
on_start(void *user, const char *name, const char **attrs)
{
	struct expat_state *state = user;
	struct buf *buf = state->depth == 0 ? &state->seen->dump : &state->element;

	expat_name(buf, OPEN, name);
	for (; *attrs != NULL; attrs += 2) {
		expat_name(buf, ATTR, attrs[0]);
		buf_addz(buf, attrs[1]);
	}
	state->depth++;
}

static void
on_end(void *user, const char *name UNUSED)
{
	struct expat_state *state = user;

	state->depth--;
	if (state->depth == 0) {
		state->seen->is_at_end = true;
		return;
	}
	buf_add_char(&state->element, CLOSE);
	if (state->depth == 1) {
		buf_add(&state->seen->dump, buf_str(&state->element));
		buf_clear(&state->element);
	}
}

static void
on_text(void *user, const char *text, int len)
{
	struct expat_state *state = user;

	if (state->depth > 1)
		put_text(&state->element, str_of(text, (size_t)len));
}

static void
restricted(struct expat_state *state)
{
	state->seen->is_restricted = true;
	XML_StopParser(state->parser, XML_FALSE);
}

static void
on_comment(void *user, const char *text UNUSED)
{
	restricted(user);
}

static void
on_pi(void *user, const char *target UNUSED, const char *data UNUSED)
{
	restricted(user);
}

static void
on_doctype(void *user, const char *name UNUSED, const char *sysid UNUSED, const char *pubid UNUSED,
	   int has_internal UNUSED)
{
	restricted(user);
}

static void
on_skipped(void *user, const char *name UNUSED, int is_parameter UNUSED)
{
	restricted(user);
}

struct xml_seen
xml_see_expat(struct str text, bool is_final)
{
	struct xml_seen seen = {0};
	struct expat_state state = {XML_ParserCreateNS("UTF-8", SEPARATOR), &seen, {0}, 0};

	XML_SetUserData(state.parser, &state);
	XML_SetElementHandler(state.parser, on_start, on_end);
	XML_SetCharacterDataHandler(state.parser, on_text);
	XML_SetCommentHandler(state.parser, on_comment);
	XML_SetProcessingInstructionHandler(state.parser, on_pi);
	XML_SetStartDoctypeDeclHandler(state.parser, on_doctype);
	XML_SetSkippedEntityHandler(state.parser, on_skipped);
	if (XML_Parse(state.parser, text.p ? text.p : "", (int)text.len, is_final) !=
	    XML_STATUS_OK) {
		seen.is_wrong = true;
		seen.why = XML_ErrorString(XML_GetErrorCode(state.parser));
	}
	XML_ParserFree(state.parser);
	buf_free(&state.element);
	return seen;
}

static struct str
libxml2_str(const xmlChar *text)
{
	return text ? str((const char *)text) : STR("");
}

static void
libxml2_start(struct buf *buf, xmlNodePtr node)
{
	put_name(buf, OPEN, libxml2_str(node->ns ? node->ns->href : NULL), libxml2_str(node->name));
	for (xmlAttrPtr attr = node->properties; attr != NULL; attr = attr->next) {
		xmlChar *value = xmlNodeListGetString(node->doc, attr->children, 1);

		put_name(buf, ATTR, libxml2_str(attr->ns ? attr->ns->href : NULL),
			 libxml2_str(attr->name));
		buf_add(buf, libxml2_str(value));
		xmlFree(value);
	}
}

/* The start tag of ROOT, and all first-level elements. */
static void
libxml2_dump(struct buf *buf, xmlNodePtr root)
{
	xmlNodePtr at = root;

	libxml2_start(buf, root);
	for (;;) {
		if (at->type == XML_ELEMENT_NODE && at != root)
			libxml2_start(buf, at);
		else if (at->type != XML_ELEMENT_NODE && at->parent != root)
			put_text(buf, libxml2_str(at->content));
		if (at->type == XML_ELEMENT_NODE && at->children != NULL) {
			at = at->children;
			continue;
		}
		for (;;) {
			if (at == root)
				return;
			if (at->type == XML_ELEMENT_NODE)
				buf_add_char(buf, CLOSE);
			if (at->next != NULL)
				break;
			at = at->parent;
		}
		at = at->next;
	}
}

struct xml_seen
xml_see_libxml2(struct str text)
{
	/* NOENT: without it, "&amp;" in a namespace's name stays "&#38;" (libxml2 2.9). */
	const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
			    XML_PARSE_HUGE | XML_PARSE_NOENT;
	struct xml_seen seen = {0};
	xmlDocPtr doc = xmlReadMemory(text.p, (int)text.len, NULL, NULL, options);

	if (doc == NULL) {
		seen.is_wrong = true;
		seen.why = "refused by libxml2";
	} else {
		libxml2_dump(&seen.dump, xmlDocGetRootElement(doc));
		xmlFreeDoc(doc);
	}
	return seen;
}

/* Whether we refuse on purpose what expat accepts. */
static bool
is_meant(enum xml_fault fault, const char *why)
{
	static const char *const meant[] = {
		"text outside of elements",         /* which XMPP has no use for */
		"a namespace that is not a URI",    /* SEC-02 */
		"a bad XML declaration",            /* one that is too long */
		"a version of XML that is not 1.0", /* expat takes any */
		"a reference that is too long",
	};

	if (fault == XML_RESTRICTED || fault == XML_TOO_LARGE || fault == XML_BAD_ENCODING)
		return true;
	for (size_t i = 0; i < COUNT(meant); i++)
		if (strcmp(why, meant[i]) == 0)
			return true;
	return false;
}

const char *
xml_disagreement(struct str text, const struct xml_seen *seen)
{
	struct str used = seen->is_at_end ? str_first(text, seen->used) : text;
	struct xml_seen expat = xml_see_expat(used, seen->is_at_end || seen->is_wrong);
	struct xml_seen libxml2 = {0};
	const char *who = NULL;

	if (seen->is_wrong) {
		if (!expat.is_wrong && !expat.is_restricted && !is_meant(seen->fault, seen->why))
			who = "expat accepts it";
	} else if (expat.is_wrong || expat.is_restricted) {
		who = expat.why;
	} else if (!xml_seen_same(seen, &expat) || seen->is_at_end != expat.is_at_end) {
		who = "expat sees another tree";
	} else if (seen->is_at_end) {
		libxml2 = xml_see_libxml2(used);
		if (libxml2.is_wrong)
			who = libxml2.why;
		else if (!xml_seen_same(seen, &libxml2))
			who = "libxml2 sees another tree";
	}
	xml_seen_free(&expat);
	xml_seen_free(&libxml2);
	return who;
}

static const struct xml_limits no_limits = {UINT32_MAX, UINT16_MAX, UINT16_MAX, UINT32_MAX};

/* A stream whose default namespace is NS and whose content is BODY. */
static struct buf
make_stream(struct str body, const char *ns)
{
	struct buf text = {0};

	buf_printf(&text, "<s:stream xmlns='%s' xmlns:s='http://etherx.jabber.org/streams'>", ns);
	buf_add(&text, body);
	buf_addz(&text, "</s:stream>");
	return text;
}

/* Whether all three see WANT in BODY, the content of a stream of NS. */
static bool
all_see(struct str body, const char *ns, struct str want)
{
	struct buf text = make_stream(body, ns);
	struct xml_seen seen[] = {xml_see_ours(buf_str(&text), 0, &no_limits),
				  xml_see_expat(buf_str(&text), true),
				  xml_see_libxml2(buf_str(&text))};
	bool is_same = true;

	for (size_t i = 0; i < COUNT(seen); i++) {
		struct str dump = buf_str(&seen[i].dump);

		is_same = is_same && !seen[i].is_wrong && dump.len >= want.len &&
			  str_equal(str_from(dump, dump.len - want.len), want);
		xml_seen_free(&seen[i]);
	}
	buf_free(&text);
	return is_same;
}

/*
 * Between streams of different kinds, "jabber:client" and "jabber:server", all that is in the
 * default namespace changes into the other: written and as source text alike (RFC 6120 §4.8.3).
 */
static bool
is_same_elsewhere(struct str written, struct str other)
{
	struct buf streams[] = {make_stream(written, "urn:elsewhere"),
				make_stream(other, "urn:elsewhere")};
	struct xml_seen a = xml_see_ours(buf_str(&streams[0]), 0, &no_limits);
	struct xml_seen b = xml_see_ours(buf_str(&streams[1]), 0, &no_limits);
	bool is_same = !a.is_wrong && !b.is_wrong && xml_seen_same(&a, &b);

	xml_seen_free(&a);
	xml_seen_free(&b);
	buf_free(&streams[0]);
	buf_free(&streams[1]);
	return is_same;
}

/* EL with a start tag written anew in front of its inner source. */
static void
write_around(struct buf *buf, const struct element *el, struct str inner, const char *ns)
{
	struct element bare = *el;

	bare.children = NULL;
	xml_write(buf, &bare, str(ns));
	assert(buf->p[buf->end - 2] == '/');
	buf->end -= 2;
	buf_add_char(buf, '>');
	buf_add(buf, inner);
	buf_printf(buf, "</%.*s>", STR_ARG(el->name));
}

static const char *
element_cannot_travel(const struct element *el, const char *ns)
{
	struct buf want = {0}, written = {0}, around = {0};
	const char *what = NULL;
	struct str inner;

	xml_dump(&want, el);
	xml_write(&written, el, str(ns));
	if (!all_see(buf_str(&written), ns, buf_str(&want)))
		what = "what xml_write wrote";
	if (element_is_self_contained(el) && !all_see(el->source, ns, buf_str(&want)))
		what = "the source text";
	/* The namespace xml cannot be the default one, so nobody can write around these. */
	if (element_inner_source(el, &inner) &&
	    !str_is(el->ns, "http://www.w3.org/XML/1998/namespace")) {
		write_around(&around, el, inner, ns);
		if (!all_see(buf_str(&around), ns, buf_str(&want)))
			what = "the inner source text";
		if (!is_same_elsewhere(buf_str(&written), buf_str(&around)))
			what = "the inner source text, in a stream of another kind";
	}
	buf_free(&want);
	buf_free(&written);
	buf_free(&around);
	return what;
}

const char *
xml_cannot_travel(struct str text, const char *ns, const struct xml_limits *limits)
{
	struct xml_reader *reader = xml_reader_new(limits, true);
	const char *what = NULL;
	enum xml_event event;

	do {
		struct arena *arena;
		struct element *el;

		event = xml_reader_next(reader, &text, &arena, &el);
		if (event == XML_ELEMENT)
			what = element_cannot_travel(el, ns);
		arena_free(arena);
	} while (what == NULL && (event == XML_HEADER || event == XML_ELEMENT));
	xml_reader_free(reader);
	return what;
}
