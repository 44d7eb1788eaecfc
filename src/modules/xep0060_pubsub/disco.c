/* SPDX-License-Identifier: MIT */
/* disco.c - what a site has, and what its nodes are (XEP-0060 §5). */
#include "xmpp/xep/disco.h"
#include "modules/xep0060_pubsub/actions.h"
#include "server/roster.h"
#include "xmpp/xep/rsm.h"

#include <stdlib.h>

#define PAGE_MAX 1000u

/* Whoever could subscribe may know of it. */
static bool
may_know(const struct node *node, struct str who)
{
	enum access access = node_access(node, who);

	return access == ACCESS_ALLOWED || access == ACCESS_NEEDS_APPROVAL;
}

static int
by_name(const void *a, const void *b)
{
	return str_compare((*(const struct node *const *)a)->name,
			   (*(const struct node *const *)b)->name);
}

/* The nodes that the asker may know of, by name. */
static struct node **
known_nodes(struct request *request, size_t *count)
{
	const struct map *nodes = &request->site->nodes;
	struct node **known = arena_array(request->arena, struct node *, nodes->count + 1);
	uint32_t at = 0;
	void *value;

	*count = 0;
	while (map_next(nodes, &at, &value)) {
		struct node *node = value;

		if (node->config != NULL && may_know(node, request->who))
			known[(*count)++] = node;
	}
	qsort(known, *count, sizeof(known[0]), by_name);
	return known;
}

/* §5.2, in pages if there are many or somebody asks for them (XEP-0059). */
static void
list_nodes(struct request *request)
{
	struct element *query = disco_new(request->arena, NS_DISCO_ITEMS, STR_NONE);
	struct rsm_page page = {.first_index = RSM_NONE};
	struct node **nodes;
	size_t count, first = 0, n, max;
	struct rsm rsm;
	const char *why;

	if (rsm_parse(request->arena, request->payload, &rsm, &why) < 0) {
		request_refuse_text(request, STANZA_BAD_REQUEST, why);
		return;
	}
	nodes = known_nodes(request, &count);
	max = rsm.max == RSM_NONE ? PAGE_MAX : MIN(rsm.max, PAGE_MAX);
	while (rsm.after.p != NULL && first < count &&
	       str_compare(nodes[first]->name, rsm.after) <= 0)
		first++;
	n = MIN(max, count - first);
	for (size_t i = first; i < first + n; i++)
		disco_add_item(request->arena, query, request->site->jid.text, nodes[i]->name,
			       nodes[i]->config->title.len > 0 ? nodes[i]->config->title
							       : STR_NONE);
	page.count = (uint32_t)count;
	if (n > 0) {
		page.first = nodes[first]->name;
		page.last = nodes[first + n - 1]->name;
		page.first_index = (uint32_t)first;
	}
	if (n < count || element_child(request->payload, NS_RSM, "set") != NULL)
		rsm_add_page(request->arena, query, &page);
	request_reply(request, query);
}

/* §5.5 */
static void
list_items(struct request *request, struct node *node)
{
	struct element *query = disco_new(request->arena, NS_DISCO_ITEMS, request->node);
	enum access access = node_access(node, request->who);
	size_t n = 0;

	if (access != ACCESS_ALLOWED) {
		request_refuse_access(request, access);
		return;
	}
	node_expire(node);
	LIST_EACH(&node->order, struct item, link, item)
	{
		if (n++ < PAGE_MAX)
			disco_add_item(request->arena, query, request->site->jid.text, STR_NONE,
				       item->id);
	}
	request_reply(request, query);
}

static void
add_people(struct arena *arena, struct element *x, const struct node *node)
{
	struct element *owners =
		form_add_field(arena, x, FIELD_JID_MULTI, "pubsub#owner", "Owners");
	struct element *publishers =
		form_add_field(arena, x, FIELD_JID_MULTI, "pubsub#publisher", "Publishers");
	uint32_t at = 0, subscribers = 0;
	void *value;

	if (node->site->account != NULL)
		field_add_value(arena, owners, node->site->jid.text);
	while (map_next(&node->people, &at, &value)) {
		const struct person *person = value;

		if (person->affiliation == AFFILIATION_OWNER)
			field_add_value(arena, owners, person->jid);
		if (person->affiliation == AFFILIATION_PUBLISHER)
			field_add_value(arena, publishers, person->jid);
		subscribers += person->subscription == SUBSCRIPTION_SUBSCRIBED;
	}
	form_add_text(arena, x, FIELD_TEXT, "pubsub#num_subscribers", "Number of subscribers",
		      arena_printf(arena, "%u", subscribers));
}

/* §5.3, §5.4 */
static void
describe_node(struct request *request, const struct node *node)
{
	struct arena *arena = request->arena;
	struct element *query = disco_new(arena, NS_DISCO_INFO, request->node), *x;

	disco_add_identity(arena, query, STR("pubsub"), STR("leaf"), STR_NONE,
			   node->config->title.len > 0 ? node->config->title : STR_NONE);
	disco_add_feature(arena, query, STR(NS_PUBSUB));
	x = form_new(arena, FORM_RESULT, FORM_META_DATA);
	node_config_add_meta(arena, x, node->config);
	form_add_text(arena, x, FIELD_JID, "pubsub#creator", "Creator", node->creator);
	form_add_text(arena, x, FIELD_TEXT, "pubsub#creation_date", "Date of creation",
		      time_format(arena, node->created_us, false));
	add_people(arena, x, node);
	element_append(query, x);
	request_reply(request, query);
}

/* Strangers cannot tell an account without the node from none (XEP-0030 §8). */
static bool
is_hidden(const struct request *request)
{
	const struct account *account = request->site->account;
	const struct contact *contact;

	if (account == NULL || str_equal(request->who, account->jid.text) ||
	    map_get(&request->site->nodes, request->node) != NULL)
		return false;
	contact = roster_find(account->roster, request->who);
	return contact == NULL || !contact->from;
}

static void
refuse_as_absent(struct request *request, bool is_info)
{
	if (is_info)
		request_refuse(request, STANZA_SERVICE_UNAVAILABLE, NULL);
	else
		request_reply(request, disco_new(request->arena, NS_DISCO_ITEMS, request->node));
}

void
disco_answer(struct request *request)
{
	bool is_info = str_is(request->payload->ns, NS_DISCO_INFO);
	struct node *node;

	request->node = element_attr(request->payload, "node");
	if (request->node.p == NULL) {
		list_nodes(request);
		return;
	}
	if (is_hidden(request)) {
		refuse_as_absent(request, is_info);
		return;
	}
	node = request_node(request);
	if (node == NULL)
		return;
	if (!may_know(node, request->who))
		request_refuse_access(request, node_access(node, request->who));
	else if (is_info)
		describe_node(request, node);
	else
		list_items(request, node);
}
