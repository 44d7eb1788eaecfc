/* SPDX-License-Identifier: MIT */
/* room.c - rooms in memory: found, loaded, stored, let go (see room.h). */
#include "modules/xep0045_muc/room.h"

#include "base/base64.h"
#include "base/log.h"
#include "base/rand.h"
#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/check.h"
#include "modules/xep0045_muc/directory.h"
#include "modules/xep0045_muc/dispatch.h"
#include "modules/xep0045_muc/flood.h"
#include "modules/xep0045_muc/hats.h"
#include "modules/xep0045_muc/leave.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/owned.h"
#include "modules/xep0045_muc/post.h"
#include "modules/xep0045_muc/presence.h"
#include "modules/xep0045_muc/relay.h"

#include <stdlib.h>

#define CONFIG_DOC "room"
#define SUBJECT_DOC "subject"
#define PHOTO_DOC "photo-hash"
#define WAITING_MAX 1000u
#define SWEEP_MS 30000u
#define KEEP_MS 120000u /* an empty room stays in memory */

struct rooms *
rooms_of(struct worker *worker)
{
	return module_state(worker, &xep0045_muc);
}

const struct config_service *
room_service(const struct room *room)
{
	return config_service(room->worker->config, room->jid.domain);
}

const struct option_values *
room_options(const struct room *room)
{
	const struct config_service *service = room_service(room);

	return service ? config_options(room->worker->config, service->host, service->module)
		       : NULL;
}

bool
room_exists(const struct room *room)
{
	return room->state == ROOM_LOCKED || room->state == ROOM_OPEN;
}

struct room *
room_find(struct worker *worker, struct str bare)
{
	return map_get(&rooms_of(worker)->rooms, bare);
}

/* ---- requests ---- */

static void
task_over(struct store_request *request)
{
	struct room_task *task = request->owner;
	struct room *room = task->room;

	if (task->done != NULL)
		task->done(task, request);
	else if (request->status != STORE_OK)
		log_event(LOG_WARNING, "room-not-stored", LOG_STR("room", room->jid.text));
	if (task->changes_listing)
		directory_changed(room->worker, room->jid.domain);
	if (task->hold != NULL)
		post_open(room, task->hold);
	stanza_unref(task->cause);
	free(task);
	store_request_free(request);
	room->pins--;
	room_release(room);
}

static struct store_request *
new_request(struct room *room, struct stanza *cause, struct post *hold,
	    void (*done)(struct room_task *task, struct store_request *request), void *arg)
{
	struct room_task *task = xnew(struct room_task);

	task->room = room;
	task->cause = cause ? stanza_ref(cause) : NULL;
	task->hold = hold;
	task->done = done;
	task->arg = arg;
	room->pins++;
	return store_request_new(room->worker->store, room->worker->loop, task_over, task);
}

struct store_request *
room_request(struct room *room, struct stanza *cause,
	     void (*done)(struct room_task *task, struct store_request *request), void *arg)
{
	return new_request(room, cause, post_hold(room), done, arg);
}

struct store_request *
room_request_aside(struct room *room, struct stanza *cause,
		   void (*done)(struct room_task *task, struct store_request *request), void *arg)
{
	return new_request(room, cause, NULL, done, arg);
}

/* ---- coming and going ---- */

static void
room_free(struct room *room)
{
	struct rooms *rooms = rooms_of(room->worker);

	timer_cancel(room->worker->loop, &room->timer);
	timer_cancel(room->worker->loop, &room->go_on);
	if (room_find(room->worker, room->jid.text) == room)
		map_remove(&rooms->rooms, room->jid.text);
	posts_free(room);
	flight_unref(room->flight);
	relays_free(room);
	occupants_free(room);
	affiliations_free(room);
	hats_free(room);
	room_config_free(&room->config);
	for (uint32_t i = 0; i < room->waiting_count; i++)
		stanza_unref(room->waiting[(room->waiting_first + i) & (room->waiting_size - 1)]);
	free(room->waiting);
	free(room->subject);
	free(room->photo_hash);
	free(room->counted_for);
	free((char *)room->jid.text.p);
	free(room);
}

void
room_release(struct room *room)
{
	bool is_unused = room->pins == 0 && room->waiting_count == 0 &&
			 list_is_empty(&room->posts) && room->state != ROOM_LOADING;

	if (is_unused && (room->state == ROOM_ABSENT || room->state == ROOM_GONE))
		room_free(room);
}

static void
sweep(struct timer *timer)
{
	struct rooms *rooms = CONTAINER(timer, struct rooms, sweep);
	uint64_t now = loop_now_ms(rooms->worker->loop);
	struct room **old = xnew_array(struct room *, rooms->rooms.count + 1);
	size_t n = 0;
	uint32_t at = 0;
	void *value;

	while (map_next(&rooms->rooms, &at, &value)) {
		struct room *room = value;

		if (room->state == ROOM_OPEN && room->seats.count == 0 && room->pins == 0 &&
		    room->waiting_count == 0 && list_is_empty(&room->posts) &&
		    now - room->used_ms >= KEEP_MS)
			old[n++] = room;
	}
	for (size_t i = 0; i < n; i++)
		room_free(old[i]);
	free(old);
	timer_set(rooms->worker->loop, timer, now + SWEEP_MS);
}

void
rooms_start(struct worker *worker)
{
	struct rooms *rooms = rooms_of(worker);

	rooms->worker = worker;
	rooms->sweep.run = sweep;
	timer_set(worker->loop, &rooms->sweep, loop_now_ms(worker->loop) + SWEEP_MS);
	check_start(rooms);
}

void
rooms_free(void *state)
{
	struct rooms *rooms = state;
	uint32_t at = 0;
	void *value;

	timer_cancel(rooms->worker->loop, &rooms->sweep);
	timer_cancel(rooms->worker->loop, &rooms->check);
	while (map_next(&rooms->rooms, &at, &value)) {
		room_free(value);
		at = 0; /* the map has changed */
	}
	map_free(&rooms->rooms);
	directories_free(rooms);
	free(rooms->buckets);
}

/* ---- loading ---- */

static void
handle(struct room *room, struct stanza *stanza)
{
	room->used_ms = loop_now_ms(room->worker->loop);
	dispatch(room, stanza);
}

static struct stanza *
next_waiting(struct room *room)
{
	struct stanza *stanza = room->waiting[room->waiting_first];

	room->waiting_first = (room->waiting_first + 1) & (room->waiting_size - 1);
	room->waiting_count--;
	return stanza;
}

struct waiting { /* for a room to be loaded */
	struct link link;
	void (*run)(struct room *room, void *arg);
	void *arg;
};

static void
tell_waiters(struct room *room)
{
	LIST_EACH(&room->waiters, struct waiting, link, waiter)
	{
		list_remove(&waiter->link);
		waiter->run(room, waiter->arg);
		free(waiter);
	}
}

/* As far as the room may send now; then later. */
static void
handle_waiting(struct room *room)
{
	uint64_t delay = 0;

	room->pins++;
	while (room->waiting_count > 0 && room->state != ROOM_LOADING &&
	       (delay = flood_delay_ms(room)) == 0) {
		struct stanza *stanza = next_waiting(room);

		handle(room, stanza);
		stanza_unref(stanza);
	}
	if (room->waiting_count > 0 && room->state != ROOM_LOADING)
		timer_set(room->worker->loop, &room->go_on,
			  loop_now_ms(room->worker->loop) + delay);
	room->pins--;
	room_release(room);
}

static void
on_timer(struct timer *timer)
{
	seats_store_dirty(CONTAINER(timer, struct room, timer));
}

static void
on_turn(struct timer *timer)
{
	struct room *room = CONTAINER(timer, struct room, go_on);

	if (room->state != ROOM_LOADING)
		handle_waiting(room);
}

static void
make_space(struct room *room)
{
	uint32_t size = room->waiting_size > 0 ? room->waiting_size * 2 : 4;
	struct stanza **ring;

	if (room->waiting_count < room->waiting_size)
		return;
	ring = xnew_array(struct stanza *, size);
	for (uint32_t i = 0; i < room->waiting_count; i++)
		ring[i] = room->waiting[(room->waiting_first + i) & (room->waiting_size - 1)];
	free(room->waiting);
	room->waiting = ring;
	room->waiting_size = size;
	room->waiting_first = 0;
}

static void
wait(struct room *room, struct stanza *stanza)
{
	if (room->waiting_count >= WAITING_MAX) {
		room_refuse(room, stanza, STANZA_RESOURCE_CONSTRAINT, "the room is too busy");
		return;
	}
	make_space(room);
	room->waiting[(room->waiting_first + room->waiting_count++) & (room->waiting_size - 1)] =
		stanza_ref(stanza);
}

void
room_wait_for(struct room *room, struct stanza *stanza)
{
	assert(room->state == ROOM_ABSENT);
	room->state = ROOM_LOADING;
	make_space(room);
	room->waiting_first =
		(room->waiting_first + room->waiting_size - 1) & (room->waiting_size - 1);
	room->waiting[room->waiting_first] = stanza_ref(stanza);
	room->waiting_count++;
}

void
room_go_on(struct room *room)
{
	room->state = ROOM_ABSENT;
	tell_waiters(room);
	handle_waiting(room);
}

void
room_take(struct room *room, struct stanza *stanza)
{
	uint64_t delay;

	if (room->state == ROOM_LOADING || room->waiting_count > 0) {
		wait(room, stanza);
		return;
	}
	delay = flood_delay_ms(room);
	if (delay > 0) {
		wait(room, stanza);
		timer_set(room->worker->loop, &room->go_on,
			  loop_now_ms(room->worker->loop) + delay);
		return;
	}
	room->pins++;
	handle(room, stanza);
	room->pins--;
	room_release(room);
}

static struct str
line_value(struct str text, struct str name)
{
	struct str line;

	while (str_split(&text, '\n', &line))
		if (str_starts(line, name))
			return str_from(line, name.len);
	return STR_NONE;
}

static void
load_secret(struct room *room, struct str hex)
{
	for (size_t i = 0; i < ROOM_SECRET_SIZE && 2 * i + 1 < hex.len; i++) {
		unsigned byte = 0;

		for (size_t k = 0; k < 2; k++) {
			char c = hex.p[2 * i + k];

			byte = byte * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
		}
		room->secret[i] = (unsigned char)byte;
	}
}

static void
load_subject(struct room *room, struct str value)
{
	struct str line;

	if (!str_split(&value, '\n', &line) ||
	    str_to_u64(line, UINT64_MAX, &room->subject_at_us) < 0)
		return;
	room->subject = value.len > 0 ? str_dupz(value) : NULL;
}

/* Results: 0 the configuration, 1 the subject, 2 the avatar's hash, 3 affiliations, 4 hats,
 * 5 occupants. */
static void
on_load(struct room_task *task, struct store_request *request)
{
	struct room *room = task->room;
	const struct option_values *options = room_options(room);
	struct str config = request->results[0].value;

	room->state = ROOM_ABSENT;
	if (options != NULL)
		room_config_default(&room->config, options);
	if (request->results[0].status == STORE_OK) {
		room->state = ROOM_OPEN;
		room_config_parse(config, &room->config);
		load_secret(room, line_value(config, STR("secret=")));
		if (str_to_u64(line_value(config, STR("created=")), UINT64_MAX, &room->created_us) <
		    0)
			room->created_us = 0;
		load_subject(room, request->results[1].value);
		if (request->results[2].value.len > 0)
			room->photo_hash = str_dupz(request->results[2].value);
		for (struct store_item *i = request->results[3].items; i != NULL; i = i->next)
			affiliation_load(room, i);
		for (struct store_item *i = request->results[4].items; i != NULL; i = i->next)
			hats_load(room, i);
		for (struct store_item *i = request->results[5].items; i != NULL; i = i->next)
			seat_load(room, i);
		room->is_occupied = room->seats.count > 0;
	}
	tell_waiters(room);
	handle_waiting(room);
}

void
room_when_loaded(struct room *room, void (*run)(struct room *room, void *arg), void *arg)
{
	struct waiting *waiter = xnew(struct waiting);

	waiter->run = run;
	waiter->arg = arg;
	list_add(&room->waiters, &waiter->link);
	room->pins++;
	if (room->state != ROOM_LOADING)
		tell_waiters(room);
	room->pins--;
	room_release(room);
}

static struct room *
room_new(struct worker *worker, struct jid jid)
{
	struct room *room = xnew(struct room);
	struct str bare = jid_bare_text(jid);
	char *text = str_dupz(bare);

	room->jid.text = str_of(text, bare.len);
	room->jid.local = str_of(text, jid.local.len);
	room->jid.domain = str_of(text + jid.local.len + 1, jid.domain.len);
	room->worker = worker;
	room->state = ROOM_LOADING;
	room->timer.run = on_timer;
	room->go_on.run = on_turn;
	room->flight = flight_new();
	room->used_ms = room->filled_ms = loop_now_ms(worker->loop);
	list_init(&room->posts);
	list_init(&room->relays);
	list_init(&room->waiters);
	map_put(&rooms_of(worker)->rooms, room->jid.text, room);
	return room;
}

struct room *
room_get(struct worker *worker, struct jid jid)
{
	struct room *room = room_find(worker, jid_bare_text(jid));
	struct store_request *request;

	if (room != NULL && room->state != ROOM_GONE)
		return room;
	if (room != NULL) /* what is under way for the old one ends on its own */
		map_remove(&rooms_of(worker)->rooms, room->jid.text);
	room = room_new(worker, jid);
	request = room_request_aside(room, NULL, on_load, NULL);
	store_doc_get(request, room->jid.text, CONFIG_DOC);
	store_doc_get(request, room->jid.text, SUBJECT_DOC);
	store_doc_get(request, room->jid.text, PHOTO_DOC);
	store_set_list(request, room->jid.text, AFFILIATIONS_SET);
	store_set_list(request, room->jid.text, HATS_SET);
	store_set_list(request, room->jid.text, OCCUPANTS_SET);
	store_submit(request);
	return room;
}

/* ---- creating and destroying ---- */

void
room_create(struct room *room, struct str owner_bare)
{
	assert(room->state == ROOM_ABSENT);
	room->state = ROOM_LOCKED;
	room->created_us = time_wall_us();
	rand_bytes(room->secret, ROOM_SECRET_SIZE);
	if (owner_bare.p != NULL)
		affiliation_set(room, NULL, owner_bare, AFFILIATION_OWNER, STR_NONE, STR_NONE);
	log_event(LOG_INFO, "room-created", LOG_STR("room", room->jid.text),
		  LOG_STR("owner", owner_bare));
}

void
room_store(struct room *room, struct store_request *request)
{
	struct arena *arena = request->arena;
	struct str config = room_config_text(arena, &room->config);

	if (room->state != ROOM_OPEN)
		return;
	config = arena_printf(arena, "%.*ssecret=%.*s\ncreated=%llu\n", STR_ARG(config),
			      STR_ARG(hex_encode(arena, str_of(room->secret, ROOM_SECRET_SIZE))),
			      (unsigned long long)room->created_us);
	store_doc_put(request, room->jid.text, CONFIG_DOC, config);
	if (room->subject_at_us > 0)
		store_doc_put(request, room->jid.text, SUBJECT_DOC,
			      arena_printf(arena, "%llu\n%s",
					   (unsigned long long)room->subject_at_us,
					   room->subject ? room->subject : ""));
	if (room->photo_hash != NULL)
		store_doc_put(request, room->jid.text, PHOTO_DOC, str(room->photo_hash));
	directory_store(room, request);
}

void
room_open(struct room *room, struct store_request *request)
{
	uint32_t at = 0;
	void *value;

	assert(room->state == ROOM_LOCKED);
	room->state = ROOM_OPEN;
	room_store(room, request);
	affiliations_store(room, request);
	hats_store(room, request);
	while (map_next(&room->seats, &at, &value))
		seat_store(room, request, value);
	directory_occupied(room, request, room->seats.count > 0);
}

/* Each of the occupants is told only of himself (§10.9). */
static void
tell_destroyed(struct room *room, const struct element *destroy, struct arena *arena)
{
	uint32_t at = 0;
	void *value;

	if (destroy == NULL)
		destroy = element_new(arena, NS_MUC_USER, "destroy");
	while (map_next(&room->seats, &at, &value)) {
		struct seat *seat = value;
		struct shown shown = {.occupant = seat->occupant,
				      .seat = seat,
				      .is_gone = true,
				      .has_affiliation = true,
				      .affiliation = AFFILIATION_NONE,
				      .destroy = destroy};

		room_send(room, presence_for(room, &shown, seat));
	}
}

void
room_destroy(struct room *room, const struct element *destroy)
{
	struct arena *arena = arena_new();
	bool was_stored = room->state == ROOM_OPEN;

	tell_destroyed(room, destroy, arena);
	while (room->seats.count > 0) {
		uint32_t at = 0;
		void *value;

		map_next(&room->seats, &at, &value);
		seat_remove(room, value);
	}
	room->state = ROOM_GONE;
	if (was_stored) {
		struct store_request *request = room_request_aside(room, NULL, NULL, NULL);

		store_owner_remove(request, room->jid.text);
		directory_remove(room, request);
		owned_end(room, request);
		store_submit(request);
	}
	log_event(LOG_INFO, "room-destroyed", LOG_STR("room", room->jid.text));
	arena_free(arena);
}

void
room_check_empty(struct room *room)
{
	if (room->seats.count > 0 || !room_exists(room))
		return;
	if (room->state == ROOM_LOCKED || !room->config.is_persistent) {
		room_destroy(room, NULL);
	} else if (room->is_occupied) {
		struct store_request *request = room_request_aside(room, NULL, NULL, NULL);

		directory_occupied(room, request, false);
		store_submit(request);
	}
}
