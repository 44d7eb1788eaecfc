/* SPDX-License-Identifier: MIT */
/* measure.c - differences, divided. */
#include "bench/measure.h"

#include "base/time.h"

static int
read_peer(const struct options *options, struct peer_usage *out)
{
	if (peer_cpu(&options->peer, out) == 0)
		return 0;
	fprintf(stderr, "recado-bench: %s: a process of the server is gone\n", options->mode);
	return -1;
}

uint64_t
measure_warm_up_ns(const struct options *options)
{
	return MIN(MAX(options->seconds / 3, 1), 5) * (uint64_t)1000000000u;
}

int
measure_begin(struct measure *measure, const struct options *options)
{
	*measure = (struct measure){.options = options};
	if (read_peer(options, &measure->before) < 0)
		return -1;
	measure->own_ns = peer_own_cpu_ns();
	measure->began_ns = time_mono_ns();
	return 0;
}

void
measure_stop(struct measure *measure)
{
	measure->elapsed_ns = time_mono_ns() - measure->began_ns;
}

static void
report_latency(struct report *report, const struct stats *latency)
{
	report_number(report, "latency_p50", (double)stats_percentile(latency, 50) / 1e3, "us");
	report_number(report, "latency_p90", (double)stats_percentile(latency, 90) / 1e3, "us");
	report_number(report, "latency_p99", (double)stats_percentile(latency, 99) / 1e3, "us");
	report_number(report, "latency_max", (double)latency->max / 1e3, "us");
}

int
measure_report(struct measure *measure, struct report *report, const char *unit, uint64_t count,
	       const struct stats *latency)
{
	uint64_t own_ns = peer_own_cpu_ns() - measure->own_ns;
	double n = count > 0 ? (double)count : 1;
	struct peer_usage after;

	if (read_peer(measure->options, &after) < 0)
		return -1;
	report_text(report, "unit", unit);
	report_number(report, "count", (double)count, "");
	report_number(report, "elapsed", (double)measure->elapsed_ns / 1e9, "s");
	report_number(report, "rate", n * 1e9 / (double)MAX(measure->elapsed_ns, 1), "/s");
	report_latency(report, latency);
	if (measure->options->peer.root_count > 0) {
		report_number(report, "server_cpu",
			      (double)(after.cpu_ns - measure->before.cpu_ns) / n / 1e3, "us");
		report_number(report, "server_user",
			      (double)(after.user_ns - measure->before.user_ns) / n / 1e3, "us");
		report_number(report, "server_system",
			      (double)(after.system_ns - measure->before.system_ns) / n / 1e3,
			      "us");
	}
	report_number(report, "generator_cpu", (double)own_ns / n / 1e3, "us");
	return 0;
}
