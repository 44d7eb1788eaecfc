/* SPDX-License-Identifier: MIT */
/*
 * mode_room.c - one room, and everybody in it (XEP-0045).
 *
 * The first session makes the room, the others enter, the last one when all the others are there.
 * Then the first one speaks, with WINDOW messages outstanding: the next goes when its own copy of
 * one has come; or RATE times a second. Everybody must get every message once, in order.
 */
#include "bench/measure.h"
#include "bench/modes.h"
#include "bench/room.h"

#include "base/time.h"

#include <stdatomic.h>
#include <stdlib.h>

#define RING 16384u /* messages whose time of sending is known */

enum seat_state { SEAT_NONE, SEAT_ENTERING, SEAT_THERE };

struct seat {
	struct client *client;
	enum seat_state state;
	uint64_t received;
};

struct hall { /* one per engine */
	struct seat *seats;
	unsigned first, count; /* of seats */
	unsigned next, entering, there;
	uint64_t delivered;
	struct stats latency, entry;
};

static struct room_address room;
static struct seat *speaker;
static unsigned enter_from, enter_to; /* seats that enter in this phase */
static uint64_t quota, stop_ns;
static uint64_t rated_from_ns, rated_first; /* with a rate: the phase's beginning, its first */
/* Of the speaker's engine, read by all. */
static _Atomic uint64_t spoken, sent_ns[RING];
static _Atomic bool has_stopped;

static void
speak(struct seat *seat)
{
	static const char filler[] = "the quick brown fox jumps over the lazy dog; ";
	struct client *client = seat->client;
	unsigned body = client->engine->options->body;
	uint64_t number = atomic_load_explicit(&spoken, memory_order_relaxed);
	struct buf text = {0};
	size_t start;

	buf_printf(&text, "<message to='%s' type='groupchat' id='m%llu'><body>", room.text,
		   (unsigned long long)number);
	start = buf_len(&text);
	buf_printf(&text, "number %llu; ", (unsigned long long)number);
	for (unsigned i = 0; buf_len(&text) < start + body; i++)
		buf_add_char(&text, filler[i % (sizeof(filler) - 1)]);
	buf_addz(&text, "</body></message>");
	atomic_store_explicit(&sent_ns[number % RING], client->engine->now_ns,
			      memory_order_relaxed);
	atomic_store_explicit(&spoken, number + 1, memory_order_release);
	client_send(client, buf_str(&text));
	buf_free(&text);
}

static void
enter(struct seat *seat)
{
	seat->state = SEAT_ENTERING;
	seat->client->began_ns = time_mono_ns();
	room_enter(seat->client, &room, "n");
}

static bool
is_in_phase(const struct hall *hall, unsigned seat)
{
	return hall->first + seat >= enter_from && hall->first + seat < enter_to;
}

/* A few at a time. */
static void
enter_more(struct engine *engine)
{
	struct hall *hall = engine->job;

	while (hall->next < hall->count && hall->entering < engine->options->logins) {
		struct seat *seat = &hall->seats[hall->next++];

		if (!is_in_phase(hall, (unsigned)(seat - hall->seats)))
			continue;
		hall->entering++;
		enter(seat);
	}
	if (hall->entering == 0)
		engine->is_done = true;
}

static void
start_entering(struct engine *engine)
{
	struct hall *hall = engine->job;

	hall->next = hall->entering = 0;
	enter_more(engine);
}

/* The subject comes last of all that one gets who enters (§7.1). */
static void
is_there(struct client *client)
{
	struct hall *hall = client->engine->job;
	struct seat *seat = client->job;

	seat->state = SEAT_THERE;
	stats_add(&hall->entry, time_mono_ns() - client->began_ns);
	hall->there++;
	hall->entering--;
	enter_more(client->engine);
}

static void
speak_on(uint64_t now)
{
	if (atomic_load_explicit(&spoken, memory_order_relaxed) < quota && now < stop_ns)
		speak(speaker);
	else
		atomic_store_explicit(&has_stopped, true, memory_order_release);
}

/* What is due by now. */
static void
speak_at_rate(const struct engine *engine)
{
	uint64_t due = rated_first +
		       (engine->now_ns - rated_from_ns) / 1000 * engine->options->rate / 1000000;

	while (!atomic_load_explicit(&has_stopped, memory_order_relaxed) &&
	       atomic_load_explicit(&spoken, memory_order_relaxed) <= due)
		speak_on(engine->now_ns);
}

static void
take_message(struct client *client, struct str stanza)
{
	struct engine *engine = client->engine;
	struct hall *hall = engine->job;
	struct seat *seat = client->job;
	struct str number = scan_between(stanza, "<body>number ", ";");
	uint64_t now, got = 0, sent;

	if (str_to_u64(number, UINT64_MAX, &got) < 0 || got != seat->received) {
		client_fail(client,
			    "message %llu of the room is lost, doubled or out of order: %.*s",
			    (unsigned long long)seat->received, STR_ARG(stanza));
		return;
	}
	now = engine->now_ns;
	sent = atomic_load_explicit(&sent_ns[got % RING], memory_order_relaxed);
	stats_add(&hall->latency, now - MIN(sent, now));
	seat->received++;
	hall->delivered++;
	if (seat == speaker && engine->options->rate == 0)
		speak_on(now);
}

static void
on_stanza(struct client *client, struct str stanza)
{
	struct seat *seat = client->job;

	if (seat == NULL)
		return;
	if (scan_is(stanza, "presence")) {
		if (str_is(scan_attribute(stanza, "type"), "error"))
			client_fail(client, "the room refuses: %.*s", STR_ARG(stanza));
	} else if (scan_is(stanza, "iq")) {
		if (!str_is(scan_attribute(stanza, "id"), "open"))
			return;
		if (!str_is(scan_attribute(stanza, "type"), "result"))
			client_fail(client, "the room is not opened: %.*s", STR_ARG(stanza));
		is_there(client);
	} else if (scan_contains(stanza, "<subject")) {
		if (seat == speaker)
			room_open(client, &room);
		else if (seat->state == SEAT_ENTERING)
			is_there(client);
	} else if (scan_contains(stanza, "<body>number ")) {
		take_message(client, stanza);
	} else if (str_is(scan_attribute(stanza, "type"), "error")) {
		client_fail(client, "%.*s", STR_ARG(stanza));
	}
}

/* Done when everybody here has all that was said. */
static void
on_tick(struct engine *engine)
{
	struct hall *hall = engine->job;
	uint64_t said;

	if (stop_ns > 0 && engine->options->rate > 0 && speaker->client->engine == engine)
		speak_at_rate(engine);
	said = atomic_load_explicit(&spoken, memory_order_acquire);
	if (!atomic_load_explicit(&has_stopped, memory_order_acquire))
		return;
	for (unsigned i = 0; i < hall->count; i++)
		if (hall->seats[i].received < said)
			return;
	engine->is_done = true;
}

static void
start_speaking(struct engine *engine)
{
	struct hall *hall = engine->job;

	hall->delivered = 0;
	stats_clear(&hall->latency);
	if (speaker->client->engine != engine || engine->options->rate > 0)
		return;
	for (unsigned i = 0; i < engine->options->window && i < RING; i++)
		if (atomic_load(&spoken) < quota)
			speak(speaker);
}

static struct seat *
make_halls(struct fleet *fleet)
{
	struct seat *seats = xnew_array(struct seat, fleet->client_count);
	unsigned at = 0;

	for (unsigned i = 0; i < fleet->client_count; i++) {
		seats[i].client = &fleet->clients[i];
		fleet->clients[i].job = &seats[i];
	}
	for (unsigned i = 0; i < fleet->engine_count; i++) {
		struct hall *hall = fleet->engines[i].job = xnew(struct hall);

		hall->first = at;
		hall->count = fleet->engines[i].client_count;
		hall->seats = &seats[at];
		at += hall->count;
	}
	speaker = &seats[0];
	return seats;
}

static int
let_in(struct fleet *fleet, unsigned from, unsigned to)
{
	enter_from = from;
	enter_to = to;
	return fleet_run(fleet, start_entering);
}

static void
merge(struct fleet *fleet, struct stats *entry, struct stats *latency, uint64_t *delivered)
{
	*delivered = 0;
	for (unsigned i = 0; i < fleet->engine_count; i++) {
		struct hall *hall = fleet->engines[i].job;

		stats_merge(entry, &hall->entry);
		stats_clear(&hall->entry);
		stats_merge(latency, &hall->latency);
		*delivered += hall->delivered;
	}
}

/* All but the last one, and what they cost; then the last one alone. */
static int
enter_all(struct fleet *fleet, struct report *report)
{
	const struct options *options = fleet->options;
	struct peer_usage before = {0}, after = {0};
	struct stats *entry = xnew(struct stats), *none = xnew(struct stats);
	uint64_t began_ns, delivered;
	bool is_measured = options->peer.root_count > 0;
	int rc = let_in(fleet, 0, 1);

	if (rc == 0 && is_measured)
		rc = peer_memory(&options->peer, &before);
	began_ns = time_mono_ns();
	if (rc == 0)
		rc = let_in(fleet, 1, fleet->client_count - 1);
	if (rc == 0)
		report_number(report, "all_entered", (double)(time_mono_ns() - began_ns) / 1e9,
			      "s");
	if (rc == 0)
		rc = fleet_rest(fleet, options->settle_ms);
	if (rc == 0 && is_measured)
		rc = peer_memory(&options->peer, &after);
	if (rc == 0 && is_measured) {
		double people = MAX(1, fleet->client_count - 2);

		report_number(report, "memory_per_occupant",
			      ((double)after.private_kb - (double)before.private_kb) / people,
			      "KiB");
		report_number(report, "cpu_per_entry",
			      (double)(after.cpu_ns - before.cpu_ns) / 1e3 / people, "us");
	}
	merge(fleet, entry, none, &delivered);
	stats_clear(entry);
	if (rc == 0)
		rc = let_in(fleet, fleet->client_count - 1, fleet->client_count);
	merge(fleet, entry, none, &delivered);
	if (rc == 0)
		report_number(report, "last_entered", (double)entry->max / 1e6, "ms");
	free(entry);
	free(none);
	return rc;
}

static int
speak_for(struct fleet *fleet, uint64_t count, uint64_t ns)
{
	quota = atomic_load(&spoken) + count;
	rated_first = atomic_load(&spoken);
	rated_from_ns = time_mono_ns();
	stop_ns = rated_from_ns + ns;
	atomic_store(&has_stopped, false);
	return fleet_run(fleet, start_speaking);
}

static int
measured_phase(struct fleet *fleet, struct report *report)
{
	const struct options *options = fleet->options;
	struct stats *latency = xnew(struct stats), *none = xnew(struct stats);
	struct measure measure;
	uint64_t delivered = 0;
	int rc = measure_begin(&measure, options);

	if (rc == 0)
		rc = speak_for(fleet, options->count, options->seconds * (uint64_t)1000000000u);
	measure_stop(&measure);
	merge(fleet, none, latency, &delivered);
	if (rc == 0)
		rc = measure_report(&measure, report, "delivery", delivered, latency);
	free(latency);
	free(none);
	return rc;
}

int
mode_room(const struct options *options, struct report *report)
{
	static const struct job_handlers handlers = {.stanza = on_stanza, .tick = on_tick};
	struct seat *seats = NULL;
	struct fleet fleet;
	int rc = fleet_open(&fleet, options, MAX(3, options->sessions), &handlers);

	room = room_address(options);
	/* Nobody is in a hall yet: what comes at login is not looked at. */
	atomic_store(&has_stopped, false);
	if (rc == 0)
		rc = fleet_login(&fleet);
	if (rc == 0) {
		seats = make_halls(&fleet);
		rc = enter_all(&fleet, report);
	}
	if (rc == 0)
		rc = speak_for(&fleet, options->count / 5 + 1, measure_warm_up_ns(options));
	if (rc == 0)
		rc = measured_phase(&fleet, report);
	if (rc == 0) /* a second copy of a message would come now */
		rc = fleet_rest(&fleet, 300);
	for (unsigned i = 0; seats != NULL && i < fleet.engine_count; i++)
		free(fleet.engines[i].job);
	fleet_close(&fleet);
	free(seats);
	return rc;
}
