/* SPDX-License-Identifier: MIT */
/* directory.c - the list of a service's rooms (see directory.h). */
#include "modules/xep0045_muc/directory.h"

#include "server/server.h"

#include <stdlib.h>

#define SET_NAME "rooms" /* of the service's domain: local part to an entry */
#define SEPARATOR '\x1f'
#define FRESH_MS 1000u

struct asker {
	struct link link;
	void (*run)(void *arg, const struct listings *listings);
	void *arg;
};

struct directory {
	struct directory *next;
	struct worker *worker;
	struct arena *arena; /* of the listings */
	struct listings listings;
	struct map by_local;
	uint64_t counted_ms;
	bool has_read, is_stale; /* read at least once; something changed since */
	bool is_busy;
	unsigned counting; /* workers that have not answered */
	struct link askers;
	size_t domain_len;
	char domain[];
};

static struct str
domain_of(const struct directory *d)
{
	return str_of(d->domain, d->domain_len);
}

static struct directory *
directory_of(struct worker *worker, struct str domain)
{
	struct rooms *rooms = rooms_of(worker);
	struct directory *d = rooms->directories;

	while (d != NULL && !str_equal(domain_of(d), domain))
		d = d->next;
	if (d != NULL)
		return d;
	d = xalloc(sizeof(*d) + domain.len);
	d->worker = worker;
	d->domain_len = domain.len;
	memcpy(d->domain, domain.p, domain.len);
	list_init(&d->askers);
	d->next = rooms->directories;
	rooms->directories = d;
	return d;
}

void
directories_free(struct rooms *rooms)
{
	while (rooms->directories != NULL) {
		struct directory *d = rooms->directories;

		rooms->directories = d->next;
		LIST_EACH(&d->askers, struct asker, link, asker)
		{
			asker->run(asker->arg, NULL);
			free(asker);
		}
		map_free(&d->by_local);
		if (d->arena != NULL)
			arena_free(d->arena);
		free(d);
	}
}

/* ---- what rooms store ---- */

static void
note_change(struct store_request *request)
{
	struct room_task *task = request->owner;

	task->changes_listing = true;
}

void
directory_store(struct room *room, struct store_request *request)
{
	const struct room_config *c = &room->config;
	struct str value = arena_printf(request->arena, "%d%d%d%d%c%.*s%c%.*s%c%.*s", c->is_public,
					c->is_members_only, c->is_password_protected,
					c->is_anonymous, SEPARATOR, STR_ARG(c->name), SEPARATOR,
					STR_ARG(c->description), SEPARATOR, STR_ARG(c->lang));

	store_set_put(request, room->jid.domain, SET_NAME, room->jid.local, value);
	note_change(request);
}

void
directory_remove(struct room *room, struct store_request *request)
{
	store_set_remove(request, room->jid.domain, SET_NAME, room->jid.local);
	store_set_remove(request, room->jid.domain, DIRECTORY_OCCUPIED_SET, room->jid.local);
	note_change(request);
}

void
directory_occupied(struct room *room, struct store_request *request, bool is_occupied)
{
	room->is_occupied = is_occupied;
	if (is_occupied)
		store_set_put(request, room->jid.domain, DIRECTORY_OCCUPIED_SET, room->jid.local,
			      STR(""));
	else
		store_set_remove(request, room->jid.domain, DIRECTORY_OCCUPIED_SET,
				 room->jid.local);
}

struct notice {
	size_t len;
	char domain[];
};

static void
on_notice(struct worker *worker, void *arg)
{
	struct notice *notice = arg;

	directory_of(worker, str_of(notice->domain, notice->len))->is_stale = true;
	free(notice);
}

void
directory_changed(struct worker *worker, struct str domain)
{
	struct notice *notice = xalloc(sizeof(*notice) + domain.len);
	struct worker *home = worker_home(worker, domain);

	notice->len = domain.len;
	memcpy(notice->domain, domain.p, domain.len);
	if (home == worker)
		on_notice(worker, notice);
	else
		worker_call(home, on_notice, notice);
}

/* ---- reading ---- */

static void go_on(struct directory *d);

static void
read_entry(struct directory *d, const struct store_item *item, struct listing *out)
{
	struct str rest = arena_dup(d->arena, item->value), flags = STR_NONE;

	out->local = arena_dup(d->arena, item->key);
	if (!str_split(&rest, SEPARATOR, &flags) || flags.len < 4)
		return;
	str_split(&rest, SEPARATOR, &out->name);
	str_split(&rest, SEPARATOR, &out->description);
	out->lang = rest;
	out->is_public = flags.p[0] == '1';
	out->is_members_only = flags.p[1] == '1';
	out->is_password_protected = flags.p[2] == '1';
	out->is_anonymous = flags.p[3] == '1';
}

static void
on_read(struct store_request *request)
{
	struct directory *d = request->owner;
	struct store_result *result = &request->results[0];

	if (d->arena != NULL)
		arena_free(d->arena);
	map_free(&d->by_local);
	d->by_local = (struct map){0};
	d->arena = arena_new();
	d->listings.items = arena_array(d->arena, struct listing, result->count + 1);
	d->listings.count = 0;
	for (struct store_item *item = result->items; item != NULL; item = item->next) {
		struct listing *listing = &d->listings.items[d->listings.count++];

		read_entry(d, item, listing);
		map_put(&d->by_local, listing->local, listing);
	}
	store_request_free(request);
	d->has_read = true;
	d->counted_ms = 0;
	go_on(d);
}

static void
read_all(struct directory *d)
{
	struct store_request *request =
		store_request_new(d->worker->store, d->worker->loop, on_read, d);

	d->is_stale = false;
	store_set_list(request, domain_of(d), SET_NAME);
	store_submit(request);
}

/* ---- counting ---- */

struct counted {
	struct counted *next;
	uint64_t occupants;
	struct str local;
	char text[];
};

struct count { /* a letter there and back */
	struct directory *directory;
	struct counted *first;
};

static void
on_counted(struct worker *worker, void *arg)
{
	struct count *count = arg;
	struct directory *d = count->directory;

	(void)worker;
	while (count->first != NULL) {
		struct counted *c = count->first;
		struct listing *listing = map_get(&d->by_local, c->local);

		count->first = c->next;
		if (listing != NULL)
			listing->occupants = c->occupants;
		free(c);
	}
	free(count);
	if (--d->counting == 0)
		go_on(d);
}

static void
count_here(struct worker *worker, void *arg)
{
	struct count *count = arg;
	uint32_t at = 0;
	void *value;

	while (map_next(&rooms_of(worker)->rooms, &at, &value)) {
		const struct room *room = value;
		struct counted *c;

		if (room->occupants.count == 0 ||
		    !str_equal(room->jid.domain, domain_of(count->directory)))
			continue;
		c = xalloc(sizeof(*c) + room->jid.local.len);
		memcpy(c->text, room->jid.local.p, room->jid.local.len);
		c->local = str_of(c->text, room->jid.local.len);
		c->occupants = room->occupants.count;
		c->next = count->first;
		count->first = c;
	}
	worker_call(count->directory->worker, on_counted, count);
}

static void
count_all(struct directory *d)
{
	struct server *server = d->worker->server;

	for (size_t i = 0; i < d->listings.count; i++)
		d->listings.items[i].occupants = 0;
	d->counting = (unsigned)server->worker_count;
	d->counted_ms = loop_now_ms(d->worker->loop);
	for (size_t i = 0; i < server->worker_count; i++) {
		struct count *count = xnew(struct count);

		count->directory = d;
		worker_call(server->workers[i], count_here, count);
	}
}

/* ---- answering ---- */

static void
go_on(struct directory *d)
{
	uint64_t now = loop_now_ms(d->worker->loop);

	d->is_busy = true;
	if (!d->has_read || d->is_stale) {
		read_all(d);
		return;
	}
	if (d->counted_ms == 0 || now - d->counted_ms >= FRESH_MS) {
		count_all(d);
		return;
	}
	d->is_busy = false;
	LIST_EACH(&d->askers, struct asker, link, asker)
	{
		list_remove(&asker->link);
		asker->run(asker->arg, &d->listings);
		free(asker);
	}
}

void
directory_ask(struct worker *worker, struct str domain,
	      void (*run)(void *arg, const struct listings *listings), void *arg)
{
	struct directory *d = directory_of(worker, domain);
	struct asker *asker = xnew(struct asker);

	asker->run = run;
	asker->arg = arg;
	list_add(&d->askers, &asker->link);
	if (!d->is_busy)
		go_on(d);
}
