/* SPDX-License-Identifier: MIT */
/*
 * message.c - which of an account's sessions get a message, and what is kept of it (RFC 6121 §8.5,
 * the table of §8.5.4; XEP-0280).
 *
 * To the bare JID: every available session that has not a negative priority gets it, so that nobody
 * has to guess at which device the person is. The others that want carbons get one. What is worth
 * keeping goes into the account's log first, and is delivered from there.
 */
#include "modules/archive.h"
#include "server/c2s.h"
#include "server/message_log.h"
#include "xmpp/xep/delay.h"
#include "xmpp/xep/forward.h"
#include "xmpp/xep/sid.h"

static bool
takes_messages(const struct session *session)
{
	return session_is_available(session) && session->priority >= 0;
}

struct recipients {
	struct log_copy *copies;
	size_t count;
	size_t direct; /* of these, not carbons */
};

/* ONLY: the one session that it is addressed to; NULL: the account. */
static struct recipients
find_recipients(struct event *ev, const struct session *only)
{
	bool has_carbons = carbons_are_due(ev->stanza, false);
	struct recipients r = {
		.copies = arena_array(ev->arena, struct log_copy, ev->account->session_count + 1)};

	LIST_EACH(&ev->account->sessions, struct session, link, session)
	{
		bool is_direct = only ? session == only : takes_messages(session);

		if (session->is_closing || (!is_direct && !(has_carbons && session->wants_carbons)))
			continue;
		r.copies[r.count++] =
			(struct log_copy){session, is_direct ? COPY_DIRECT : COPY_RECEIVED};
		r.direct += is_direct;
	}
	return r;
}

/* A carbon of what is not stored. */
static void
deliver_carbon(struct session *session, struct stanza *message, bool is_sent)
{
	struct buf text = {0};
	struct stanza *carbon;

	forward_open_carbon(&text, session->account->jid.text, session->jid.text, message, is_sent,
			    0);
	stanza_write(&text, message, &(struct overlay){.is_inside = true});
	forward_close_carbon(&text, is_sent);
	carbon = stanza_parse(buf_str(&text));
	buf_free(&text);
	if (carbon == NULL)
		return;
	stanza_freeze(carbon);
	session_deliver(session, carbon, NULL);
	stanza_unref(carbon);
}

static bool
is_direct(const struct session *session)
{
	return takes_messages(session);
}

/* Without the log: to those who are there. */
static void
deliver_now(struct event *ev, const struct recipients *r, const struct session *only)
{
	if (only == NULL)
		session_deliver_copies(ev->account, ev->stanza, is_direct);
	for (size_t i = 0; i < r->count; i++) {
		if (r->copies[i].form == COPY_RECEIVED)
			deliver_carbon(r->copies[i].session, ev->stanza, false);
		else if (only != NULL)
			session_deliver(r->copies[i].session, ev->stanza, NULL);
	}
}

/* XEP-0160 §2: what waits for somebody has a limit, and past that the sender is told. */
static bool
has_room(const struct account *account, const struct stanza *message)
{
	const struct config_limits *limits = &account->worker->config->limits;
	size_t count = message_log_undelivered(account) + account->log.appends;

	return (limits->offline_messages == 0 || count < limits->offline_messages) &&
	       (limits->offline_bytes == 0 ||
		account->log.bytes + message->inner.len <= limits->offline_bytes);
}

static enum verdict
keep_and_deliver(struct event *ev, const struct session *only)
{
	struct recipients r = find_recipients(ev, only);
	enum archive_keep keep = archive_keep(ev->account, ev->stanza, false);

	if (keep == KEEP_NOT) {
		if (r.direct == 0)
			worker_dropped(ev->worker);
		deliver_now(ev, &r, only);
		return DONE;
	}
	if (r.count == 0 && !has_room(ev->account, ev->stanza))
		return event_refuse_text(ev, STANZA_SERVICE_UNAVAILABLE,
					 "the offline storage is full");
	/* A disk that does not keep up must not fill the memory; nothing is acknowledged meanwhile.
	 */
	if (ev->worker->unwritten_bytes > ev->worker->config->limits.unwritten_bytes)
		return event_refuse_text(ev, STANZA_RESOURCE_CONSTRAINT,
					 "the server is busy writing; try again later");
	if (message_log_is_repeat(ev->account, ev->stanza, false)) {
		worker_dropped(ev->worker);
		return DONE;
	}
	message_log_append(ev->account, ev->stanza, keep == KEEP_HIDDEN ? ENTRY_HIDDEN : 0,
			   r.copies, r.count, NULL, 0);
	return DONE;
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
		if (session_deliver_copies(ev->account, ev->stanza, takes_messages) == 0)
			worker_dropped(ev->worker);
		return DONE; /* and nothing is stored of it */
	default:
		return ev->account->is_guest && session_deliver_copies(ev->account, ev->stanza,
								       takes_messages) == 0
			       ? PASS
		       : ev->account->is_guest ? DONE
					       : keep_and_deliver(ev, NULL);
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
to_resource(struct event *ev, struct session *session)
{
	switch (ev->stanza->type) {
	case MESSAGE_CHAT:
	case MESSAGE_NORMAL:
	case MESSAGE_ERROR: /* which is not kept, but copied (XEP-0280 §6.1) */
		return keep_and_deliver(ev, session);
	default:
		session_deliver(session, ev->stanza, NULL);
		return DONE;
	}
}

static enum verdict
deliver(struct event *ev)
{
	struct session *session;

	if (ev->stanza->to.resource.len == 0)
		return to_account(ev);
	session = account_session(ev->account, ev->stanza->to.resource);
	if (session == NULL || session->is_closing)
		return to_absent_resource(ev);
	return to_resource(ev, session);
}

/*
 * What only this server says of itself (SEC-47, SEC-49, SEC-50): ids of the account's archive,
 * delays in its name, carbons.
 */
static bool
claims_our_words(const struct account *account, const struct element *el)
{
	uint64_t at;

	return sid_is_forged(el, account->jid.text) ||
	       delay_find(el, account->jid.domain, &at) == 0 ||
	       delay_find(el, account->jid.text, &at) == 0 ||
	       element_child(el, NS_CARBONS, "received") != NULL ||
	       element_child(el, NS_CARBONS, "sent") != NULL;
}

static struct stanza *
without_our_words(const struct account *account, const struct stanza *message)
{
	struct stanza *clean = stanza_copy(message);
	static const char *const wrappers[] = {"received", "sent"};
	struct element *el;

	sid_remove(clean->el, account->jid.text);
	delay_remove(clean->el, account->jid.domain);
	delay_remove(clean->el, account->jid.text);
	for (size_t i = 0; i < COUNT(wrappers); i++)
		while ((el = element_child(clean->el, NS_CARBONS, wrappers[i])) != NULL)
			element_detach(el);
	stanza_freeze(clean);
	return clean;
}

static enum verdict
handle_message(struct event *ev)
{
	struct stanza *message = ev->stanza;
	enum verdict verdict;

	if (message->kind != STANZA_MESSAGE)
		return PASS;
	if (!claims_our_words(ev->account, message->el))
		return deliver(ev);
	ev->stanza = without_our_words(ev->account, message);
	verdict = deliver(ev);
	stanza_unref(ev->stanza);
	ev->stanza = message;
	return verdict;
}

/* The sender's half: his archive, and his other devices. */
static enum verdict
on_sent(struct event *ev)
{
	struct account *account = ev->account;
	enum archive_keep keep = archive_keep(account, ev->stanza, true);
	bool has_carbons = carbons_are_due(ev->stanza, true);
	struct log_copy *copies =
		arena_array(ev->arena, struct log_copy, account->session_count + 1);
	size_t count = 0;

	/* To himself: it is there already, as received. */
	if (str_equal(jid_bare_text(ev->stanza->to), account->jid.text))
		return PASS;
	if (keep != KEEP_NOT && message_log_is_repeat(account, ev->stanza, true))
		return PASS;
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (has_carbons && session->wants_carbons && session != ev->session &&
		    !session->is_closing)
			copies[count++] = (struct log_copy){session, COPY_SENT};
	}
	if (keep != KEEP_NOT) {
		message_log_append(account, ev->stanza, ENTRY_SENT, copies, count, ev->session,
				   ev->stanza_number);
		return DONE;
	}
	for (size_t i = 0; i < count; i++)
		deliver_carbon(copies[i].session, ev->stanza, true);
	return PASS;
}

const struct module message_module = {
	.name = "message",
	.specs = SPECS({"RFC 6121", NULL, SPEC_COMPLETE, "messages"}),
	.hooks = HOOKS({POINT_TO_ACCOUNT, STAGE_HANDLE, handle_message},
		       {POINT_MESSAGE_SENT, STAGE_HANDLE, on_sent}),
};
