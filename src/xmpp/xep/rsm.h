/* SPDX-License-Identifier: MIT */
/* rsm.h - which page of a long list is asked for, and which one came (XEP-0059). */
#pragma once

#include "xmpp/element.h"

#define NS_RSM "http://jabber.org/protocol/rsm"

#define RSM_NONE UINT32_MAX

/* What a request wants. With AFTER and BEFORE both, what stands between the two. */
struct rsm {
	uint32_t max;      /* items; 0: only the count (§2.6); RSM_NONE: not said */
	uint32_t index;    /* of the first item (§2.5); RSM_NONE: not said */
	struct str after;  /* p NULL: not said */
	struct str before; /* p NULL: not said; empty: the last page (§2.4) */
};

/* What an answer says of the page in it. */
struct rsm_page {
	struct str first, last; /* ids; p NULL: the page is empty */
	uint32_t first_index;   /* in the full set; RSM_NONE: too costly to find out */
	uint32_t count;         /* of the full set; RSM_NONE: likewise */
};

/* No wish at all: what a request without <set/> means. */
struct rsm rsm_any(void);
/*
 * Reads the <set/> in PARENT; without one *OUT is rsm_any(). Returns 0, or -1 with *WHY, which is
 * <bad-request/> on the wire.
 */
MUST_CHECK int rsm_parse(struct arena *arena, const struct element *parent, struct rsm *out,
			 const char **why);
/* Likewise for an answer. Without <set/> all of it is p NULL or RSM_NONE. */
MUST_CHECK int rsm_parse_page(struct arena *arena, const struct element *parent,
			      struct rsm_page *out, const char **why);

/* Adds a <set/> to PARENT. */
void rsm_add(struct arena *arena, struct element *parent, const struct rsm *rsm);
void rsm_add_page(struct arena *arena, struct element *parent, const struct rsm_page *page);
