/* SPDX-License-Identifier: MIT */
/*
 * acks.h - stream management on the client's side (XEP-0198): counting, asking, answering.
 */
#pragma once

#include "base/str.h"

struct client;

struct acks {
	bool is_on;      /* between <enabled/> and the end of the session, resumed or not */
	bool is_resumed; /* this connection goes on with an older one's session */
	uint32_t in;     /* stanzas that came */
	uint32_t out;    /* stanzas that were sent */
	uint32_t out_acked;
	char *id; /* to resume with; NULL: there is nothing to resume */
};

/* Asks for a session that can be resumed (§3), or for the one that there was (§5). */
void acks_enable(struct client *client);
void acks_resume(struct client *client);
/* Takes what the server answered. Return 0, or -1 for <failed/>, which leaves nothing to resume. */
MUST_CHECK int acks_enabled(struct client *client, struct str item);
MUST_CHECK int acks_resumed(struct client *client, struct str item);

/* <r/>: in the same record as what was written before it, when there is room. */
void acks_ask(struct client *client);
/* Counts ITEM; answers <r/> and takes <a/>, for which it returns true. */
bool acks_item(struct client *client, struct str item);
/* A stanza was sent. */
static inline void
acks_count(struct acks *acks, uint32_t stanzas)
{
	acks->out += stanzas;
}
void acks_free(struct acks *acks);
