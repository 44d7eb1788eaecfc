/* SPDX-License-Identifier: MIT */
/* uses.c - the nodes of accounts that have a meaning to the server. */
#include "modules/xep0060_pubsub/uses.h"

#include "modules/xep0060_pubsub/avatar.h"
#include "modules/xep0060_pubsub/bookmarks.h"
#include "modules/xep0060_pubsub/displayed.h"
#include "modules/xep0060_pubsub/vcard4.h"

void
node_published(struct node *node, struct commit *commit, const struct publication *items,
	       size_t count)
{
	if (node->site->account == NULL || count == 0)
		return;
	if (str_is(node->name, NODE_AVATAR_METADATA))
		avatar_published(node, commit, items[count - 1].payload);
	else if (str_is(node->name, NODE_VCARD4))
		vcard4_published(node, commit, items[count - 1].payload);
	else if (str_is(node->name, NODE_BOOKMARKS))
		bookmarks_changed(node, commit);
	else if (str_is(node->name, NODE_OLD_BOOKMARKS))
		bookmarks_old_published(node, commit, items[count - 1].payload);
}

void
node_retracted(struct node *node, struct commit *commit)
{
	if (node->site->account != NULL && str_is(node->name, NODE_BOOKMARKS))
		bookmarks_changed(node, commit);
}

/* What clients keep for themselves (XEP-0402 §4.2, XEP-0048, XEP-0490 §3, XEP-0292 §5.2). */
static bool
is_for_owner(struct str name)
{
	static const char *const names[] = {NODE_BOOKMARKS, NODE_OLD_BOOKMARKS, NODE_DISPLAYED,
					    "urn:xmpp:contacts"};

	for (size_t i = 0; i < COUNT(names); i++)
		if (str_is(name, names[i]))
			return true;
	return false;
}

struct node_config *
node_config_usual(const struct site *site, struct str name)
{
	struct node_config *config = node_config_default(site_place(site));

	if (site->account != NULL && is_for_owner(name)) {
		config->access_model = MODEL_WHITELIST;
		config->max_items = CONFIG_MAX;
		config->send_last = LAST_NEVER;
	}
	if (site->account != NULL && str_is(name, NODE_VCARD4)) { /* XEP-0292 §3 */
		config->access_model = MODEL_OPEN;
		config->deliver_payloads = false;
	}
	return config;
}
