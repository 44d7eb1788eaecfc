/* SPDX-License-Identifier: MIT */
/* uses.h - what follows from a publication at a node that has a meaning to the server itself. */
#pragma once

#include "modules/xep0060_pubsub/pubsub.h"

/* COMMIT holds the publication already. */
void node_published(struct node *node, struct commit *commit, const struct publication *items,
		    size_t count);
