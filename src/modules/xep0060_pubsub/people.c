/* SPDX-License-Identifier: MIT */
/*
 * people.c - owners decide who is affiliated with a node, and who is subscribed (XEP-0060 §8.8,
 * §8.9).
 *
 * Of several changes in one request those that can be made are made; the error lists the others, as
 * they were.
 */
#include "modules/xep0060_pubsub/actions.h"
#include "modules/xep0060_pubsub/options.h"

struct changes { /* of one request */
	struct request *request;
	struct node *node;
	struct commit *commit;
	struct element *failed; /* <pubsub/>, or NULL: nothing yet */
};

static struct element *
list_new(struct request *request, struct element **list)
{
	struct element *pubsub = element_new(request->arena, NS_PUBSUB_OWNER, "pubsub");

	*list = element_add(request->arena, pubsub, NULL,
			    str_is(request->action->name, "affiliations") ? "affiliations"
									  : "subscriptions");
	element_set(request->arena, *list, "node", request->node);
	return pubsub;
}

static void
add_affiliation(struct arena *arena, struct element *list, struct str jid,
		enum affiliation affiliation)
{
	struct element *el = element_add(arena, list, NULL, "affiliation");

	element_set(arena, el, "jid", jid);
	element_setz(arena, el, "affiliation", node_affiliation_name(affiliation));
}

void
get_node_affiliations(struct request *request)
{
	struct node *node = request_own_node(request);
	struct element *pubsub, *list;
	uint32_t at = 0;
	void *value;

	if (node == NULL)
		return;
	pubsub = list_new(request, &list);
	if (request->site->account != NULL)
		add_affiliation(request->arena, list, request->site->jid.text, AFFILIATION_OWNER);
	while (map_next(&node->people, &at, &value)) {
		const struct person *person = value;

		if (person->affiliation != AFFILIATION_NONE)
			add_affiliation(request->arena, list, person->jid, person->affiliation);
	}
	request_reply(request, pubsub);
}

void
get_node_subscriptions(struct request *request)
{
	struct node *node = request_own_node(request);
	struct element *pubsub, *list;
	uint32_t at = 0;
	void *value;

	if (node == NULL)
		return;
	pubsub = list_new(request, &list);
	while (map_next(&node->people, &at, &value)) {
		const struct person *person = value;

		if (person->subscription == SUBSCRIPTION_SUBSCRIBED)
			subscription_add(request->arena, list, STR_NONE, person);
	}
	request_reply(request, pubsub);
}

static bool
is_last_owner(const struct node *node, struct str jid)
{
	uint32_t at = 0;
	void *value;

	if (node->site->account != NULL)
		return str_equal(jid, node->site->jid.text);
	if (node_affiliation(node, jid) != AFFILIATION_OWNER)
		return false;
	while (map_next(&node->people, &at, &value)) {
		const struct person *person = value;

		if (person->affiliation == AFFILIATION_OWNER && !str_equal(person->jid, jid))
			return false;
	}
	return true;
}

/* A subscription changed without its subscriber's doing (§8.8.4). */
static void
change_subscription(struct changes *c, struct person *person, enum subscription subscription)
{
	bool is_new = person->subscription != SUBSCRIPTION_SUBSCRIBED &&
		      subscription == SUBSCRIPTION_SUBSCRIBED;

	if (person->subscription == subscription)
		return;
	person->subscription = (uint8_t)subscription;
	notify_subscription(c->node->site, c->node->name, person);
	if (subscription == SUBSCRIPTION_NONE) {
		end_subscription(c->node, c->commit, person);
		return;
	}
	commit_person(c->commit, c->node, person);
	if (is_new && c->node->config->send_last != LAST_NEVER &&
	    node_access(c->node, jid_bare_text(jid_of_prepared(person->jid))) == ACCESS_ALLOWED)
		node_send_last(c->node, jid_of_prepared(arena_dup(c->request->arena, person->jid)));
}

/* §8.6, note: what an affiliation means for subscriptions of that account. */
static void
follow_affiliation(struct changes *c, struct str bare, enum affiliation affiliation)
{
	struct person **all =
		arena_array(c->request->arena, struct person *, c->node->people.count + 1);
	size_t n = 0;
	uint32_t at = 0;
	void *value;

	while (map_next(&c->node->people, &at, &value)) {
		struct person *person = value;

		if (str_equal(jid_bare_text(jid_of_prepared(person->jid)), bare) &&
		    person->subscription != SUBSCRIPTION_NONE)
			all[n++] = person;
	}
	for (size_t i = 0; i < n; i++) {
		if (affiliation == AFFILIATION_OUTCAST || affiliation == AFFILIATION_PUBLISH_ONLY)
			change_subscription(c, all[i], SUBSCRIPTION_NONE);
		else if (affiliation >= AFFILIATION_MEMBER)
			change_subscription(c, all[i], SUBSCRIPTION_SUBSCRIBED);
	}
}

static void
change_affiliation(struct changes *c, struct jid jid, enum affiliation affiliation)
{
	struct person *person = node_make_person(c->node, jid.text);

	person->affiliation = (uint8_t)affiliation;
	if (affiliation == AFFILIATION_NONE && person->subscription == SUBSCRIPTION_NONE) {
		commit_no_person(c->commit, c->node, jid.text);
		node_remove_person(c->node, person);
		return;
	}
	commit_person(c->commit, c->node, person);
	follow_affiliation(c, jid.text, affiliation);
}

static struct element *
failed_list(struct changes *c)
{
	struct element *list;

	if (c->failed == NULL)
		c->failed = list_new(c->request, &list);
	return c->failed->children;
}

static bool
is_full(const struct node *node, struct str jid)
{
	return node_person(node, jid) == NULL &&
	       node->people.count >= option_number(site_options(node->site), "max_subscriptions");
}

static void
take_affiliation(struct changes *c, const struct element *el)
{
	struct str text = element_attr(el, "affiliation");
	enum affiliation affiliation;
	struct jid jid;
	const char *why;

	if (text.p == NULL)
		return; /* §8.9.2: no change */
	if (jid_parse(c->request->arena, element_attr(el, "jid"), &jid, &why) < 0) {
		add_affiliation(c->request->arena, failed_list(c), element_attr(el, "jid"),
				AFFILIATION_NONE);
		return;
	}
	jid = jid_bare(jid);
	if (node_affiliation_parse(text, &affiliation) < 0 || is_full(c->node, jid.text) ||
	    (affiliation != AFFILIATION_OWNER && is_last_owner(c->node, jid.text)))
		add_affiliation(c->request->arena, failed_list(c), jid.text,
				node_affiliation(c->node, jid.text));
	else if (c->node->site->account == NULL || !str_equal(jid.text, c->node->site->jid.text))
		change_affiliation(c, jid, affiliation);
}

static void
take_subscription(struct changes *c, const struct element *el)
{
	struct str text = element_attr(el, "subscription");
	struct person *person = NULL, nobody = {0};
	struct jid jid;
	const char *why;

	if (text.p == NULL)
		return;
	if (jid_parse(c->request->arena, element_attr(el, "jid"), &jid, &why) == 0)
		person = node_person(c->node, jid.text);
	else
		jid.text = STR_NONE;
	if (jid.text.len > 0 && str_is(text, "subscribed") && !is_full(c->node, jid.text)) {
		change_subscription(c, node_make_person(c->node, jid.text),
				    SUBSCRIPTION_SUBSCRIBED);
	} else if (person != NULL && str_is(text, "none")) {
		change_subscription(c, person, SUBSCRIPTION_NONE);
	} else if (person == NULL || !str_is(text, subscription_name(person->subscription))) {
		nobody.jid = jid.text.len > 0 ? jid.text : element_attr(el, "jid");
		subscription_add(c->request->arena, failed_list(c), STR_NONE,
				 person ? person : &nobody);
	}
}

/* §8.9.2.4: an entity stands there once. */
static bool
has_repetition(struct request *request, const char *name)
{
	struct map seen = {0};
	bool is_repeated = false;

	for (const struct element *el = element_child(request->action, NULL, name);
	     el != NULL && !is_repeated; el = element_next(el, NULL, name)) {
		struct str jid = element_attr(el, "jid");

		is_repeated = map_put(&seen, jid.p != NULL ? jid : STR(""), request) != NULL;
	}
	map_free(&seen);
	return is_repeated;
}

static void
change_people(struct request *request, const char *name,
	      void (*take)(struct changes *c, const struct element *el))
{
	struct changes c = {.request = request, .node = request_own_node(request)};

	if (c.node == NULL)
		return;
	if (has_repetition(request, name)) {
		request_refuse(request, STANZA_BAD_REQUEST, NULL);
		return;
	}
	c.commit = commit_new(request->site, request);
	commit_node(c.commit, c.node); /* so that there is something to be stored */
	for (const struct element *el = element_child(request->action, NULL, name); el != NULL;
	     el = element_next(el, NULL, name))
		take(&c, el);
	if (c.failed != NULL)
		commit_submit_failed(c.commit, STANZA_NOT_ACCEPTABLE, c.failed);
	else
		commit_submit(c.commit, NULL);
}

void
set_node_affiliations(struct request *request)
{
	change_people(request, "affiliation", take_affiliation);
}

void
set_node_subscriptions(struct request *request)
{
	change_people(request, "subscription", take_subscription);
}
