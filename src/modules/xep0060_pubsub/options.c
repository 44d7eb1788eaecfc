/* SPDX-License-Identifier: MIT */
/* options.c - options of a subscription (XEP-0060 §6.3, §6.4). */
#include "modules/xep0060_pubsub/options.h"

#include "modules/xep0060_pubsub/actions.h"

#define DELIVER "pubsub#deliver"

struct element *
options_form(struct arena *arena, enum form_kind kind, bool deliver)
{
	struct element *x = form_new(arena, kind, FORM_SUBSCRIBE_OPTIONS);

	form_add_bool(arena, x, DELIVER, "Send notifications", deliver);
	return x;
}

int
options_read(struct arena *arena, const struct element *parent, bool *deliver)
{
	struct form form;
	const char *why;

	if (form_find(arena, parent, FORM_SUBMIT, FORM_SUBSCRIBE_OPTIONS, &form, &why) < 0)
		return -1;
	return form_bool(&form, DELIVER, deliver);
}

/* Whose options; NULL after a refusal. */
static struct person *
subscriber(struct request *request, struct node **node)
{
	struct person *person;
	struct jid jid;

	*node = request_node(request);
	if (*node == NULL || !read_own_jid(request, STANZA_FORBIDDEN, NULL, &jid))
		return NULL;
	person = node_person(*node, jid.text);
	if (person != NULL && person->subscription != SUBSCRIPTION_NONE)
		return person;
	request_refuse(request, STANZA_UNEXPECTED_REQUEST, "not-subscribed");
	return NULL;
}

void
get_options(struct request *request)
{
	struct node *node;
	const struct person *person = subscriber(request, &node);
	struct element *pubsub, *options;

	if (person == NULL)
		return;
	pubsub = element_new(request->arena, NS_PUBSUB, "pubsub");
	options = element_add(request->arena, pubsub, NULL, "options");
	element_set(request->arena, options, "node", request->node);
	element_set(request->arena, options, "jid", person->jid);
	element_append(options, options_form(request->arena, FORM_ASK, person->deliver));
	request_reply(request, pubsub);
}

void
set_options(struct request *request)
{
	struct node *node;
	struct person *person = subscriber(request, &node);
	struct commit *commit;
	bool deliver;

	if (person == NULL)
		return;
	deliver = person->deliver;
	if (options_read(request->arena, request->action, &deliver) < 0) {
		request_refuse(request, STANZA_BAD_REQUEST, "invalid-options");
		return;
	}
	person->deliver = deliver;
	commit = commit_new(request->site, request);
	commit_person(commit, node, person);
	commit_submit(commit, NULL);
}

/* §6.4 */
void
get_default_options(struct request *request)
{
	struct element *pubsub = element_new(request->arena, NS_PUBSUB, "pubsub");
	struct element *el = element_add(request->arena, pubsub, NULL, "default");

	if (request->node.len > 0) {
		if (request_node(request) == NULL)
			return;
		element_set(request->arena, el, "node", request->node);
	}
	element_append(el, options_form(request->arena, FORM_ASK, true));
	request_reply(request, pubsub);
}
