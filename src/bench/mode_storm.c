/* SPDX-License-Identifier: MIT */
/*
 * mode_storm.c - people who enter a room, take another nick and leave, as fast as they can: each
 * does the next thing as soon as the last one is done or refused (SEC-22).
 *
 * It is run beside another load, which is to notice nothing: see bench/storm.
 */
#include "base/time.h"
#include "bench/measure.h"
#include "bench/modes.h"
#include "bench/room.h"

#include <stdlib.h>

enum stage { STAGE_OUT, STAGE_IN, STAGE_RENAMED };

struct stormer { /* of a client */
	enum stage stage;
	uint64_t began_ns;
};

struct weather { /* of an engine */
	uint64_t done, refused;
	struct stats latency;
};

static struct room_address room;
static struct client *owner; /* makes the room, and stays */
static uint64_t stop_ns;

static void
send_presence(struct client *client, const char *type, const char *nick)
{
	client_send(client, arena_printf(client->engine->arena, "<presence%s to='%s/%s%u'/>", type,
					 room.text, nick, client->number));
}

static void
go_on(struct client *client)
{
	struct stormer *stormer = client->job;

	stormer->began_ns = client->engine->now_ns;
	if (stormer->stage == STAGE_OUT)
		room_enter(client, &room, "a");
	else if (stormer->stage == STAGE_IN)
		send_presence(client, "", "b");
	else
		send_presence(client, " type='unavailable'", "b");
}

/* What was under way is done when the room shows the client itself as it wanted to be. */
static void
take_own_presence(struct client *client, struct str stanza)
{
	struct stormer *stormer = client->job;
	struct weather *weather = client->engine->job;
	bool is_gone = str_is(scan_attribute(stanza, "type"), "unavailable");

	if (is_gone != (stormer->stage == STAGE_RENAMED))
		return; /* the old nick */
	stormer->stage = stormer->stage == STAGE_RENAMED ? STAGE_OUT : stormer->stage + 1;
	weather->done++;
	stats_add(&weather->latency, client->engine->now_ns - stormer->began_ns);
	go_on(client);
}

static void
on_stanza(struct client *client, struct str stanza)
{
	struct weather *weather = client->engine->job;

	if (client->job == NULL || (stop_ns > 0 && client->engine->now_ns >= stop_ns))
		return;
	if (client == owner) {
		if (scan_contains(stanza, "<subject"))
			room_open(client, &room);
		else if (str_is(scan_attribute(stanza, "id"), "open"))
			client->engine->is_done = true;
	} else if (!scan_is(stanza, "presence")) {
		/* subjects */
	} else if (str_is(scan_attribute(stanza, "type"), "error")) {
		weather->refused++;
		go_on(client);
	} else if (scan_contains(stanza, "'110'") || scan_contains(stanza, "\"110\"")) {
		take_own_presence(client, stanza);
	}
}

static void
on_tick(struct engine *engine)
{
	if (stop_ns > 0 && engine->now_ns >= stop_ns)
		engine->is_done = true;
}

static void
make_room(struct engine *engine)
{
	if (owner->engine == engine)
		room_enter(owner, &room, "owner");
	else
		engine->is_done = true;
}

static void
start_storm(struct engine *engine)
{
	for (unsigned i = 0; i < engine->client_count; i++)
		if (&engine->clients[i] != owner)
			go_on(&engine->clients[i]);
}

static int
measured_phase(struct fleet *fleet, struct report *report)
{
	struct stats *latency = xnew(struct stats);
	struct measure measure;
	uint64_t done = 0, refused = 0;
	int rc = measure_begin(&measure, fleet->options);

	stop_ns = time_mono_ns() + fleet->options->seconds * (uint64_t)1000000000u;
	if (rc == 0)
		rc = fleet_run(fleet, start_storm);
	measure_stop(&measure);
	for (unsigned i = 0; i < fleet->engine_count; i++) {
		struct weather *weather = fleet->engines[i].job;

		done += weather->done;
		refused += weather->refused;
		stats_merge(latency, &weather->latency);
	}
	if (rc == 0 && done == 0) {
		fprintf(stderr, "recado-bench: storm: nobody could do anything\n");
		rc = -1;
	}
	if (rc == 0)
		report_number(report, "refused", (double)refused, "");
	if (rc == 0)
		rc = measure_report(&measure, report, "change", done, latency);
	free(latency);
	return rc;
}

int
mode_storm(const struct options *options, struct report *report)
{
	static const struct job_handlers handlers = {.stanza = on_stanza, .tick = on_tick};
	struct stormer *stormers = NULL;
	struct fleet fleet;
	int rc = fleet_open(&fleet, options, MAX(2, options->sessions), &handlers);

	room = room_address(options);
	if (rc == 0)
		rc = fleet_login(&fleet);
	if (rc == 0) {
		stormers = xnew_array(struct stormer, fleet.client_count);
		for (unsigned i = 0; i < fleet.client_count; i++)
			fleet.clients[i].job = &stormers[i];
		for (unsigned i = 0; i < fleet.engine_count; i++)
			fleet.engines[i].job = xnew(struct weather);
		owner = &fleet.clients[0];
		rc = fleet_run(&fleet, make_room);
	}
	if (rc == 0)
		rc = measured_phase(&fleet, report);
	for (unsigned i = 0; stormers != NULL && i < fleet.engine_count; i++)
		free(fleet.engines[i].job);
	fleet_close(&fleet);
	free(stormers);
	return rc;
}
