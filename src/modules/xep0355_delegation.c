/* SPDX-License-Identifier: MIT */
/*
 * xep0355_delegation.c - Namespace Delegation (XEP-0355), in the mode of administrators: requests
 * of some namespaces, to the server or its accounts, are answered by a component.
 */
#include "base/rand.h"
#include "server/server_ask.h"
#include "xmpp/xep/forward.h"

#include "modules/privilege.h"

#define NS_DELEGATION "urn:xmpp:delegation:2"
#define ASK_TIMEOUT_MS 60000u

/* "NAMESPACE", or "NAMESPACE ATTRIBUTE": only if the payload has that attribute (§4.1). */
static bool
covers(struct str delegation, const struct element *payload)
{
	ptrdiff_t space = str_find(delegation, ' ');
	struct str attribute;

	if (space < 0)
		return str_equal(delegation, payload->ns);
	attribute = str_from(delegation, (size_t)space + 1);
	if (!str_equal(str_first(delegation, (size_t)space), payload->ns))
		return false;
	for (const struct attr *a = payload->attrs; a != NULL; a = a->next)
		if (a->ns.len == 0 && str_equal(a->name, attribute))
			return true;
	return false;
}

static const struct config_component *
manager_of(const struct event *ev, const struct element *payload)
{
	const struct config *config = ev->worker->config;

	for (size_t i = 0; i < config->component_count; i++) {
		const struct config_component *c = &config->components[i];

		for (size_t k = 0; k < c->delegations.count; k++)
			if (covers(c->delegations.items[k], payload) &&
			    config_component_is_of(config, c, ev->host))
				return c;
	}
	return NULL;
}

/* §4.3: what the answer must be an answer to. */
static bool
is_answer(const struct element *iq, const struct stanza *asked)
{
	struct str from = element_attr(iq, "from");

	return str_equal(element_attr(iq, "id"), asked->id) &&
	       str_is(element_attr(iq, "type"), "result") &&
	       str_equal(element_attr(iq, "to"), asked->from.text) &&
	       (from.p == NULL || str_equal(from, asked->to.text) ||
		(asked->to.text.len == 0 && str_equal(from, jid_bare_text(asked->from))));
}

static void
on_answer(struct worker *worker UNUSED, const struct stanza *reply, void *arg)
{
	struct held_iq *held = arg;
	const struct element *el =
		reply ? element_child(reply->el, NS_DELEGATION, "delegation") : NULL;

	el = el ? element_child(el, NS_FORWARD, "forwarded") : NULL;
	el = el ? element_child(el, NS_CLIENT, "iq") : NULL;
	if (el == NULL || reply->type != IQ_RESULT || !is_answer(el, held->iq)) {
		held_refuse(held, STANZA_SERVICE_UNAVAILABLE, NULL);
		return;
	}
	el = element_child(el, NULL, NULL);
	held_reply(held, el ? element_copy(held->arena, el) : NULL);
}

static enum verdict
delegate(struct event *ev)
{
	const struct element *payload = event_payload(ev);
	const struct config_component *c = payload && ev->host ? manager_of(ev, payload) : NULL;
	struct element *delegation, *copy;
	struct jid host, to;

	/* §4.3.1: what the component itself asks, the server answers. */
	if (c == NULL || config_component(ev->worker->config, ev->stanza->from.domain) == c)
		return PASS;
	host = (struct jid){.text = ev->host->name, .domain = ev->host->name};
	to = (struct jid){.text = c->name, .domain = c->name};
	delegation = element_new(ev->arena, NS_DELEGATION, "delegation");
	copy = element_copy(ev->arena, ev->stanza->el);
	element_set(ev->arena, copy, "from", ev->stanza->from.text);
	if (ev->stanza->to.text.len > 0)
		element_set(ev->arena, copy, "to", ev->stanza->to.text);
	element_append(element_add(ev->arena, delegation, NS_FORWARD, "forwarded"), copy);
	server_ask(ev->worker, host, to, IQ_SET, delegation, ASK_TIMEOUT_MS, on_answer,
		   event_hold(ev));
	return DONE;
}

/* §4.2 */
static void
advertise(struct event *ev, const struct config_host *host)
{
	struct jid from = {.text = host->name, .domain = host->name};
	struct jid to = {.text = ev->component->name, .domain = ev->component->name};
	struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL, from, to);
	struct element *el = element_add(message->arena, message->el, NS_DELEGATION, "delegation");

	stanza_set_id(message, rand_token(message->arena, 96));
	for (size_t i = 0; i < ev->component->delegations.count; i++) {
		struct str delegation = ev->component->delegations.items[i];
		ptrdiff_t space = str_find(delegation, ' ');
		struct element *delegated = element_add(message->arena, el, NULL, "delegated");

		element_set(message->arena, delegated, "namespace",
			    space < 0 ? delegation : str_first(delegation, (size_t)space));
		if (space >= 0)
			element_set(message->arena,
				    element_add(message->arena, delegated, NULL, "attribute"),
				    "name", str_from(delegation, (size_t)space + 1));
	}
	route(ev->worker, message);
}

static enum verdict
on_connected(struct event *ev)
{
	const struct config *config = ev->worker->config;

	for (size_t i = 0; ev->component->delegations.count > 0 && i < config->host_count; i++)
		if (config_component_is_of(config, ev->component, &config->hosts[i]))
			advertise(ev, &config->hosts[i]);
	return PASS;
}

const struct module xep0355_delegation = {
	.name = "delegation",
	.specs = SPECS({"XEP-0355", "0.5", SPEC_PARTIAL,
			"delegation by the administrator; no client mode, no disco nesting"}),
	.features = FEATURES(NS_DELEGATION),
	.hooks = HOOKS({POINT_COMPONENT, STAGE_HANDLE, on_connected},
		       {POINT_IQ, STAGE_HANDLE, delegate}),
};
