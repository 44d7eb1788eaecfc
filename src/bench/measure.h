/* SPDX-License-Identifier: MIT */
/* measure.h - time and processor time from here to there, and what one piece of work took of them.
 */
#pragma once

#include "bench/options.h"
#include "bench/stats.h"

struct measure {
	const struct options *options;
	uint64_t began_ns, own_ns, elapsed_ns;
	struct peer_usage before;
};

/* How long to run before measuring: caches fill, compilers at run time compile. */
uint64_t measure_warm_up_ns(const struct options *options);

/* Both return 0, or -1 after a message when the server under test is gone. */
MUST_CHECK int measure_begin(struct measure *measure, const struct options *options);
/* The clock stops here; processor time goes on to count until measure_report. */
void measure_stop(struct measure *measure);
/* Reports COUNT pieces of work, each called UNIT, and their LATENCY. */
MUST_CHECK int measure_report(struct measure *measure, struct report *report, const char *unit,
			      uint64_t count, const struct stats *latency);
