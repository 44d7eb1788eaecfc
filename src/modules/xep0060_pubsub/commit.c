/* SPDX-License-Identifier: MIT */
/* commit.c - what goes to the disk in one request, and what follows when it is there. */
#include "modules/xep0060_pubsub/pubsub.h"
#include "modules/xep0060_pubsub/record.h"

#include "base/log.h"

#include <stdlib.h>

#define NOTICES_MAX 8u

struct commit {
	struct site *site;
	struct store_request *store;
	struct request *request;
	struct element *payload;
	enum stanza_condition failure; /* STANZA_NO_ERROR: none */
	struct notice *notices[NOTICES_MAX];
	size_t notice_count;
	void (*then)(struct site *site, void *arg);
	void (*otherwise)(struct site *site, void *arg);
	void *then_arg;
};

static void
commit_free(struct commit *commit)
{
	for (size_t i = 0; i < commit->notice_count; i++)
		notice_free(commit->notices[i]);
	if (commit->site->account != NULL)
		account_unpin(commit->site->account);
	store_request_free(commit->store);
	free(commit);
}

static void
on_stored(struct store_request *store)
{
	struct commit *commit = store->owner;
	struct site *site = commit->site;

	if (store->status != STORE_OK) {
		site_forget(site);
		if (commit->request != NULL)
			request_refuse(commit->request, STANZA_RESOURCE_CONSTRAINT, NULL);
		else
			log_event(LOG_WARNING, "pubsub-not-stored", LOG_STR("jid", site->jid.text));
		if (commit->otherwise != NULL)
			commit->otherwise(site, commit->then_arg);
		commit_free(commit);
		return;
	}
	if (commit->failure != STANZA_NO_ERROR)
		request_refuse_with(commit->request, commit->failure, commit->payload);
	else if (commit->request != NULL)
		request_reply(commit->request, commit->payload);
	for (size_t i = 0; i < commit->notice_count; i++)
		notice_send(site, commit->notices[i]);
	commit->notice_count = 0;
	if (commit->then != NULL)
		commit->then(site, commit->then_arg);
	commit_free(commit);
}

struct commit *
commit_new(struct site *site, struct request *request)
{
	struct commit *commit = xnew(struct commit);

	commit->site = site;
	commit->request = request;
	commit->store =
		store_request_new(site->worker->store, site->worker->loop, on_stored, commit);
	if (site->account != NULL)
		account_pin(site->account);
	return commit;
}

struct arena *
commit_arena(struct commit *commit)
{
	return commit->store->arena;
}

static struct str
owner(const struct commit *commit)
{
	return commit->site->jid.text;
}

void
commit_node(struct commit *commit, const struct node *node)
{
	store_set_put(commit->store, owner(commit), SET_NODES, node->name,
		      record_of_node(commit_arena(commit), node));
}

void
commit_no_node(struct commit *commit, const struct node *node)
{
	uint32_t at = 0;
	void *value;

	store_set_remove(commit->store, owner(commit), SET_NODES, node->name);
	while (map_next(&node->people, &at, &value))
		commit_no_person(commit, node, ((struct person *)value)->jid);
	at = 0;
	while (map_next(&node->items, &at, &value))
		commit_no_item(commit, node, ((struct item *)value)->id);
}

void
commit_person(struct commit *commit, const struct node *node, const struct person *person)
{
	store_set_put(commit->store, owner(commit), SET_PEOPLE,
		      site_key(commit_arena(commit), node->name, person->jid),
		      record_of_person(commit_arena(commit), person));
}

void
commit_no_person(struct commit *commit, const struct node *node, struct str jid)
{
	store_set_remove(commit->store, owner(commit), SET_PEOPLE,
			 site_key(commit_arena(commit), node->name, jid));
}

void
commit_item(struct commit *commit, const struct node *node, const struct item *item,
	    struct str payload)
{
	struct str key = site_key(commit_arena(commit), node->name, item->id);

	store_set_put(commit->store, owner(commit), SET_INDEX, key,
		      record_of_item(commit_arena(commit), item));
	store_set_put(commit->store, owner(commit), SET_ITEMS, key, payload);
}

void
commit_no_item(struct commit *commit, const struct node *node, struct str id)
{
	struct str key = site_key(commit_arena(commit), node->name, id);

	store_set_remove(commit->store, owner(commit), SET_INDEX, key);
	store_set_remove(commit->store, owner(commit), SET_ITEMS, key);
}

void
commit_set(struct commit *commit, const char *set, struct str key, struct str value)
{
	store_set_put(commit->store, owner(commit), set, key, value);
}

void
commit_notice(struct commit *commit, struct notice *notice)
{
	if (notice == NULL)
		return;
	assert(commit->notice_count < NOTICES_MAX);
	commit->notices[commit->notice_count++] = notice;
}

void
commit_then(struct commit *commit, void (*run)(struct site *site, void *arg), void *arg)
{
	assert(commit->then == NULL);
	commit->then = run;
	commit->then_arg = arg;
}

void
commit_submit(struct commit *commit, struct element *payload)
{
	commit->payload = payload;
	store_submit(commit->store);
}

void
commit_submit_failed(struct commit *commit, enum stanza_condition condition,
		     struct element *payload)
{
	commit->failure = condition;
	commit_submit(commit, payload);
}

void
commit_else(struct commit *commit, void (*run)(struct site *site, void *arg))
{
	commit->otherwise = run;
}

void
commit_drop(struct commit *commit)
{
	commit_free(commit);
}
