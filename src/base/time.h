/* SPDX-License-Identifier: MIT */
/*
 * time.h - the two clocks, behind one switch for simulation, and XMPP's date format.
 *
 * Timers use the monotonic clock only; the wall clock is for stamps (R12).
 */
#pragma once

#include "base/arena.h"

/* Milliseconds since some fixed point; never goes back. */
uint64_t time_mono_ms(void);
uint64_t time_mono_ns(void);
/* Microseconds since 1970-01-01 UTC. */
uint64_t time_wall_us(void);

/* From here on both clocks of this thread show what time_simulate_set says. */
void time_simulate_set(uint64_t mono_ms, uint64_t wall_us);

/* XEP-0082 DateTime in UTC, to the second or (with_fraction) to the millisecond. */
struct str time_format(struct arena *arena, uint64_t wall_us, bool with_fraction);
/* XEP-0082 DateTime to wall_us. Returns 0, or -1 for what is not one. */
MUST_CHECK int time_parse(struct str text, uint64_t *wall_us);
