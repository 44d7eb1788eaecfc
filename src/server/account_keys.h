/* SPDX-License-Identifier: MIT */
/*
 * account_keys.h - adding the keys of a hash that an account lacks, because it came from elsewhere
 * or is older than the hash, at a login that brings them (XEP-0480, or PLAIN).
 */
#pragma once

#include "store/store.h"
#include "xmpp/credentials.h"

/*
 * Adds those of KEYS that are set and that ACCOUNT (a bare JID) lacks, as long as its password is
 * still that of EPOCH. Nothing that is there is changed. All is copied. DONE, which may be NULL,
 * gets STORE_OK, or STORE_CONFLICT when the password was changed meanwhile, STORE_MISSING,
 * STORE_FULL; on LOOP.
 */
void account_add_keys(struct store *store, struct loop *loop, struct str account, uint64_t epoch,
		      const struct scram_keys keys[SCRAM_HASH_COUNT],
		      void (*done)(void *owner, enum store_status status), void *owner);
