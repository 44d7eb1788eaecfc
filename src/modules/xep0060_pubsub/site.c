/* SPDX-License-Identifier: MIT */
/* site.c - an address that has nodes: its state in memory, loaded from the store. */
#include "base/log.h"
#include "modules/xep0060_pubsub/peers.h"
#include "modules/xep0060_pubsub/record.h"

#include <stdlib.h>

#define WAITING_MAX 1000u /* tasks that wait for a site's load */

struct site *
site_new(struct worker *worker, const struct module *module, struct jid jid,
	 struct account *account)
{
	struct site *site = xalloc(sizeof(*site) + jid.text.len);
	ptrdiff_t at = str_find(jid.text, '@');

	memcpy(site->text, jid.text.p, jid.text.len);
	site->jid.text = str_of(site->text, jid.text.len);
	site->jid.local = str_first(site->jid.text, at > 0 ? (size_t)at : 0);
	site->jid.domain = str_from(site->jid.text, at > 0 ? (size_t)at + 1 : 0);
	site->worker = worker;
	site->module = module;
	site->account = account;
	return site;
}

static void
drop_nodes(struct site *site)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&site->nodes, &at, &value)) {
		struct node *node = value;

		node_free(node);
		at = 0; /* its slot was taken out of the map */
	}
	map_free(&site->nodes);
	site->bytes = 0;
}

void
site_free(struct site *site)
{
	if (site == NULL)
		return;
	drop_nodes(site);
	peers_free(site);
	free(site);
}

void
site_forget(struct site *site)
{
	if (site->state != SITE_READY)
		return; /* what is being loaded was written before */
	drop_nodes(site);
	site->state = SITE_UNLOADED;
}

const struct config_host *
site_host(const struct site *site)
{
	const struct config_service *service;

	if (site->account != NULL)
		return worker_host(site->worker, site->jid.domain);
	service = config_service(site->worker->config, site->jid.domain);
	return service ? service->host : NULL;
}

const struct option_values *
site_options(const struct site *site)
{
	return config_options(site->worker->config, site_host(site), module_index(site->module));
}

struct str
site_key(struct arena *arena, struct str node, struct str name)
{
	char *p = arena_bytes(arena, node.len + 1 + name.len);

	memcpy(p, node.p, node.len);
	p[node.len] = '\0';
	memcpy(p + node.len + 1, name.p, name.len);
	return str_of(p, node.len + 1 + name.len);
}

/* The node that KEY names, and what follows; NULL when there is none. */
static struct node *
node_of_key(const struct site *site, struct str key, struct str *name)
{
	ptrdiff_t at = str_find(key, '\0');

	if (at < 0)
		return NULL;
	*name = str_from(key, (size_t)at + 1);
	return map_get(&site->nodes, str_first(key, (size_t)at));
}

static void
load_nodes(struct site *site, struct arena *arena, const struct store_item *items)
{
	for (; items != NULL; items = items->next)
		if (record_read_node(arena, site, items->key, items->value) == NULL)
			log_event(LOG_ERROR, "pubsub-node-unreadable",
				  LOG_STR("jid", site->jid.text), LOG_STR("node", items->key));
}

static void
load_people(struct site *site, const struct store_item *items)
{
	struct str jid;

	for (; items != NULL; items = items->next) {
		struct node *node = node_of_key(site, items->key, &jid);

		if (node != NULL)
			record_read_person(node_make_person(node, jid), items->value);
	}
}

static int
by_sequence(const void *a, const void *b)
{
	uint64_t x = ((const struct indexed *)a)->sequence;
	uint64_t y = ((const struct indexed *)b)->sequence;

	return (x > y) - (x < y);
}

/* In order of publication. */
static void
load_index(struct site *site, struct arena *arena, const struct store_item *items, size_t count)
{
	struct indexed *all = arena_array(arena, struct indexed, count + 1);
	size_t n = 0;

	for (; items != NULL; items = items->next) {
		all[n].node = node_of_key(site, items->key, &all[n].id);
		if (all[n].node != NULL && record_read_item(&all[n], items->value) == 0)
			n++;
	}
	qsort(all, n, sizeof(all[0]), by_sequence);
	for (size_t i = 0; i < n; i++) {
		site->sequence = all[i].sequence - 1;
		node_add_item(all[i].node, all[i].id, all[i].publisher, all[i].at_us, all[i].size);
	}
}

static void
run_waiting(struct site *site, bool is_gone)
{
	struct site_task *task = site->waiting;

	site->waiting = NULL;
	site->waiting_count = 0;
	while (task != NULL) {
		struct site_task *next = task->next;

		task->run(task, is_gone ? NULL : site);
		task = next;
	}
}

static void
on_load(struct store_request *request)
{
	struct site *site = request->owner;
	struct account *account = site->account;

	load_nodes(site, request->arena, request->results[0].items);
	load_people(site, request->results[1].items);
	load_index(site, request->arena, request->results[2].items, request->results[2].count);
	site->state = SITE_READY;
	store_request_free(request);
	/* Removed meanwhile: what is there is not its any more. */
	run_waiting(site, account != NULL && account->state != ACCOUNT_READY);
	if (account != NULL)
		account_unpin(account);
}

static void
load(struct site *site)
{
	struct store_request *request =
		store_request_new(site->worker->store, site->worker->loop, on_load, site);

	site->state = SITE_LOADING;
	if (site->account != NULL)
		account_pin(site->account);
	store_set_list(request, site->jid.text, SET_NODES);
	store_set_list(request, site->jid.text, SET_PEOPLE);
	store_set_list(request, site->jid.text, SET_INDEX);
	store_submit(request);
}

bool
site_when_ready(struct site *site, struct site_task *task)
{
	if (site->state == SITE_READY) {
		task->run(task, site);
		return true;
	}
	if (site->waiting_count >= WAITING_MAX)
		return false;
	task->next = NULL;
	if (site->waiting == NULL)
		site->last_waiting = &site->waiting;
	*site->last_waiting = task;
	site->last_waiting = &task->next;
	site->waiting_count++;
	if (site->state == SITE_UNLOADED)
		load(site);
	return true;
}
