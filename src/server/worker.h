/* SPDX-License-Identifier: MIT */
/*
 * worker.h - one thread's share of the server: a loop, and the accounts whose shards live here.
 *
 * Everything below a worker is touched by its thread only; between workers go letters (route.h).
 */
#pragma once

#include "base/map.h"
#include "io/loop.h"
#include "server/config.h"
#include "store/store.h"

#define SHARD_COUNT 1024u

struct components;
struct server;

struct worker_counters { /* read by others for status only, so relaxed atomics */
	_Atomic uint64_t stanzas_in, stanzas_out, streams, sessions, accounts;
	_Atomic uint64_t messages_stored, messages_dropped, logins, login_failures;
	_Atomic uint64_t csi_held, csi_replaced,
		csi_dropped; /* XEP-0352: stanzas that waited, etc. */
};

struct audience_part;

struct letter { /* to the stanza's address, or to all of PART but those tagged SKIP */
	struct stanza *stanza;
	struct audience_part *part;
	uint64_t skip;
};

struct letter_queue { /* a ring of letters to accounts of this worker */
	struct letter *ring;
	uint32_t size, first, count;
};

struct worker {
	unsigned index;
	struct server *server;
	struct loop *loop;
	struct store *store;
	struct config *config;         /* this worker's reference; changed by a letter at reload */
	struct map accounts;           /* struct account by bare JID */
	struct map notices;            /* of hosts: notices.c */
	struct link idle_accounts;     /* those without a session, oldest first */
	struct link streams;           /* struct c2s: every client connection on this worker */
	struct map asks;               /* struct server_ask by id: what the server asked others */
	struct components *components; /* component.h */
	uint64_t unwritten_bytes;      /* of messages that the store has not written yet */
	struct letter_queue letters;
	struct deferred drain;
	bool is_draining;
	bool is_telling_many; /* what is delivered now is one of the copies of an audience */
	struct federation *federation; /* NULL: no other servers */
	struct timer tick;             /* every second: idle accounts */
	void **module_state;           /* by the module's index; see module.h */
	struct worker_counters counters;
};

struct worker *worker_new(struct server *server, unsigned index, struct loop *loop,
			  struct store *store, struct config *config);
/* Sessions are closed by then. Takes NULL. */
void worker_free(struct worker *worker);

/* Counts a message that nobody gets and nobody is told of, as the RFC has it: no drop without a
 * trace. */
void worker_dropped(struct worker *worker);

/* The host of that (prepared) name that this server serves, or NULL. */
const struct config_host *worker_host(const struct worker *worker, struct str domain);
/* The worker that BARE's account lives on. */
struct worker *worker_home(struct worker *worker, struct str bare);
