/* SPDX-License-Identifier: MIT */
/* service.c - discovery of rooms, and names for new ones (see service.h). */
#include "modules/xep0045_muc/service.h"

#include "base/rand.h"
#include "modules/xep0045_muc/directory.h"
#include "modules/xep0045_muc/search.h"
#include "xmpp/xep/disco.h"
#include "xmpp/xep/rsm.h"

#include <stdlib.h>

#define PAGE_DEFAULT 100u /* rooms; more come by pages (XEP-0059) */
#define PAGE_MAX 500u

static const char *const features[] = {
	NS_DISCO_INFO, NS_DISCO_ITEMS, NS_MUC,    NS_MUC "#stable_id",
	NS_MUC_UNIQUE, NS_OCCUPANT_ID, NS_VCARD,  NS_PING,
	NS_RSM,        NS_HATS,        NS_SEARCH, NS_CONFERENCE,
	"muc_rooms",
};

static enum verdict
info(struct event *ev)
{
	struct str node = element_attr(event_payload(ev), "node");
	struct element *query;

	if (node.p != NULL)
		return event_refuse(ev, STANZA_ITEM_NOT_FOUND);
	query = disco_new(ev->arena, NS_DISCO_INFO, STR_NONE);
	disco_add_identity(ev->arena, query, STR("conference"), STR("text"), STR_NONE,
			   option_text(event_options(ev), "name"));
	for (size_t i = 0; i < COUNT(features); i++)
		disco_add_feature(ev->arena, query, str(features[i]));
	event_reply(ev, query);
	return DONE;
}

struct items {
	struct held_iq *held;
	struct rsm rsm;
};

/* The public ones that the page has room for. */
static void
add_page(struct arena *arena, struct element *query, const struct listing **public, size_t count,
	 const struct rsm *rsm, struct str domain)
{
	size_t max = rsm->max == RSM_NONE ? PAGE_DEFAULT : MIN(rsm->max, PAGE_MAX);
	size_t first = 0, end = count;
	struct rsm_page page = {.first_index = RSM_NONE, .count = (uint32_t)count};

	if (rsm->index != RSM_NONE)
		first = MIN(rsm->index, count);
	while (rsm->after.len > 0 && first < count &&
	       str_compare(public[first] -> local, rsm -> after) <= 0)
		first++;
	while (rsm->before.len > 0 && end > first &&
	       str_compare(public[end - 1] -> local, rsm -> before) >= 0)
		end--;
	if (rsm->before.p != NULL && rsm->after.p == NULL && end - first > max)
		first = end - max;
	end = MIN(end, first + max);
	for (size_t i = first; i < end; i++)
		disco_add_item(arena, query,
			       jid_make(arena, public[i] -> local, domain, STR("")).text, STR_NONE,
			       public[i] -> name.len > 0 ? public[i] -> name : public[i] -> local);
	if (end > first) {
		page.first = public[first] -> local;
		page.last = public[end - 1] -> local;
		page.first_index = (uint32_t)first;
	}
	/* §6.3: only where the list is not whole, or pages were asked for. */
	if (count > end - first || rsm->max != RSM_NONE)
		rsm_add_page(arena, query, &page);
}

static void
on_listed(void *arg, const struct listings *l)
{
	struct items *items = arg;
	struct arena *arena = items->held->arena;
	struct element *query = disco_new(arena, NS_DISCO_ITEMS, STR_NONE);
	const struct listing **public;
	size_t n = 0;

	if (l == NULL) {
		held_drop(items->held);
	} else {
		public = arena_array(arena, const struct listing *, l->count + 1);
		for (size_t i = 0; i < l->count; i++)
			if (l->items[i].is_public)
		public[n++] = &l->items[i];
		add_page(arena, query, public, n, &items->rsm, items->held->iq->to.domain);
		held_reply(items->held, query);
	}
	free(items);
}

static enum verdict
items(struct event *ev)
{
	struct element *query = event_payload(ev);
	struct items *items;
	struct rsm rsm;
	const char *why;

	if (element_attr(query, "node").p != NULL)
		return event_refuse(ev, STANZA_ITEM_NOT_FOUND);
	if (rsm_parse(ev->arena, query, &rsm, &why) < 0)
		return event_refuse_text(ev, STANZA_BAD_REQUEST, why);
	items = xnew(struct items);
	items->held = event_hold(ev);
	/* Once more, where it lives until the answer. */
	if (rsm_parse(items->held->arena, query, &items->rsm, &why) < 0)
		items->rsm = rsm_any();
	directory_ask(ev->worker, ev->service->name, on_listed, items);
	return DONE;
}

/* XEP-0307: nobody else will draw the same. */
static enum verdict
unique(struct event *ev)
{
	struct element *el = element_new(ev->arena, NS_MUC_UNIQUE, "unique");
	struct str token = rand_token(ev->arena, 120);
	char *lower = (char *)arena_dup(ev->arena, token).p;

	for (size_t i = 0; i < token.len; i++) /* as a localpart is written */
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] = (char)(lower[i] - 'A' + 'a');
	element_add_text(ev->arena, el, str_of(lower, token.len));
	event_reply(ev, el);
	return DONE;
}

static enum verdict
ping(struct event *ev)
{
	event_reply(ev, NULL);
	return DONE;
}

static const struct {
	enum stanza_type type;
	const char *ns, *name;
	enum verdict (*run)(struct event *ev);
} answers[] = {
	{IQ_GET, NS_DISCO_INFO, "query", info},     {IQ_GET, NS_DISCO_ITEMS, "query", items},
	{IQ_GET, NS_MUC_UNIQUE, "unique", unique},  {IQ_GET, NS_PING, "ping", ping},
	{IQ_GET, NS_SEARCH, "search", search_take}, {IQ_SET, NS_SEARCH, "search", search_take},
};

enum verdict
service_take(struct event *ev)
{
	const struct element *payload;

	if (ev->stanza->kind == STANZA_PRESENCE)
		return DONE;
	if (ev->stanza->kind == STANZA_MESSAGE || ev->stanza->to.resource.len > 0)
		return PASS;
	if (!stanza_may_be_refused(ev->stanza))
		return DONE;
	payload = event_payload(ev);
	for (size_t i = 0; i < COUNT(answers); i++)
		if (ev->stanza->type == answers[i].type &&
		    element_is(payload, answers[i].ns, answers[i].name))
			return answers[i].run(ev);
	return PASS;
}
