/* SPDX-License-Identifier: MIT */
/*
 * xep0356_privilege.c - Privileged Entity (XEP-0356): components that the operator trusts may read
 * and change rosters, send messages and requests in the name of accounts, and see presence.
 *
 * All of it is by the configuration of each component, and only for accounts of the hosts that it
 * belongs to.
 */
#include "modules/privilege.h"

#include "base/rand.h"
#include "modules/roster.h"
#include "server/component.h"
#include "server/server.h"
#include "server/server_ask.h"
#include "xmpp/xep/forward.h"

#include <stdlib.h>

#define NS_PRIVILEGE "urn:xmpp:privilege:2"
#define ASK_TIMEOUT_MS 60000u

extern const struct module xep0356_privilege;

struct privilege_state {      /* of a worker */
	struct map announced; /* sessions whose initial presence was told: char * by itself */
};

struct encapsulated { /* a request in an account's name that waits for its answer */
	struct held_iq *held;
	char *id; /* of the request as the component made it */
};

const struct config_component *
event_component(const struct event *ev)
{
	const struct config *config = ev->worker->config;
	const struct config_component *component =
		config_component(config, ev->stanza->from.domain);

	return component != NULL && ev->host != NULL &&
			       config_component_is_of(config, component, ev->host)
		       ? component
		       : NULL;
}

static struct jid
component_jid(const struct config_component *component)
{
	return (struct jid){.text = component->name, .domain = component->name};
}

/* §4, §5, §6, §7: what it may do */

static struct element *
add_perm(struct arena *arena, struct element *privilege, const char *access, const char *type)
{
	struct element *perm = element_add(arena, privilege, NULL, "perm");

	element_setz(arena, perm, "access", access);
	if (type != NULL)
		element_setz(arena, perm, "type", type);
	return perm;
}

static bool
lists(const struct text_list *list, struct str ns)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_equal(list->items[i], ns))
			return true;
	return false;
}

static void
add_namespace(struct arena *arena, struct element *perm, struct str ns, const char *type)
{
	struct element *el = element_add(arena, perm, NULL, "namespace");

	element_set(arena, el, "ns", ns);
	element_setz(arena, el, "type", type);
}

static void
add_iq_perm(struct arena *arena, struct element *privilege, const struct config_component *c)
{
	struct element *perm;

	if (c->iq_get.count + c->iq_set.count == 0)
		return;
	perm = add_perm(arena, privilege, "iq", NULL);
	for (size_t i = 0; i < c->iq_get.count; i++)
		add_namespace(arena, perm, c->iq_get.items[i],
			      lists(&c->iq_set, c->iq_get.items[i]) ? "both" : "get");
	for (size_t i = 0; i < c->iq_set.count; i++)
		if (!lists(&c->iq_get, c->iq_set.items[i]))
			add_namespace(arena, perm, c->iq_set.items[i], "set");
}

static void
advertise(struct worker *worker, const struct config_component *c, const struct config_host *host)
{
	static const char *const roster[] = {"none", "get", "set", "both"};
	static const char *const presence[] = {"none", "managed_entity", "roster"};
	struct jid from = {.text = host->name, .domain = host->name};
	struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL, from, component_jid(c));
	struct arena *arena = message->arena;
	struct element *privilege = element_add(arena, message->el, NS_PRIVILEGE, "privilege");

	stanza_set_id(message, rand_token(arena, 96));
	if (c->roster != ROSTER_NONE)
		element_setz(arena, add_perm(arena, privilege, "roster", roster[c->roster]), "push",
			     c->roster & ROSTER_GET ? "true" : "false");
	if (c->message)
		add_perm(arena, privilege, "message", "outgoing");
	add_iq_perm(arena, privilege, c);
	if (c->presence != PRESENCE_NONE)
		add_perm(arena, privilege, "presence", presence[c->presence]);
	if (privilege->children != NULL)
		route(worker, message);
	else
		stanza_unref(message);
}

/* §8: who is online when a component comes, as far as this worker knows. */
static void
tell_presence(struct worker *worker, void *arg)
{
	char *name = arg;
	const struct config_component *c = config_component(worker->config, str(name));
	uint32_t at = 0;
	void *value;

	while (c != NULL && map_next(&worker->accounts, &at, &value)) {
		struct account *account = value;
		const struct config_host *host = worker_host(worker, account->jid.domain);

		if (host == NULL || !config_component_is_of(worker->config, c, host))
			continue;
		LIST_EACH(&account->sessions, struct session, link, session)
		{
			struct stanza *presence =
				session_is_available(session) ? wire_thaw(session->presence) : NULL;

			if (presence == NULL)
				continue;
			stanza_set_to(presence, component_jid(c));
			component_tell(worker, presence);
		}
	}
	free(name);
}

static enum verdict
on_connected(struct event *ev)
{
	const struct config *config = ev->worker->config;
	const struct server *server = ev->worker->server;

	for (size_t i = 0; i < config->host_count; i++)
		if (config_component_is_of(config, ev->component, &config->hosts[i]))
			advertise(ev->worker, ev->component, &config->hosts[i]);
	for (size_t i = 0; ev->component->presence != PRESENCE_NONE && i < server->worker_count;
	     i++)
		worker_call(server->workers[i], tell_presence, str_dupz(ev->component->name));
	return PASS;
}

/* §4: rosters */

static void
reply_roster(struct event *ev)
{
	const struct roster *roster = ev->account->roster;
	struct element *query = element_new(ev->arena, NS_ROSTER, "query");
	uint32_t at = 0;
	void *value;

	element_set(ev->arena, query, "ver",
		    arena_printf(ev->arena, "%llu", (unsigned long long)roster->version));
	while (map_next(&roster->contacts, &at, &value))
		if (((struct contact *)value)->is_listed)
			contact_item(ev->arena, query, value);
	event_reply(ev, query);
}

/* A component's request for a roster. Others' go their way, which ends in an error. */
static enum verdict
check_roster(struct event *ev)
{
	const struct stanza *iq = ev->stanza;
	const struct config_component *c;
	const struct element *payload;

	if ((iq->type != IQ_GET && iq->type != IQ_SET) || iq->to.resource.len > 0)
		return PASS;
	payload = event_payload(ev);
	if (payload == NULL || !element_is(payload, NS_ROSTER, "query"))
		return PASS;
	c = event_component(ev);
	if (c == NULL)
		return PASS;
	if ((c->roster & (iq->type == IQ_GET ? ROSTER_GET : ROSTER_SET)) == 0)
		return event_refuse(ev, STANZA_FORBIDDEN);
	if (iq->type == IQ_SET)
		return roster_change(ev);
	reply_roster(ev);
	return DONE;
}

void
privilege_roster_changed(struct account *account, struct str contact)
{
	struct worker *worker = account->worker;
	const struct config *config = worker->config;
	const struct config_host *host = worker_host(worker, account->jid.domain);

	for (size_t i = 0; host != NULL && i < config->component_count; i++) {
		const struct config_component *c = &config->components[i];

		if ((c->roster & ROSTER_GET) != 0 && config_component_is_of(config, c, host))
			component_tell(worker, roster_push_to(account, component_jid(c), contact));
	}
}

/* §5: messages */

static const struct element *
forwarded(const struct element *in, const char *name)
{
	const struct element *el = in ? element_child(in, NS_FORWARD, "forwarded") : NULL;

	return el ? element_child(el, NS_CLIENT, name) : NULL;
}

/* A message to the host that holds one for somebody else, from the host or one of its accounts. */
static enum verdict
from_component(struct event *ev)
{
	const struct element *privilege = element_child(ev->stanza->el, NS_PRIVILEGE, "privilege");
	const struct element *message;
	enum stanza_condition condition;
	struct stanza *stanza, *reply;
	struct arena *arena;

	if (ev->stanza->kind != STANZA_MESSAGE || privilege == NULL || ev->host == NULL ||
	    ev->stanza->to.local.len > 0)
		return PASS;
	message = forwarded(privilege, "message");
	if (message == NULL)
		return event_refuse(ev, STANZA_BAD_REQUEST);
	if (event_component(ev) == NULL || !ev->component->message)
		return event_refuse(ev, STANZA_FORBIDDEN);
	arena = arena_new();
	stanza = stanza_take(arena, element_copy(arena, message), &condition, &reply);
	if (stanza == NULL) {
		stanza_unref(reply);
		return event_refuse(ev, condition);
	}
	if (!str_equal(stanza->from.domain, ev->host->name) || !jid_is_bare(stanza->from) ||
	    stanza->to.text.len == 0) {
		stanza_unref(stanza);
		return event_refuse(ev, STANZA_FORBIDDEN);
	}
	route(ev->worker, stanza);
	return DONE;
}

/* §6: requests in the name of accounts */

static void
on_answer(struct worker *worker UNUSED, const struct stanza *reply, void *arg)
{
	struct encapsulated *e = arg;
	struct arena *arena = e->held->arena;

	if (reply == NULL) {
		held_refuse(e->held, STANZA_REMOTE_SERVER_TIMEOUT, NULL);
	} else {
		struct element *privilege = element_new(arena, NS_PRIVILEGE, "privilege");
		struct element *copy = element_copy(arena, reply->el);

		element_setz(arena, copy, "id", e->id);
		element_set(arena, copy, "from", reply->from.text);
		element_set(arena, copy, "to", reply->to.text);
		element_append(element_add(arena, privilege, NS_FORWARD, "forwarded"), copy);
		held_reply(e->held, privilege);
	}
	free(e->id);
	free(e);
}

/* §6.3: the conditions of it. */
static bool
is_permitted(const struct event *ev, const struct config_component *c, const struct element *iq,
	     const struct element *payload)
{
	struct str type = element_attr(iq, "type"), from = element_attr(iq, "from");
	bool is_get = ev->stanza->type == IQ_GET;

	return c != NULL && payload != NULL && str_is(type, is_get ? "get" : "set") &&
	       lists(is_get ? &c->iq_get : &c->iq_set, payload->ns) &&
	       (from.p == NULL || str_equal(from, ev->account->jid.text));
}

static enum verdict
ask(struct event *ev)
{
	const struct element *iq = element_child(event_payload(ev), NS_CLIENT, "iq");
	const struct element *payload = iq ? element_child(iq, NULL, NULL) : NULL;
	struct jid to = ev->account->jid;
	struct encapsulated *e;
	const char *why;

	if (iq == NULL || !is_permitted(ev, event_component(ev), iq, payload))
		return event_refuse(ev, STANZA_FORBIDDEN);
	if (element_attr(iq, "id").p == NULL || element_next(payload, NULL, NULL) != NULL)
		return event_refuse(ev, STANZA_BAD_REQUEST);
	if (element_attr(iq, "to").p != NULL &&
	    jid_parse(ev->arena, element_attr(iq, "to"), &to, &why) < 0)
		return event_refuse(ev, STANZA_JID_MALFORMED);
	e = xnew(struct encapsulated);
	e->held = event_hold(ev);
	e->id = str_dupz(element_attr(iq, "id"));
	server_ask(ev->worker, ev->account->jid, to, ev->stanza->type, payload, ASK_TIMEOUT_MS,
		   on_answer, e);
	return DONE;
}

/* §7: presence */

static void
tell_components(struct event *ev, enum config_presence_access least)
{
	const struct config *config = ev->worker->config;

	for (size_t i = 0; i < config->component_count; i++) {
		const struct config_component *c = &config->components[i];

		if (c->presence >= least && config_component_is_of(config, c, ev->host) &&
		    config_component(config, ev->stanza->from.domain) != c)
			component_tell(ev->worker, stanza_readdress(ev->stanza, component_jid(c)));
	}
}

static bool
is_anybody_told(const struct config *config, enum config_presence_access least)
{
	for (size_t i = 0; i < config->component_count; i++)
		if (config->components[i].presence >= least)
			return true;
	return false;
}

/* §7.1: the first, and the end. */
static enum verdict
on_presence(struct event *ev)
{
	struct privilege_state *state = module_state(ev->worker, &xep0356_privilege);
	bool is_known = map_get(&state->announced, ev->session->jid.text) != NULL;
	bool is_there = session_is_available(ev->session) && ev->stanza->type == PRESENCE_AVAILABLE;
	char *key;

	if (is_there == is_known || ev->stanza->to.text.len > 0)
		return PASS;
	if (!is_there) {
		free(map_remove(&state->announced, ev->session->jid.text));
	} else if (is_anybody_told(ev->worker->config, PRESENCE_MANAGED_ENTITY)) {
		key = str_dupz(ev->session->jid.text);
		map_put(&state->announced, str(key), key);
	}
	tell_components(ev, PRESENCE_MANAGED_ENTITY);
	return PASS;
}

/* §7.4: what comes from contacts; of those that are accounts here it is known already (§8). */
static enum verdict
to_account(struct event *ev)
{
	const struct contact *contact;

	if (worker_host(ev->worker, ev->stanza->from.domain) != NULL)
		return PASS;
	if ((ev->stanza->type != PRESENCE_AVAILABLE && ev->stanza->type != PRESENCE_UNAVAILABLE) ||
	    !is_anybody_told(ev->worker->config, PRESENCE_ROSTER))
		return PASS;
	contact = roster_find(ev->account->roster, jid_bare_text(ev->stanza->from));
	if (contact != NULL && contact->to)
		tell_components(ev, PRESENCE_ROSTER);
	return PASS;
}

static void
state_free(void *arg)
{
	struct privilege_state *state = arg;
	uint32_t at = 0;
	void *key;

	while (map_next(&state->announced, &at, &key))
		free(key);
	map_free(&state->announced);
}

const struct module xep0356_privilege = {
	.name = "privilege",
	.specs = SPECS({"XEP-0356", "0.4.1", SPEC_PARTIAL,
			"a contact's presence that came before the component is not told again"}),
	.iqs = IQS({IQ_GET, TO_ACCOUNT, NS_PRIVILEGE, "privileged_iq", ask},
		   {IQ_SET, TO_ACCOUNT, NS_PRIVILEGE, "privileged_iq", ask}),
	.hooks = HOOKS({POINT_COMPONENT, STAGE_HANDLE, on_connected},
		       {POINT_FROM_COMPONENT, STAGE_HANDLE, from_component},
		       {POINT_TO_ACCOUNT, STAGE_CHECK, check_roster},
		       {POINT_TO_ACCOUNT, STAGE_COPY, to_account},
		       {POINT_PRESENCE, STAGE_HANDLE, on_presence}),
	.state_size = sizeof(struct privilege_state),
	.state_free = state_free,
};
