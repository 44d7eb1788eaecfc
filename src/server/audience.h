/* SPDX-License-Identifier: MIT */
/*
 * audience.h - many addresses that get the same stanza again and again, such as a room's occupants.
 *
 * They are sorted by the worker that they live on, so that a stanza for all of them costs one
 * letter a worker. An audience does not change once it is made, and is counted by reference across
 * threads: what is under way keeps the addresses that it was meant for.
 */
#pragma once

#include "server/worker.h"
#include "xmpp/stanza.h"

struct audience;

/* How many deliveries to audiences of one maker are under way in all threads. The maker and the
 * audiences have a reference each. */
struct flight {
	_Atomic uint32_t refs;
	_Atomic size_t count;
};
struct flight *flight_new(void);
void flight_unref(struct flight *flight); /* takes NULL */

/* One worker's share. */
struct audience_part {
	_Atomic uint32_t refs;
	size_t count;
	struct flight *flight;
	struct audience_member {
		struct jid jid;
		uint64_t tag; /* the maker's, to leave some out */
	} members[];
};

/* Empty; then all members are added, then it is used. WORKER is any; they all have the same homes.
 * What is sent to it is counted in FLIGHT. */
struct audience *audience_new(struct worker *worker, struct flight *flight);
/* HOME is worker_home of the bare JID, or NULL when the domain is not served here. Copies JID. */
void audience_add(struct audience *audience, struct worker *home, struct jid jid, uint64_t tag);
size_t audience_count(const struct audience *audience);

/* For one thread, which made it. */
struct audience *audience_ref(struct audience *audience);
void audience_unref(struct audience *audience); /* takes NULL */

void audience_part_unref(struct audience_part *part);
/* All of PART have what was sent, for which it was referenced. */
void audience_part_arrived(struct audience_part *part);

/*
 * Sends STANZA, which is frozen and whose `to` does not matter, to all members whose tag is not
 * SKIP, in order with what route() sends them. Borrows both.
 */
void route_many(struct worker *worker, struct stanza *stanza, struct audience *audience,
		uint64_t skip);
