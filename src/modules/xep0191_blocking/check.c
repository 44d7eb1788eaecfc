/* SPDX-License-Identifier: MIT */
/* check.c - what is refused, in both directions, and how (XEP-0191 §3.3). */
#include "modules/xep0191_blocking/private.h"

#define NS_BLOCKED "urn:xmpp:blocking:errors"

/* §3.3: nothing is routed to them. The error does not go that way: it would be blocked itself. */
enum verdict
blocking_check_outgoing(struct event *ev)
{
	struct stanza *reply;
	struct element *error;

	if (!blocking_applies(ev->account, ev->stanza->to))
		return PASS;
	if (!stanza_may_be_refused(ev->stanza))
		return DONE;
	reply = stanza_error_reply(ev->stanza, STANZA_NOT_ACCEPTABLE, NULL);
	error = element_child(reply->el, NS_CLIENT, "error");
	element_setz(reply->arena, error, "type", "cancel"); /* as in the example */
	element_add(reply->arena, error, NS_BLOCKED, "blocked");
	stanza_freeze(reply);
	session_deliver(ev->session, reply, NULL);
	stanza_unref(reply);
	return DONE;
}

/* Whether PEER is in a room where one of ACCOUNT's sessions is, too. */
static bool
shares_room(const struct account *account, struct jid peer)
{
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		uint32_t at = 0;
		void *key;

		while (session->directed != NULL && map_next(session->directed, &at, &key)) {
			struct str to = str(key);
			ptrdiff_t slash = str_find(to, '/');

			if (slash > 0 &&
			    str_equal(str_first(to, (size_t)slash), jid_bare_text(peer)))
				return true;
		}
	}
	return false;
}

/* As an account that is not there would answer. */
static enum verdict
refuse_iq(struct event *ev)
{
	enum verdict verdict = PASS;

	if (!stanza_may_be_refused(ev->stanza))
		return DONE;
	if (ev->stanza->to.resource.len == 0) {
		ev->account = NULL;
		verdict = iq_dispatch(ev, TO_NOBODY);
	}
	return verdict != PASS ? verdict : event_refuse(ev, STANZA_SERVICE_UNAVAILABLE);
}

enum verdict
blocking_check_incoming(struct event *ev)
{
	const struct stanza *stanza = ev->stanza;

	if (!blocking_applies(ev->account, stanza->from))
		return PASS;
	switch (stanza->kind) {
	case STANZA_PRESENCE:
		return DONE;
	case STANZA_IQ:
		return refuse_iq(ev);
	case STANZA_MESSAGE:
		break;
	}
	/* A room takes an error for the end of the one that sends it, not of its occupant. */
	if (stanza->type == MESSAGE_GROUPCHAT && shares_room(ev->account, stanza->from)) {
		worker_dropped(ev->worker);
		return DONE;
	}
	return event_refuse(ev, STANZA_SERVICE_UNAVAILABLE);
}

enum verdict
blocking_check_waiting(struct event *ev)
{
	if (!blocking_applies(ev->account, jid_of_prepared(ev->contact)))
		return PASS;
	worker_dropped(ev->worker);
	return DONE;
}
