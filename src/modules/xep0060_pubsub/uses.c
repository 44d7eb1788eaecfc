/* SPDX-License-Identifier: MIT */
/* uses.c - the nodes that have a meaning to the server. */
#include "modules/xep0060_pubsub/uses.h"

void
node_published(struct node *node UNUSED, struct commit *commit UNUSED,
	       const struct publication *items UNUSED, size_t count UNUSED)
{
}

void
node_retracted(struct node *node UNUSED, struct commit *commit UNUSED, const struct str *ids UNUSED,
	       size_t count UNUSED)
{
}

void
node_deleted(struct node *node UNUSED, struct commit *commit UNUSED)
{
}
