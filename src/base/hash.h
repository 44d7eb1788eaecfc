/* SPDX-License-Identifier: MIT */
/*
 * hash.h - the keyed hash behind every table that a peer can fill (SEC-09).
 *
 * SipHash-1-3 with a key of 128 random bits that is drawn once per process.
 */
#pragma once

#include "base/str.h"

struct hash_key {
	uint64_t a, b;
};

/* The process's key. Drawn from the system on first use. */
struct hash_key hash_process_key(void);
/* For tests and simulation that must repeat: call it before any table is made. */
void hash_set_process_key(struct hash_key key);

uint64_t hash_bytes(struct hash_key key, struct str bytes);
uint64_t hash_str(struct str bytes); /* with the process's key */
