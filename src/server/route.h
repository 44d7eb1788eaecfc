/* SPDX-License-Identifier: MIT */
/* route.h - where a stanza goes (RFC 6120 §10, RFC 6121 §8). */
#pragma once

#include "server/worker.h"
#include "xmpp/stanza.h"

/*
 * Sends STANZA to its `to`, from WORKER's thread; takes one reference. From here on it is
 * immutable. It is handled later in this turn, or on another worker, in order of the calls.
 */
void route(struct worker *worker, struct stanza *stanza);

struct audience_part;
/* STANZA to the members of PART, who live on HOME: see route_many. Takes both references. */
void route_part(struct worker *worker, struct worker *home, struct stanza *stanza,
		struct audience_part *part, uint64_t skip);

/* To an account of WORKER's own, before all that is on its way there. The last call comes first. */
void route_first(struct worker *worker, struct stanza *stanza);

/* The error that refuses STANZA, if it may have one. Borrows STANZA. */
void route_refusal(struct worker *worker, const struct stanza *stanza,
		   enum stanza_condition condition, const char *text);

/* The deferred work behind worker->drain: handles the letters that came. */
void route_drain(struct deferred *deferred);

/* Runs RUN(ARG) on another worker's thread, in order with letters. */
void worker_call(struct worker *to, void (*run)(struct worker *worker, void *arg), void *arg);
