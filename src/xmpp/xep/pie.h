/* SPDX-License-Identifier: MIT */
/*
 * pie.h - reading the portable format of accounts (XEP-0227), an item at a time: a document may be
 * larger than memory.
 */
#pragma once

#include "xmpp/element.h"

#define NS_PIE "urn:xmpp:pie:0"
#define NS_PIE_SCRAM "urn:xmpp:pie:0#scram"
#define NS_PIE_ARCHIVE "urn:xmpp:pie:0#mam"
#define NS_XINCLUDE "http://www.w3.org/2001/XInclude"

#define PIE_ITEM_BYTES_MAX (16u << 20)

struct pie_reader;

enum pie_event {
	PIE_MORE, /* all input is used up */
	PIE_HOST, /* begins: EL has its attribute jid */
	PIE_USER, /* begins: EL has its attributes name and perhaps password */
	PIE_DATA, /* EL is a child of the user, or a part of one with only some of its children */
	PIE_USER_END, /* that was all of the user */
	PIE_INCLUDE,  /* EL is an <include/> (§5) at a place where it counts */
	PIE_UNKNOWN,  /* EL is at a place where nothing of that name is known */
	PIE_END,      /* of the document */
	PIE_WRONG,    /* see pie_why; no more can be read */
};

/* OUTER is what the document is included in (§5): "server-data", "host", or NULL for none. */
struct pie_reader *pie_reader_new(const char *outer);
void pie_reader_free(struct pie_reader *reader); /* takes NULL */

/*
 * Reads from *INPUT, and moves it past what was used. *EL, where the event has one, stands in
 * *ARENA, which the caller now owns; else both are NULL.
 */
enum pie_event pie_next(struct pie_reader *reader, struct str *input, struct arena **arena,
			struct element **el);
const char *pie_why(const struct pie_reader *reader);
