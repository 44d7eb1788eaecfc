/* SPDX-License-Identifier: MIT */
/* account.c - loading accounts, and handing them what is addressed to them (RFC 6121 §8.5). */
#include "server/account.h"

#include "base/log.h"
#include "server/account_disable.h"
#include "server/account_extra.h"
#include "server/c2s.h"
#include "server/clients.h"
#include "server/message_log.h"
#include "server/module.h"
#include "server/roster.h"
#include "server/server.h"
#include "server/server_ask.h"

#include <stdatomic.h>
#include <stdlib.h>

#define IDLE_KEEP_MS 60000u  /* an account without session stays in memory that long */
#define ABSENT_KEEP_MS 2000u /* and the knowledge that there is none, that long */
#define WAITING_MAX 1000u    /* stanzas that wait for one account's load */

static struct account *
account_new(struct worker *worker, struct str bare)
{
	struct account *account = xalloc(sizeof(*account) + bare.len);
	char *text = (char *)(account + 1);
	ptrdiff_t at = str_find(bare, '@');

	assert(at > 0);
	memcpy(text, bare.p, bare.len);
	account->worker = worker;
	account->jid.text = str_of(text, bare.len);
	account->jid.local = str_of(text, (size_t)at);
	account->jid.domain = str_from(account->jid.text, (size_t)at + 1);
	list_init(&account->sessions);
	list_init(&account->waiters);
	list_init(&account->clients);
	account->idle_since_ms = loop_now_ms(worker->loop);
	map_put(&worker->accounts, account->jid.text, account);
	list_add(&worker->idle_accounts, &account->idle);
	atomic_fetch_add_explicit(&worker->counters.accounts, 1, memory_order_relaxed);
	return account;
}

static void
account_free(struct account *account)
{
	assert(list_is_empty(&account->sessions) && account->waiting_count == 0);
	map_remove(&account->worker->accounts, account->jid.text);
	list_remove(&account->idle);
	message_log_free(account);
	roster_free(account->roster);
	clients_free(account);
	free(account->waiting);
	free(account->photo_hash);
	account_extra_free(account);
	free(account->archive_prefs);
	atomic_fetch_sub_explicit(&account->worker->counters.accounts, 1, memory_order_relaxed);
	free(account);
}

struct account *
account_find(struct worker *worker, struct str bare)
{
	return map_get(&worker->accounts, bare);
}

static void
loaded(struct account *account)
{
	struct stanza **waiting = account->waiting;
	unsigned count = account->waiting_count;

	account->waiting = NULL;
	account->waiting_count = 0;
	LIST_EACH(&account->waiters, struct waiter, link, waiter)
	{
		list_remove(&waiter->link);
		waiter->run(waiter, account);
	}
	for (unsigned i = 0; i < count; i++)
		account_take(account, waiting[i]);
	free(waiting);
}

static void
on_load_rest(struct store_request *request)
{
	struct account *account = request->owner;

	message_log_loaded(account, request->results);
	store_request_free(request);
	account->state = ACCOUNT_READY;
	loaded(account);
}

enum { /* results of loading: */
       LOADED_CREDENTIALS,
       LOADED_PHOTO,
       LOADED_PREFS,
       LOADED_LOG, /* and the next */
       LOADED_CLIENTS = 5,
       LOADED_ROSTER, /* and the next */
       LOADED_DISABLED = 8,
       LOADED_EXTRA, /* what modules keep */
};

static void
on_load(struct store_request *request)
{
	struct account *account = request->owner;
	struct store_request *rest = NULL;

	if (request->results[0].status == STORE_MISSING) {
		account->state = ACCOUNT_ABSENT;
	} else {
		account->roster = roster_loaded(request, LOADED_ROSTER);
		clients_loaded(account, request, LOADED_CREDENTIALS, LOADED_CLIENTS);
		if (request->results[LOADED_PHOTO].value.len > 0)
			account->photo_hash = str_dupz(request->results[LOADED_PHOTO].value);
		if (request->results[LOADED_PREFS].value.len > 0)
			account->archive_prefs = str_dupz(request->results[LOADED_PREFS].value);
		account->is_disabled = request->results[LOADED_DISABLED].status == STORE_OK;
		account_extra_loaded(account, request, LOADED_EXTRA);
		rest = store_request_new(account->worker->store, account->worker->loop,
					 on_load_rest, account);
		if (message_log_load_rest(account, request->results + LOADED_LOG, rest)) {
			store_request_free(request);
			store_submit(rest);
			return;
		}
		store_request_free(rest);
		account->state = ACCOUNT_READY;
	}
	store_request_free(request);
	loaded(account);
}

struct account *
account_get(struct worker *worker, struct str bare)
{
	struct account *account = account_find(worker, bare);
	struct store_request *request;

	if (account != NULL)
		return account;
	account = account_new(worker, bare);
	account->state = ACCOUNT_LOADING;
	request = store_request_new(worker->store, worker->loop, on_load, account);
	store_auth_get(request, account->jid.text);
	store_doc_get(request, account->jid.text, ACCOUNT_PHOTO_DOC);
	store_doc_get(request, account->jid.text, ACCOUNT_PREFS_DOC);
	message_log_load(request, account->jid.text);
	clients_load(request, account->jid.text);
	roster_load(request, account->jid.text);
	account_disabled_get(request, account->jid.text);
	account_extra_load(request, account->jid.text);
	store_submit(request);
	return account;
}

struct account *
account_new_guest(struct worker *worker, struct str bare)
{
	struct account *account = account_new(worker, bare);

	account->state = ACCOUNT_READY;
	account->is_guest = true;
	account->roster = roster_new();
	return account;
}

void
account_wait(struct account *account, struct waiter *waiter)
{
	if (account->state == ACCOUNT_LOADING)
		list_add(&account->waiters, &waiter->link);
	else
		waiter->run(waiter, account);
}

struct session *
account_session(const struct account *account, struct str resource)
{
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (str_equal(session->jid.resource, resource))
			return session;
	}
	return NULL;
}

static void
wait_for_load(struct account *account, struct stanza *stanza)
{
	/* Doubles at each power of two. */
	unsigned n = account->waiting_count;

	if (n >= WAITING_MAX) {
		route_refusal(account->worker, stanza, STANZA_RESOURCE_CONSTRAINT, NULL);
		stanza_unref(stanza);
		return;
	}
	if ((n & (n - 1)) == 0)
		account->waiting =
			xrealloc(account->waiting, sizeof(struct stanza *) * (n > 0 ? n * 2 : 1));
	account->waiting[account->waiting_count++] = stanza;
}

/* RFC 6121 §8.5.1: there is no such account. Presence says nothing, not even that. */
static void
take_absent(struct event *ev)
{
	enum verdict verdict = PASS;

	if (ev->stanza->kind == STANZA_PRESENCE)
		return;
	ev->account = NULL;
	ev->arena = arena_new();
	if (ev->stanza->kind == STANZA_IQ && ev->stanza->to.resource.len == 0 && ev->host != NULL &&
	    stanza_may_be_refused(ev->stanza))
		verdict = iq_dispatch(ev, TO_NOBODY);
	if (verdict != DONE)
		route_refusal(ev->worker, ev->stanza, STANZA_SERVICE_UNAVAILABLE, NULL);
	arena_free(ev->arena);
}

/* What only the server may tell a client: from anybody else it would be a forgery (SEC-48). */
static bool
is_for_servers_only(const struct stanza *iq)
{
	static const char *const namespaces[] = {NS_ROSTER, "urn:xmpp:blocking"};
	const struct element *payload = element_child(iq->el, NULL, NULL);

	for (size_t i = 0; iq->type == IQ_SET && payload != NULL && i < COUNT(namespaces); i++)
		if (str_is(payload->ns, namespaces[i]))
			return true;
	return false;
}

/* RFC 6121 §8.5.2.1.3, §8.5.3: an iq to a resource is the client's; to the bare JID, the server's.
 */
static enum verdict
take_iq(struct event *ev)
{
	struct stanza *iq = ev->stanza;
	struct session *session;

	if (iq->to.resource.len > 0) {
		session = account_session(ev->account, iq->to.resource);
		if (session == NULL || session->is_closing || is_for_servers_only(iq))
			return event_refuse(ev, STANZA_SERVICE_UNAVAILABLE);
		session_deliver(session, iq, NULL);
		return DONE;
	}
	if (!stanza_may_be_refused(iq)) {
		server_take_reply(ev->worker, iq); /* in case that we asked in its name */
		return DONE;
	}
	return iq_dispatch(ev, TO_ACCOUNT);
}

void
account_take(struct account *account, struct stanza *stanza)
{
	struct event ev = {.worker = account->worker, .stanza = stanza, .account = account};
	enum verdict verdict;

	if (account->state == ACCOUNT_LOADING) {
		wait_for_load(account, stanza);
		return;
	}
	account->idle_since_ms = loop_now_ms(account->worker->loop);
	ev.host = worker_host(account->worker, account->jid.domain);
	if (account->state == ACCOUNT_ABSENT || ev.host == NULL) {
		take_absent(&ev);
		stanza_unref(stanza);
		return;
	}
	ev.arena = arena_new();
	verdict = hooks_run(POINT_TO_ACCOUNT, &ev);
	if (verdict == PASS && stanza->kind == STANZA_IQ)
		verdict = take_iq(&ev);
	if (verdict == REFUSED)
		route_refusal(account->worker, stanza, ev.refusal, ev.refusal_text);
	else if (verdict == PASS && stanza->kind != STANZA_PRESENCE)
		route_refusal(account->worker, stanza, STANZA_SERVICE_UNAVAILABLE, NULL);
	arena_free(ev.arena);
	stanza_finish(stanza);
	stanza_unref(stanza);
}

void
account_pin(struct account *account)
{
	account->pins++;
}

void
account_unpin(struct account *account)
{
	assert(account->pins > 0);
	account->pins--;
}

void
account_forget(struct worker *worker, struct str bare)
{
	struct account *account = account_find(worker, bare);

	if (account != NULL && account->state == ACCOUNT_ABSENT && account->session_count == 0 &&
	    account->pins == 0)
		account_free(account);
}

void
account_session_added(struct account *account)
{
	if (account->session_count++ == 0)
		list_remove(&account->idle);
}

void
account_session_removed(struct account *account)
{
	assert(account->session_count > 0);
	if (--account->session_count == 0) {
		account->idle_since_ms = loop_now_ms(account->worker->loop);
		list_add(&account->worker->idle_accounts, &account->idle);
	}
}

void
account_revoke(struct account *account, struct session *keep, bool is_gone)
{
	const char *why = is_gone ? "the account was removed" : "the password was changed";

	if (is_gone)
		account->state = ACCOUNT_ABSENT;
	account->revoked_ms = time_mono_ms();
	clients_forget_tokens(account);
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (session != keep)
			session_close(session, STREAM_NOT_AUTHORIZED, why);
	}
	c2s_close_unbound(account->worker, account->jid.local, account->jid.domain, why);
}

void
accounts_sweep(struct worker *worker)
{
	uint64_t now = loop_now_ms(worker->loop);

	LIST_EACH(&worker->idle_accounts, struct account, idle, account)
	{
		uint64_t keep = account->state == ACCOUNT_ABSENT || account->is_guest
					? ABSENT_KEEP_MS
					: IDLE_KEEP_MS;

		if (account->state != ACCOUNT_LOADING && account->pins == 0 &&
		    now - account->idle_since_ms >= keep)
			account_free(account);
	}
}

void
accounts_save(struct worker *worker)
{
	uint32_t at = 0;
	void *account;

	while (map_next(&worker->accounts, &at, &account))
		message_log_save(account);
}

void
accounts_free(struct worker *worker)
{
	LIST_EACH(&worker->idle_accounts, struct account, idle, account)
	{
		for (unsigned i = 0; i < account->waiting_count; i++)
			stanza_unref(account->waiting[i]);
		account->waiting_count = 0;
		account_free(account);
	}
}
