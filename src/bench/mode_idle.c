/* SPDX-License-Identifier: MIT */
/*
 * mode_idle.c - sessions that are online and silent: what one costs the server in memory.
 *
 * Memory is that of the server's whole process tree after all are online and settled, minus what it
 * was before the first connected.
 */
#include "bench/fleet.h"
#include "bench/modes.h"

#include "base/time.h"

static void
on_stanza(struct client *client UNUSED, struct str stanza UNUSED)
{
	/* Somebody's presence, or a greeting. */
}

static int
read_memory(const struct options *options, struct peer_usage *out)
{
	if (options->peer.root_count > 0 && peer_memory(&options->peer, out) == 0)
		return 0;
	fprintf(stderr,
		"recado-bench: idle: the server's memory cannot be read (--pid, --pidfile)\n");
	return -1;
}

static void
report_memory(struct report *report, const struct peer_usage *before,
	      const struct peer_usage *after, double n)
{
	report_number(report, "pss_before", (double)before->pss_kb / 1024, "MiB");
	report_number(report, "pss_after", (double)after->pss_kb / 1024, "MiB");
	report_number(report, "pss_per_session",
		      ((double)after->pss_kb - (double)before->pss_kb) / n, "KiB");
	report_number(report, "private_per_session",
		      ((double)after->private_kb - (double)before->private_kb) / n, "KiB");
}

/* Processor time of the server in a second in which nothing happens. */
static int
report_idle_cpu(struct fleet *fleet, struct report *report)
{
	struct peer_usage before, after;

	if (peer_cpu(&fleet->options->peer, &before) < 0 || fleet_rest(fleet, 2000) < 0 ||
	    peer_cpu(&fleet->options->peer, &after) < 0)
		return -1;
	report_number(report, "idle_cpu", (double)(after.cpu_ns - before.cpu_ns) / 2e6, "ms/s");
	return 0;
}

static int
run(struct fleet *fleet, struct report *report)
{
	const struct options *options = fleet->options;
	struct peer_usage before, after;
	uint64_t began_ns = time_mono_ns();

	if (read_memory(options, &before) < 0 || fleet_login(fleet) < 0)
		return -1;
	report_number(report, "login_time", (double)(time_mono_ns() - began_ns) / 1e9, "s");
	if (fleet_rest(fleet, options->settle_ms) < 0 || read_memory(options, &after) < 0)
		return -1;
	report_number(report, "sessions", fleet->client_count, "");
	report_memory(report, &before, &after, fleet->client_count);
	if (report_idle_cpu(fleet, report) < 0)
		return -1;
	return options->linger_s > 0 ? fleet_rest(fleet, options->linger_s * 1000) : 0;
}

int
mode_idle(const struct options *options, struct report *report)
{
	static const struct job_handlers handlers = {.stanza = on_stanza};
	struct fleet fleet;
	int rc = fleet_open(&fleet, options, options->sessions, &handlers);

	if (rc == 0)
		rc = run(&fleet, report);
	fleet_close(&fleet);
	return rc;
}
