/* SPDX-License-Identifier: MIT */
/* subscribe.c - subscribing to a node and ending that (XEP-0060 §6.1, §6.2). */
#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/options.h"

struct element *
subscription_add(struct arena *arena, struct element *parent, struct str node,
		 const struct person *person)
{
	struct element *el = element_add(arena, parent, NULL, "subscription");

	if (node.p != NULL)
		element_set(arena, el, "node", node);
	element_set(arena, el, "jid", person->jid);
	element_setz(arena, el, "subscription", subscription_name(person->subscription));
	return el;
}

/* The `jid` of the action, which has to be the asker's own; false after a refusal. */
bool
read_own_jid(struct request *request, enum stanza_condition mismatch, const char *specific,
	     struct jid *out)
{
	struct str text = element_attr(request->action, "jid");
	const char *why;

	if (text.len == 0) {
		request_refuse(request, STANZA_BAD_REQUEST, "jid-required");
		return false;
	}
	if (jid_parse(request->arena, text, out, &why) < 0 ||
	    !str_equal(jid_bare_text(*out), request->who)) {
		request_refuse(request, mismatch, specific);
		return false;
	}
	return true;
}

/* §6.1.3 */
static bool
may_subscribe(struct request *request, const struct node *node, const struct person *old)
{
	enum access access = node_access(node, request->who);

	if (!node->config->allows_subscriptions && !node_is_owner(node, request->who)) {
		request_unsupported(request, "subscribe");
	} else if (access != ACCESS_ALLOWED && access != ACCESS_NEEDS_APPROVAL) {
		request_refuse_access(request, access);
	} else if (old != NULL && old->subscription == SUBSCRIPTION_PENDING) {
		request_refuse(request, STANZA_NOT_AUTHORIZED, "pending-subscription");
	} else if (old == NULL && (node->people.count >= option_number(site_options(node->site),
								       "max_subscriptions") ||
				   !site_has_room(node->site, PUBSUB_OVERHEAD))) {
		request_refuse(request, STANZA_POLICY_VIOLATION, "too-many-subscriptions");
	} else {
		return true;
	}
	return false;
}

/* A form with the subscription (§6.3.7). False after a refusal. */
static bool
read_options(struct request *request, bool *deliver, bool *is_given)
{
	const struct element *options = element_child(request->payload, NS_PUBSUB, "options");

	*is_given = options != NULL;
	if (options == NULL)
		return true;
	if (element_attr(options, "node").p != NULL || element_attr(options, "jid").p != NULL) {
		request_refuse(request, STANZA_BAD_REQUEST, NULL);
		return false;
	}
	if (options_read(request->arena, options, deliver) < 0) {
		request_refuse(request, STANZA_BAD_REQUEST, "invalid-options");
		return false;
	}
	return true;
}

static struct element *
subscribed_answer(struct request *request, const struct person *person, bool has_options)
{
	struct element *pubsub = element_new(request->arena, NS_PUBSUB, "pubsub");

	subscription_add(request->arena, pubsub, request->node, person);
	if (has_options) {
		struct element *options = element_add(request->arena, pubsub, NULL, "options");

		element_append(options, options_form(request->arena, FORM_RESULT, person->deliver));
	}
	return pubsub;
}

/* Owners who want to know are told of who comes and goes (pubsub#notify_sub). */
static void
tell_owners(const struct node *node, const struct person *person)
{
	struct site *site = node->site;
	uint32_t at = 0;
	void *value;

	if (!node->config->notify_subscriptions)
		return;
	if (site->account != NULL)
		notify_subscription_to(site, node->name, person, site->jid);
	while (map_next(&node->people, &at, &value)) {
		const struct person *owner = value;

		if (owner->affiliation == AFFILIATION_OWNER)
			notify_subscription_to(site, node->name, person,
					       jid_of_prepared(owner->jid));
	}
}

struct subscribed {
	struct str node;
	struct jid jid;
};

/* §6.1.7, once the subscription is on the disk. */
static void
send_last_to_new(struct site *site, void *arg)
{
	const struct subscribed *new = arg;
	struct node *node = site->state == SITE_READY ? site_node(site, new->node) : NULL;
	const struct person *person = node ? node_person(node, new->jid.text) : NULL;

	if (person == NULL)
		return;
	if (person->subscription == SUBSCRIPTION_PENDING) {
		ask_owners(node, person);
		return;
	}
	tell_owners(node, person);
	if (person->deliver && node->config->send_last != LAST_NEVER &&
	    node_access(node, jid_bare_text(new->jid)) == ACCESS_ALLOWED)
		node_send_last(node, new->jid);
}

void
subscribe_then(struct commit *commit, const struct node *node, const struct person *person)
{
	struct arena *arena = commit_arena(commit);
	struct subscribed *new = arena_new_of(arena, struct subscribed);

	new->node = arena_dup(arena, node->name);
	new->jid = jid_of_prepared(arena_dup(arena, person->jid));
	commit_then(commit, send_last_to_new, new);
}

void
subscribe(struct request *request)
{
	struct node *node = request_node(request);
	struct person *person;
	struct commit *commit;
	bool deliver = true, has_options, is_new;
	struct jid jid;

	if (node == NULL || !read_own_jid(request, STANZA_BAD_REQUEST, "invalid-jid", &jid) ||
	    !may_subscribe(request, node, node_person(node, jid.text)) ||
	    !read_options(request, &deliver, &has_options))
		return;
	person = node_make_person(node, jid.text);
	is_new = person->subscription == SUBSCRIPTION_NONE;
	if (is_new)
		person->subscription = node_access(node, request->who) == ACCESS_ALLOWED
					       ? SUBSCRIPTION_SUBSCRIBED
					       : SUBSCRIPTION_PENDING;
	if (is_new || has_options)
		person->deliver = deliver;
	commit = commit_new(request->site, request);
	commit_person(commit, node, person);
	if (is_new)
		subscribe_then(commit, node, person);
	commit_submit(commit, subscribed_answer(request, person, has_options));
}

/* Without its subscription; it may have an affiliation. */
void
end_subscription(struct node *node, struct commit *commit, struct person *person)
{
	person->subscription = SUBSCRIPTION_NONE;
	person->deliver = true;
	if (person->affiliation != AFFILIATION_NONE) {
		commit_person(commit, node, person);
	} else {
		commit_no_person(commit, node, person->jid);
		node_remove_person(node, person);
	}
}

void
unsubscribe(struct request *request)
{
	struct node *node = request_node(request);
	struct element *pubsub;
	struct person *person;
	struct commit *commit;
	struct jid jid;

	if (node == NULL || !read_own_jid(request, STANZA_FORBIDDEN, NULL, &jid))
		return;
	person = node_person(node, jid.text);
	if (person == NULL || person->subscription == SUBSCRIPTION_NONE) {
		request_refuse(request, STANZA_UNEXPECTED_REQUEST, "not-subscribed");
		return;
	}
	person->subscription = SUBSCRIPTION_NONE;
	tell_owners(node, person);
	pubsub = element_new(request->arena, NS_PUBSUB, "pubsub");
	subscription_add(request->arena, pubsub, request->node, person);
	commit = commit_new(request->site, request);
	end_subscription(node, commit, person);
	commit_submit(commit, pubsub);
}
