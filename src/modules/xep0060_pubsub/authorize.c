/* SPDX-License-Identifier: MIT */
/* authorize.c - owners are asked whether somebody may subscribe, and answer (XEP-0060 §8.6). */
#include "base/rand.h"
#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/options.h"

#include <stdlib.h>

void
ask_owner(const struct node *node, const struct person *person, struct jid owner)
{
	struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL, node->site->jid, owner);
	struct arena *arena = message->arena;
	struct element *x = form_new(arena, FORM_ASK, FORM_AUTHORIZE);

	stanza_set_id(message, rand_token(arena, 96));
	form_set_title(arena, x, STR("Subscription request"));
	form_add_instructions(arena, x, STR("Somebody asks to subscribe to one of your nodes."));
	form_add_text(arena, x, FIELD_TEXT, "pubsub#node", "Node", node->name);
	form_add_text(arena, x, FIELD_JID, "pubsub#subscriber_jid", "Who asks", person->jid);
	form_add_bool(arena, x, "pubsub#allow", "Allow this?", false);
	element_append(message->el, x);
	route(node->site->worker, message);
}

void
ask_owners(const struct node *node, const struct person *person)
{
	uint32_t at = 0;
	void *value;

	if (node->site->account != NULL)
		ask_owner(node, person, node->site->jid);
	while (map_next(&node->people, &at, &value)) {
		const struct person *owner = value;

		if (owner->affiliation == AFFILIATION_OWNER)
			ask_owner(node, person, jid_of_prepared(owner->jid));
	}
}

struct answer { /* an owner's, until the site is loaded */
	struct site_task task;
	struct stanza *message;
};

static void
decide(struct site *site, struct node *node, struct person *person, bool is_allowed)
{
	struct commit *commit = commit_new(site, NULL);

	person->subscription = is_allowed ? SUBSCRIPTION_SUBSCRIBED : SUBSCRIPTION_NONE;
	notify_subscription(site, node->name, person);
	if (is_allowed) {
		commit_person(commit, node, person);
		subscribe_then(commit, node, person);
	} else {
		end_subscription(node, commit, person);
	}
	commit_submit(commit, NULL);
}

/* What does not fit, any more, is passed over: somebody else may have answered before. */
static void
on_answer(struct site_task *task, struct site *site)
{
	struct answer *answer = CONTAINER(task, struct answer, task);
	struct stanza *message = answer->message;
	struct arena *arena = arena_new();
	struct form form;
	struct jid subscriber;
	struct node *node;
	struct person *person;
	const char *why;
	bool is_allowed = false;

	if (site != NULL &&
	    form_find(arena, message->el, FORM_SUBMIT, FORM_AUTHORIZE, &form, &why) == 0 &&
	    (node = site_node(site, form_value(&form, "pubsub#node"))) != NULL &&
	    node_is_owner(node, jid_bare_text(message->from)) &&
	    jid_parse(arena, form_value(&form, "pubsub#subscriber_jid"), &subscriber, &why) == 0 &&
	    (person = node_person(node, subscriber.text)) != NULL &&
	    person->subscription == SUBSCRIPTION_PENDING &&
	    form_field(&form, "pubsub#allow") != NULL &&
	    form_bool(&form, "pubsub#allow", &is_allowed) == 0)
		decide(site, node, person, is_allowed);
	arena_free(arena);
	stanza_unref(message);
	free(answer);
}

enum verdict
take_authorization(struct event *ev, struct site *site)
{
	struct form form;
	struct answer *answer;
	const char *why;

	if (form_find(ev->arena, ev->stanza->el, FORM_SUBMIT, FORM_AUTHORIZE, &form, &why) < 0)
		return form_find(ev->arena, ev->stanza->el, FORM_CANCEL, FORM_AUTHORIZE, &form,
				 &why) == 0
			       ? DONE
			       : PASS;
	answer = xnew(struct answer);
	answer->task.run = on_answer;
	answer->message = stanza_ref(ev->stanza);
	if (site_when_ready(site, &answer->task))
		return DONE;
	stanza_unref(answer->message);
	free(answer);
	return event_refuse(ev, STANZA_RESOURCE_CONSTRAINT);
}
