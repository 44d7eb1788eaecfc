/* SPDX-License-Identifier: MIT */
/* record.h - what stands in the store of nodes, people and items. */
#pragma once

#include "modules/xep0060_pubsub/pubsub.h"

#define SET_NODES "pubsub"
#define SET_PEOPLE "pubsub-people"
#define SET_INDEX "pubsub-index"
#define SET_ITEMS "pubsub-item"

struct indexed { /* an item of which the payload is elsewhere */
	struct node *node;
	struct str id, publisher;
	uint64_t sequence, at_us;
	uint32_t size;
};

struct str record_of_node(struct arena *arena, const struct node *node);
/* Makes it. NULL when VALUE cannot be read. */
struct node *record_read_node(struct arena *arena, struct site *site, struct str name,
			      struct str value);
struct str record_of_person(struct arena *arena, const struct person *person);
void record_read_person(struct person *person, struct str value);
struct str record_of_item(struct arena *arena, const struct item *item);
/* -1 when it cannot be read. Views of VALUE. */
MUST_CHECK int record_read_item(struct indexed *out, struct str value);
