/* SPDX-License-Identifier: MIT */
/*
 * mode_login.c - whole logins, one after the other on each of a few connections: TCP, TLS handshake
 * without resumption, SASL, bind, roster, presence, and an orderly end.
 *
 * Against recado-relay it is the handshake alone.
 */
#include "bench/fleet.h"
#include "bench/measure.h"
#include "bench/modes.h"

#include "base/time.h"

#include <stdlib.h>

struct logins { /* one per engine */
	uint64_t left, open, done;
	unsigned next_account;
	struct stats latency;
};

static uint64_t phase_count;

static void
on_online(struct client *client)
{
	struct logins *logins = client->engine->job;

	/* The turn's time is too coarse: one handshake may come in many turns. */
	stats_add(&logins->latency, time_mono_ns() - client->began_ns);
	client_close(client);
}

static void
begin(struct client *client)
{
	struct logins *logins = client->engine->job;
	const struct options *options = client->engine->options;

	client->number = options->first_user + logins->next_account;
	/* Engines use accounts of their own, so that nobody replaces another's session. */
	logins->next_account += client->engine->fleet->engine_count;
	if (logins->next_account >= options->sessions)
		logins->next_account %= client->engine->fleet->engine_count;
	logins->left--;
	logins->open++;
	client->engine->logging_in++;
	client_start(client);
}

static void
on_closed(struct client *client)
{
	struct logins *logins = client->engine->job;

	logins->done++;
	logins->open--;
	if (logins->left > 0)
		begin(client);
	else if (logins->open == 0)
		client->engine->is_done = true;
}

static void
on_stanza(struct client *client, struct str stanza)
{
	client_fail(client, "not expected: %.*s", STR_ARG(stanza));
}

static void
start_phase(struct engine *engine)
{
	struct logins *logins = engine->job;
	unsigned engines = engine->fleet->engine_count;

	logins->done = 0;
	logins->left = MAX(phase_count / engines, 1);
	stats_clear(&logins->latency);
	for (unsigned i = 0; i < engine->client_count && logins->left > 0; i++)
		begin(&engine->clients[i]);
	engine->is_done = logins->open == 0;
}

static int
measured_phase(struct fleet *fleet, struct report *report)
{
	struct stats *latency = xnew(struct stats);
	struct measure measure;
	uint64_t done = 0;
	int rc = measure_begin(&measure, fleet->options);

	phase_count = fleet->options->count;
	if (rc == 0)
		rc = fleet_run(fleet, start_phase);
	measure_stop(&measure);
	if (rc == 0) /* the server cleans up: that is part of the price */
		rc = fleet_rest(fleet, 500);
	for (unsigned i = 0; i < fleet->engine_count; i++) {
		struct logins *logins = fleet->engines[i].job;

		done += logins->done;
		stats_merge(latency, &logins->latency);
	}
	if (rc == 0)
		rc = measure_report(&measure, report, "login", done, latency);
	free(latency);
	return rc;
}

int
mode_login(const struct options *options, struct report *report)
{
	static const struct job_handlers handlers = {on_online, on_stanza, on_closed, NULL};
	struct fleet fleet;
	int rc = fleet_open(&fleet, options, MIN(options->logins, options->sessions), &handlers);

	for (unsigned i = 0; rc == 0 && i < fleet.engine_count; i++) {
		struct logins *logins = xnew(struct logins);

		logins->next_account = i;
		fleet.engines[i].job = logins;
	}
	/* Warm up, until every account's salted password is known here. */
	phase_count = MAX(options->count / 5 + 1, MIN(options->count, options->sessions));
	if (rc == 0)
		rc = fleet_run(&fleet, start_phase);
	if (rc == 0)
		rc = measured_phase(&fleet, report);
	for (unsigned i = 0; i < fleet.engine_count; i++)
		free(fleet.engines[i].job);
	fleet_close(&fleet);
	return rc;
}
