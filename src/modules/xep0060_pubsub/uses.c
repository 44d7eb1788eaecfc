/* SPDX-License-Identifier: MIT */
/* uses.c - the nodes of accounts that have a meaning to the server. */
#include "modules/xep0060_pubsub/uses.h"

#include "modules/xep0060_pubsub/avatar.h"

void
node_published(struct node *node, struct commit *commit, const struct publication *items,
	       size_t count)
{
	if (node->site->account != NULL && count > 0 && str_is(node->name, NODE_AVATAR_METADATA))
		avatar_published(node, commit, items[count - 1].payload);
}
