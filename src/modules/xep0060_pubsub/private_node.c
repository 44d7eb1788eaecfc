/* SPDX-License-Identifier: MIT */
/* private_node.c - makes them as clients are told to (XEP-0402 §4.2, XEP-0490 §3). */
#include "modules/xep0060_pubsub/private_node.h"

#include "modules/xep0060_pubsub/uses.h"

struct node *
private_node(struct site *site, struct commit *commit, struct str name)
{
	struct node *node = site_node(site, name);
	struct node_config *config;

	if (node != NULL)
		return node->config->access_model == MODEL_WHITELIST && node->config->persist_items
			       ? node
			       : NULL;
	if (!site_has_room_for_node(site))
		return NULL;
	config = node_config_usual(site, name);
	assert(config->access_model == MODEL_WHITELIST);
	return site_create(site, commit, name, site->jid.text, config);
}
