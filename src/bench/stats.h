/* SPDX-License-Identifier: MIT */
/*
 * stats.h - latencies as a histogram: fixed size, exact to 1.6%, cheap to add to and to merge.
 */
#pragma once

#include "base/base.h"

#define STATS_STEPS 64u /* buckets per power of two */
#define STATS_BUCKETS (STATS_STEPS * 60u)

struct stats {
	uint64_t count, max;
	uint64_t buckets[STATS_BUCKETS];
};

void stats_add(struct stats *stats, uint64_t value);
void stats_merge(struct stats *into, const struct stats *from);
void stats_clear(struct stats *stats);
/* The value that PERCENT (0 to 100) of all values do not exceed; 0 when there are none. */
uint64_t stats_percentile(const struct stats *stats, double percent);
