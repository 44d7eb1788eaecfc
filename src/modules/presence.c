/* SPDX-License-Identifier: MIT */
/*
 * presence.c - who is told that a session is there (RFC 6121 §4): broadcast, probes, directed
 * presence, and the end of all that.
 */
#include "modules/blocking.h"
#include "modules/roster.h"
#include "modules/subscription.h"
#include "server/sm.h"

#include <stdlib.h>

#define GREETING_MAX 262144u /* bytes that may wait behind strangers' requests */

struct jid
contact_jid(const struct contact *contact)
{
	struct jid jid = {.text = contact->jid, .domain = contact->jid};
	ptrdiff_t at = str_find(contact->jid, '@'), slash = str_find(contact->jid, '/');

	if (slash >= 0) {
		jid.resource = str_from(contact->jid, (size_t)slash + 1);
		jid.domain = str_first(contact->jid, (size_t)slash);
	}
	if (at >= 0 && (slash < 0 || at < slash)) {
		jid.local = str_first(contact->jid, (size_t)at);
		jid.domain = str_from(jid.domain, (size_t)at + 1);
	}
	return jid;
}

/* A frozen presence to all contacts that may see it, and to the account's own available sessions.
 */
static void
broadcast(struct session *session, struct stanza *presence)
{
	struct account *account = session->account;
	uint32_t at = 0;
	void *value;

	while (map_next(&account->roster->contacts, &at, &value)) {
		const struct contact *contact = value;

		if (contact->from && !blocking_applies(account, contact_jid(contact)))
			route(session->worker, stanza_readdress(presence, contact_jid(contact)));
	}
	/* §4.2.2: the one that sent it sees it too. */
	LIST_EACH(&account->sessions, struct session, link, other)
	{
		if (session_is_available(other) && !other->is_closing)
			session_deliver(other, presence,
					&(struct overlay){.to = account->jid.text});
	}
}

static void
send_probes(struct session *session)
{
	struct account *account = session->account;
	uint32_t at = 0;
	void *value;

	while (map_next(&account->roster->contacts, &at, &value)) {
		const struct contact *contact = value;

		if (contact->to && !blocking_applies(account, contact_jid(contact)))
			route(session->worker, stanza_new(STANZA_PRESENCE, PRESENCE_PROBE,
							  session->jid, contact_jid(contact)));
	}
}

/* §4.2.2, §3.1.3: what a session that has just become available is told at once. */
static void
greet(struct session *session)
{
	struct account *account = session->account;
	uint32_t at = 0;
	void *value;

	LIST_EACH(&account->sessions, struct session, link, other)
	{
		if (other != session && session_is_available(other) && !other->is_closing) {
			session_deliver_wire(session, other->presence,
					     &(struct overlay){.to = account->jid.text});
		}
	}
	while (map_next(&account->roster->contacts, &at, &value)) {
		const struct contact *contact = value;
		struct stanza *request;

		if (!contact->pending || contact->request.p == NULL ||
		    blocking_applies(account, contact_jid(contact)))
			continue;
		/* Strangers must not fill the queue, which would end the session: later more. */
		if (session_waiting(session) > GREETING_MAX)
			break;
		request = stanza_parse(contact->request);
		if (request == NULL)
			continue;
		stanza_freeze(request);
		session_deliver(session, request, NULL);
		stanza_unref(request);
	}
}

/* §4.7.2.3: an integer from -128 to 127; absent: 0. Returns 0, or -1. */
static int
read_priority(struct event *ev, int8_t *priority)
{
	struct str text =
		str_trim(element_child_text(ev->arena, ev->stanza->el, NS_CLIENT, "priority"));
	bool is_negative = text.len > 0 && text.p[0] == '-';
	uint64_t n;

	*priority = 0;
	if (text.len == 0)
		return 0;
	if (is_negative || text.p[0] == '+')
		text = str_from(text, 1);
	if (str_to_u64(text, is_negative ? 128 : 127, &n) < 0)
		return -1;
	*priority = (int8_t)(is_negative ? -(int)n : (int)n);
	return 0;
}

static void
run_presence_hooks(struct event *ev)
{
	struct event own = *ev;

	hooks_run(POINT_PRESENCE, &own);
}

static enum verdict
become_available(struct event *ev)
{
	struct session *session = ev->session;
	bool is_first = !session_is_available(session);
	int8_t priority;

	if (read_priority(ev, &priority) < 0)
		return event_refuse(ev, STANZA_BAD_REQUEST);
	session->priority = priority;
	wire_replace(&session->presence, wire_freeze(ev->stanza));
	broadcast(session, ev->stanza);
	if (is_first) {
		send_probes(session);
		greet(session);
	}
	run_presence_hooks(ev);
	return DONE;
}

/* §4.6.3: those that got directed presence hear of the end too; broadcast reached the subscribers.
 */
static void
end_directed(struct session *session, struct stanza *unavailable)
{
	struct arena *arena;
	uint32_t at = 0;
	void *key;

	if (session->directed == NULL)
		return;
	arena = arena_new();
	while (map_next(session->directed, &at, &key)) {
		struct jid to;
		const char *why;

		if (jid_parse(arena, str(key), &to, &why) == 0)
			route(session->worker, stanza_readdress(unavailable, to));
		free(key);
	}
	map_free(session->directed);
	free(session->directed);
	session->directed = NULL;
	arena_free(arena);
}

static void
become_unavailable(struct event *ev, struct stanza *unavailable)
{
	struct session *session = ev->session;

	stanza_freeze(unavailable);
	if (session_is_available(session)) {
		broadcast(session, unavailable);
		wire_replace(&session->presence, NULL);
		run_presence_hooks(ev);
	}
	end_directed(session, unavailable);
}

/* §4.6.2: remembers where directed presence went, as far as no broadcast will reach it. */
static enum verdict
note_directed(struct event *ev, const struct stanza *presence)
{
	struct session *session = ev->session;
	const struct contact *contact =
		roster_find(ev->account->roster, jid_bare_text(presence->to));
	uint64_t max = ev->worker->config->limits.directed_presence;
	char *key;

	if (presence->type == PRESENCE_UNAVAILABLE) {
		key = session->directed ? map_remove(session->directed, presence->to.text) : NULL;
		if (key != NULL)
			sm_directed_changed(session);
		free(key);
		return PASS;
	}
	if (contact != NULL && contact->from && session_is_available(session))
		return PASS;
	if (session->directed == NULL)
		session->directed = xnew(struct map);
	if (map_get(session->directed, presence->to.text) != NULL)
		return PASS;
	if (max > 0 && session->directed->count >= max) /* SEC-21 */
		return event_refuse(ev, STANZA_RESOURCE_CONSTRAINT);
	key = str_dupz(presence->to.text);
	map_put(session->directed, str(key), key);
	sm_directed_changed(session);
	return PASS;
}

static enum verdict
from_client(struct event *ev)
{
	struct stanza *presence = ev->stanza;

	if (presence->kind != STANZA_PRESENCE)
		return PASS;
	switch (presence->type) {
	case PRESENCE_AVAILABLE:
	case PRESENCE_UNAVAILABLE:
		if (presence->to.text.len > 0)
			return note_directed(ev, presence);
		if (presence->type == PRESENCE_AVAILABLE)
			return become_available(ev);
		become_unavailable(ev, presence);
		return DONE;
	case PRESENCE_PROBE:
	case PRESENCE_ERROR:
		return presence->to.text.len > 0 ? PASS : event_refuse(ev, STANZA_BAD_REQUEST);
	default:
		return subscription_from_client(ev);
	}
}

void
presence_show(struct account *account, struct jid to, bool is_gone)
{
	if (!is_gone && blocking_applies(account, to))
		return;
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		struct stanza *presence;

		if (!session_is_available(session))
			continue;
		presence = is_gone ? stanza_new(STANZA_PRESENCE, PRESENCE_UNAVAILABLE, session->jid,
						to)
				   : wire_thaw(session->presence);
		if (presence == NULL)
			continue;
		if (!is_gone)
			stanza_set_to(presence, to);
		route(account->worker, presence);
	}
}

/*
 * §4.3.2: only to those who are subscribed, and to oneself. The <unsubscribed/> that should go to
 * others would tell them that the account is in memory, as it is while somebody is logged in.
 */
static void
answer_probe(struct event *ev)
{
	struct str asker = jid_bare_text(ev->stanza->from);
	const struct contact *contact = roster_find(ev->account->roster, asker);

	if (str_equal(asker, ev->account->jid.text) || (contact != NULL && contact->from))
		presence_show(ev->account, ev->stanza->from, false);
}

/* §8.5.2.1.2, §8.5.3.1: to all available sessions, or the one that is named. */
static void
deliver(struct event *ev)
{
	const struct jid *to = &ev->stanza->to;

	LIST_EACH(&ev->account->sessions, struct session, link, session)
	{
		bool is_meant = to->resource.len == 0
					? session_is_available(session)
					: str_equal(session->jid.resource, to->resource);

		if (is_meant)
			session_deliver(session, ev->stanza, NULL);
	}
}

static enum verdict
to_account(struct event *ev)
{
	if (ev->stanza->kind != STANZA_PRESENCE)
		return PASS;
	switch (ev->stanza->type) {
	case PRESENCE_AVAILABLE:
	case PRESENCE_UNAVAILABLE:
	case PRESENCE_ERROR:
		deliver(ev);
		return DONE;
	case PRESENCE_PROBE:
		answer_probe(ev);
		return DONE;
	default:
		return subscription_to_account(ev);
	}
}

/* §4.5.2: whoever goes without a word is gone all the same. */
static enum verdict
on_closed(struct event *ev)
{
	struct stanza *unavailable;

	if (!session_is_available(ev->session) && ev->session->directed == NULL)
		return PASS;
	unavailable = stanza_new(STANZA_PRESENCE, PRESENCE_UNAVAILABLE, ev->session->jid,
				 (struct jid){0});
	ev->stanza = unavailable;
	become_unavailable(ev, unavailable);
	ev->stanza = NULL;
	stanza_unref(unavailable);
	return PASS;
}

/*
 * After a restart of the server nobody knows what this session knew, nor of this session: it is as
 * if it came (XEP-0198 §5 has it that the client does not say so again).
 */
static enum verdict
on_resumed(struct event *ev)
{
	struct session *session = ev->session;
	struct stanza *presence;

	if (!session->sm->is_restored || !session_is_available(session))
		return PASS;
	presence = wire_thaw(session->presence);
	if (presence == NULL)
		return PASS;
	stanza_freeze(presence);
	broadcast(session, presence);
	send_probes(session);
	greet(session);
	stanza_unref(presence);
	return PASS;
}

const struct module presence_module = {
	.name = "presence",
	.specs = SPECS({"RFC 6121", NULL, SPEC_COMPLETE, "presence and subscriptions"}),
	.hooks = HOOKS({POINT_FROM_CLIENT, STAGE_HANDLE, from_client},
		       {POINT_TO_ACCOUNT, STAGE_HANDLE, to_account},
		       {POINT_SESSION_RESUMED, STAGE_HANDLE, on_resumed},
		       {POINT_SESSION_CLOSED, STAGE_HANDLE, on_closed},
		       {POINT_ACCOUNT_REMOVED, STAGE_HANDLE, subscription_farewell}),
};
