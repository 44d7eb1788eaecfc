/* SPDX-License-Identifier: MIT */
/* xep0049_private.c - an account's private XML storage (XEP-0049). */
#include "modules/xep0060_pubsub/bookmarks.h"
#include "server/module.h"
#include "server/portable.h"
#include "xmpp/xml_reader.h"

#define NS_PRIVATE "jabber:iq:private"
#define SET_NAME BOOKMARKS_SET
#define ITEM_MAX 262144u

static const struct xml_limits limits = {
	.bytes = ITEM_MAX * 2, .depth = 128, .attributes = 128, .nodes = 1u << 17};

static struct str
key_of(struct arena *arena, const struct element *item)
{
	return arena_printf(arena, "%.*s %.*s", STR_ARG(item->name), STR_ARG(item->ns));
}

static void
on_got(struct store_request *request)
{
	struct held_iq *held = request->owner;
	const struct element *asked =
		element_child(element_child(held->iq->el, NULL, NULL), NULL, NULL);
	struct element *query = element_new(held->arena, NS_PRIVATE, "query"), *item = NULL;

	if (request->results[0].status == STORE_OK)
		item = xml_parse(held->arena, arena_dup(held->arena, request->results[0].value),
				 &limits, NULL);
	if (item == NULL) { /* §3.2: nothing stored is an empty element */
		item = element_copy(held->arena, asked);
		while (item->children != NULL)
			element_detach(item->children);
	}
	element_append(query, item);
	held_reply(held, query);
	store_request_free(request);
}

static void
on_put(struct store_request *request)
{
	struct held_iq *held = request->owner;

	if (request->status == STORE_OK)
		held_reply(held, NULL);
	else
		held_refuse(held, STANZA_RESOURCE_CONSTRAINT, NULL);
	store_request_free(request);
}

/* §3.1: one element, in a namespace of its own. */
static const struct element *
the_item(const struct event *ev)
{
	const struct element *item = element_child(event_payload(ev), NULL, NULL);

	if (item == NULL || element_next(item, NULL, NULL) != NULL || item->ns.len == 0 ||
	    str_is(item->ns, NS_PRIVATE))
		return NULL;
	return item;
}

static enum verdict
get(struct event *ev)
{
	const struct element *item = the_item(ev);
	struct store_request *request;
	struct held_iq *held;

	if (item == NULL)
		return event_refuse(ev, STANZA_BAD_REQUEST);
	if (ev->account->is_guest)
		return event_refuse(ev, STANZA_NOT_ALLOWED);
	held = event_hold(ev);
	if (element_is(item, NS_OLD_BOOKMARKS, "storage") && bookmarks_get(ev->account, held))
		return DONE;
	request = store_request_new(ev->worker->store, ev->worker->loop, on_got, held);
	store_set_get(request, ev->account->jid.text, SET_NAME, key_of(ev->arena, item));
	store_submit(request);
	return DONE;
}

static enum verdict
set(struct event *ev)
{
	const struct element *item = element_child(event_payload(ev), NULL, NULL);
	struct store_request *request;
	struct held_iq *held;

	if (item == NULL)
		return event_refuse(ev, STANZA_BAD_REQUEST);
	if (ev->account->is_guest)
		return event_refuse(ev, STANZA_NOT_ALLOWED);
	for (const struct element *i = item; i != NULL; i = element_next(i, NULL, NULL))
		if (i->ns.len == 0 || str_is(i->ns, NS_PRIVATE))
			return event_refuse(ev, STANZA_NOT_ACCEPTABLE);
	held = event_hold(ev);
	if (element_is(item, NS_OLD_BOOKMARKS, "storage") &&
	    element_next(item, NULL, NULL) == NULL && bookmarks_put(ev->account, held, item))
		return DONE;
	request = store_request_new(ev->worker->store, ev->worker->loop, on_put, held);
	for (; item != NULL; item = element_next(item, NULL, NULL)) {
		struct str text = xml_text(ev->arena, item, STR_NONE);

		store_set_put(request, ev->account->jid.text, SET_NAME, key_of(ev->arena, item),
			      text);
	}
	store_submit(request);
	return DONE;
}

static void
load_all(struct store_request *request, const struct account *account, struct str after UNUSED)
{
	store_set_list(request, account->jid.text, SET_NAME);
}

static struct str
write_all(struct buf *out, const struct store_request *request,
	  const struct account *account UNUSED)
{
	for (const struct store_item *item = request->results[0].items; item != NULL;
	     item = item->next)
		buf_add(out, item->value);
	return STR_NONE;
}

static const char *
take(struct import_item *import)
{
	const struct element *item = element_child(import->el, NULL, NULL);

	for (; item != NULL; item = element_next(item, NULL, NULL)) {
		struct str text = xml_text(import->arena, item, STR_NONE);

		if (item->ns.len == 0 || str_is(item->ns, NS_PRIVATE) || text.len > ITEM_MAX)
			return "an element of its private storage is too large, or of no namespace";
		store_set_put(import->request, import->account->jid.text, SET_NAME,
			      key_of(import->arena, item), text);
	}
	return NULL;
}

const struct module xep0049_private = {
	.name = "private",
	.specs = SPECS({"XEP-0049", "1.2", SPEC_COMPLETE, NULL}),
	.features = FEATURES(NS_PRIVATE),
	.account_features = FEATURES(NS_PRIVATE),
	.portables = PORTABLES({NS_PRIVATE, "query", true, load_all, write_all, take}),
	.iqs = IQS({IQ_GET, TO_OWN_ACCOUNT, NS_PRIVATE, "query", get},
		   {IQ_SET, TO_OWN_ACCOUNT, NS_PRIVATE, "query", set}),
};
