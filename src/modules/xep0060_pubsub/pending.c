/* SPDX-License-Identifier: MIT */
/*
 * pending.c - an owner who missed them asks for the subscription requests that wait (XEP-0060
 * §8.7): the one ad-hoc command of a service (XEP-0050). It keeps nothing between its two stages.
 */
#include "base/rand.h"
#include "modules/commands.h"
#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/options.h"
#include "xmpp/xep/disco.h"

#define NODE_PENDING NS_PUBSUB "#get-pending"

static size_t
count_pending(const struct node *node)
{
	uint32_t at = 0;
	size_t n = 0;
	void *value;

	while (map_next(&node->people, &at, &value))
		n += ((const struct person *)value)->subscription == SUBSCRIPTION_PENDING;
	return n;
}

static struct element *
command_new(struct request *request, const char *status)
{
	struct element *command = element_new(request->arena, NS_COMMANDS, "command");
	struct str session = element_attr(request->payload, "sessionid");

	element_setz(request->arena, command, "node", NODE_PENDING);
	element_set(request->arena, command, "sessionid",
		    session.p != NULL ? session : rand_token(request->arena, 96));
	element_setz(request->arena, command, "status", status);
	return command;
}

/* The owner's nodes for which somebody waits. */
static void
ask_which(struct request *request)
{
	struct arena *arena = request->arena;
	struct element *x = form_new(arena, FORM_ASK, FORM_AUTHORIZE), *field, *command, *actions;
	uint32_t at = 0;
	bool is_owner = false;
	void *value;

	form_set_title(arena, x, STR("Subscription requests"));
	field = form_add_field(arena, x, FIELD_LIST, "pubsub#node", "Node");
	while (map_next(&request->site->nodes, &at, &value)) {
		const struct node *node = value;

		if (node->config == NULL || !node_is_owner(node, request->who))
			continue;
		is_owner = true;
		if (count_pending(node) > 0)
			field_add_option(arena, field, NULL, node->name);
	}
	if (!is_owner) {
		request_refuse(request, STANZA_FORBIDDEN, NULL);
		return;
	}
	command = command_new(request, "executing");
	actions = element_add(arena, command, NULL, "actions");
	element_setz(arena, actions, "execute", "complete");
	element_add(arena, actions, NULL, "complete");
	element_append(command, x);
	request_reply(request, command);
}

/* The requests themselves go to who asks, and nobody else; after the answer. */
static void
send_pending(struct request *request, struct str name)
{
	struct arena *arena = arena_new();
	struct jid to = jid_of_prepared(arena_dup(arena, request->iq->from.text));
	struct node *node;
	uint32_t at = 0;
	void *value;

	request->node = name;
	node = request_own_node(request);
	if (node != NULL) {
		request_reply(request, command_new(request, "completed"));
		while (map_next(&node->people, &at, &value))
			if (((struct person *)value)->subscription == SUBSCRIPTION_PENDING)
				ask_owner(node, value, to);
	}
	arena_free(arena);
}

static void
run(struct request *request)
{
	struct str action = element_attr(request->payload, "action");
	const struct element *x = element_child(request->payload, NS_FORMS, "x");
	struct form form;
	const char *why;

	if (!str_is(element_attr(request->payload, "node"), NODE_PENDING))
		request_refuse(request, STANZA_ITEM_NOT_FOUND, NULL);
	else if (str_is(action, "cancel"))
		request_reply(request, command_new(request, "canceled"));
	else if (x == NULL)
		ask_which(request);
	else if (form_parse(request->arena, x, &form, &why) < 0 || form.kind != FORM_SUBMIT)
		request_refuse(request, STANZA_BAD_REQUEST, NULL);
	else
		send_pending(request, form_value(&form, "pubsub#node"));
}

enum verdict
take_command(struct event *ev, struct site *site)
{
	return request_take(ev, site, run);
}

enum verdict
list_commands(struct event *ev)
{
	struct element *items = disco_new(ev->arena, NS_DISCO_ITEMS, STR(NS_COMMANDS));

	disco_add_item(ev->arena, items, ev->stanza->to.text, STR(NODE_PENDING),
		       STR("Subscription requests"));
	event_reply(ev, items);
	return DONE;
}
