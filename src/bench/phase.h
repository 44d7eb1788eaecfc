/* SPDX-License-Identifier: MIT */
/*
 * phase.h - phases in which every session does the same piece of work again and again, for some
 * time: one to warm up, one that is measured.
 */
#pragma once

#include "bench/fleet.h"
#include "bench/stats.h"

struct work {             /* the job of an engine begins with one */
	uint64_t quota;   /* pieces that a session may begin in this phase */
	uint64_t stop_ns; /* when to begin no more */
	uint64_t done;    /* of all sessions */
	struct stats latency;
};

/* COUNT more pieces are done, which were begun at SENT_NS of engine->now_ns. */
void work_done(struct engine *engine, uint64_t sent_ns, unsigned count);
/* Whether there is time for more. */
bool work_goes_on(const struct engine *engine);

/* A phase before measuring. START as in fleet_run. Both return 0, or -1 after a message. */
MUST_CHECK int phase_warm_up(struct fleet *fleet, void (*start)(struct engine *engine));
/* Reports what one piece, a UNIT, took of the server and of time. */
MUST_CHECK int phase_measure(struct fleet *fleet, void (*start)(struct engine *engine),
			     struct report *report, const char *unit);
