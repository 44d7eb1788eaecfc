/* SPDX-License-Identifier: MIT */
/* chance.c - the harness's own generator, and what it makes of a seed. */
#include "sim.h"

#include "base/hash.h"
#include "base/rand.h"
#include "base/time.h"

#define WALL_START_US UINT64_C(1700000000000000)

/* SplitMix64, apart from the server's randomness: a change in the server leaves the plan as it is.
 */
static uint64_t
next(struct sim *sim)
{
	uint64_t z = sim->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t
sim_below(struct sim *sim, uint64_t bound)
{
	return next(sim) % bound;
}

bool
sim_chance(struct sim *sim, unsigned percent)
{
	return sim_below(sim, 100) < percent;
}

/* One of several, the first more often: most runs should be plain enough to be strict. */
static unsigned
one_of(struct sim *sim, const unsigned *values, size_t n)
{
	return values[sim_chance(sim, 30) ? 0 : sim_below(sim, n)];
}

#define ONE_OF(sim, ...)                                                                           \
	one_of(sim, (const unsigned[]){__VA_ARGS__}, COUNT(((const unsigned[]){__VA_ARGS__})))

void
sim_plan(struct sim *sim)
{
	struct plan *plan = &sim->plan;

	sim->state = sim->seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
	rand_seed_for_simulation(sim->seed);
	hash_set_process_key((struct hash_key){sim->seed, ~sim->seed});
	plan->workers = ONE_OF(sim, 2, 1, 3, 4);
	plan->accounts = 2 + (unsigned)sim_below(sim, ACCOUNTS_MAX - 1);
	plan->devices = 1 + (unsigned)sim_below(sim, RESOURCES_MAX);
	plan->steps = ONE_OF(sim, 4000, 1500, 10000);
	plan->cuts = ONE_OF(sim, 0, 4, 15, 60);
	plan->crashes = ONE_OF(sim, 0, 0, 3, 10);
	plan->stops = ONE_OF(sim, 0, 0, 3, 10);
	plan->checks = ONE_OF(sim, 5, 0, 20);
	plan->changes = ONE_OF(sim, 0, 0, 0, 5, 20);
	plan->fulls = ONE_OF(sim, 0, 0, 0, 0, 0, 10);
	plan->logouts = ONE_OF(sim, 1, 0, 5);
	plan->subscriptions = ONE_OF(sim, 8, 2, 30);
	plan->messages = ONE_OF(sim, 30, 10, 80);
	plan->hall = ONE_OF(sim, 0, 30, 60);
	plan->piece_max = ONE_OF(sim, 2000, 100, 400, 100000);
	plan->time_max_ms = ONE_OF(sim, 20, 100, 1000, 4000);
	plan->has_conflicts = sim_chance(sim, 20);
	plan->has_batches = sim_chance(sim, 60);
	plan->has_negative = sim_chance(sim, 40);
	plan->has_bursts = sim_chance(sim, 15);
	plan->has_refusals = sim_chance(sim, 30);
	sim->now_ms = 1000000;
	sim_pass_time(sim, 0);
}

void
sim_pass_time(struct sim *sim, uint64_t ms)
{
	sim->now_ms += ms;
	time_simulate_set(sim->now_ms, WALL_START_US + sim->now_ms * 1000);
}
