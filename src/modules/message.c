/* SPDX-License-Identifier: MIT */
/*
 * message.c - which of an account's sessions get a message (RFC 6121 §8.5, the table of §8.5.4).
 *
 * To the bare JID: every available session that has not a negative priority gets it, so that nobody
 * has to guess at which device the person is. What nobody can take goes on to the offline log
 * (xep0160_offline.c), which comes next in the list.
 */
#include "modules/offline.h"

static bool
takes_messages(const struct session *session)
{
	return session_is_available(session) && session->priority >= 0;
}

/* Delivers to all sessions that take messages to the bare JID. Returns how many. */
static unsigned
deliver_to_account(struct event *ev)
{
	return session_deliver_copies(ev->account, ev->stanza, takes_messages);
}

/* §8.5.2: to the bare JID; §8.5.3.2.1: or to a resource that is not there, for chat. */
static enum verdict
to_account(struct event *ev)
{
	switch (ev->stanza->type) {
	case MESSAGE_GROUPCHAT:
		return event_refuse(ev, STANZA_SERVICE_UNAVAILABLE);
	case MESSAGE_ERROR:
		worker_dropped(ev->worker);
		return DONE; /* silently */
	case MESSAGE_HEADLINE:
		if (deliver_to_account(ev) == 0)
			worker_dropped(ev->worker);
		return DONE; /* and nothing is stored of it */
	default:
		if (offline_comes_first(ev, NULL))
			return PASS;
		return deliver_to_account(ev) > 0 ? DONE : PASS;
	}
}

static enum verdict
to_absent_resource(struct event *ev)
{
	switch (ev->stanza->type) {
	case MESSAGE_CHAT:
		return to_account(ev);
	case MESSAGE_NORMAL:
	case MESSAGE_GROUPCHAT:
		/* The RFC lets us ignore these; the sender is better off knowing. */
		return event_refuse(ev, STANZA_SERVICE_UNAVAILABLE);
	default:
		worker_dropped(ev->worker);
		return DONE;
	}
}

static enum verdict
handle_message(struct event *ev)
{
	struct session *session;

	if (ev->stanza->kind != STANZA_MESSAGE)
		return PASS;
	if (ev->stanza->to.resource.len == 0)
		return to_account(ev);
	session = account_session(ev->account, ev->stanza->to.resource);
	if (session == NULL || session->is_closing)
		return to_absent_resource(ev);
	/* What was sent to this address before it was there may be among what is in the log. */
	if ((ev->stanza->type == MESSAGE_CHAT || ev->stanza->type == MESSAGE_NORMAL) &&
	    offline_comes_first(ev, session))
		return PASS;
	session_deliver(session, ev->stanza, NULL);
	return DONE;
}

const struct module message_module = {
	.name = "message",
	.specs = SPECS({"RFC 6121", NULL, SPEC_COMPLETE, "messages"}),
	.hooks = HOOKS({POINT_TO_ACCOUNT, STAGE_HANDLE, handle_message}),
};
