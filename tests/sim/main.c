/* SPDX-License-Identifier: MIT */
/*
 * main.c - simulates a server and its clients from seeds.
 *
 *     sim SEED            one run; -v tells all that happens
 *     sim FIRST COUNT     one process for each seed; ends with the count of those that passed
 */
#include "sim.h"

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64u
#define RUN_SECONDS 120u

static void
make_clients(struct sim *sim)
{
	for (unsigned a = 0; a < sim->plan.accounts; a++) {
		for (unsigned d = 0; d < sim->plan.devices; d++) {
			struct client *client = &sim->clients[sim->client_count];

			*client = (struct client){.sim = sim,
						  .index = sim->client_count++,
						  .account = a,
						  .resource = d,
						  .seen_step = NEVER};
			if (sim->plan.has_conflicts && d == 2)
				client->resource = 0;
			client->loop = loop_new_simulated();
		}
	}
}

static struct client *
any_client(struct sim *sim)
{
	return &sim->clients[sim_below(sim, sim->client_count)];
}

static size_t
any_piece(struct sim *sim)
{
	return 1 + sim_below(sim, sim->plan.piece_max);
}

/* One thing happens. */
static void
step(struct sim *sim)
{
	unsigned chance = (unsigned)sim_below(sim, 10000);
	const struct plan *plan = &sim->plan;
	struct client *client = any_client(sim);

	if (chance < plan->crashes) {
		site_crash(sim);
		return;
	}
	chance -= plan->crashes;
	if (chance < plan->stops) {
		site_begin_stop(sim);
		return;
	}
	chance -= plan->stops;
	if (chance < plan->checks) {
		check_settle(sim);
		check_settled(sim);
		return;
	}
	chance -= plan->checks;
	if (chance < plan->changes) {
		operator_act(sim);
		return;
	}
	chance -= plan->changes;
	if (chance < plan->fulls) {
		if (!sim->site->is_stopping)
			site_set_full(sim, !sim->is_full);
		return;
	}
	chance -= plan->fulls;
	if (chance < plan->cuts) {
		if (client->conn != NULL)
			client_cut(client);
		return;
	}
	chance = (unsigned)sim_below(sim, 100);
	if (chance < 30)
		site_turn(sim, (unsigned)sim_below(sim, plan->workers));
	else if (chance < 42)
		site_step_store(sim);
	else if (chance < 48)
		sim_pass_time(sim, sim_chance(sim, 2) ? sim_below(sim, 70000)
						      : sim_below(sim, plan->time_max_ms + 1));
	else if (chance < 68)
		client_send(client, any_piece(sim));
	else if (chance < 86)
		client_read(client, any_piece(sim));
	else
		people_act(sim, client);
}

static void
end(struct sim *sim)
{
	sim_note(sim, "the end begins");
	check_settle(sim);
	check_settled(sim);
	for (unsigned i = 0; i < sim->client_count; i++)
		if (sim->clients[i].state == CLIENT_BOUND)
			client_leave(&sim->clients[i]);
	check_settle(sim);
	check_settled(sim);
	check_nothing_left(sim);
	check_settled(sim);
	site_close(sim);
	check_free(sim);
	for (unsigned i = 0; i < sim->client_count; i++)
		loop_free(sim->clients[i].loop);
	loop_free(sim->loop);
	free(sim->messages);
	free(sim);
	arena_thread_end();
}

static int
run(uint64_t seed)
{
	struct sim *sim = xnew(struct sim);

	sim->seed = seed;
	sim_trace_start(sim);
	sim_plan(sim);
	sim->loop = loop_new_simulated();
	make_clients(sim);
	site_open(sim, site_new_store(sim));
	for (sim->step = 1; sim->step <= sim->plan.steps; sim->step++) {
		step(sim);
		loop_turn(sim->loop, 0);
		model_watch(sim);
	}
	end(sim);
	return 0;
}

/* Many seeds */

struct job {
	pid_t pid;
	uint64_t seed;
	FILE *output; /* of the run, shown if it failed */
};

static void
start(struct job *job, uint64_t seed)
{
	job->seed = seed;
	job->output = tmpfile();
	fflush(stdout);
	job->pid = fork();
	if (job->pid != 0)
		return;
	dup2(fileno(job->output), STDOUT_FILENO);
	dup2(fileno(job->output), STDERR_FILENO);
	alarm(RUN_SECONDS);
	exit(run(seed));
}

static void
show(struct job *job, int status)
{
	char block[4096];
	size_t n;

	rewind(job->output);
	printf("---- seed %llu: ended with %#x; again with: sim %llu -v ----\n",
	       (unsigned long long)job->seed, (unsigned)status, (unsigned long long)job->seed);
	while ((n = fread(block, 1, sizeof(block), job->output)) > 0)
		fwrite(block, 1, n, stdout);
	printf("----\n");
}

static bool
finish(struct job *jobs, unsigned count)
{
	int status;
	pid_t pid = wait(&status);

	for (unsigned i = 0; i < count; i++) {
		if (jobs[i].pid != pid)
			continue;
		if (status != 0)
			show(&jobs[i], status);
		fclose(jobs[i].output);
		jobs[i].pid = 0;
		return status == 0;
	}
	return false;
}

static int
run_many(uint64_t first, uint64_t count)
{
	struct job jobs[JOBS_MAX] = {0};
	unsigned width = (unsigned)MIN(MAX(sysconf(_SC_NPROCESSORS_ONLN), 1), JOBS_MAX);
	uint64_t started = 0, ended = 0, passed = 0;

	while (ended < count) {
		for (unsigned i = 0; i < width && started < count; i++)
			if (jobs[i].pid == 0)
				start(&jobs[i], first + started++);
		passed += finish(jobs, width);
		ended++;
	}
	printf("%llu passed, %llu failed, 0 skipped\n", (unsigned long long)passed,
	       (unsigned long long)(count - passed));
	return passed == count ? 0 : 1;
}

int
main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;

	sim_is_verbose = argc > 2 && strcmp(argv[2], "-v") == 0;
	if (argc < 2) {
		fprintf(stderr, "usage: sim SEED [-v]\n       sim FIRST COUNT\n");
		return 2;
	}
	site_prepare();
	if (argc > 2 && !sim_is_verbose)
		return run_many(first, strtoull(argv[2], NULL, 10));
	if (run(first) == 0)
		printf("seed %llu passed\n", (unsigned long long)first);
	return 0;
}
