/* SPDX-License-Identifier: MIT */
/*
 * repeats.h - which messages came lately, to tell one that a client sends again.
 *
 * A client whose session could not be resumed sends again what was not acknowledged, under the same
 * id (XEP-0359 §3.1), and whatever else came to the account meanwhile lies in between. So messages
 * are remembered by time; the memory grows with how many came in it, to a bound.
 */
#pragma once

#include "base/base.h"

#define REPEATS_S 600u    /* as long as a message is remembered, at least */
#define REPEATS_MAX 1024u /* but not more of them */

struct repeats {
	uint64_t *hashes; /* a ring of SIZE, the oldest of COUNT at FIRST */
	uint32_t *at_s;   /* when each came */
	unsigned size, first, count;
};

/* Notes HASH, not 0, at NOW_S. Returns whether it was noted before. */
bool repeats_note(struct repeats *repeats, uint64_t hash, uint32_t now_s);
/* It came to nothing: when HASH comes again it is new. */
void repeats_forget(struct repeats *repeats, uint64_t hash);
void repeats_free(struct repeats *repeats);
