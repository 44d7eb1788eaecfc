/* SPDX-License-Identifier: MIT */
/* message_drain.c - one page of the log after the other, as fast as the client reads. */
#include "server/message_drain.h"

#include "base/crash.h"
#include "server/module.h"
#include "server/session_queue.h"
#include "server/sm.h"

#include <stdlib.h>

#define PAGE 50u
#define WAITING_MAX 65536u /* bytes of the log that wait for a client to read them */

struct drain { /* of one account at a time */
	struct account *account;
	struct session *session;    /* NULL: it has gone */
	struct store_request *page; /* whose entries are about to be written */
	uint64_t after;             /* the last entry that was looked at */
	uint64_t until; /* so many appends were begun before: see message_log.appended */
	bool is_busy;   /* an answer is under way */
	bool is_at_end; /* nothing is left but what came meanwhile */
};

static void next_page(struct drain *d);

static bool
can_take(const struct session *session)
{
	return session_is_available(session) && !session->is_closing && session->priority >= 0 &&
	       session->c2s != NULL;
}

static void
end(struct drain *d)
{
	struct account *account = d->account;
	struct session *session = d->session;

	account->drain = NULL;
	store_request_free(d->page);
	free(d);
	if (session != NULL) {
		session->is_draining = false;
		session_flush(session);
	}
	message_drain(account, NULL); /* to another, if there is something */
	account_unpin(account);
}

static void
on_numbered(void *arg)
{
	struct drain *d = arg;

	d->is_busy = false;
	end(d);
}

/* What came while the drain went on follows, when its entries are durable. */
static void
finish(struct drain *d)
{
	d->is_at_end = true;
	if (!session_number_held(d->session))
		return; /* message_drain_go_on comes again */
	if (d->session->held == NULL || d->session->sm == NULL) {
		end(d);
		return;
	}
	/* What comes from here on has its place behind that: its entry follows the record. */
	d->session->is_draining = false;
	d->is_busy = true;
	sm_record(d->session, on_numbered, d);
}

static void
on_drained(struct session *session, void *arg)
{
	struct drain *d = arg;

	d->is_busy = false;
	if (session == NULL || d->session == NULL)
		end(d);
	else
		next_page(d);
}

static void
write_page(void *arg)
{
	struct drain *d = arg;
	struct session *session = d->session;

	CRASH_POINT("before-drained");
	d->is_busy = true; /* the session may end of it, and D must not */
	if (session != NULL) {
		session->reserved -= session->sm != NULL;
		session->has_unwritten = false;
		session_write_entries(session, d->page->results[0].items);
		session_flush(session);
	}
	store_request_free(d->page);
	d->page = NULL;
	d->is_busy = false;
	if (d->session == NULL) {
		end(d);
		return;
	}
	d->is_busy = true;
	session_when_drained(session, on_drained, d);
}

/* Whether the account does not want ITEM any more: of somebody who was blocked meanwhile, say. */
static bool
is_unwanted(const struct drain *d, const struct store_item *item)
{
	struct account *account = d->account;
	struct event ev = {.worker = account->worker,
			   .session = d->session,
			   .account = account,
			   .host = worker_host(account->worker, account->jid.domain),
			   .contact = item->with,
			   .entry_id = item->id};
	enum verdict verdict;

	if (ev.host == NULL)
		return false;
	ev.arena = arena_new();
	verdict = hooks_run(POINT_MESSAGE_WAITED, &ev);
	arena_free(ev.arena);
	return verdict == DONE;
}

/* Takes what may wait for the client into its queue. Returns whether anything is to be written. */
static bool
queue_page(struct drain *d, const struct store_item *items)
{
	size_t bytes = 0;
	bool has_any = false;

	for (const struct store_item *item = items; item != NULL && bytes < WAITING_MAX;
	     item = item->next) {
		struct kept *kept;

		d->after = item->id;
		if (message_log_next(d->account, item->id - 1) == item->id && is_unwanted(d, item))
			message_log_arrived(d->account, item->id);
		kept = message_log_keep(d->account, item->id);
		if (kept == NULL)
			continue;
		session_add_entry(d->session, kept, COPY_DIRECT, item->value.len);
		bytes += item->value.len;
		has_any = true;
	}
	return has_any;
}

static void
on_page(struct store_request *request)
{
	struct drain *d = request->owner;
	const struct store_result *result = &request->results[0];
	bool has_any;

	d->is_busy = false;
	if (d->session == NULL) {
		store_request_free(request);
		end(d);
		return;
	}
	has_any = queue_page(d, result->items);
	if (!has_any) {
		uint64_t last = result->count < PAGE ? UINT64_MAX - 1 : d->after;

		store_request_free(request);
		/* Retention may have taken entries that were still outstanding. */
		if (d->account->log.appends == 0)
			message_log_forget(d->account, last);
		next_page(d);
		return;
	}
	d->page = request;
	d->is_busy = true;
	/* Their numbers must be known after a crash, before the client can have counted them. */
	if (d->session->sm != NULL) {
		d->session->reserved++;
		d->session->has_unwritten = true;
		sm_record(d->session, write_page, d);
	} else {
		write_page(d);
	}
}

static void
next_page(struct drain *d)
{
	struct store_request *request;

	if (message_log_next(d->account, d->after) == 0) {
		/* What was accepted before this session took messages comes first, too. */
		if (d->account->log.appended >= d->until)
			finish(d);
		return; /* else message_drain_go_on comes */
	}
	d->after = message_log_next(d->account, d->after) - 1;
	request =
		store_request_new(d->account->worker->store, d->account->worker->loop, on_page, d);
	store_log_page(request, d->account->jid.text, MESSAGE_LOG,
		       &(struct store_page){.after = d->after, .mask = ENTRY_SENT, .limit = PAGE});
	d->is_busy = true;
	store_submit(request);
}

void
message_drain(struct account *account, struct session *session)
{
	struct drain *d = account->drain;

	/* It was away for a moment, and something was accepted meanwhile. */
	if (d != NULL && session != NULL && d->session == session) {
		d->until = account->log.appended + account->log.appends;
		d->is_at_end = false;
	}
	if (d != NULL || account->state != ACCOUNT_READY ||
	    (message_log_undelivered(account) == 0 &&
	     (session == NULL || account->log.appends == 0)))
		return;
	if (session == NULL)
		LIST_EACH(&account->sessions, struct session, link, other)
		{
			if (session == NULL && can_take(other))
				session = other;
		}
	if (session == NULL || !can_take(session))
		return;
	d = xnew(struct drain);
	d->account = account;
	d->session = session;
	d->until = account->log.appended + account->log.appends;
	account->drain = d;
	session->is_draining = true;
	account_pin(account);
	next_page(d);
}

void
message_drain_go_on(struct account *account)
{
	struct drain *d = account->drain;

	if (d == NULL)
		message_drain(account, NULL);
	else if (!d->is_busy && d->session == NULL)
		end(d);
	else if (!d->is_busy && d->is_at_end)
		finish(d);
	else if (!d->is_busy)
		next_page(d);
}

void
message_drain_stop(struct session *session)
{
	struct drain *d = session->account->drain;

	session->is_draining = false;
	if (d == NULL || d->session != session)
		return;
	d->session = NULL;
	if (!d->is_busy)
		end(d);
}
