/* SPDX-License-Identifier: MIT */
/* stats.c - buckets are linear within each power of two. */
#include "bench/stats.h"

#include <string.h>

static unsigned
bucket_of(uint64_t value)
{
	unsigned shift;

	if (value < STATS_STEPS * 2)
		return (unsigned)value;
	shift = 63u - (unsigned)__builtin_clzll(value) - 6u; /* log2(STATS_STEPS) */
	return MIN(shift * STATS_STEPS + (unsigned)(value >> shift), STATS_BUCKETS - 1);
}

/* The largest value of BUCKET. */
static uint64_t
bucket_top(unsigned bucket)
{
	unsigned shift;

	if (bucket < STATS_STEPS * 2)
		return bucket;
	shift = bucket / STATS_STEPS - 1;
	return ((uint64_t)(bucket - shift * STATS_STEPS + 1) << shift) - 1;
}

void
stats_add(struct stats *stats, uint64_t value)
{
	stats->buckets[bucket_of(value)]++;
	stats->count++;
	stats->max = MAX(stats->max, value);
}

void
stats_merge(struct stats *into, const struct stats *from)
{
	for (unsigned i = 0; i < STATS_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
	into->count += from->count;
	into->max = MAX(into->max, from->max);
}

void
stats_clear(struct stats *stats)
{
	memset(stats, 0, sizeof(*stats));
}

uint64_t
stats_percentile(const struct stats *stats, double percent)
{
	double want = (double)stats->count * percent / 100;
	uint64_t seen = 0;

	for (unsigned i = 0; i < STATS_BUCKETS && stats->count > 0; i++) {
		seen += stats->buckets[i];
		if (seen > 0 && (double)seen >= want)
			return MIN(bucket_top(i), stats->max);
	}
	return 0;
}
