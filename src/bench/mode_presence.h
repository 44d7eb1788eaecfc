/* SPDX-License-Identifier: MIT */
/* mode_presence.h - between mode_presence.c and roster.c. */
#pragma once

#include "bench/phase.h"

struct member {
	struct client *client;
	unsigned index; /* in its group */
	/* Making contacts: */
	bool is_befriended;             /* the roster has all of the group */
	bool is_asking;                 /* for the roster */
	uint64_t roster_ns, request_ns; /* when it was asked for last, and subscriptions were */
	/* Broadcasting: */
	uint64_t sent, quota, sent_ns;
	unsigned seen;     /* contacts that got the last */
	uint64_t *last_of; /* the number that came last from each of the group */
};

struct crowd { /* one per engine */
	struct work work;
	bool is_asking, is_ready;
	unsigned befriended;
	uint64_t presence_ns; /* when any came last */
	uint64_t outstanding;
};

/* Who of CLIENT's group has this address; NULL when it is none of them. */
struct member *member_by_jid(struct client *client, struct str jid);

/* A phase that ends when all members of each group are mutual contacts. */
void roster_start(struct engine *engine);
void roster_stanza(struct client *client, struct str stanza);
void roster_tick(struct engine *engine);
