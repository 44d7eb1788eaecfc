/* SPDX-License-Identifier: MIT */
/* phase.c - the frame of a phase: counters to zero, limits set, and afterwards added up. */
#include "bench/phase.h"

#include "bench/measure.h"

#include <stdlib.h>

/* Set before a phase, read by all engines. */
static uint64_t phase_count, phase_ns;
static void (*start_work)(struct engine *engine);

void
work_done(struct engine *engine, uint64_t sent_ns, unsigned count)
{
	struct work *work = engine->job;

	stats_add(&work->latency, engine->now_ns - MIN(sent_ns, engine->now_ns));
	work->done += count;
}

bool
work_goes_on(const struct engine *engine)
{
	const struct work *work = engine->job;

	return engine->now_ns < work->stop_ns;
}

static void
begin(struct engine *engine)
{
	struct work *work = engine->job;

	work->quota = phase_count;
	work->stop_ns = engine->now_ns + phase_ns;
	work->done = 0;
	stats_clear(&work->latency);
	start_work(engine);
}

static int
run(struct fleet *fleet, void (*start)(struct engine *engine), uint64_t count, uint64_t ns)
{
	phase_count = count;
	phase_ns = ns;
	start_work = start;
	return fleet_run(fleet, begin);
}

int
phase_warm_up(struct fleet *fleet, void (*start)(struct engine *engine))
{
	return run(fleet, start, fleet->options->count / 5 + 1, measure_warm_up_ns(fleet->options));
}

int
phase_measure(struct fleet *fleet, void (*start)(struct engine *engine), struct report *report,
	      const char *unit)
{
	const struct options *options = fleet->options;
	struct stats *latency = xnew(struct stats);
	struct measure measure;
	uint64_t done = 0;
	int rc = measure_begin(&measure, options);

	if (rc == 0)
		rc = run(fleet, start, options->count, options->seconds * (uint64_t)1000000000u);
	measure_stop(&measure);
	for (unsigned i = 0; i < fleet->engine_count; i++) {
		struct work *work = fleet->engines[i].job;

		done += work->done;
		stats_merge(latency, &work->latency);
	}
	if (rc == 0)
		rc = measure_report(&measure, report, unit, done, latency);
	free(latency);
	return rc;
}
