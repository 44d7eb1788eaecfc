/* SPDX-License-Identifier: MIT */
/*
 * xml_oracle.h - the same bytes read by our reader, by expat and by libxml2, and what each saw in
 * one comparable form (SEC-03). Used by the unit tests and by the fuzzer.
 */
#pragma once

#include "base/buf.h"
#include "xmpp/xml_reader.h"

struct xml_seen {
	struct buf dump; /* the root's start tag, then each whole first-level element */
	bool is_wrong;
	bool is_at_end;       /* the root's end tag was read */
	bool is_restricted;   /* expat: there was a comment, PI, DTD, or entity */
	enum xml_fault fault; /* ours */
	const char *why;
	size_t used; /* bytes, up to the root's end tag */
};

void xml_seen_free(struct xml_seen *seen);
bool xml_seen_same(const struct xml_seen *a, const struct xml_seen *b);

/* A whole stream, or its beginning; CUT bytes at a time, or in two pieces, of which the first has
 * -CUT. */
struct xml_seen xml_see_ours(struct str text, ptrdiff_t cut, const struct xml_limits *limits);
/* IS_FINAL: as a whole document. */
struct xml_seen xml_see_expat(struct str text, bool is_final);
/* Always as a whole document. */
struct xml_seen xml_see_libxml2(struct str text);

/* One element in the form of a dump. */
void xml_dump(struct buf *buf, const struct element *el);

/*
 * What expat and libxml2 make of TEXT, of which we have SEEN that. NULL when all agree, but for
 * what we refuse on purpose; else who does not.
 */
const char *xml_disagreement(struct str text, const struct xml_seen *seen);

/*
 * Each element of the stream TEXT, whose default namespace is NS, written by xml_write, as its
 * source text and with its inner source text: NULL when all of these have the same tree in another
 * stream, in the eyes of all three; else which has not.
 */
const char *xml_cannot_travel(struct str text, const char *ns, const struct xml_limits *limits);
