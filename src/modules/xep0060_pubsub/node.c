/* SPDX-License-Identifier: MIT */
/* node.c - a node in memory: people who have to do with it, and the index of its items. */
#include "modules/xep0060_pubsub/pubsub.h"

#include <stdlib.h>

struct node *
site_node(const struct site *site, struct str name)
{
	struct node *node = map_get(&site->nodes, name);

	return node != NULL && node->config != NULL ? node : NULL;
}

struct node *
node_new(struct site *site, struct str name, struct str creator, uint64_t created_us,
	 struct node_config *config)
{
	struct arena *home = arena_new();
	struct node *node = arena_new_of(home, struct node), *old;

	old = map_get(&site->nodes, name);
	if (old != NULL)
		node_free(old);
	node->home = home;
	node->site = site;
	node->name = arena_dup(home, name);
	node->creator = arena_dup(home, creator);
	node->created_us = created_us;
	node->config = config;
	list_init(&node->order);
	map_put(&site->nodes, node->name, node);
	site->bytes += PUBSUB_OVERHEAD;
	return node;
}

void
node_free(struct node *node)
{
	uint32_t at = 0;
	void *value;

	map_remove(&node->site->nodes, node->name);
	node->site->bytes -= PUBSUB_OVERHEAD;
	while (!list_is_empty(&node->order))
		node_remove_item(node, node_oldest(node));
	map_free(&node->items);
	while (map_next(&node->people, &at, &value)) {
		node->site->bytes -= PUBSUB_OVERHEAD;
		free(value);
	}
	map_free(&node->people);
	node_config_unref(node->config);
	arena_free(node->home);
}

struct person *
node_person(const struct node *node, struct str jid)
{
	return map_get(&node->people, jid);
}

struct person *
node_make_person(struct node *node, struct str jid)
{
	struct person *person = node_person(node, jid);

	if (person != NULL)
		return person;
	person = xalloc(sizeof(*person) + jid.len);
	memcpy(person->text, jid.p, jid.len);
	person->jid = str_of(person->text, jid.len);
	person->deliver = true;
	map_put(&node->people, person->jid, person);
	node->site->bytes += PUBSUB_OVERHEAD;
	return person;
}

void
node_remove_person(struct node *node, struct person *person)
{
	map_remove(&node->people, person->jid);
	node->site->bytes -= PUBSUB_OVERHEAD;
	free(person);
}

struct item *
node_item(const struct node *node, struct str id)
{
	return map_get(&node->items, id);
}

struct item *
node_add_item(struct node *node, struct str id, struct str publisher, uint64_t at_us, uint32_t size)
{
	struct item *item = xalloc(sizeof(*item) + id.len + publisher.len), *old;

	memcpy(item->text, id.p, id.len);
	if (publisher.len > 0)
		memcpy(item->text + id.len, publisher.p, publisher.len);
	item->id = str_of(item->text, id.len);
	item->publisher = str_of(item->text + id.len, publisher.len);
	item->at_us = at_us;
	item->size = size;
	item->sequence = ++node->site->sequence;
	old = node_item(node, id);
	if (old != NULL)
		node_remove_item(node, old);
	map_put(&node->items, item->id, item);
	list_add(&node->order, &item->link);
	node->site->bytes += size + PUBSUB_OVERHEAD;
	return item;
}

void
node_remove_item(struct node *node, struct item *item)
{
	map_remove(&node->items, item->id);
	list_remove(&item->link);
	node->site->bytes -= item->size + PUBSUB_OVERHEAD;
	free(item);
}

uint32_t
node_capacity(const struct node *node)
{
	uint64_t max = option_number(site_options(node->site), "max_items");

	return (uint32_t)MIN(node->config->max_items, max);
}
