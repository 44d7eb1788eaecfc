/* SPDX-License-Identifier: MIT */
/* trace.c - the last events of a run, and how it ends when a promise was broken. */
#include "sim.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINES 120u
#define LINE_MAX_LENGTH 200u

bool sim_is_verbose;

static char lines[LINES][LINE_MAX_LENGTH];
static unsigned count;
static struct sim *running;

static void
add(struct sim *sim, const char *format, va_list args)
{
	char *line = lines[count++ % LINES];
	int n = snprintf(line, LINE_MAX_LENGTH, "%6u %9llu  ", sim->step,
			 (unsigned long long)sim->now_ms);

	vsnprintf(line + n, LINE_MAX_LENGTH - (size_t)n, format, args);
	if (sim_is_verbose)
		puts(line);
}

void
sim_note(struct sim *sim, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(sim, format, args);
	va_end(args);
}

void
sim_fail(struct sim *sim, const char *format, ...)
{
	va_list args;

	if (!sim_is_verbose)
		for (unsigned i = count > LINES ? count - LINES : 0; i < count; i++)
			puts(lines[i % LINES]);
	printf("FAIL seed %llu, step %u: ", (unsigned long long)sim->seed, sim->step);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

/* What the server logs is part of the story; an error in it is a fault by itself. */
static void
on_log(enum log_level level, struct str line)
{
	sim_note(running, "    log: %.*s", STR_ARG(line));
	if (level == LOG_ERROR && !running->was_full)
		sim_fail(running, "the server logged an error: %.*s", STR_ARG(line));
}

void
sim_trace_start(struct sim *sim)
{
	running = sim;
	count = 0;
	log_set_sink(on_log);
}

const char *
client_name(const struct client *client)
{
	static char names[4][24];
	static unsigned at;
	char *name = names[at++ % COUNT(names)];

	snprintf(name, sizeof(names[0]), "a%u/r%u#%u", client->account, client->resource,
		 client->life);
	return name;
}
