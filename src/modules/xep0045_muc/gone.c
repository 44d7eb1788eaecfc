/* SPDX-License-Identifier: MIT */
/*
 * gone.c - affiliations of a removed account (see gone.h).
 *
 * Nobody keeps a list of the rooms that somebody belongs to: each room of each service is asked, a
 * page at a time.
 */
#include "modules/xep0045_muc/gone.h"

#include "base/log.h"
#include "modules/xep0045_muc/admin.h"
#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/directory.h"
#include "modules/xep0045_muc/occupant.h"

#include <stdlib.h>

#define PAGE 100u

struct walk { /* through the rooms of one service; in its own arena */
	struct arena *arena;
	struct worker *worker;
	struct str bare, domain;
	struct jid *rooms;
	size_t count, next;
};

/* To a room: a letter. */
struct goodbye {
	struct jid room; /* views into TEXT */
	struct str bare;
	char text[];
};

static void
say_goodbye(struct room *room, void *arg)
{
	struct goodbye *goodbye = arg;
	enum affiliation before =
		room_exists(room) ? affiliation_of(room, goodbye->bare) : AFFILIATION_NONE;

	if (before != AFFILIATION_NONE && before != AFFILIATION_OUTCAST) {
		struct store_request *request = room_request(room, NULL, NULL, NULL);
		struct store_request *stored = room->state == ROOM_OPEN ? request : NULL;

		affiliation_set_hats(room, stored, goodbye->bare, STR_NONE);
		affiliation_set(room, stored, goodbye->bare, AFFILIATION_NONE, STR_NONE, STR_NONE);
		if (occupant_of(room, goodbye->bare) != NULL) /* who is on his way out */
			admin_apply_affiliation(room, goodbye->bare, before, STR_NONE, STR_NONE,
						request);
		store_submit(request);
		if (room->owner_count == 0)
			log_event(LOG_WARNING, "room-without-owner",
				  LOG_STR("room", room->jid.text));
	}
	free(goodbye);
}

static void
at_room(struct worker *worker, void *arg)
{
	struct goodbye *goodbye = arg;

	room_when_loaded(room_get(worker, goodbye->room), say_goodbye, goodbye);
}

static void
tell(struct walk *walk, struct jid room)
{
	struct goodbye *goodbye = xalloc(sizeof(*goodbye) + room.text.len + walk->bare.len);
	char *p = goodbye->text;

	memcpy(p, room.text.p, room.text.len);
	memcpy(p + room.text.len, walk->bare.p, walk->bare.len);
	goodbye->room = (struct jid){
		.text = str_of(p, room.text.len),
		.local = str_of(p, room.local.len),
		.domain = str_of(p + room.local.len + 1, room.domain.len),
	};
	goodbye->bare = str_of(p + room.text.len, walk->bare.len);
	worker_call(worker_home(walk->worker, room.text), at_room, goodbye);
}

static void look_at_page(struct walk *walk);

static void
on_page(struct store_request *request)
{
	struct walk *walk = request->owner;

	for (size_t i = 0; i < request->count; i++)
		if (request->results[i].status == STORE_OK)
			tell(walk, walk->rooms[walk->next + i]);
	walk->next += request->count;
	store_request_free(request);
	look_at_page(walk);
}

static void
look_at_page(struct walk *walk)
{
	struct store_request *request;
	size_t end = MIN(walk->count, walk->next + PAGE);

	if (walk->next == walk->count) {
		arena_free(walk->arena);
		return;
	}
	request = store_request_new(walk->worker->store, walk->worker->loop, on_page, walk);
	for (size_t i = walk->next; i < end; i++)
		store_set_get(request, walk->rooms[i].text, AFFILIATIONS_SET, walk->bare);
	store_submit(request);
}

static void
on_rooms(void *arg, const struct listings *listings)
{
	struct walk *walk = arg;

	if (listings == NULL) { /* the server ends */
		arena_free(walk->arena);
		return;
	}
	walk->rooms = arena_array(walk->arena, struct jid, listings->count + 1);
	for (; walk->count < listings->count; walk->count++)
		walk->rooms[walk->count] = jid_make(walk->arena, listings->items[walk->count].local,
						    walk->domain, STR(""));
	look_at_page(walk);
}

static void
ask_directory(struct worker *worker, void *arg)
{
	struct walk *walk = arg;

	walk->worker = worker;
	directory_ask(worker, walk->domain, on_rooms, walk);
}

enum verdict
rooms_on_account_gone(struct event *ev)
{
	const struct config *config = ev->worker->config;

	for (size_t i = 0; i < config->host_count; i++) {
		const struct config_service *service =
			config_host_service(config, &config->hosts[i], module_index(ev->module));
		struct arena *arena;
		struct walk *walk;

		if (service == NULL)
			continue;
		arena = arena_new();
		walk = arena_new_of(arena, struct walk);
		walk->arena = arena;
		walk->bare = arena_dup(arena, ev->account->jid.text);
		walk->domain = arena_dup(arena, service->name);
		worker_call(worker_home(ev->worker, service->name), ask_directory, walk);
	}
	return PASS;
}
