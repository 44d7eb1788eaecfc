/* SPDX-License-Identifier: MIT */
/*
 * bookmarks.c - one set of bookmarks behind all forms (XEP-0402 §4.4, "#compat", "#compat-pep").
 *
 * Rooms are in the node. What else the old form has, such as links to pages, stays in private
 * storage. The old form has a node, too, which is written anew when anything changes.
 */
#include "modules/xep0060_pubsub/bookmarks.h"

#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/pep.h"
#include "modules/xep0060_pubsub/private_node.h"
#include "modules/xep0060_pubsub/record.h"
#include "xmpp/xml_reader.h"

#include <stdlib.h>

static const struct xml_limits limits = {
	.bytes = 1u << 20, .depth = 128, .attributes = 128, .nodes = 1u << 17};

struct job {
	struct site_task task;
	struct site *site;
	struct account *account;
	struct arena *arena;
	struct held_iq *held;    /* a request to private storage, whose arena that is; or NULL */
	struct request *request; /* for the old node's items, once it is there; or NULL */
	bool is_get;             /* of private storage */
	struct element *storage; /* the old form, to be taken over; NULL: it is to be made */
	struct str *ids;         /* of the node's items, which are read; NULL: there is no node */
	size_t count;
};

static void
job_end(struct job *job)
{
	struct request *request = job->request;
	struct account *account = job->account;

	if (job->held == NULL)
		arena_free(job->arena);
	free(job);
	if (request != NULL)
		get_items(request);
	account_unpin(account);
}

static void
refuse(struct job *job, enum stanza_condition condition)
{
	struct held_iq *held = job->held;

	job_end(job);
	if (held != NULL)
		held_refuse(held, condition, NULL);
}

static bool
is_true(struct str text)
{
	return str_is(text, "true") || str_is(text, "1");
}

static void
copy_text(struct arena *arena, struct element *to, const struct element *from, const char *name)
{
	struct str text = element_child_text(arena, from, NULL, name);

	if (text.p != NULL)
		element_add_leaf(arena, to, name, text);
}

/* What both forms have. */
static void
copy_room(struct arena *arena, struct element *to, const struct element *from)
{
	if (element_attr(from, "name").p != NULL)
		element_set(arena, to, "name", element_attr(from, "name"));
	if (is_true(element_attr(from, "autojoin")))
		element_setz(arena, to, "autojoin", "true");
	copy_text(arena, to, from, "nick");
	copy_text(arena, to, from, "password");
}

/* Item I as it is stored, or NULL. */
static struct element *
stored_room(struct job *job, const struct store_request *request, size_t i)
{
	struct element *room = NULL;

	if (request->results[i + 1].status == STORE_OK)
		room = xml_parse(job->arena, arena_dup(job->arena, request->results[i + 1].value),
				 &limits, NULL);
	return room != NULL && element_is(room, NODE_BOOKMARKS, "conference") ? room : NULL;
}

/* The old form of what is in the node, with what else is in private storage. */
static struct element *
old_form(struct job *job, const struct store_request *request)
{
	struct arena *arena = job->arena;
	struct element *storage = NULL, *room;

	if (request->results[0].status == STORE_OK)
		storage = xml_parse(arena, arena_dup(arena, request->results[0].value), &limits,
				    NULL);
	if (storage == NULL)
		storage = element_new(arena, NS_OLD_BOOKMARKS, "storage");
	/* Without a node, what is there was put there before there were any. */
	while (job->ids != NULL &&
	       (room = element_child(storage, NS_OLD_BOOKMARKS, "conference")) != NULL)
		element_detach(room);
	for (size_t i = 0; i < job->count; i++) {
		const struct element *stored = stored_room(job, request, i);

		if (stored == NULL)
			continue;
		room = element_add(arena, storage, NULL, "conference");
		element_set(arena, room, "jid", job->ids[i]);
		copy_room(arena, room, stored);
	}
	return storage;
}

static void
on_get(struct store_request *request)
{
	struct job *job = request->owner;
	struct element *query = element_new(job->arena, "jabber:iq:private", "query");

	element_append(query, old_form(job, request));
	held_reply(job->held, query);
	job_end(job);
	store_request_free(request);
}

static bool
text_equal(struct arena *arena, const struct element *a, const struct element *b, const char *name)
{
	return str_equal(element_child_text(arena, a, NULL, name),
			 element_child_text(arena, b, NULL, name));
}

static bool
same_room(struct arena *arena, const struct element *a, const struct element *b)
{
	return str_equal(element_attr(a, "name"), element_attr(b, "name")) &&
	       is_true(element_attr(a, "autojoin")) == is_true(element_attr(b, "autojoin")) &&
	       text_equal(arena, a, b, "nick") && text_equal(arena, a, b, "password");
}

struct plan {
	struct publication *items;
	struct str *gone;
	size_t item_count, gone_count, bytes;
};

static const struct element *
find_room(const struct element *storage, struct str jid)
{
	const struct element *el = element_child(storage, NS_OLD_BOOKMARKS, "conference");

	while (el != NULL && !str_equal(element_attr(el, "jid"), jid))
		el = element_next(el, NS_OLD_BOOKMARKS, "conference");
	return el;
}

/* EL as an item; what the old form does not know of is kept from OLD (may be NULL). */
static void
plan_room(struct job *job, struct plan *plan, const struct element *el, const struct element *old)
{
	struct arena *arena = job->arena;
	struct element *room = element_new(arena, NODE_BOOKMARKS, "conference");
	const struct element *extensions =
		old ? element_child(old, NODE_BOOKMARKS, "extensions") : NULL;
	struct publication *item = &plan->items[plan->item_count++];

	copy_room(arena, room, el);
	if (extensions != NULL)
		element_append(room, element_copy(arena, extensions));
	item->id = element_attr(el, "jid");
	item->payload = xml_text(arena, room, STR_NONE);
	item->publisher = job->site->jid.text;
	plan->bytes += item->payload.len + PUBSUB_OVERHEAD;
}

/* §4.4: what is new or changed, and what is gone; nobody hears of the rest. */
static void
make_plan(struct job *job, const struct store_request *request, struct plan *plan)
{
	struct arena *arena = job->arena;
	size_t rooms = 0;

	for (const struct element *el = element_child(job->storage, NS_OLD_BOOKMARKS, "conference");
	     el != NULL; el = element_next(el, NS_OLD_BOOKMARKS, "conference"))
		rooms++;
	plan->items = arena_array(arena, struct publication, rooms + 1);
	plan->gone = arena_array(arena, struct str, job->count + 1);
	for (const struct element *el = element_child(job->storage, NS_OLD_BOOKMARKS, "conference");
	     el != NULL; el = element_next(el, NS_OLD_BOOKMARKS, "conference")) {
		struct str jid = element_attr(el, "jid");
		const struct element *old = NULL;

		if (jid.len == 0 || jid.len > PUBSUB_ID_MAX || find_room(job->storage, jid) != el)
			continue;
		for (size_t i = 0; i < job->count && old == NULL; i++)
			if (str_equal(job->ids[i], jid))
				old = stored_room(job, request, i);
		if (old == NULL || !same_room(arena, old, el))
			plan_room(job, plan, el, old);
	}
	for (size_t i = 0; i < job->count; i++)
		if (find_room(job->storage, job->ids[i]) == NULL)
			plan->gone[plan->gone_count++] = job->ids[i];
}

static void
on_put_done(struct site *site UNUSED, void *arg)
{
	struct job *job = arg;

	if (job->held != NULL)
		held_reply(job->held, NULL);
	job_end(job);
}

static void
on_put_failed(struct site *site UNUSED, void *arg)
{
	refuse(arg, STANZA_RESOURCE_CONSTRAINT);
}

/* The old form into its own node, as the one item that it has (XEP-0048 §3.1). */
static void
publish_old(struct job *job, struct commit *commit, const struct element *storage)
{
	struct node *node = private_node(job->site, commit, STR(NODE_OLD_BOOKMARKS));
	struct publication item = {STR("current"), xml_text(job->arena, storage, STR_NONE),
				   job->site->jid.text};

	if (node == NULL)
		return;
	if (node_newest(node) != NULL)
		item.id = arena_dup(job->arena, node_newest(node)->id);
	if (site_has_room(job->site, item.payload.len + PUBSUB_OVERHEAD))
		node_publish(node, commit, &item, 1);
}

/* The old form changed: the node follows, and the other place that has the old form. */
static void
on_old(struct store_request *request)
{
	struct job *job = request->owner;
	struct site *site = job->site;
	struct plan plan = {0};
	struct commit *commit;
	struct node *node;

	make_plan(job, request, &plan);
	store_request_free(request);
	if (job->account->state != ACCOUNT_READY || site->state != SITE_READY ||
	    plan.item_count > PUBSUB_BATCH_MAX || !site_has_room(site, plan.bytes + 1)) {
		refuse(job, STANZA_RESOURCE_CONSTRAINT);
		return;
	}
	commit = commit_new(site, NULL);
	commit_set(commit, BOOKMARKS_SET, STR(BOOKMARKS_KEY),
		   xml_text(job->arena, job->storage, STR_NONE));
	node = private_node(site, commit, STR(NODE_BOOKMARKS));
	if (node != NULL && plan.gone_count > 0)
		node_retract(node, commit, plan.gone, plan.gone_count, true);
	if (node != NULL && plan.item_count > 0)
		node_publish(node, commit, plan.items, plan.item_count);
	if (node != NULL && job->held != NULL)
		publish_old(job, commit, job->storage);
	commit_then(commit, on_put_done, job);
	commit_else(commit, on_put_failed);
	commit_submit(commit, NULL);
}

/* The node changed: the old one follows. */
static void
on_new(struct store_request *request)
{
	struct job *job = request->owner;
	struct element *storage = old_form(job, request);
	struct commit *commit;

	store_request_free(request);
	if (job->account->state != ACCOUNT_READY || job->site->state != SITE_READY) {
		job_end(job);
		return;
	}
	commit = commit_new(job->site, NULL);
	publish_old(job, commit, storage);
	commit_then(commit, on_put_done, job);
	commit_else(commit, on_put_failed);
	commit_submit(commit, NULL);
}

/* What is in private storage, then the node's items. */
static void
read_all(struct job *job)
{
	struct node *node = site_node(job->site, STR(NODE_BOOKMARKS));
	struct store_request *request =
		store_request_new(job->site->worker->store, job->site->worker->loop,
				  job->is_get            ? on_get
				  : job->storage != NULL ? on_old
							 : on_new,
				  job);
	struct str owner = job->site->jid.text;

	store_set_get(request, owner, BOOKMARKS_SET, STR(BOOKMARKS_KEY));
	if (node != NULL && node->config->access_model == MODEL_WHITELIST) {
		job->ids = arena_array(job->arena, struct str, node->items.count + 1);
		LIST_EACH(&node->order, struct item, link, item)
		{
			job->ids[job->count++] = arena_dup(job->arena, item->id);
			store_set_get(request, owner, SET_ITEMS,
				      site_key(request->arena, node->name, item->id));
		}
	}
	store_submit(request);
}

static void
on_ready(struct site_task *task, struct site *site)
{
	struct job *job = CONTAINER(task, struct job, task);

	if (site == NULL)
		refuse(job, STANZA_SERVICE_UNAVAILABLE);
	else
		read_all(job);
}

/* HELD NULL: the job has an arena of its own. Takes a pin. */
static struct job *
job_new(struct site *site, struct held_iq *held)
{
	struct job *job = xnew(struct job);

	job->task.run = on_ready;
	job->site = site;
	job->account = site->account;
	job->held = held;
	job->arena = held ? held->arena : arena_new();
	account_pin(site->account);
	return job;
}

static void
begin(struct job *job)
{
	if (!site_when_ready(job->site, &job->task))
		refuse(job, STANZA_RESOURCE_CONSTRAINT);
}

bool
bookmarks_get(struct account *account, struct held_iq *held)
{
	struct site *site = pep_site(account);
	struct job *job;

	if (site == NULL)
		return false;
	job = job_new(site, held);
	job->is_get = true;
	begin(job);
	return true;
}

bool
bookmarks_put(struct account *account, struct held_iq *held, const struct element *storage)
{
	struct site *site = pep_site(account);
	struct job *job;

	if (site == NULL)
		return false;
	job = job_new(site, held);
	job->storage = element_copy(job->arena, storage);
	begin(job);
	return true;
}

static bool
is_private(const struct node *node)
{
	return node != NULL && node->config->access_model == MODEL_WHITELIST &&
	       node->config->persist_items;
}

static void
follow_new(struct site *site, void *arg UNUSED)
{
	if (site->account->state == ACCOUNT_READY)
		begin(job_new(site, NULL));
}

void
bookmarks_changed(struct node *node, struct commit *commit)
{
	if (is_private(node))
		commit_then(commit, follow_new, NULL);
}

static void
follow_old(struct site *site, void *arg)
{
	struct job *job = arg;

	if (site->account->state == ACCOUNT_READY)
		begin(job);
	else
		job_end(job);
}

static void
follow_not(struct site *site UNUSED, void *arg)
{
	job_end(arg);
}

void
bookmarks_old_published(struct node *node, struct commit *commit, struct str payload)
{
	struct job *job;

	if (!is_private(node))
		return;
	job = job_new(node->site, NULL);
	job->storage = xml_parse(job->arena, arena_dup(job->arena, payload), &limits, NULL);
	if (job->storage == NULL || !element_is(job->storage, NS_OLD_BOOKMARKS, "storage")) {
		job_end(job);
		return;
	}
	commit_then(commit, follow_old, job);
	commit_else(commit, follow_not);
}

bool
bookmarks_make_old(struct request *request)
{
	struct site *site = request->site;
	struct job *job;

	if (site->account == NULL || site->account->state != ACCOUNT_READY ||
	    !str_is(request->node, NODE_OLD_BOOKMARKS) || site_node(site, request->node) != NULL ||
	    !str_equal(request->who, site->jid.text) ||
	    !is_private(site_node(site, STR(NODE_BOOKMARKS))) || !site_has_room_for_node(site))
		return false;
	job = job_new(site, NULL);
	job->request = request;
	begin(job);
	return true;
}
