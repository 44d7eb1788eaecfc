/* SPDX-License-Identifier: MIT */
/*
 * xep0030_disco.c - service discovery of the server and of accounts (XEP-0030, XEP-0128).
 *
 * Everything said here stands in the modules' tables.
 */
#include "modules/disco_server.h"

#include "server/roster.h"

static bool
is_on(const struct event *ev, size_t module)
{
	return config_module_enabled(config_options(ev->worker->config, ev->host, module));
}

static void
add_features(struct event *ev, struct element *query, const char *const *features)
{
	for (; features != NULL && *features != NULL; features++)
		disco_add_feature(ev->arena, query, str(*features));
}

struct element *
disco_server_info(struct event *ev, struct str node)
{
	struct element *query = disco_new(ev->arena, NS_DISCO_INFO, node);

	disco_add_identity(ev->arena, query, STR("server"), STR("im"), STR_NONE, STR("Recado"));
	for (size_t i = 0; i < module_count(); i++) {
		if (!is_on(ev, i))
			continue;
		add_features(ev, query, modules[i]->features);
		if (modules[i]->disco_info != NULL)
			modules[i]->disco_info(ev, query);
	}
	return query;
}

/* A node is ours when it is that of our caps (XEP-0115 §6.2); which hash follows does not matter.
 */
static bool
is_known_node(struct str node)
{
	return node.p == NULL || str_starts(node, STR(CAPS_NODE "#"));
}

static enum verdict
server_info(struct event *ev)
{
	struct str node = element_attr(event_payload(ev), "node");

	if (!is_known_node(node))
		return event_refuse(ev, STANZA_ITEM_NOT_FOUND);
	event_reply(ev, disco_server_info(ev, node));
	return DONE;
}

/* The services below the host. */
static enum verdict
server_items(struct event *ev)
{
	struct str node = element_attr(event_payload(ev), "node");
	struct element *query;

	if (node.p != NULL)
		return event_refuse(ev, STANZA_ITEM_NOT_FOUND);
	query = disco_new(ev->arena, NS_DISCO_ITEMS, STR_NONE);
	for (size_t i = 0; i < module_count(); i++) {
		const struct config_service *service =
			modules[i]->subdomain != NULL
				? config_host_service(ev->worker->config, ev->host, i)
				: NULL;

		if (service != NULL)
			disco_add_item(ev->arena, query, service->name, STR_NONE, STR_NONE);
	}
	for (size_t i = 0; i < ev->worker->config->component_count; i++) {
		const struct config_component *component = &ev->worker->config->components[i];

		if (config_component_is_of(ev->worker->config, component, ev->host))
			disco_add_item(ev->arena, query, component->name, STR_NONE, STR_NONE);
	}
	event_reply(ev, query);
	return DONE;
}

/* §8: an account tells about itself only to those who may see its presence. */
static bool
may_ask(const struct event *ev)
{
	struct str asker = jid_bare_text(ev->stanza->from);
	const struct contact *contact;

	if (str_equal(asker, ev->account->jid.text))
		return true;
	contact = roster_find(ev->account->roster, asker);
	return contact != NULL && contact->from;
}

/* What modules answer of themselves. */
static enum verdict
ask_modules(struct event *ev)
{
	enum verdict verdict = PASS;

	for (size_t i = 0; i < module_count() && verdict == PASS; i++) {
		if (modules[i]->account_disco == NULL || !is_on(ev, i))
			continue;
		ev->module = modules[i];
		verdict = modules[i]->account_disco(ev);
	}
	return verdict;
}

static enum verdict
account_info(struct event *ev)
{
	struct element *query;

	if (element_attr(event_payload(ev), "node").p != NULL) {
		enum verdict verdict = ask_modules(ev);

		if (verdict != PASS)
			return verdict;
	}
	if (!may_ask(ev))
		return event_refuse(ev, STANZA_SERVICE_UNAVAILABLE);
	if (element_attr(event_payload(ev), "node").p != NULL)
		return event_refuse(ev, STANZA_ITEM_NOT_FOUND);
	query = disco_new(ev->arena, NS_DISCO_INFO, STR_NONE);
	disco_add_identity(ev->arena, query, STR("account"),
			   ev->account->is_guest ? STR("anonymous") : STR("registered"), STR_NONE,
			   STR_NONE);
	for (size_t i = 0; i < module_count(); i++)
		if (is_on(ev, i)) {
			add_features(ev, query, modules[i]->account_features);
			if (modules[i]->account_info != NULL)
				modules[i]->account_info(ev, query);
		}
	event_reply(ev, query);
	return DONE;
}

static enum verdict
account_items(struct event *ev)
{
	struct str node = element_attr(event_payload(ev), "node");
	enum verdict verdict = ev->account != NULL ? ask_modules(ev) : PASS;

	if (verdict != PASS)
		return verdict;
	/* Strangers cannot tell an account without items from none. */
	if (node.p != NULL && ev->account != NULL && may_ask(ev))
		return event_refuse(ev, STANZA_ITEM_NOT_FOUND);
	event_reply(ev, disco_new(ev->arena, NS_DISCO_ITEMS, node));
	return DONE;
}

static enum verdict
info(struct event *ev)
{
	return ev->stanza->to.text.len > 0 && ev->stanza->to.local.len == 0 ? server_info(ev)
									    : account_info(ev);
}

static enum verdict
items(struct event *ev)
{
	return ev->stanza->to.text.len > 0 && ev->stanza->to.local.len == 0 ? server_items(ev)
									    : account_items(ev);
}

const struct module xep0030_disco = {
	.name = "disco",
	.specs = SPECS({"XEP-0030", "2.5.0", SPEC_COMPLETE, NULL},
		       {"XEP-0128", "1.0.1", SPEC_COMPLETE, NULL}),
	.features = FEATURES(NS_DISCO_INFO, NS_DISCO_ITEMS),
	.account_features = FEATURES(NS_DISCO_INFO, NS_DISCO_ITEMS),
	.iqs = IQS({IQ_GET, TO_SERVER | TO_OWN_ACCOUNT | TO_ACCOUNT, NS_DISCO_INFO, "query", info},
		   {IQ_GET, TO_SERVER | TO_OWN_ACCOUNT | TO_ACCOUNT | TO_NOBODY, NS_DISCO_ITEMS,
		    "query", items}),
};
