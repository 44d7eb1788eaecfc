/* SPDX-License-Identifier: MIT */
/* own.c - what somebody has to do with the nodes of a site (XEP-0060 §5.6, §5.7). */
#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/options.h"

static bool
is_whose(const struct person *person, struct str who)
{
	return str_equal(jid_bare_text(jid_of_prepared(person->jid)), who);
}

static void
add_subscriptions(struct request *request, struct element *list, const struct node *node)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&node->people, &at, &value)) {
		const struct person *person = value;

		if (person->subscription != SUBSCRIPTION_NONE && is_whose(person, request->who))
			subscription_add(request->arena, list, node->name, person);
	}
}

static void
add_affiliation(struct request *request, struct element *list, const struct node *node)
{
	enum affiliation affiliation = node_affiliation(node, request->who);
	struct element *el;

	if (affiliation == AFFILIATION_NONE)
		return;
	el = element_add(request->arena, list, NULL, "affiliation");
	element_set(request->arena, el, "node", node->name);
	element_setz(request->arena, el, "affiliation", node_affiliation_name(affiliation));
}

/* Of the node that is named, or of all. */
static void
answer(struct request *request, const char *name,
       void (*add)(struct request *request, struct element *list, const struct node *node))
{
	struct element *pubsub = element_new(request->arena, NS_PUBSUB, "pubsub");
	struct element *list = element_add(request->arena, pubsub, NULL, name);
	uint32_t at = 0;
	void *value;

	if (request->node.len > 0) {
		struct node *node = request_node(request);

		if (node == NULL)
			return;
		element_set(request->arena, list, "node", request->node);
		add(request, list, node);
	} else {
		while (map_next(&request->site->nodes, &at, &value))
			if (((struct node *)value)->config != NULL)
				add(request, list, value);
	}
	request_reply(request, pubsub);
}

void
get_subscriptions(struct request *request)
{
	answer(request, "subscriptions", add_subscriptions);
}

void
get_affiliations(struct request *request)
{
	answer(request, "affiliations", add_affiliation);
}
