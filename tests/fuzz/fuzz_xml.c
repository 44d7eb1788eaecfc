/* SPDX-License-Identifier: MIT */
/*
 * fuzz_xml.c - the XML reader: however its input is cut the same comes of it; what it accepts,
 * expat and libxml2 accept with the same tree; what only they accept is refused on purpose; what is
 * passed on, written or as source text, means the same in another stream (SEC-03, SEC-04, SEC-08).
 */
#include "xmpp/xml_oracle.h"
#include "xmpp/xml_writer.h"

#include <stdio.h>
#include <stdlib.h>

#define HEADER                                                                                     \
	"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "    \
	"xmlns:o='urn:o'>"
#define FOOTER "</stream:stream>"

/* Small, so that inputs get at them. */
static const struct xml_limits limits = {2000, 12, 20, 60};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_fine, const char *what)
{
	if (!is_fine) {
		fprintf(stderr, "fuzz_xml: %s\n", what);
		abort();
	}
}

static void
check_cut(struct str text, ptrdiff_t cut, const struct xml_seen *whole)
{
	struct xml_seen seen = xml_see_ours(text, cut, &limits);

	check(xml_seen_same(&seen, whole) && seen.is_wrong == whole->is_wrong &&
		      seen.is_at_end == whole->is_at_end && seen.fault == whole->fault &&
		      seen.why == whole->why,
	      "not the same when it is cut");
	xml_seen_free(&seen);
}

/* Any bytes at all, as a value and as text: what is written is well-formed (SEC-01). */
static void
check_writer(struct str bytes)
{
	struct arena *arena = arena_new();
	struct element *el = element_new(arena, "urn:a", "a");
	struct xml_seen expat;

	element_set(arena, el, "b", bytes);
	element_add_text(arena, el, bytes);
	expat = xml_see_expat(xml_text(arena, el, STR("")), true);
	check(!expat.is_wrong && expat.is_at_end, "what xml_write wrote of any bytes");
	xml_seen_free(&expat);
	arena_free(arena);
}

/* The first byte: whether a header and a footer stand around the rest, and how it is cut. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf stream = {0};
	bool is_content;
	struct xml_seen whole;
	struct str text;
	ptrdiff_t cut;

	if (size == 0)
		return 0;
	is_content = data[0] < 0x80;
	cut = data[0] & 0x7f;
	if (is_content)
		buf_addz(&stream, HEADER);
	buf_add(&stream, str_of(data + 1, size - 1));
	if (is_content)
		buf_addz(&stream, FOOTER);
	text = buf_str(&stream);
	check_writer(str_of(data + 1, size - 1));

	whole = xml_see_ours(text, 0, &limits);
	check_cut(text, 1, &whole);
	check_cut(text, cut > 0x40 ? cut - 0x40 : -cut * 2, &whole);
	check(xml_disagreement(text, &whole) == NULL, xml_disagreement(text, &whole));
	if (is_content) {
		const char *what = xml_cannot_travel(text, "jabber:client", &limits);

		check(what == NULL, what);
	}
	xml_seen_free(&whole);
	buf_free(&stream);
	return 0;
}
