/* SPDX-License-Identifier: MIT */
/*
 * vcard4.c - a vCard4 that everybody may see fills vcard-temp, and the other way round. What only
 * one of them can say stays there.
 */
#include "modules/xep0060_pubsub/vcard4.h"

#include "modules/vcard.h"
#include "modules/xep0060_pubsub/pep.h"
#include "modules/xep0060_pubsub/record.h"
#include "modules/xep0060_pubsub/uses.h"
#include "xmpp/xep/vcard4.h"
#include "xmpp/xml_reader.h"

#include <stdlib.h>

static const struct xml_limits limits = {
	.bytes = 4u << 20, .depth = 32, .attributes = 64, .nodes = 1u << 16};

static bool
is_public(const struct node *node)
{
	return node->config->access_model == MODEL_OPEN && node->config->persist_items;
}

static void
follow(struct site *site, void *arg)
{
	if (site->account->state == ACCOUNT_READY)
		vcard_put_card4(site->account, arg);
}

void
vcard4_published(struct node *node, struct commit *commit, struct str text)
{
	struct arena *arena = commit_arena(commit);
	struct element *card;

	if (!is_public(node))
		return;
	card = xml_parse(arena, arena_dup(arena, text), &limits, NULL);
	if (card != NULL && element_is(card, NS_VCARD4, "vcard"))
		commit_then(commit, follow, card);
}

struct following { /* the node, which is to follow a vcard-temp */
	struct site_task task;
	struct arena *arena; /* of all of it, itself too */
	struct site *site;
	struct element *temp;
	struct str id; /* of the item that is there */
};

static void
end(struct following *f)
{
	account_unpin(f->site->account);
	arena_free(f->arena);
}

/* The node, made for everybody to see if there is none; or NULL. */
static struct node *
public_node(struct site *site, struct commit *commit)
{
	struct node *node = site_node(site, STR(NODE_VCARD4));

	if (node != NULL)
		return is_public(node) ? node : NULL;
	if (!site_has_room_for_node(site))
		return NULL;
	return site_create(site, commit, STR(NODE_VCARD4), site->jid.text,
			   node_config_usual(site, STR(NODE_VCARD4)));
}

static void
publish(struct following *f, struct element *card)
{
	struct publication item = {f->id, xml_text(f->arena, card, STR_NONE), f->site->jid.text};
	struct commit *commit;
	struct node *node;

	if (f->site->account->state != ACCOUNT_READY || f->site->state != SITE_READY ||
	    !site_has_room(f->site, item.payload.len + 2 * PUBSUB_OVERHEAD))
		return;
	commit = commit_new(f->site, NULL);
	node = public_node(f->site, commit);
	if (node == NULL) {
		commit_drop(commit);
		return;
	}
	node_publish(node, commit, &item, 1);
	commit_submit(commit, NULL);
}

static void
on_item(struct store_request *request)
{
	struct following *f = request->owner;
	struct element *card = NULL;

	if (request->results[0].status == STORE_OK)
		card = xml_parse(f->arena, arena_dup(f->arena, request->results[0].value), &limits,
				 NULL);
	if (card == NULL || !element_is(card, NS_VCARD4, "vcard"))
		card = element_new(f->arena, NS_VCARD4, "vcard");
	vcard4_from_temp(f->arena, f->temp, card);
	publish(f, card);
	store_request_free(request);
	end(f);
}

static void
on_ready(struct site_task *task, struct site *site)
{
	struct following *f = CONTAINER(task, struct following, task);
	struct node *node = site != NULL ? site_node(site, STR(NODE_VCARD4)) : NULL;
	struct store_request *request;

	if (site == NULL || (node != NULL && !is_public(node))) {
		end(f);
		return;
	}
	f->id = node != NULL && node_newest(node) != NULL
			? arena_dup(f->arena, node_newest(node)->id)
			: STR("current");
	request = store_request_new(site->worker->store, site->worker->loop, on_item, f);
	store_set_get(request, site->jid.text, SET_ITEMS,
		      site_key(f->arena, STR(NODE_VCARD4), f->id));
	store_submit(request);
}

void
vcard4_from_vcard(struct account *account, const struct element *temp)
{
	struct site *site = pep_site(account);
	struct arena *arena;
	struct following *f;

	if (site == NULL)
		return;
	arena = arena_new();
	f = arena_new_of(arena, struct following);
	f->arena = arena;
	f->site = site;
	f->task.run = on_ready;
	f->temp = element_copy(arena, temp);
	account_pin(account);
	if (!site_when_ready(site, &f->task))
		end(f);
}
