/* SPDX-License-Identifier: MIT */
/*
 * subscription.c - the state machine of presence subscriptions (RFC 6121 §3, appendix A).
 *
 * A change is on the disk before the other side, or any client, hears of it.
 */
#include "modules/subscription.h"

#include "modules/roster.h"

#define REQUEST_MAX 4096u /* bytes of a request, which is kept until it is answered */

/* Everything that came from a client goes on from the bare JID, to a bare JID (§3.1.2). */
static struct stanza *
outgoing(struct event *ev)
{
	struct stanza *stanza = stanza_ref(ev->stanza);

	stanza_set_from(stanza, ev->account->jid);
	stanza_set_to(stanza, jid_bare(stanza->to));
	return stanza;
}

/* §3.1.2, A.2.1. */
static void
send_subscribe(struct event *ev, const struct contact *old)
{
	struct stanza *request = outgoing(ev);
	struct roster_commit commit = {.push = true, .then = {request}};
	struct contact *contact;

	if (old != NULL && (old->to || (old->asked && old->is_listed))) {
		route(ev->worker, request); /* once more: the other side may have lost it */
		return;
	}
	contact = contact_edit(old, request->to.text);
	contact->asked = contact->is_listed = true;
	roster_commit(ev->account, contact, &commit);
}

/* §3.3.2, A.2.2. */
static void
send_unsubscribe(struct event *ev, const struct contact *old)
{
	struct stanza *request = outgoing(ev);
	struct contact *contact;

	if (old == NULL || (!old->to && !old->asked)) {
		route(ev->worker, request); /* the other side may think otherwise */
		return;
	}
	contact = contact_edit(old, request->to.text);
	contact->to = contact->asked = false;
	roster_commit(ev->account, contact,
		      &(struct roster_commit){.push = contact->is_listed, .then = {request}});
}

/* §3.1.5, A.2.3; when nobody asked, it is a pre-approval (§3.4.2). */
static void
send_subscribed(struct event *ev, const struct contact *old)
{
	struct stanza *answer = outgoing(ev);
	struct roster_commit commit = {.push = true};
	struct contact *contact;

	if (old != NULL && old->from) {
		stanza_unref(answer);
		return;
	}
	contact = contact_edit(old, answer->to.text);
	contact->is_listed = true;
	if (contact->pending) {
		contact->from = true;
		contact->pending = contact->approved = false;
		contact->request = STR_NONE;
		commit.then[0] = answer;
		commit.show = true;
	} else {
		contact->approved = true;
		stanza_unref(answer);
	}
	roster_commit(ev->account, contact, &commit);
}

/* §3.2.2, A.2.4. */
static void
send_unsubscribed(struct event *ev, const struct contact *old)
{
	struct stanza *answer = outgoing(ev);
	struct roster_commit commit = {0};
	struct contact *contact;

	if (old == NULL || (!old->from && !old->pending && !old->approved)) {
		stanza_unref(answer);
		return;
	}
	if (old->from)
		presence_show(ev->account, answer->to, true);
	contact = contact_edit(old, answer->to.text);
	commit.push = contact->is_listed;
	if (contact->from || contact->pending)
		commit.then[0] = answer;
	else
		stanza_unref(answer);
	contact->from = contact->pending = contact->approved = false;
	contact->request = STR_NONE;
	roster_commit(ev->account, contact, &commit);
}

enum verdict
subscription_from_client(struct event *ev)
{
	struct str bare = jid_bare_text(ev->stanza->to);
	const struct contact *old;
	uint64_t max = ev->worker->config->limits.roster_items;

	if (ev->stanza->to.text.len == 0)
		return event_refuse(ev, STANZA_BAD_REQUEST);
	if (str_equal(bare, ev->account->jid.text))
		return DONE; /* to oneself: nothing to agree on */
	old = roster_find(ev->account->roster, bare);
	if (old == NULL && max > 0 && ev->account->roster->contacts.count >= max)
		return event_refuse_text(ev, STANZA_NOT_ALLOWED, "the roster is full");
	switch (ev->stanza->type) {
	case PRESENCE_SUBSCRIBE:
		send_subscribe(ev, old);
		break;
	case PRESENCE_UNSUBSCRIBE:
		send_unsubscribe(ev, old);
		break;
	case PRESENCE_SUBSCRIBED:
		send_subscribed(ev, old);
		break;
	default:
		send_unsubscribed(ev, old);
		break;
	}
	return DONE;
}

/* To every session that would show it. */
static void
deliver(struct event *ev)
{
	LIST_EACH(&ev->account->sessions, struct session, link, session)
	{
		if (session_is_available(session) || session->is_interested)
			session_deliver(session, ev->stanza, NULL);
	}
}

/* §3.1.3, A.3.1. */
static void
take_subscribe(struct event *ev, const struct contact *old)
{
	struct str from = jid_bare_text(ev->stanza->from);
	struct roster_commit commit = {0};
	struct contact *contact;
	struct buf text = {0};

	if (old != NULL && old->from) {
		/* Ours knows that it was granted; the other side has forgotten, and knows no
		 * presence. */
		route(ev->worker, subscription_stanza(ev->account, PRESENCE_SUBSCRIBED, from));
		presence_show(ev->account, jid_bare(ev->stanza->from), false);
		return;
	}
	contact = contact_edit(old, from);
	if (contact->approved) { /* §3.4.3 */
		contact->from = true;
		contact->approved = false;
		commit.push = true;
		commit.then[0] = subscription_stanza(ev->account, PRESENCE_SUBSCRIBED, from);
		commit.show = true;
	} else {
		bool is_new = !contact->pending;

		contact->pending = true;
		stanza_write(&text, ev->stanza, NULL);
		contact->request = arena_dup(contact->arena, buf_str(&text));
		buf_free(&text);
		if (is_new)
			deliver(ev);
	}
	roster_commit(ev->account, contact, &commit);
}

/* §3.3.3, A.3.2. */
static void
take_unsubscribe(struct event *ev, const struct contact *old)
{
	struct roster_commit commit = {0};
	struct contact *contact;

	if (old == NULL || (!old->from && !old->pending))
		return;
	deliver(ev);
	if (old->from)
		presence_show(ev->account, jid_bare(ev->stanza->from), true);
	contact = contact_edit(old, old->jid);
	commit.push = contact->from && contact->is_listed;
	contact->from = contact->pending = false;
	contact->request = STR_NONE;
	roster_commit(ev->account, contact, &commit);
}

/* §3.1.6, A.3.3; §3.2.3, A.3.4: only what we asked for, or have, can be granted or taken. */
static void
take_answer(struct event *ev, const struct contact *old, bool is_granted)
{
	struct contact *contact;

	if (old == NULL || (is_granted ? !old->asked || old->to : !old->asked && !old->to))
		return;
	deliver(ev);
	contact = contact_edit(old, old->jid);
	contact->to = is_granted;
	contact->asked = false;
	roster_commit(ev->account, contact, &(struct roster_commit){.push = contact->is_listed});
}

enum verdict
subscription_to_account(struct event *ev)
{
	struct str from = jid_bare_text(ev->stanza->from);
	const struct contact *old = roster_find(ev->account->roster, from);
	uint64_t max = ev->worker->config->limits.roster_items;

	switch (ev->stanza->type) {
	case PRESENCE_SUBSCRIBE:
		/* Requests of strangers are bounded by what a roster may hold (SEC-21). */
		if (old == NULL && max > 0 && ev->account->roster->contacts.count >= 2 * max)
			return event_refuse(ev, STANZA_RESOURCE_CONSTRAINT);
		if (ev->stanza->rest.len + ev->stanza->inner.len > REQUEST_MAX)
			return event_refuse_text(ev, STANZA_NOT_ACCEPTABLE,
						 "the request is too long");
		take_subscribe(ev, old);
		break;
	case PRESENCE_UNSUBSCRIBE:
		take_unsubscribe(ev, old);
		break;
	default:
		take_answer(ev, old, ev->stanza->type == PRESENCE_SUBSCRIBED);
		break;
	}
	return DONE;
}

/* RFC 6121 §2.5 for each contact: whoever saw this account, or was seen by it, is told of its end.
 */
enum verdict
subscription_farewell(struct event *ev)
{
	uint32_t at = 0;
	void *value;

	while (ev->account->roster != NULL &&
	       map_next(&ev->account->roster->contacts, &at, &value)) {
		const struct contact *contact = value;

		if (contact->to || contact->asked)
			route(ev->worker,
			      subscription_stanza(ev->account, PRESENCE_UNSUBSCRIBE, contact->jid));
		if (contact->from || contact->pending)
			route(ev->worker, subscription_stanza(ev->account, PRESENCE_UNSUBSCRIBED,
							      contact->jid));
	}
	return PASS;
}
