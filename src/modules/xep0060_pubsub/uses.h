/* SPDX-License-Identifier: MIT */
/* uses.h - nodes that have a meaning to the server: their usual configuration, and what follows
 * from a change of one. */
#pragma once

#include "modules/xep0060_pubsub/pubsub.h"

/* COMMIT holds the publication already. */
void node_published(struct node *node, struct commit *commit, const struct publication *items,
		    size_t count);
/* COMMIT took items out of it, at somebody's request. */
void node_retracted(struct node *node, struct commit *commit);
/*
 * What a node of that name is configured like when it is made and nothing else is asked for: what
 * is private by its purpose is for the owner alone (SEC-53).
 */
struct node_config *node_config_usual(const struct site *site, struct str name);
