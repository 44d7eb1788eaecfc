/* SPDX-License-Identifier: MIT */
/*
 * s2s_spool.c - messages to other servers, on the disk until those have them.
 *
 * Each pair has a log of its own. A message is appended by the worker that it is sent from, and the
 * store answers to the pair's home. What has arrived is trimmed from time to time: ids rise in the
 * order of appending, and one that is not known yet is larger than all that are.
 */
#include "server/s2s_private.h"

#include "base/log.h"

#include <stdlib.h>

#define TRIM_AFTER_MS 200u
#define OWNERS_AT_ONCE 500u

static void
appended(struct store_request *request)
{
	struct s2s_item *item = request->owner;
	struct s2s_pair *pair = item->pair;
	bool is_stored = request->status == STORE_OK && request->results[0].status == STORE_OK;

	pair->appends--;
	item->has_id = is_stored;
	item->is_spooled = is_stored;
	item->spool_id = is_stored ? request->results[0].id : 0;
	store_request_free(request);
	if (item->is_done) {
		if (is_stored)
			spool_done(pair, item->spool_id);
		free(item);
	} else if (!is_stored && link_is_listed(&item->link) && !item->is_written) {
		pair_refuse(item, STANZA_RESOURCE_CONSTRAINT, "there is no room to keep it");
	}
}

struct store_request *
spool_append(struct worker *worker, struct worker *home, struct s2s_item *item, struct str key)
{
	struct store_request *request =
		store_request_new(worker->store, home->loop, appended, item);
	struct buf text = {0};

	stanza_write(&text, item->stanza, NULL);
	store_log_append(request, key, S2S_SPOOL, time_wall_us(), STR(""), buf_str(&text), 0,
			 2 * worker->config->s2s.queue_bytes);
	buf_free(&text);
	return request;
}

void
spool_done(struct s2s_pair *pair, uint64_t id)
{
	struct loop *loop = pair->fed->worker->loop;

	pair->done_id = MAX(pair->done_id, id);
	if (!timer_is_set(&pair->trim))
		timer_set(loop, &pair->trim, loop_now_ms(loop) + TRIM_AFTER_MS);
}

void
spool_trim_now(struct s2s_pair *pair)
{
	struct link *lists[] = {&pair->sent, &pair->waiting};
	uint64_t up_to = pair->done_id;
	struct store_request *request;

	for (size_t i = 0; i < COUNT(lists); i++)
		LIST_EACH(lists[i], struct s2s_item, link, item)
		{
			if (item->has_id)
				up_to = MIN(up_to, item->spool_id - 1);
		}
	if (up_to <= pair->trimmed_id)
		return;
	pair->trimmed_id = up_to;
	request = store_request_new(pair->fed->worker->store, pair->fed->worker->loop, NULL, NULL);
	store_log_trim(request, pair->key, S2S_SPOOL, up_to);
	store_submit(request);
}

void
spool_trim(struct timer *timer)
{
	spool_trim_now(CONTAINER(timer, struct s2s_pair, trim));
}

/* At the start */

struct load {
	struct server *server;
	uint64_t count;
};

static void
load_item(struct s2s_pair *pair, const struct store_item *entry)
{
	const struct config_s2s *config = &pair->fed->worker->config->s2s;
	struct stanza *stanza = stanza_parse(entry->value);
	uint64_t now = time_wall_us(), age = now > entry->at_us ? (now - entry->at_us) / 1000 : 0;
	struct s2s_item *item;

	if (stanza == NULL) {
		spool_done(pair, entry->id);
		return;
	}
	item = xnew(struct s2s_item);
	item->stanza = stanza;
	stanza_freeze(stanza);
	item->bytes = entry->value.len;
	item->deadline_ms = loop_now_ms(pair->fed->worker->loop) +
			    (age < config->spool_time ? config->spool_time - age : 0);
	item->is_spooled = item->has_id = true;
	item->spool_id = entry->id;
	item->pair = pair;
	list_add(&pair->waiting, &item->link);
	pair->bytes += item->bytes;
}

static void
on_entries(struct store_request *request)
{
	struct s2s_pair *pair = request->owner;

	for (struct store_item *entry = request->results[0].items; entry != NULL;
	     entry = entry->next)
		load_item(pair, entry);
	log_event(LOG_INFO, "s2s-spool-loaded", LOG_STR("remote", pair->remote),
		  LOG_INT("messages", request->results[0].count));
	store_request_free(request);
	pair->retry_ms = loop_now_ms(pair->fed->worker->loop) + 500; /* when all has started */
	timer_set(pair->fed->worker->loop, &pair->timer, pair->retry_ms);
}

static void ask_owners(struct load *load, struct str after);

static void
on_owners(struct store_request *request)
{
	struct load *load = request->owner;
	struct str last = STR("");

	for (struct store_item *owner = request->results[0].items; owner != NULL;
	     owner = owner->next) {
		ptrdiff_t space = str_find(owner->key, ' ');
		struct str local = str_first(owner->key, (size_t)MAX(space, 0)),
			   remote = str_from(owner->key, (size_t)space + 1);
		struct worker *home;
		struct store_request *entries;

		last = owner->key;
		if (space <= 0 || remote.len == 0)
			continue;
		home = s2s_home(load->server->workers[0], local, remote);
		entries = store_request_new(home->store, home->loop, on_entries,
					    pair_get(home->federation, local, remote));
		store_log_range(entries, owner->key, S2S_SPOOL, 0, 0, 0, false);
		store_submit(entries);
	}
	if (request->results[0].count == OWNERS_AT_ONCE)
		ask_owners(load, last);
	store_request_free(request);
}

static void
ask_owners(struct load *load, struct str after)
{
	struct worker *first = load->server->workers[0];
	struct store_request *request =
		store_request_new(first->store, first->loop, on_owners, load);

	store_log_owners(request, S2S_SPOOL, after, OWNERS_AT_ONCE);
	store_submit(request);
}

void
federation_load(struct server *server)
{
	struct load load = {.server = server};
	bool is_busy = true;

	if (server->workers[0]->federation == NULL)
		return;
	ask_owners(&load, STR(""));
	while (is_busy) {
		is_busy = store_drain(server->store);
		for (size_t i = 0; i < server->worker_count; i++)
			is_busy |= loop_turn(server->workers[i]->loop, 0);
	}
}
