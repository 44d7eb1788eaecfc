/* SPDX-License-Identifier: MIT */
/* uses.h - what follows from a change of a node that has a meaning to the server itself. */
#pragma once

#include "modules/xep0060_pubsub/pubsub.h"

/* They add to COMMIT, which holds the change already. */
void node_published(struct node *node, struct commit *commit, const struct publication *items,
		    size_t count);
void node_retracted(struct node *node, struct commit *commit, const struct str *ids, size_t count);
/* NODE will be. */
void node_deleted(struct node *node, struct commit *commit);
