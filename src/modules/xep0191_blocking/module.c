/* SPDX-License-Identifier: MIT */
/*
 * module.c - Blocking Command (XEP-0191): nothing comes from whom an account has blocked,
 * and nothing goes to them.
 *
 * The list is in memory with its account. A change takes effect at once; the answer and the pushes
 * follow when it is on the disk. To those who are blocked the account looks as if it was not there.
 */
#include "base/rand.h"
#include "modules/xep0191_blocking/private.h"

#include <stdlib.h>

struct change { /* on its way to the disk */
	struct worker *worker;
	struct arena *arena; /* holds all of it, itself too */
	struct str bare;
	struct jid *items; /* as asked for, prepared */
	bool *is_new;      /* of each: whether it changed the list */
	size_t count;
	bool is_block;
	bool is_all; /* <unblock/> without items */
	struct held_iq *held;
};

/* Those of CHANGE that change the list, by themselves; map_free it. */
static struct map
changed_items(const struct change *change)
{
	struct map items = {0};

	for (size_t i = 0; i < change->count; i++)
		if (change->is_new[i])
			map_put(&items, change->items[i].text, &change->items[i]);
	return items;
}

static enum verdict
get(struct event *ev)
{
	struct element *answer = element_new(ev->arena, NS_BLOCKING, "blocklist");
	const struct blocklist *list = list_of(ev->account);
	uint32_t at = 0;
	void *key;

	if (ev->session != NULL)
		ev->session->wants_blocklist = true;
	while (list != NULL && map_next(&list->jids, &at, &key))
		element_set(ev->arena, element_add(ev->arena, answer, NULL, "item"), "jid",
			    str(key));
	event_reply(ev, answer);
	return DONE;
}

static struct element *
push_payload(struct arena *arena, const struct change *change)
{
	struct element *el =
		element_new(arena, NS_BLOCKING, change->is_block ? "block" : "unblock");

	for (size_t i = 0; !change->is_all && i < change->count; i++)
		element_set(arena, element_add(arena, el, NULL, "item"), "jid",
			    change->items[i].text);
	return el;
}

/* Takes STANZA. */
static void
deliver_new(struct session *session, struct stanza *stanza)
{
	stanza_freeze(stanza);
	session_deliver(session, stanza, NULL);
	stanza_unref(stanza);
}

static void
push(struct account *account, const struct change *change)
{
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		struct stanza *iq;

		if (!session->wants_blocklist || session->is_closing)
			continue;
		iq = stanza_new(STANZA_IQ, IQ_SET, (struct jid){0}, session->jid);
		stanza_set_id(iq, rand_token(iq->arena, 96));
		element_append(iq->el, push_payload(iq->arena, change));
		deliver_new(session, iq);
	}
}

/* The result goes where the pushes go, and before them, as in the examples. */
static void
answer(struct account *account, struct held_iq *held)
{
	struct session *asker = account_session(account, held->iq->from.resource);

	if (asker != NULL)
		deliver_new(asker, stanza_result(held->iq));
	held_drop(held);
}

/* The disk is full: what is in memory is again what is on the disk. */
static void
take_back(struct account *account, const struct change *change)
{
	struct blocklist *list = list_make(account);

	for (size_t i = 0; i < change->count; i++) {
		if (change->is_new[i] && change->is_block)
			list_remove_jid(list, change->items[i].text);
		else if (change->is_new[i])
			list_add_jid(list, change->items[i].text);
	}
}

static void
finish(struct change *change, enum store_status status)
{
	struct account *account = account_find(change->worker, change->bare);
	struct map items;

	if (account != NULL && account->state != ACCOUNT_READY)
		account = NULL;
	if (status != STORE_OK) {
		if (account != NULL)
			take_back(account, change);
		held_refuse(change->held, STANZA_RESOURCE_CONSTRAINT, NULL);
	} else if (account == NULL) {
		held_drop(change->held); /* whoever asked is gone */
	} else {
		answer(account, change->held);
		push(account, change);
		items = changed_items(change);
		if (!change->is_block)
			blocking_show(account, &items);
		map_free(&items);
	}
	arena_free(change->arena);
}

static void
on_stored(struct store_request *request)
{
	finish(request->owner, request->status);
	store_request_free(request);
}

static void
commit(struct event *ev, struct change *change)
{
	struct store_request *request;

	change->held = event_hold(ev);
	if (ev->account->is_guest) {
		finish(change, STORE_OK);
		return;
	}
	request = store_request_new(ev->worker->store, ev->worker->loop, on_stored, change);
	for (size_t i = 0; i < change->count; i++) {
		if (change->is_block)
			store_set_put(request, change->bare, BLOCKLIST_SET, change->items[i].text,
				      STR(""));
		else
			store_set_remove(request, change->bare, BLOCKLIST_SET,
					 change->items[i].text);
	}
	store_submit(request);
}

static struct change *
change_new(struct event *ev, bool is_block, size_t count)
{
	struct arena *arena = arena_new();
	struct change *change = arena_new_of(arena, struct change);

	change->worker = ev->worker;
	change->arena = arena;
	change->bare = arena_dup(arena, ev->account->jid.text);
	change->items = arena_array(arena, struct jid, count + 1);
	change->is_new = arena_array(arena, bool, count + 1);
	change->is_block = is_block;
	return change;
}

/* The items of the request. NULL when it was refused. */
static struct change *
read_items(struct event *ev, bool is_block)
{
	const struct element *payload = event_payload(ev), *item;
	struct change *change;
	enum stanza_condition fault = STANZA_NO_ERROR;
	size_t count = 0;
	const char *why;

	for (item = element_child(payload, NULL, NULL); item != NULL;
	     item = element_next(item, NULL, NULL))
		count++;
	change = change_new(ev, is_block, count);
	for (item = element_child(payload, NULL, NULL); item != NULL && fault == STANZA_NO_ERROR;
	     item = element_next(item, NULL, NULL)) {
		struct str jid = element_attr(item, "jid");

		if (!element_is(item, NS_BLOCKING, "item") || jid.p == NULL)
			fault = STANZA_BAD_REQUEST;
		else if (jid_parse(change->arena, jid, &change->items[change->count++], &why) < 0)
			fault = STANZA_JID_MALFORMED;
	}
	if (fault == STANZA_NO_ERROR)
		return change;
	arena_free(change->arena);
	event_refuse(ev, fault);
	return NULL;
}

static bool
is_over_quota(const struct event *ev, const struct blocklist *list, const struct change *change)
{
	uint64_t max = option_number(event_options(ev), "items");
	size_t more = 0;

	for (size_t i = 0; i < change->count; i++)
		more += map_get(&list->jids, change->items[i].text) == NULL;
	return max > 0 && more > 0 && list->jids.count + more > max;
}

static void
read_reports(struct event *ev, const struct change *change)
{
	size_t i = 0;

	for (const struct element *item = element_child(event_payload(ev), NULL, "item");
	     item != NULL; item = element_next(item, NULL, "item"), i++) {
		const struct element *report = element_child(item, NULL, "report");

		if (report != NULL)
			report_abuse(ev, change->items[i], report);
	}
}

static enum verdict
block(struct event *ev)
{
	struct blocklist *list = list_make(ev->account);
	struct change *change = read_items(ev, true);
	struct map items;

	if (change == NULL)
		return REFUSED;
	if (change->count == 0) { /* §3.3 */
		arena_free(change->arena);
		return event_refuse(ev, STANZA_BAD_REQUEST);
	}
	if (is_over_quota(ev, list, change)) {
		arena_free(change->arena);
		return event_refuse_text(ev, STANZA_NOT_ALLOWED, "the block list is full");
	}
	for (size_t i = 0; i < change->count; i++)
		change->is_new[i] = map_get(&list->jids, change->items[i].text) == NULL;
	items = changed_items(change);
	blocking_hide(ev, &items); /* while they are not blocked yet */
	map_free(&items);
	for (size_t i = 0; i < change->count; i++)
		change->is_new[i] = list_add_jid(list, change->items[i].text);
	read_reports(ev, change);
	commit(ev, change);
	return DONE;
}

/* §3.5 */
static struct change *
all_items(struct event *ev, const struct blocklist *list)
{
	struct change *change = change_new(ev, false, list->jids.count);
	const char *why;
	uint32_t at = 0;
	void *key;

	change->is_all = true;
	while (map_next(&list->jids, &at, &key))
		if (jid_parse(change->arena, str(key), &change->items[change->count], &why) == 0)
			change->count++;
	return change;
}

static enum verdict
unblock(struct event *ev)
{
	struct blocklist *list = list_make(ev->account);
	struct change *change = read_items(ev, false);

	if (change == NULL)
		return REFUSED;
	if (change->count == 0) {
		arena_free(change->arena);
		change = all_items(ev, list);
	}
	for (size_t i = 0; i < change->count; i++)
		change->is_new[i] = list_remove_jid(list, change->items[i].text);
	commit(ev, change);
	return DONE;
}

const struct module xep0191_blocking = {
	.name = "blocking",
	.specs = SPECS({"XEP-0191", "1.3", SPEC_COMPLETE, NULL}),
	.features = FEATURES(NS_BLOCKING),
	.options = OPTIONS({"items", OPTION_INT, "5000",
			    "addresses that one account may block; 0: any number"}),
	.iqs = IQS({IQ_GET, TO_OWN_ACCOUNT, NS_BLOCKING, "blocklist", get},
		   {IQ_SET, TO_OWN_ACCOUNT, NS_BLOCKING, "block", block},
		   {IQ_SET, TO_OWN_ACCOUNT, NS_BLOCKING, "unblock", unblock}),
	.hooks = HOOKS({POINT_FROM_CLIENT, STAGE_CHECK, blocking_check_outgoing},
		       {POINT_TO_ACCOUNT, STAGE_CHECK, blocking_check_incoming},
		       {POINT_MESSAGE_WAITED, STAGE_CHECK, blocking_check_waiting}),
	.portables = blocking_portables,
	.account_set = BLOCKLIST_SET,
	.account_loaded = list_loaded,
	.account_free = list_free,
};
