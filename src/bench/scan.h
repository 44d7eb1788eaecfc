/* SPDX-License-Identifier: MIT */
/*
 * scan.h - where one stanza of a server's stream ends (RFC 6120 §4), and no more than that.
 *
 * The servers under test are trusted to send well-formed XML: the load generator shares its
 * processors with them, so it counts tags and leaves validation to the programs that need it.
 */
#pragma once

#include "base/str.h"

struct scan {
	unsigned depth; /* of open elements; the stream's own is 1 */
	size_t at;      /* bytes of the next item that were looked at and need no second look */
};

enum scan_item {
	SCAN_MORE,   /* the item is not whole yet */
	SCAN_HEADER, /* <stream:stream ...>, and the XML declaration before it */
	SCAN_STANZA, /* a child of the stream, whole */
	SCAN_END,    /* </stream:stream> */
	SCAN_BAD,    /* what a stream may not hold (RFC 6120 §11.1) */
};

/*
 * Looks at BYTES, the input from the end of the last item on. For a whole item, *ITEM is a view of
 * it and *USED what the caller drops. Zero SCAN for a new stream.
 */
enum scan_item scan_next(struct scan *scan, struct str bytes, struct str *item, size_t *used);

/* The value of the attribute NAME in the first tag of STANZA, still escaped; STR_NONE without one.
 */
struct str scan_attribute(struct str stanza, const char *name);
/* What stands between the first BEFORE of STANZA and the next AFTER; STR_NONE without them. */
struct str scan_between(struct str stanza, const char *before, const char *after);
bool scan_contains(struct str stanza, const char *text);
/* Whether STANZA's first tag is called NAME, prefix included. */
bool scan_is(struct str stanza, const char *name);
