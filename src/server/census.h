/* SPDX-License-Identifier: MIT */
/* census.h - who of a host is there now: asked of all workers, each of which looks at its own. */
#pragma once

#include "server/server.h"

enum census_kind {
	CENSUS_ONLINE, /* accounts with a session, also one that waits for its client (XEP-0198) */
	CENSUS_ACTIVE, /* of these, somebody did something lately, and looks (XEP-0352) */
	CENSUS_IDLE,   /* of these, the others */
	CENSUS_KINDS,
};

struct census {
	uint64_t counts[CENSUS_KINDS];
	struct str *jids; /* bare, sorted: of the kind that was asked for */
	size_t jid_count;
};

/*
 * Takes stock of HOST. The result lists the accounts of KIND, at most MAX of them; it lives for the
 * call of DONE, on LOOP. ACTIVE_MS: how long ago "lately" is. HOST is copied.
 */
void census_take(struct server *server, struct loop *loop, struct str host, enum census_kind kind,
		 size_t max, uint64_t active_ms,
		 void (*done)(void *owner, const struct census *census), void *owner);
