/* SPDX-License-Identifier: MIT */
/*
 * access.c - who may do what (XEP-0060 §4.1, §4.5): one table, which the tests go through whole
 * (SEC-53).
 */
#include "modules/xep0060_pubsub/pubsub.h"
#include "server/roster.h"

/* Somebody without an affiliation that says more. */
static const enum access rules[MODEL_COUNT][RELATION_COUNT] = {
	[MODEL_OPEN] = {ACCESS_ALLOWED, ACCESS_ALLOWED, ACCESS_ALLOWED},
	[MODEL_PRESENCE] = {ACCESS_PRESENCE_REQUIRED, ACCESS_ALLOWED, ACCESS_ALLOWED},
	[MODEL_ROSTER] = {ACCESS_NOT_IN_GROUP, ACCESS_NOT_IN_GROUP, ACCESS_ALLOWED},
	[MODEL_AUTHORIZE] = {ACCESS_NEEDS_APPROVAL, ACCESS_NEEDS_APPROVAL, ACCESS_NEEDS_APPROVAL},
	[MODEL_WHITELIST] = {ACCESS_CLOSED, ACCESS_CLOSED, ACCESS_CLOSED},
};

enum access
access_rule(enum access_model model, enum affiliation affiliation, enum relation relation,
	    bool is_subscribed)
{
	switch (affiliation) {
	case AFFILIATION_OUTCAST:
	case AFFILIATION_PUBLISH_ONLY:
		return ACCESS_BLOCKED;
	case AFFILIATION_MEMBER:
	case AFFILIATION_PUBLISHER:
	case AFFILIATION_OWNER:
		return ACCESS_ALLOWED;
	default:
		break;
	}
	/* A subscription that an owner granted; elsewhere it ends with what it came from. */
	if (is_subscribed && (model == MODEL_AUTHORIZE || model == MODEL_WHITELIST))
		return ACCESS_ALLOWED;
	return rules[model][relation];
}

enum affiliation
node_affiliation(const struct node *node, struct str who)
{
	const struct person *person;

	if (node->site->account != NULL && str_equal(who, node->site->jid.text))
		return AFFILIATION_OWNER;
	person = node_person(node, who);
	return person ? person->affiliation : AFFILIATION_NONE;
}

/* The sessions' addresses are few, but nobody says which, so that all people are looked at. */
bool
node_is_subscriber(const struct node *node, struct str who)
{
	const struct person *person = node_person(node, who);
	uint32_t at = 0;
	void *value;

	if (person != NULL && person->subscription == SUBSCRIPTION_SUBSCRIBED)
		return true;
	while (map_next(&node->people, &at, &value)) {
		person = value;
		if (person->subscription == SUBSCRIPTION_SUBSCRIBED &&
		    person->jid.len > who.len + 1 && person->jid.p[who.len] == '/' &&
		    str_starts(person->jid, who))
			return true;
	}
	return false;
}

static bool
is_in_group(const struct node_config *config, const struct contact *contact)
{
	for (size_t i = 0; i < config->groups.count; i++)
		for (size_t j = 0; j < contact->group_count; j++)
			if (str_equal(config->groups.items[i], contact->groups[j]))
				return true;
	return false;
}

static enum relation
relation_of(const struct node *node, struct str who)
{
	const struct account *account = node->site->account;
	const struct contact *contact = account ? roster_find(account->roster, who) : NULL;

	if (contact == NULL || !contact->from)
		return RELATION_STRANGER;
	return is_in_group(node->config, contact) ? RELATION_GROUP : RELATION_CONTACT;
}

enum access
node_access(const struct node *node, struct str who)
{
	enum access_model model = node->config->access_model;
	bool is_granted = (model == MODEL_AUTHORIZE || model == MODEL_WHITELIST) &&
			  node_is_subscriber(node, who);

	return access_rule(model, node_affiliation(node, who), relation_of(node, who), is_granted);
}

bool
node_may_publish(const struct node *node, struct str who)
{
	switch (node_affiliation(node, who)) {
	case AFFILIATION_OWNER:
	case AFFILIATION_PUBLISHER:
	case AFFILIATION_PUBLISH_ONLY:
		return true;
	case AFFILIATION_OUTCAST:
		return false;
	default:
		break;
	}
	switch ((enum publish_model)node->config->publish_model) {
	case PUBLISH_OPEN:
		return true;
	case PUBLISH_SUBSCRIBERS:
		return node_is_subscriber(node, who) && node_access(node, who) == ACCESS_ALLOWED;
	default:
		return false;
	}
}

bool
site_may_create(const struct site *site, const struct stanza *request)
{
	struct str who = jid_bare_text(request->from), allowed;
	const struct config_host *host = site_host(site);

	if (site->account != NULL)
		return str_equal(who, site->jid.text);
	allowed = option_text(site_options(site), "creators");
	if (config_is_admin(host, who) || str_is(allowed, "anyone"))
		return true;
	return str_is(allowed, "local") && request->from.local.len > 0 &&
	       str_equal(request->from.domain, host->name);
}

static const char *const affiliation_names[] = {
	[AFFILIATION_NONE] = "none",
	[AFFILIATION_OUTCAST] = "outcast",
	[AFFILIATION_PUBLISH_ONLY] = "publish-only",
	[AFFILIATION_MEMBER] = "member",
	[AFFILIATION_PUBLISHER] = "publisher",
	[AFFILIATION_OWNER] = "owner",
};

const char *
node_affiliation_name(enum affiliation affiliation)
{
	return affiliation_names[affiliation];
}

int
node_affiliation_parse(struct str text, enum affiliation *out)
{
	for (unsigned i = 0; i < COUNT(affiliation_names); i++) {
		if (str_is(text, affiliation_names[i])) {
			*out = (enum affiliation)i;
			return 0;
		}
	}
	return -1;
}

const char *
subscription_name(enum subscription subscription)
{
	static const char *const names[] = {"none", "pending", "subscribed"};

	return names[subscription];
}
