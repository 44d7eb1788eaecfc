/* SPDX-License-Identifier: MIT */
/*
 * xep0160_offline.c - messages for accounts that nobody can take them for now (XEP-0160), in the
 * durable log; stamped with XEP-0203 when they are delivered.
 *
 * An entry leaves the log only when the client has it: when it answers a ping that followed, or its
 * TCP has acknowledged all. A client that dies in between gets the messages again, none is lost.
 */
#include "base/log.h"
#include "base/time.h"
#include "modules/offline.h"
#include "server/c2s.h"
#include "xmpp/xep/delay.h"

#include <stdatomic.h>
#include <stdlib.h>

#define LOG_NAME "offline"
#define PAGE 100u
#define WAITING_MAX 65536u /* bytes of the log that wait for a client to read them */
#define CONFIRM_MS 60000u
#define NS_PING "urn:xmpp:ping"
#define NS_HINTS "urn:xmpp:hints"
#define NS_CHAT_STATES "http://jabber.org/protocol/chatstates"

struct storing { /* a message on its way to the log */
	struct worker *worker;
	struct stanza *stanza;
	struct account *account; /* stays in memory: see account_pin */
};

struct draining { /* the log on its way to account->offline_reader */
	struct worker *worker;
	struct account *account;
	uint64_t shown;   /* the last position that was written to the client */
	uint64_t written; /* all bytes up to that, see c2s_written */
	uint64_t count;
};

/* XEP-0160 §3, XEP-0334: what is about the moment is not worth keeping. */
static bool
is_worth_keeping(const struct stanza *stanza)
{
	const struct element *el = element_child(stanza->el, NULL, NULL);

	if (element_child(stanza->el, NS_HINTS, "no-store") != NULL)
		return false;
	for (; el != NULL; el = element_next(el, NULL, NULL))
		if (!str_is(el->ns, NS_CHAT_STATES) && !str_is(el->name, "thread") &&
		    !str_is(el->ns, NS_HINTS))
			return true;
	return false;
}

static void
on_stored(struct store_request *request)
{
	struct storing *storing = request->owner;
	struct account *account = storing->account;

	account->offline_appends--;
	if (request->status == STORE_OK) {
		account->offline_count++;
		atomic_fetch_add_explicit(&storing->worker->counters.messages_stored, 1,
					  memory_order_relaxed);
	} else {
		/* Full: the sender hears of it (XEP-0160 §2), nothing is dropped in silence. */
		route_refusal(storing->worker, storing->stanza, STANZA_SERVICE_UNAVAILABLE,
			      "the offline storage is full");
	}
	account_unpin(account);
	stanza_unref(storing->stanza);
	free(storing);
	store_request_free(request);
}

static void
store_message(struct account *account, struct stanza *stanza)
{
	const struct config_limits *limits = &account->worker->config->limits;
	struct storing *storing = xnew(struct storing);
	struct store_request *request = store_request_new(
		account->worker->store, account->worker->loop, on_stored, storing);
	struct buf text = {0};

	storing->worker = account->worker;
	storing->stanza = stanza_ref(stanza);
	storing->account = account;
	account_pin(account);
	account->offline_appends++;
	stanza_write(&text, stanza, NULL);
	store_log_append(request, account->jid.text, LOG_NAME, time_wall_us(),
			 jid_bare_text(stanza->from), buf_str(&text), limits->offline_messages,
			 limits->offline_bytes);
	buf_free(&text);
	store_submit(request);
}

static enum verdict
keep(struct event *ev)
{
	if (ev->stanza->kind != STANZA_MESSAGE || ev->account->is_guest)
		return PASS;
	if (!is_worth_keeping(ev->stanza)) {
		worker_dropped(ev->worker);
		return DONE;
	}
	store_message(ev->account, ev->stanza);
	return DONE;
}

bool
offline_comes_first(const struct event *ev, const struct session *to)
{
	const struct account *account = ev->account;
	bool has_more = account->offline_count + account->offline_appends > account->offline_shown;

	if (!is_worth_keeping(ev->stanza))
		return false;
	/* Once all is shown, nothing for the reader's own address can come to be in the log. */
	if (to != NULL)
		return account->is_draining_offline && to == account->offline_reader;
	return account->is_draining_offline || (account->is_confirming_offline && has_more);
}

static void
draining_free(struct draining *d)
{
	account_unpin(d->account);
	free(d);
}

static void
forget_delivered(struct draining *d)
{
	struct store_request *request =
		store_request_new(d->worker->store, d->worker->loop, NULL, NULL);

	store_log_trim(request, d->account->jid.text, LOG_NAME, d->shown);
	store_submit(request);
	d->account->offline_count -= MIN(d->account->offline_count, d->count);
}

static void drain_to(struct account *account, struct session *session);

/* To the next session that can take what the last one did not: if there is none, at next login. */
static void
drain_again(struct account *account)
{
	if (account->state != ACCOUNT_READY)
		return;
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (session_is_available(session) && !session->is_closing &&
		    session->priority >= 0) {
			drain_to(account, session);
			return;
		}
	}
}

static void ask(struct draining *d, struct session *session);

/* The answer to the ping that followed, or NULL: then what TCP says counts. */
static void
on_confirmed(struct session *session, const struct stanza *reply, void *arg)
{
	struct draining *d = arg;
	struct account *account = d->account;
	uint64_t written = c2s_written(session->c2s);
	bool has_it = reply != NULL ||
		      written - MIN(written, c2s_unacknowledged(session->c2s)) >= d->written;

	if (!has_it && !session->is_closing) {
		/* Slow, but still there: the same bytes once more would not come sooner. */
		ask(d, session);
		return;
	}
	account->is_confirming_offline = false;
	account->offline_shown = 0;
	account->offline_reader = NULL;
	if (has_it)
		forget_delivered(d);
	/* Else to another; and what came for nobody meanwhile, such as while it was away. */
	drain_again(account);
	draining_free(d);
}

static void
ask(struct draining *d, struct session *session)
{
	struct arena *arena = arena_new();

	session_ask(session, IQ_GET, element_new(arena, NS_PING, "ping"), CONFIRM_MS, on_confirmed,
		    d);
	arena_free(arena);
}

/* All has been written to the client; now it must say that it is there. */
static void
ask_for_confirmation(struct draining *d, struct session *session)
{
	d->account->is_draining_offline = false;
	d->account->is_confirming_offline = true;
	d->account->offline_shown = d->count;
	d->written = c2s_written(session->c2s);
	ask(d, session);
}

static void
deliver_item(struct draining *d, struct session *session, const struct store_item *item)
{
	struct stanza *stanza = stanza_parse(item->value);
	struct buf delay = {0};

	d->shown = item->id;
	d->count++;
	if (stanza == NULL) {
		log_event(LOG_ERROR, "offline-message-unreadable",
			  LOG_STR("to", d->account->jid.text), LOG_INT("id", item->id));
		return;
	}
	stanza_freeze(stanza);
	delay_write(&delay, d->account->jid.domain, item->at_us);
	session_deliver_stored(session, stanza, &(struct overlay){.extra = buf_str(&delay)});
	buf_free(&delay);
	stanza_unref(stanza);
}

static void next_page(struct draining *d);

/* The session ended before all was delivered. */
static void
break_off(struct draining *d)
{
	d->account->is_draining_offline = false;
	d->account->offline_reader = NULL;
	drain_again(d->account);
	draining_free(d);
}

static void
on_drained(struct session *session, void *arg)
{
	if (session != NULL)
		next_page(arg);
	else
		break_off(arg);
}

/* Delivers as much as may wait for the client. Whether that was all of the page. */
static bool
deliver_page(struct draining *d, struct session *session, const struct store_item *item)
{
	for (; item != NULL; item = item->next) {
		if (c2s_waiting(session->c2s) > WAITING_MAX)
			return false;
		deliver_item(d, session, item);
	}
	return true;
}

static void
on_page(struct store_request *request)
{
	struct draining *d = request->owner;
	const struct store_result *result = &request->results[0];
	struct session *session = d->account->offline_reader;
	bool is_last = result->count < PAGE && d->account->offline_appends == 0;

	if (session != NULL && !session->is_closing)
		is_last &= deliver_page(d, session, result->items);
	store_request_free(request);
	if (session == NULL || session->is_closing) { /* perhaps for not reading */
		break_off(d);
	} else if (!is_last) {
		session_when_drained(session, on_drained, d);
	} else if (d->count > 0) {
		ask_for_confirmation(d, session);
	} else {
		d->account->is_draining_offline = false;
		d->account->offline_reader = NULL;
		d->account->offline_count = 0;
		draining_free(d);
	}
}

static void
next_page(struct draining *d)
{
	struct store_request *request =
		store_request_new(d->worker->store, d->worker->loop, on_page, d);

	store_log_range(request, d->account->jid.text, LOG_NAME, d->shown, 0, PAGE, false);
	store_submit(request);
}

static void
drain_to(struct account *account, struct session *session)
{
	struct draining *d;

	if (account->is_draining_offline || account->is_confirming_offline || account->is_guest ||
	    (account->offline_count == 0 && account->offline_appends == 0))
		return;
	d = xnew(struct draining);
	d->worker = account->worker;
	d->account = account;
	account_pin(account);
	account->is_draining_offline = true;
	account->offline_reader = session;
	next_page(d);
}

/* XEP-0160 §2: to the first session that can take messages. */
static enum verdict
drain(struct event *ev)
{
	if (session_is_available(ev->session) && ev->session->priority >= 0)
		drain_to(ev->account, ev->session);
	return PASS;
}

/* Another session with the same address would not have what this one was shown. */
static enum verdict
forget_reader(struct event *ev)
{
	if (ev->account->offline_reader == ev->session)
		ev->account->offline_reader = NULL;
	return PASS;
}

const struct module xep0160_offline = {
	.name = "offline",
	.specs = SPECS({"XEP-0160", "1.0.1", SPEC_COMPLETE, NULL},
		       {"XEP-0203", "2.0", SPEC_COMPLETE, "stamps on offline messages"}),
	.features = FEATURES("msgoffline"),
	.hooks =
		HOOKS({POINT_TO_ACCOUNT, STAGE_HANDLE, keep}, {POINT_PRESENCE, STAGE_HANDLE, drain},
		      {POINT_SESSION_CLOSED, STAGE_HANDLE, forget_reader}),
};
