/* SPDX-License-Identifier: MIT */
/* pie.c - where in a document of XEP-0227 one is. */
#include "xmpp/xep/pie.h"

#include "xmpp/ns.h"
#include "xmpp/xml_reader.h"

#include <stdlib.h>

enum place { NOWHERE, IN_DATA, IN_HOST, IN_USER, IN_PART };

#define PLACES_MAX 4u

struct pie_reader {
	struct xml_reader *xml;
	enum place open[PLACES_MAX + 1]; /* the elements around, the innermost last */
	unsigned depth;
	struct arena *part_arena; /* of the start tag of the user's child that was entered */
	struct element *part;
	const char *why;
};

static const struct xml_limits limits = {
	.bytes = PIE_ITEM_BYTES_MAX, .depth = 128, .attributes = 256, .nodes = 1u << 19};

/* Children of a user that may be large, and are given in parts. */
static const struct {
	const char *ns, *name;
} parts[] = {
	{NS_PIE, "offline-messages"},
	{NS_PIE_ARCHIVE, "archive"},
	{NS_ROSTER, "query"},
	{"jabber:iq:private", "query"},
	{"http://jabber.org/protocol/pubsub", "pubsub"},
};

static enum place
place_below(enum place place, const struct element *el)
{
	if (place == IN_USER)
		for (size_t i = 0; i < COUNT(parts); i++)
			if (element_is(el, parts[i].ns, parts[i].name))
				return IN_PART;
	if (place == IN_DATA && element_is(el, NS_PIE, "host"))
		return IN_HOST;
	if (place == IN_HOST && element_is(el, NS_PIE, "user"))
		return IN_USER;
	if (place == NOWHERE && element_is(el, NS_PIE, "server-data"))
		return IN_DATA;
	return NOWHERE;
}

static bool
enters(const struct element *el, void *arg)
{
	const struct pie_reader *reader = arg;

	return place_below(reader->open[reader->depth], el) != NOWHERE;
}

struct pie_reader *
pie_reader_new(const char *outer)
{
	struct pie_reader *reader = xnew(struct pie_reader);

	if (outer != NULL)
		reader->open[0] = strcmp(outer, "host") == 0 ? IN_HOST : IN_DATA;
	reader->xml = xml_reader_new(&limits, true);
	xml_reader_set_enters(reader->xml, enters, reader);
	return reader;
}

void
pie_reader_free(struct pie_reader *reader)
{
	if (reader == NULL)
		return;
	xml_reader_free(reader->xml);
	arena_free(reader->part_arena);
	free(reader);
}

const char *
pie_why(const struct pie_reader *reader)
{
	return reader->why;
}

/* A start tag. PIE_MORE: it is nothing to tell of. */
static enum pie_event
enter(struct pie_reader *reader, struct arena **arena, struct element **el)
{
	enum place place = place_below(reader->open[reader->depth], *el);

	if (place == NOWHERE || reader->depth == PLACES_MAX) {
		reader->why = "the document is not one of XEP-0227";
		return PIE_WRONG;
	}
	reader->open[++reader->depth] = place;
	if (place == IN_HOST || place == IN_USER)
		return place == IN_HOST ? PIE_HOST : PIE_USER;
	if (place == IN_PART) {
		arena_free(reader->part_arena);
		reader->part_arena = *arena;
		reader->part = *el;
		*arena = NULL;
		*el = NULL;
	}
	return PIE_MORE;
}

/* Whole elements. */
static enum pie_event
take(struct pie_reader *reader, struct arena *arena, struct element **el)
{
	enum place place = reader->open[reader->depth];
	struct element *part;

	if (place == IN_PART) {
		part = element_copy(arena, reader->part);
		element_append(part, *el);
		*el = part;
		return PIE_DATA;
	}
	if (element_is(*el, NS_XINCLUDE, "include"))
		return PIE_INCLUDE;
	return place == IN_USER ? PIE_DATA : PIE_UNKNOWN;
}

static enum pie_event
leave(struct pie_reader *reader)
{
	enum place place = reader->open[reader->depth];

	if (reader->depth == 0)
		return PIE_END;
	reader->depth--;
	return place == IN_USER ? PIE_USER_END : PIE_MORE;
}

static enum pie_event
step(struct pie_reader *reader, struct str *input, struct arena **arena, struct element **el,
     bool *has_more)
{
	switch (xml_reader_next(reader->xml, input, arena, el)) {
	case XML_MORE:
		*has_more = false;
		return PIE_MORE;
	case XML_HEADER:
		return enter(reader, arena, el);
	case XML_ELEMENT:
		return take(reader, *arena, el);
	case XML_END:
		return leave(reader);
	default:
		(void)xml_reader_why(reader->xml, &reader->why);
		return PIE_WRONG;
	}
}

enum pie_event
pie_next(struct pie_reader *reader, struct str *input, struct arena **arena, struct element **el)
{
	enum pie_event event = PIE_MORE;
	bool has_more = true;

	*arena = NULL;
	*el = NULL;
	while (reader->why == NULL && has_more) {
		event = step(reader, input, arena, el, &has_more);
		if (event != PIE_MORE)
			break;
		arena_free(*arena);
		*arena = NULL;
		*el = NULL;
	}
	if (reader->why != NULL)
		event = PIE_WRONG;
	if (event == PIE_WRONG) {
		arena_free(*arena);
		*arena = NULL;
		*el = NULL;
	}
	return event;
}
