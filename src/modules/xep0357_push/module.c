/* SPDX-License-Identifier: MIT */
/*
 * module.c - Push Notifications (XEP-0357): an app's server is told when somebody should look, so
 * that a phone that sleeps can be woken.
 *
 * By default the notification says nothing but how many messages there are.
 */
#include "modules/push.h"

#include "modules/xep0357_push/push.h"
#include "server/account_extra.h"
#include "server/roster.h"
#include "server/session_queue.h"

#include <stdlib.h>

#define NS_DISPLAYED "urn:xmpp:mds:displayed:0"
#define BODY_MAX 512u /* bytes */

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
note_message(const struct event *ev, struct target *target)
{
	const struct option_values *options = event_options(ev);

	target->messages++;
	replace(&target->sender,
		option_bool(options, "include_sender") ? ev->stanza->from.text : STR_NONE);
	replace(&target->body,
		option_bool(options, "include_body")
			? cut(element_child_text(ev->arena, ev->stanza->el, NS_CLIENT, "body"),
			      BODY_MAX)
			: STR_NONE);
}

/* Tells the devices that nobody looks at. */
static void
notify_all(struct event *ev, enum worth worth)
{
	struct push *push = push_of(ev->account);

	LIST_EACH(&push->targets, struct target, link, target)
	{
		if (target->disabled != NULL || target_is_watched(target, worth == WORTH_RINGING))
			continue;
		note_message(ev, target);
		target_notify(target, worth == WORTH_RINGING);
	}
}

/* A message is on the disk: whoever is woken now will find it. */
static enum verdict
on_stored(struct event *ev)
{
	if (push_of(ev->account) != NULL && (ev->entry_flags & ENTRY_SENT) == 0 &&
	    push_worth(ev) == WORTH_A_NOTICE)
		notify_all(ev, WORTH_A_NOTICE);
	return PASS;
}

/* A call does not wait for that, nor does it have to be stored. */
static enum verdict
on_message(struct event *ev)
{
	if (push_of(ev->account) != NULL && push_worth(ev) == WORTH_RINGING)
		notify_all(ev, WORTH_RINGING);
	return PASS;
}

/* What was written to a connection that is lost, and which its client has not acknowledged. */
static unsigned
not_arrived(const struct session *session)
{
	unsigned n = 0;

	for (const struct queued *q = session->unacked; q != NULL; q = q->next)
		n += q->kept != NULL && q->kept->is_stored && !q->kept->is_sent &&
		     !q->kept->has_arrived;
	return n;
}

/* Whoever was thought to look did not: that is what their messages are told for, late. */
static enum verdict
on_detached(struct event *ev)
{
	struct push *push = push_of(ev->account);
	unsigned n = push != NULL ? not_arrived(ev->session) : 0;

	if (n == 0)
		return PASS;
	LIST_EACH(&push->targets, struct target, link, target)
	{
		if (target->disabled != NULL || target_is_watched(target, false))
			continue;
		target->messages += n;
		target_notify(target, false);
	}
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
	.specs = SPECS({"XEP-0357", "0.4.1", SPEC_COMPLETE, NULL}),
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
