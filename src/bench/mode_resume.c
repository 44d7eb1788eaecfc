/* SPDX-License-Identifier: MIT */
/*
 * mode_resume.c - sessions that outlive their server (XEP-0198 §5).
 *
 * When all are online, `ready` goes to standard error, and whoever started this program kills the
 * server, starts it again, and writes a line to standard input. From there on the clock runs until
 * all sessions are back, LOGINS at a time. One that the server does not know any more begins anew,
 * as a client would; how many were really resumed is reported.
 */
#include "base/time.h"
#include "bench/fleet.h"
#include "bench/measure.h"
#include "bench/modes.h"

#include <stdlib.h>

struct returns { /* one per engine */
	uint64_t online, resumed, lost;
	bool is_return; /* this phase is the second login */
	struct stats latency;
};

static void
on_online(struct client *client)
{
	struct returns *returns = client->engine->job;

	returns->online++;
	returns->resumed += client->acks.is_resumed;
	stats_add(&returns->latency, time_mono_ns() - client->began_ns);
	if (returns->online == client->engine->client_count)
		client->engine->is_done = true;
}

static void
on_stanza(struct client *client UNUSED, struct str stanza UNUSED)
{
}

/* Not yet there again, or too many at once: another try. */
static void
on_lost(struct client *client)
{
	struct returns *returns = client->engine->job;

	if (!returns->is_return || returns->lost++ > client->engine->client_count)
		client_fail(client, "the connection was lost");
	else
		client_start(client);
}

static void
start_return(struct engine *engine)
{
	struct returns *returns = engine->job;

	*returns = (struct returns){.is_return = true};
	engine->next_login = engine->clients;
	engine->is_done = engine->client_count == 0;
}

static int
wait_for_restart(struct fleet *fleet)
{
	char line[64];

	fputs("ready\n", stderr);
	if (fgets(line, sizeof(line), stdin) == NULL) {
		fprintf(stderr, "recado-bench: resume: nobody restarts the server\n");
		return -1;
	}
	for (unsigned i = 0; i < fleet->client_count; i++)
		client_stop(&fleet->clients[i]);
	return 0;
}

static int
measured_phase(struct fleet *fleet, struct report *report)
{
	struct stats *latency = xnew(struct stats);
	uint64_t began_ns = time_mono_ns(), elapsed_ns;
	double resumed = 0, online = 0;
	int rc = fleet_run(fleet, start_return);

	elapsed_ns = time_mono_ns() - began_ns;
	for (unsigned i = 0; i < fleet->engine_count; i++) {
		struct returns *returns = fleet->engines[i].job;

		resumed += (double)returns->resumed;
		online += (double)returns->online;
		stats_merge(latency, &returns->latency);
	}
	if (rc == 0) {
		report_number(report, "sessions", online, "");
		report_number(report, "resumed", resumed, "");
		report_number(report, "elapsed", (double)elapsed_ns / 1e9, "s");
		report_number(report, "rate", online * 1e9 / (double)MAX(elapsed_ns, 1), "/s");
		report_number(report, "latency_p50", (double)stats_percentile(latency, 50) / 1e3,
			      "us");
		report_number(report, "latency_p99", (double)stats_percentile(latency, 99) / 1e3,
			      "us");
	}
	free(latency);
	return rc;
}

int
mode_resume(const struct options *options, struct report *report)
{
	static const struct job_handlers handlers = {
		.online = on_online, .stanza = on_stanza, .lost = on_lost};
	struct fleet fleet;
	int rc = fleet_open(&fleet, options, options->sessions, &handlers);

	for (unsigned i = 0; rc == 0 && i < fleet.engine_count; i++)
		fleet.engines[i].job = xnew(struct returns);
	if (rc == 0)
		rc = fleet_login(&fleet);
	if (rc == 0)
		rc = wait_for_restart(&fleet);
	if (rc == 0)
		rc = measured_phase(&fleet, report);
	for (unsigned i = 0; fleet.engines != NULL && i < fleet.engine_count; i++)
		free(fleet.engines[i].job);
	fleet_close(&fleet);
	return rc;
}
