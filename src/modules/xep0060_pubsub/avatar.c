/* SPDX-License-Identifier: MIT */
/*
 * avatar.c - an avatar that is published becomes the photo of the vCard, and the other way round
 * (XEP-0398).
 *
 * The vCard is for everybody to see, so that only an avatar that is so too gets into it.
 */
#include "modules/xep0060_pubsub/avatar.h"

#include "modules/vcard.h"
#include "modules/xep0060_pubsub/pep.h"
#include "modules/xep0060_pubsub/record.h"
#include "xmpp/xml_reader.h"

#include <stdlib.h>

static const struct xml_limits limits = {
	.bytes = 4u << 20, .depth = 16, .attributes = 64, .nodes = 4096};

struct chosen {              /* the image that a publication of metadata points to */
	struct arena *arena; /* of a copy that outlives the commit; itself too */
	struct account *account;
	struct str id, type; /* id empty: no avatar any more */
};

/* XEP-0398 §3: the one that is here, and not at a URL. */
static void
choose(struct arena *arena, struct str metadata, struct chosen *out)
{
	const struct element *el = xml_parse(arena, metadata, &limits, NULL);
	const struct element *info = el ? element_child(el, NODE_AVATAR_METADATA, "info") : NULL;

	while (info != NULL && element_attr(info, "url").p != NULL)
		info = element_next(info, NODE_AVATAR_METADATA, "info");
	out->id = info ? element_attr(info, "id") : STR("");
	out->type = info ? element_attr(info, "type") : STR("");
}

static struct str
without_space(struct arena *arena, struct str text)
{
	char *out = arena_bytes(arena, text.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.p[i] > ' ')
			out[n++] = text.p[i];
	return str_of(out, n);
}

static void
on_data(struct store_request *request)
{
	struct chosen *chosen = request->owner;
	struct account *account = chosen->account;
	struct element *data = NULL;

	if (request->results[0].status == STORE_OK && account->state == ACCOUNT_READY)
		data = xml_parse(chosen->arena, arena_dup(chosen->arena, request->results[0].value),
				 &limits, NULL);
	if (data != NULL && element_is(data, NODE_AVATAR_DATA, "data"))
		vcard_put_photo(account, chosen->type,
				without_space(chosen->arena, element_text(chosen->arena, data)));
	account_unpin(account);
	arena_free(chosen->arena);
	store_request_free(request);
}

static void
follow(struct site *site, void *arg)
{
	const struct chosen *from = arg;
	struct node *node =
		site->state == SITE_READY ? site_node(site, STR(NODE_AVATAR_DATA)) : NULL;
	struct store_request *request;
	struct chosen *chosen;
	struct arena *arena;

	if (site->account->state != ACCOUNT_READY)
		return;
	if (from->id.len == 0) {
		vcard_put_photo(site->account, STR(""), STR(""));
		return;
	}
	if (node == NULL || node->config->access_model != MODEL_OPEN ||
	    node_item(node, from->id) == NULL)
		return;
	arena = arena_new();
	chosen = arena_new_of(arena, struct chosen);
	chosen->arena = arena;
	chosen->account = site->account;
	chosen->type = arena_dup(arena, from->type);
	account_pin(site->account);
	request = store_request_new(site->worker->store, site->worker->loop, on_data, chosen);
	store_set_get(request, site->jid.text, SET_ITEMS, site_key(arena, node->name, from->id));
	store_submit(request);
}

void
avatar_published(struct node *node, struct commit *commit, struct str metadata)
{
	struct arena *arena = commit_arena(commit);
	struct chosen *chosen;

	if (node->config->access_model != MODEL_OPEN)
		return;
	chosen = arena_new_of(arena, struct chosen);
	choose(arena, arena_dup(arena, metadata), chosen);
	commit_then(commit, follow, chosen);
}

struct photo { /* of a vCard, until the account's nodes are loaded */
	struct site_task task;
	struct arena *arena; /* of all of it, itself too */
	struct str id, data, metadata;
};

/* The node, for everybody to see. NULL: there is no room, or it is not for everybody. */
static struct node *
open_node(struct site *site, struct commit *commit, struct str name)
{
	struct node *node = site_node(site, name);
	struct node_config *config;

	if (node != NULL)
		return node->config->access_model == MODEL_OPEN && node->config->persist_items
			       ? node
			       : NULL;
	if (!site_has_room_for_node(site))
		return NULL;
	config = node_config_default(PLACE_ACCOUNT);
	config->access_model = MODEL_OPEN;
	return site_create(site, commit, name, site->jid.text, config);
}

static void
publish(struct site *site, struct photo *photo)
{
	struct node *metadata = site_node(site, STR(NODE_AVATAR_METADATA));
	struct publication item = {photo->id, photo->data, site->jid.text};
	struct commit *commit;
	struct node *node;

	if (photo->id.len > 0 && metadata != NULL && node_item(metadata, photo->id) != NULL)
		return; /* it came from there */
	if (photo->id.len == 0 && (metadata == NULL || node_newest(metadata) == NULL))
		return;
	if (!site_has_room(site, photo->data.len + photo->metadata.len + 2 * PUBSUB_OVERHEAD))
		return;
	commit = commit_new(site, NULL);
	if (photo->id.len > 0 && (node = open_node(site, commit, STR(NODE_AVATAR_DATA))) != NULL)
		node_publish(node, commit, &item, 1);
	item = (struct publication){photo->id.len > 0 ? photo->id : STR_NONE, photo->metadata,
				    site->jid.text};
	node = open_node(site, commit, STR(NODE_AVATAR_METADATA));
	if (node != NULL) {
		node_publish(node, commit, &item, 1);
		commit_node(commit, node);
	}
	commit_submit(commit, NULL);
}

static void
on_ready(struct site_task *task, struct site *site)
{
	struct photo *photo = CONTAINER(task, struct photo, task);

	if (site != NULL)
		publish(site, photo);
	arena_free(photo->arena);
}

void
avatar_from_vcard(struct account *account, struct str type, struct str base64, size_t bytes,
		  struct str hash)
{
	struct site *site = pep_site(account);
	struct element *el, *info;
	struct photo *photo;
	struct arena *arena;

	if (site == NULL)
		return;
	arena = arena_new();
	photo = arena_new_of(arena, struct photo);
	photo->arena = arena;
	photo->task.run = on_ready;
	photo->id = arena_dup(arena, hash);
	el = element_new(arena, NODE_AVATAR_DATA, "data");
	element_add_text(arena, el, base64);
	photo->data = xml_text(arena, el, STR_NONE);
	el = element_new(arena, NODE_AVATAR_METADATA, "metadata");
	if (hash.len > 0) {
		info = element_add(arena, el, NULL, "info");
		element_set(arena, info, "bytes", arena_printf(arena, "%zu", bytes));
		element_set(arena, info, "id", hash);
		element_set(arena, info, "type", type.len > 0 ? type : STR("image/png"));
	}
	photo->metadata = xml_text(arena, el, STR_NONE);
	if (!site_when_ready(site, &photo->task))
		arena_free(arena);
}
