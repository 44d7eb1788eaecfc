/* SPDX-License-Identifier: MIT */
/*
 * flush.h - how long the disk takes to make a write durable: what acknowledgments are measured by.
 */
#pragma once

#include "bench/stats.h"

/*
 * For MS milliseconds, one after the other: appends 4 KiB to a file in DIRECTORY, which is removed
 * in the end, and fdatasync. Adds the time of each fdatasync in ns to STATS. Returns 0, or -1 after
 * a message.
 */
MUST_CHECK int flush_measure(const char *directory, unsigned ms, struct stats *stats);
