/* SPDX-License-Identifier: MIT */
/* private_node.h - nodes that an account's server writes to itself, for the owner alone (XEP-0223).
 */
#pragma once

#include "modules/xep0060_pubsub/pubsub.h"

/*
 * The node, made in COMMIT if there is none: for the owner alone, as many items as may be, none of
 * them sent for being the last. NULL when the owner has configured it for others to see, or it does
 * not fit.
 */
struct node *private_node(struct site *site, struct commit *commit, struct str name);
