/* SPDX-License-Identifier: MIT */
/*
 * module.c - Push Notifications (XEP-0357): an app's server is told when somebody should look, so
 * that a phone that sleeps can be woken.
 *
 * By default the notification says nothing but how many messages there are.
 */
#include "modules/push.h"

#include "modules/notify_setting.h"
#include "modules/xep0357_push/push.h"
#include "server/account_extra.h"
#include "server/message_log.h"
#include "server/roster.h"
#include "server/session_queue.h"

#include <stdlib.h>

#define NS_DISPLAYED "urn:xmpp:mds:displayed:0"
#define BODY_MAX 512u /* bytes */
#define LOST_MAX 64u  /* messages of one connection that are told of late */

const struct option_values *
push_options(const struct account *account)
{
	const struct config *config = account->worker->config;
	const struct config_host *host = config_host(config, account->jid.domain);
	const struct option_values *options =
		host ? config_options(config, host, module_index(&xep0357_push)) : NULL;

	return options != NULL && config_module_enabled(options) ? options : NULL;
}

void
push_seen(struct account *account)
{
	struct push *push = push_of(account);

	if (push == NULL)
		return;
	LIST_EACH(&push->targets, struct target, link, target)
	{
		target->messages = 0;
		target_stop(target);
	}
}

static void
replace(char **slot, struct str text)
{
	free(*slot);
	*slot = text.p != NULL ? str_dupz(text) : NULL;
}

/* Not in the middle of a character. */
static struct str
cut(struct str text, size_t max)
{
	size_t n = MIN(text.len, max);

	while (n < text.len && n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	return str_first(text, n);
}

static void
note_message(const struct account *account, const struct stanza *message, struct target *target)
{
	const struct option_values *options = push_options(account);
	struct arena *arena = arena_new();
	bool has_body = options != NULL && option_bool(options, "include_body");
	bool has_sender = options != NULL && option_bool(options, "include_sender");

	target->messages++;
	replace(&target->sender, has_sender ? message->from.text : STR_NONE);
	replace(&target->body,
		has_body ? cut(element_child_text(arena, message->el, NS_CLIENT, "body"), BODY_MAX)
			 : STR_NONE);
	arena_free(arena);
}

/* Whether a notification would reach anybody. ONLY: devices of that session; NULL: all. */
static bool
is_for(const struct target *target, const struct session *only, bool is_ringing)
{
	return target->disabled == NULL && (only == NULL || target_is_of(target, only)) &&
	       !target_is_watched(target, is_ringing);
}

static bool
is_for_any(const struct push *push, const struct session *only)
{
	LIST_EACH(&push->targets, struct target, link, target)
	{
		if (is_for(target, only, false))
			return true;
	}
	return false;
}

/* Tells the devices that nobody looks at. */
static void
notify_all(struct account *account, const struct stanza *message, const struct session *only,
	   bool is_ringing)
{
	LIST_EACH(&push_of(account)->targets, struct target, link, target)
	{
		if (!is_for(target, only, is_ringing))
			continue;
		note_message(account, message, target);
		target_notify(target, is_ringing);
	}
}

/* XEP-0492: a room's message without a wish counts like any other. */
static void
on_wish(struct account *account, const struct notify_wish *wish, void *arg)
{
	struct stanza *message = arg;
	/* A room's copy for a session; without `to`, for whoever belongs to the room. */
	bool is_room = message->type == MESSAGE_GROUPCHAT && message->to.resource.len > 0;
	const struct session *only =
		is_room ? account_session(account, message->to.resource) : NULL;
	bool is_wanted = wish->setting == NOTIFY_ON_MENTION
				 ? push_mentions(account, message, wish->nick)
				 : wish->setting != NOTIFY_NEVER;

	if (is_wanted && account->state == ACCOUNT_READY && push_of(account) != NULL &&
	    (!is_room || only != NULL))
		notify_all(account, message, only, false);
	stanza_unref(message);
}

void
push_tell_if_wanted(struct account *account, struct stanza *message, const struct session *only)
{
	if (is_for_any(push_of(account), only))
		notify_setting_ask(account, jid_bare_text(message->from), on_wish,
				   stanza_ref(message));
}

/* A message is on the disk: whoever is woken now will find it. */
static enum verdict
on_stored(struct event *ev)
{
	if (push_of(ev->account) != NULL && (ev->entry_flags & ENTRY_SENT) == 0 &&
	    push_worth(ev->account, ev->stanza) == WORTH_A_NOTICE)
		push_tell_if_wanted(ev->account, ev->stanza, NULL);
	return PASS;
}

/* What a room says to SESSION, and was not said by it: its own words come back to it, too. */
static bool
is_room_talk(const struct session *session, const struct stanza *message)
{
	return message->kind == STANZA_MESSAGE && message->type == MESSAGE_GROUPCHAT &&
	       message->from.resource.len > 0 && push_says_something(message->el) &&
	       (session->directed == NULL ||
		map_get(session->directed, message->from.text) == NULL);
}

/* To a session that waits to be resumed (XEP-0198): each device is woken for its own copy. */
static void
on_room_message(struct event *ev)
{
	const struct session *session = account_session(ev->account, ev->stanza->to.resource);

	if (session != NULL && session->c2s == NULL && !session->is_closing &&
	    is_room_talk(session, ev->stanza))
		push_tell_if_wanted(ev->account, ev->stanza, session);
}

/* A call does not wait for that, nor does it have to be stored. */
static enum verdict
on_message(struct event *ev)
{
	if (push_of(ev->account) == NULL)
		return PASS;
	if (ev->stanza->type == MESSAGE_GROUPCHAT)
		on_room_message(ev);
	else if (push_worth(ev->account, ev->stanza) == WORTH_RINGING)
		notify_all(ev->account, ev->stanza, NULL, true);
	return PASS;
}

static void
on_entries(struct store_request *request)
{
	struct account *account = request->owner;

	for (size_t i = 0; i < request->count; i++) {
		const struct store_item *item = request->results[i].items;
		struct stanza *message = item != NULL ? stanza_parse(item->value) : NULL;

		if (message != NULL && account->state == ACCOUNT_READY &&
		    push_of(account) != NULL && push_worth(account, message) == WORTH_A_NOTICE)
			push_tell_if_wanted(account, message, NULL);
		stanza_unref(message);
	}
	account_unpin(account);
	store_request_free(request);
}

/*
 * What was written to a connection that is lost, and which its client has not acknowledged: it is
 * read again, to see what is wanted of whom. What is not yet on the disk is told when it is.
 */
static void
tell_of_lost(struct account *account, const struct session *session)
{
	struct store_request *request = NULL;
	unsigned n = 0;

	for (const struct queued *q = session->unacked; q != NULL && n < LOST_MAX; q = q->next) {
		const struct kept *kept = q->kept;

		if (kept == NULL || !kept->is_stored || kept->id == 0 || kept->is_sent ||
		    kept->has_arrived)
			continue;
		if (request == NULL)
			request = store_request_new(account->worker->store, account->worker->loop,
						    on_entries, account);
		store_log_get(request, account->jid.text, MESSAGE_LOG, kept->id);
		n++;
	}
	if (request == NULL)
		return;
	account_pin(account);
	store_submit(request);
}

/* The same of rooms' messages, which are stored nowhere here. */
static void
tell_of_rooms(struct account *account, const struct session *session)
{
	for (const struct queued *q = session->unacked; q != NULL; q = q->next) {
		struct stanza *stanza = q->text != NULL && q->is_written
						? stanza_parse(str_of(q->text, q->len))
						: NULL;

		if (stanza != NULL && stanza->to.resource.len > 0 && is_room_talk(session, stanza))
			push_tell_if_wanted(account, stanza, session);
		stanza_unref(stanza);
	}
}

/* Whoever was thought to look did not: that is what their messages are told for, late. */
static enum verdict
on_detached(struct event *ev)
{
	if (push_of(ev->account) == NULL)
		return PASS;
	tell_of_rooms(ev->account, ev->session);
	if (is_for_any(push_of(ev->account), NULL))
		tell_of_lost(ev->account, ev->session);
	return PASS;
}

/* Somebody asks to see the account's presence, who did not before. */
static enum verdict
on_request(struct event *ev)
{
	struct push *push = push_of(ev->account);
	const struct contact *contact;

	if (push == NULL || ev->stanza->type != PRESENCE_SUBSCRIBE)
		return PASS;
	contact = roster_find(ev->account->roster, jid_bare_text(ev->stanza->from));
	if (contact != NULL && (contact->from || contact->pending || contact->approved))
		return PASS;
	LIST_EACH(&push->targets, struct target, link, target)
	{
		if (target->disabled == NULL && !target_is_watched(target, false))
			target_notify(target, false);
	}
	return PASS;
}

static enum verdict
to_account(struct event *ev)
{
	switch (ev->stanza->kind) {
	case STANZA_MESSAGE:
		return on_message(ev);
	case STANZA_PRESENCE:
		return on_request(ev);
	default:
		return PASS;
	}
}

static enum verdict
check_message(struct event *ev)
{
	if (ev->stanza->kind != STANZA_MESSAGE ||
	    account_extra(ev->account, &xep0357_push) == NULL ||
	    element_child(ev->stanza->el, NS_PUBSUB, "pubsub") == NULL)
		return PASS;
	return push_take_end(ev);
}

/* XEP-0490: what was read on another device need not be told to this one. */
static enum verdict
from_client(struct event *ev)
{
	const struct element *el;

	if (ev->stanza->type != IQ_SET || account_extra(ev->account, &xep0357_push) == NULL)
		return PASS;
	el = element_child(ev->stanza->el, NS_PUBSUB, "pubsub");
	el = el ? element_child(el, NULL, "publish") : NULL;
	if (el != NULL && str_is(element_attr(el, "node"), NS_DISPLAYED))
		push_seen(ev->account);
	return PASS;
}

static enum verdict
on_presence(struct event *ev)
{
	if (push_is_watched(ev->session))
		push_seen(ev->account);
	return PASS;
}

const struct module xep0357_push = {
	.name = "push",
	.specs = SPECS({"XEP-0357", "0.4.1", SPEC_COMPLETE, NULL},
		       {"XEP-0492", "0.2.0", SPEC_COMPLETE, "of bookmarks, for phones"}),
	.account_features = FEATURES(NS_PUSH),
	.options =
		OPTIONS({"when", OPTION_TEXT, "nobody",
			 "a device is told of a message: when nobody looks at any of the account's "
			 "sessions, "
			 "or when nobody looks at its own; calls ring as with \"own\"",
			 "nobody own"},
			{"include_sender", OPTION_BOOL, "false",
			 "a notification tells the app's server who wrote last"},
			{"include_body", OPTION_BOOL, "false", "and the beginning of the message"},
			{"interval", OPTION_DURATION, "5s",
			 "between two notifications of one device; what comes meanwhile is merged"},
			{"devices", OPTION_INT, "20", "of one account; 0: any number"},
			{"timeout", OPTION_DURATION, "30s", "for the app's server to answer"},
			{"retry", OPTION_DURATION, "30s",
			 "until the next attempt when it cannot be reached; doubled each time, up "
			 "to an hour"},
			{"attempts", OPTION_INT, "10",
			 "that fail in a row before a device is given up", .min = 1, .max = 1000}),
	.iqs = IQS({IQ_SET, TO_OWN_ACCOUNT, NS_PUSH, "enable", push_enable},
		   {IQ_SET, TO_OWN_ACCOUNT, NS_PUSH, "disable", push_disable}),
	.hooks = HOOKS({POINT_TO_ACCOUNT, STAGE_CHECK, check_message},
		       {POINT_TO_ACCOUNT, STAGE_COPY, to_account},
		       {POINT_MESSAGE_STORED, STAGE_HANDLE, on_stored},
		       {POINT_SESSION_DETACHED, STAGE_HANDLE, on_detached},
		       {POINT_FROM_CLIENT, STAGE_COPY, from_client},
		       {POINT_PRESENCE, STAGE_HANDLE, on_presence}),
	.account_set = PUSH_SET,
	.account_loaded = push_loaded,
	.account_free = push_free,
	.controls = push_controls,
	.state_size = sizeof(struct push_state),
};
