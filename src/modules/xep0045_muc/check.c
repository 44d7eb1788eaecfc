/* SPDX-License-Identifier: MIT */
/* check.c - looks for seats without a client (see check.h). */
#include "modules/xep0045_muc/check.h"

#include "base/rand.h"
#include "modules/xep0045_muc/directory.h"
#include "modules/xep0045_muc/leave.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/post.h"

#include <stdlib.h>

struct asking { /* about a local session: a letter there and back */
	struct worker *from;
	struct str room, full;
	char text[];
};

static struct asking *
asking_new(const struct room *room, struct str full)
{
	struct asking *a = xalloc(sizeof(*a) + room->jid.text.len + full.len);

	a->from = room->worker;
	memcpy(a->text, room->jid.text.p, room->jid.text.len);
	memcpy(a->text + room->jid.text.len, full.p, full.len);
	a->room = str_of(a->text, room->jid.text.len);
	a->full = str_of(a->text + room->jid.text.len, full.len);
	return a;
}

static void
on_absent(struct worker *worker, void *arg)
{
	struct asking *a = arg;
	struct room *room = room_find(worker, a->room);
	struct seat *seat = room ? seat_find(room, a->full) : NULL;

	if (seat != NULL && room_exists(room)) {
		room->pins++;
		leave_lost(room, seat);
		room->pins--;
		room_release(room);
	}
	free(a);
}

static void
look(struct worker *worker, void *arg)
{
	struct asking *a = arg;
	size_t slash = (size_t)str_find(a->full, '/');
	struct account *account = account_find(worker, str_first(a->full, slash));
	bool is_there = account != NULL && (account->state == ACCOUNT_LOADING ||
					    account_session(account, str_from(a->full, slash + 1)));

	if (is_there)
		free(a);
	else
		worker_call(a->from, on_absent, a);
}

/* A remote one: an answer that it is not there removes it (leave_on_error). */
static void
ping(struct room *room, const struct seat *seat)
{
	struct arena *arena = arena_new();
	struct stanza *iq =
		stanza_new(STANZA_IQ, IQ_GET,
			   jid_make(arena, room->jid.local, room->jid.domain, seat->occupant->nick),
			   seat->jid);

	stanza_set_id(iq, arena_join(iq->arena, STR(CHECK_ID), rand_token(iq->arena, 128)));
	element_add(iq->arena, iq->el, NS_PING, "ping");
	room_send(room, iq);
	arena_free(arena);
}

void
check_room(struct room *room, void *unused)
{
	uint32_t at = 0;
	void *value;

	(void)unused;

	while (map_next(&room->seats, &at, &value)) {
		const struct seat *seat = value;

		if (seat->jid.resource.len == 0 ||
		    worker_host(room->worker, seat->jid.domain) == NULL)
			ping(room, seat);
		else
			worker_call(worker_home(room->worker, jid_bare_text(seat->jid)), look,
				    asking_new(room, seat->jid.text));
	}
}

/* ---- after the start ---- */

struct checking { /* a room, on its way to its worker; or a service that is asked about */
	struct worker *worker;
	struct str bare;
	char text[];
};

static struct checking *
checking_new(struct worker *worker, struct str local, struct str domain)
{
	size_t len = local.len + (local.len > 0) + domain.len;
	struct checking *c = xalloc(sizeof(*c) + len);
	char *at = c->text;

	memcpy(at, local.p ? local.p : "", local.len);
	at += local.len;
	if (local.len > 0)
		*at++ = '@';
	memcpy(at, domain.p, domain.len);
	c->worker = worker;
	c->bare = str_of(c->text, len);
	return c;
}

static void
check_there(struct worker *worker, void *arg)
{
	struct checking *c = arg;
	struct arena *arena = arena_new();
	const char *why;
	struct jid jid;

	if (jid_parse(arena, c->bare, &jid, &why) == 0)
		room_when_loaded(room_get(worker, jid), check_room, NULL);
	arena_free(arena);
	free(c);
}

static void
on_occupied(struct store_request *request)
{
	struct checking *service = request->owner;
	struct worker *worker = service->worker;

	for (const struct store_item *i = request->results[0].items; i != NULL; i = i->next) {
		struct checking *c = checking_new(worker, i->key, service->bare);

		worker_call(worker_home(worker, c->bare), check_there, c);
	}
	free(service);
	store_request_free(request);
}

/* The services whose home this worker is. */
static void
check_services(struct timer *timer)
{
	struct worker *worker = CONTAINER(timer, struct rooms, check)->worker;
	uint32_t at = 0;
	void *value;

	while (map_next(&worker->config->services_by_name, &at, &value)) {
		const struct config_service *service = value;
		struct store_request *request;

		if (modules[service->module] != &xep0045_muc ||
		    worker_home(worker, service->name) != worker)
			continue;
		request = store_request_new(worker->store, worker->loop, on_occupied,
					    checking_new(worker, STR_NONE, service->name));
		store_set_list(request, service->name, DIRECTORY_OCCUPIED_SET);
		store_submit(request);
	}
}

void
check_start(struct rooms *rooms)
{
	struct worker *worker = rooms->worker;
	const struct option_values *options =
		config_options(worker->config, NULL, module_index(&xep0045_muc));

	rooms->check.run = check_services;
	timer_set(worker->loop, &rooms->check,
		  loop_now_ms(worker->loop) + option_ms(options, "check_after"));
}
