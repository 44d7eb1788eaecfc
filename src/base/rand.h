/* SPDX-License-Identifier: MIT */
/*
 * rand.h - the one source of randomness (SEC-37). No other file may call rand(), random()
 * or getrandom(): a check in the build looks for them.
 */
#pragma once

#include "base/arena.h"

/* From the system's generator, or from the seed of a simulation. Aborts when the system has none.
 */
void rand_bytes(void *out, size_t size);
uint64_t rand_u64(void);
/* Evenly in [0, bound); BOUND > 0. */
uint64_t rand_below(uint64_t bound);

/* BITS (a multiple of 8) random bits as text of [a-zA-Z0-9_-], safe in ids, resources and URLs. */
struct str rand_token(struct arena *arena, unsigned bits);

/* Makes this thread's rand_* repeatable. For simulation and tests only. */
void rand_seed_for_simulation(uint64_t seed);

/* Always the system's generator. */
void rand_system_bytes(void *out, size_t size);
