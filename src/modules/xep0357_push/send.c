/* SPDX-License-Identifier: MIT */
/*
 * send.c - notifications on their way to push services (XEP-0357 §7): one at a time to each, the
 * first at once, what happens meanwhile merged into the next; again later when the service is not
 * to be reached, and never again once it says so.
 */
#include "base/log.h"
#include "base/rand.h"
#include "modules/csi.h"
#include "modules/xep0357_push/push.h"
#include "server/roster.h"
#include "server/server.h"
#include "server/server_ask.h"
#include "xmpp/xep/forms.h"
#include "xmpp/xml_reader.h"

#include <stdatomic.h>

#define FORM_SUMMARY "urn:xmpp:push:summary"
#define RETRY_MAX_MS 3600000u
#define URGENT_MS 1000u /* between two that ring */

static const struct xml_limits limits = {
	.bytes = 65536, .depth = 16, .attributes = 32, .nodes = 4096};

static struct push_state *
state_of(const struct target *target)
{
	return module_state(target->account->worker, &xep0357_push);
}

bool
push_is_watched(const struct session *session)
{
	return !session->is_closing && session->c2s != NULL && session_is_available(session) &&
	       session->priority >= 0 && !session_is_inactive(session);
}

bool
target_is_of(const struct target *target, const struct session *session)
{
	struct str device = str(target->device);

	return device.len > 0 &&
	       (str_is(device, session->client_id) || str_equal(device, session->jid.resource));
}

/* A call rings everywhere but where somebody is looking already. */
bool
target_is_watched(const struct target *target, bool is_urgent)
{
	const struct option_values *options = push_options(target->account);
	bool is_own = is_urgent || (options != NULL && str_is(option_text(options, "when"), "own"));

	LIST_EACH(&target->account->sessions, struct session, link, session)
	{
		if (push_is_watched(session) && (!is_own || target_is_of(target, session)))
			return true;
	}
	return false;
}

static size_t
pending_requests(const struct account *account)
{
	uint32_t at = 0;
	size_t n = 0;
	void *value;

	while (account->roster != NULL && map_next(&account->roster->contacts, &at, &value))
		n += ((const struct contact *)value)->pending;
	return n;
}

static void
add_number(struct arena *arena, struct element *x, const char *var, size_t n)
{
	form_add_text(arena, x, FIELD_TEXT, var, NULL, arena_printf(arena, "%zu", n));
}

static struct element *
summary(struct arena *arena, const struct target *target)
{
	struct element *x = form_new(arena, FORM_SUBMIT, FORM_SUMMARY);
	size_t requests = pending_requests(target->account);

	add_number(arena, x, "message-count", target->messages);
	if (requests > 0)
		add_number(arena, x, "pending-subscription-count", requests);
	if (target->sender != NULL)
		form_add_text(arena, x, FIELD_JID, "last-message-sender", NULL,
			      str(target->sender));
	if (target->body != NULL)
		form_add_text(arena, x, FIELD_TEXT, "last-message-body", NULL, str(target->body));
	return x;
}

/* §7 */
static struct element *
publication(struct arena *arena, const struct target *target)
{
	struct element *pubsub = element_new(arena, NS_PUBSUB, "pubsub");
	struct element *publish = element_add(arena, pubsub, NULL, "publish");
	struct element *item = element_add(arena, publish, NULL, "item");
	struct element *notification = element_add(arena, item, NS_PUSH, "notification"), *options;

	if (target->node[0] != '\0')
		element_setz(arena, publish, "node", target->node);
	element_append(notification, summary(arena, target));
	if (target->options == NULL)
		return pubsub;
	options = xml_parse(arena, arena_dup(arena, str(target->options)), &limits, NULL);
	if (options != NULL)
		element_append(element_add(arena, pubsub, NULL, "publish-options"), options);
	return pubsub;
}

static void on_answer(struct worker *worker, const struct stanza *reply, void *arg);

static void
notify_service(struct target *target, const struct option_values *options)
{
	struct account *account = target->account;
	struct jid host = {.text = account->jid.domain, .domain = account->jid.domain}, to;
	struct arena *arena = arena_new();
	const char *why;

	target->is_wanted = target->is_urgent = false;
	target->last_ms = loop_now_ms(account->worker->loop);
	if (jid_parse(arena, str(target->service), &to, &why) == 0) {
		target->is_sending = true;
		account_pin(account);
		state_of(target)->sent++;
		server_ask(account->worker, host, to, IQ_SET, publication(arena, target),
			   option_ms(options, "timeout"), on_answer, target);
	}
	arena_free(arena);
}

static void
on_timer(struct timer *timer)
{
	struct target *target = CONTAINER(timer, struct target, timer);
	const struct option_values *options = push_options(target->account);

	target->is_waiting = false;
	if (options != NULL && target->account->state == ACCOUNT_READY &&
	    !target_is_watched(target, target->is_urgent))
		notify_service(target, options);
	else
		target->is_wanted = target->is_urgent = false; /* it has been seen meanwhile */
	account_unpin(target->account);
}

static void
send_at(struct target *target, uint64_t at_ms)
{
	if (target->is_waiting && target->timer.due_ms <= at_ms)
		return;
	if (!target->is_waiting)
		account_pin(target->account);
	target->is_waiting = true;
	target->timer.run = on_timer;
	timer_set(target->account->worker->loop, &target->timer, at_ms);
}

void
target_stop(struct target *target)
{
	target->is_wanted = target->is_urgent = false;
	if (!target->is_waiting)
		return;
	target->is_waiting = false;
	timer_cancel(target->account->worker->loop, &target->timer);
	account_unpin(target->account);
}

/* The next one, not sooner than the interval allows. */
static void
send_soon(struct target *target)
{
	const struct option_values *options = push_options(target->account);
	uint64_t now = loop_now_ms(target->account->worker->loop);
	uint64_t interval = target->is_urgent ? URGENT_MS
			    : options         ? option_ms(options, "interval")
					      : 0;
	uint64_t at = target->last_ms > 0 ? target->last_ms + interval : now;

	send_at(target, MAX(at, now));
}

void
target_notify(struct target *target, bool is_urgent)
{
	if (target->disabled != NULL)
		return;
	if (target->is_wanted)
		state_of(target)->merged++;
	target->is_wanted = true;
	target->is_urgent |= is_urgent;
	/* While the service is not to be reached the next attempt tells of this too. */
	if (!target->is_sending && (target->failures == 0 || !target->is_waiting))
		send_soon(target);
}

/*
 * §7.1: what may be over after a while. That the service is unknown or not connected is among it:
 * services are restarted, and people's messages are not less important then.
 */
static bool
is_passing(const struct element *error, const struct element *condition)
{
	static const char *const passing[] = {
		"remote-server-not-found", "remote-server-timeout", "service-unavailable",
		"recipient-unavailable",   "internal-server-error", "resource-constraint",
	};

	if (error == NULL || str_is(element_attr(error, "type"), "wait"))
		return true;
	for (size_t i = 0; condition != NULL && i < COUNT(passing); i++)
		if (str_is(condition->name, passing[i]))
			return true;
	return false;
}

static void
give_up(struct target *target, const char *condition)
{
	target_stop(target);
	target->disabled = xstrdup(condition);
	if (!target->account->is_guest)
		target_store(target, NULL, NULL);
}

static void
retry(struct target *target, const struct option_values *options)
{
	uint64_t now = loop_now_ms(target->account->worker->loop);
	uint64_t wait = option_ms(options, "retry");

	wait = MIN(wait << MIN(target->failures - 1, 12u), RETRY_MAX_MS);
	target->is_wanted = true;
	/* Not all at once when a service is back. */
	send_at(target, now + wait + rand_below(wait / 4 + 1));
}

static void
on_failure(struct target *target, const struct stanza *reply)
{
	const struct option_values *options = push_options(target->account);
	const struct element *error = reply ? element_child(reply->el, NS_CLIENT, "error") : NULL;
	const struct element *el = error ? element_child(error, NS_STANZA_ERROR, NULL) : NULL;
	struct arena *arena = arena_new();
	const char *condition = el ? arena_dup(arena, el->name).p : "no-answer";

	target->failures++;
	if (options == NULL)
		target_stop(target);
	else if (!is_passing(error, el) || target->failures >= option_number(options, "attempts"))
		give_up(target, condition);
	else
		retry(target, options);
	push_note_failure(target, condition);
	arena_free(arena);
}

static void
on_answer(struct worker *worker, const struct stanza *reply, void *arg)
{
	struct target *target = arg;
	struct account *account = target->account;

	target->is_sending = false;
	if (target->is_gone) {
		target_free(target);
	} else if (account->state != ACCOUNT_READY || atomic_load(&worker->server->is_stopping)) {
		target_stop(target);
	} else if (reply != NULL && reply->type == IQ_RESULT) {
		target->failures = 0;
		state_of(target)->delivered++;
		if (target->is_wanted)
			send_soon(target);
	} else {
		on_failure(target, reply);
	}
	account_unpin(account);
}
