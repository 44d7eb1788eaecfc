/* SPDX-License-Identifier: MIT */
/*
 * sm_resume.c - a client comes back to its session (XEP-0198 §5).
 *
 * What it has not acknowledged is read from the log again. Before it is told how many of its own
 * stanzas were handled, all that are under way have come to rest and are durable: it will send what
 * is above that number once more.
 */
#include "base/crash.h"
#include "base/log.h"
#include "server/c2s.h"
#include "server/message_drain.h"
#include "server/module.h"
#include "server/outgoing.h"
#include "server/session_queue.h"
#include "server/sm.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define ROUNDS_MAX 200u /* of waiting for the store, for a session under heavy fire */

struct resuming {
	struct account *account;
	struct store_request *entries; /* that were read */
	uint64_t read_up_to;
	char secret[32];
	uint64_t tag;
	uint32_t h, handled;
	unsigned rounds;
	bool was_looked_up;
	void (*done)(struct session *session, const struct sm_failure *failure, void *arg);
	void *arg;
};

static void
end(struct resuming *r, struct session *session, const struct sm_failure *failure)
{
	r->done(session, failure, r->arg);
	store_request_free(r->entries);
	account_unpin(r->account);
	free(r);
}

/* S is not touched any more: NULL. */
static void
fail(struct resuming *r, struct session *s, enum stanza_condition condition)
{
	if (s != NULL)
		s->sm->is_resuming = false;
	end(r, NULL, &(struct sm_failure){.condition = condition});
}

/* What of the queue is in the log: the first and last id, and whether any is not there yet. */
static void
look_at_queue(const struct session *s, uint64_t *first, uint64_t *last, bool *is_waiting)
{
	*first = UINT64_MAX;
	*last = 0;
	*is_waiting = false;
	for (const struct queued *q = s->unacked; q != NULL; q = q->next) {
		if (q->kept == NULL || !q->kept->is_stored || q->kept->is_refused)
			continue;
		*is_waiting |= q->kept->id == 0;
		*first = q->kept->id > 0 ? MIN(*first, q->kept->id) : *first;
		*last = MAX(*last, q->kept->id);
	}
}

/* After a restart, stanzas that were not stored are gone, and so are their numbers. */
static void
number_again(struct session *s, uint32_t h)
{
	s->sm->out = h;
	for (struct queued *q = s->unacked; q != NULL; q = q->next) {
		q->number = ++s->sm->out;
		q->is_untagged = true;
	}
	s->sm->position = s->account->log.last_id;
	s->sm->is_renumbered = true;
}

static void
succeed(struct resuming *r, struct session *s)
{
	s->sm->is_resuming = false;
	s->sm->in = s->sm->submitted = s->sm->durable;
	s->sm->resend = r->entries->results[r->entries->count - 1].items;
	end(r, s, NULL);
}

static void step(struct resuming *r);

static void
on_read(struct store_request *request)
{
	struct resuming *r = request->owner;
	struct session *s = sm_find(r->account, r->tag);

	store_request_free(r->entries);
	r->entries = request;
	if (request->status != STORE_OK) {
		/* A full disk: the session waits on, or the client begins a new one. */
		fail(r, s, STANZA_RESOURCE_CONSTRAINT);
		return;
	}
	if (s != NULL)
		s->sm->durable = r->handled;
	step(r);
}

/* The record and the entries in one: both are answered after all that the store was told. */
static void
read_entries(struct resuming *r, struct session *s, uint64_t first, uint64_t last)
{
	struct store_request *request =
		store_request_new(s->worker->store, s->worker->loop, on_read, r);

	sm_record_put(s, request);
	r->handled = s->sm->submitted;
	r->read_up_to = last;
	store_log_page(request, s->account->jid.text, MESSAGE_LOG,
		       &(struct store_page){.after = last > 0 ? first - 1 : INT64_MAX - 1,
					    .before = last + 1});
	store_submit(request);
}

static void
step(struct resuming *r)
{
	struct session *s = sm_find(r->account, r->tag);
	uint64_t first, last;
	bool is_waiting, is_ready;

	if (s == NULL || s->is_closing) {
		fail(r, s, STANZA_ITEM_NOT_FOUND);
		return;
	}
	look_at_queue(s, &first, &last, &is_waiting);
	is_ready = r->entries != NULL && !is_waiting && last <= r->read_up_to &&
		   outgoing_handled(s, s->sm->in) == s->sm->in && r->handled == s->sm->in;
	if (s->sm->is_restored && !s->sm->is_renumbered && !is_waiting) {
		number_again(s, r->h);
		is_ready = false;
	}
	if (is_ready && (!s->sm->is_restored || s->sm->is_renumbered))
		succeed(r, s);
	else if (r->rounds++ < ROUNDS_MAX)
		read_entries(r, s, first, last);
	else
		fail(r, s, STANZA_RESOURCE_CONSTRAINT);
}

static void
begin(struct resuming *r, struct session *s)
{
	struct sm *sm = s->sm;
	struct c2s *old = s->c2s;

	if (sm->is_resuming) { /* twice at once: the first one has it (SEC-19) */
		fail(r, NULL, STANZA_CONFLICT);
		return;
	}
	if ((int32_t)(sm->out - r->h) < 0 && !sm->is_restored) {
		end(r, NULL,
		    &(struct sm_failure){.condition = STANZA_UNDEFINED_CONDITION,
					 .is_too_high = true,
					 .h = r->h,
					 .sent = sm->out});
		return;
	}
	sm->is_resuming = true;
	if (old != NULL) {
		sm_detach(s);
		c2s_forget_session(old);
		c2s_close(old, STREAM_CONFLICT, "the session was resumed on another connection");
	}
	if ((int32_t)(r->h - sm->acked) > 0) {
		sm->acked = r->h;
		session_acknowledged(s, r->h);
	}
	step(r);
}

/* The secret part of the id is compared in constant time: it is worth a session. */
static bool
is_meant(const struct resuming *r, const struct session *s)
{
	return s->sm->is_resumable && strlen(r->secret) == strlen(s->sm->secret) &&
	       CRYPTO_memcmp(r->secret, s->sm->secret, strlen(r->secret)) == 0;
}

static void
look_up(void *arg)
{
	struct resuming *r = arg;
	struct session *s = r->account->state == ACCOUNT_READY ? sm_find(r->account, r->tag) : NULL;

	if (s != NULL && is_meant(r, s) && !s->is_closing) {
		begin(r, s);
	} else if (s == NULL && !r->was_looked_up && r->account->state == ACCOUNT_READY) {
		r->was_looked_up = true;
		sm_restore_one(r->account, r->tag, look_up, r);
	} else {
		fail(r, NULL, STANZA_ITEM_NOT_FOUND);
	}
}

void
sm_resume(struct account *account, struct str previd, uint32_t h,
	  void (*done)(struct session *session, const struct sm_failure *failure, void *arg),
	  void *arg)
{
	struct resuming *r = xnew(struct resuming);
	struct str tag;

	r->account = account;
	r->h = h;
	r->done = done;
	r->arg = arg;
	account_pin(account);
	if (str_split(&previd, '-', &tag) && str_to_u64(tag, UINT64_MAX, &r->tag) == 0 &&
	    previd.len > 0 && previd.len < sizeof(r->secret))
		memcpy(r->secret, previd.p, previd.len);
	look_up(r);
}

void
sm_attach(struct session *s, struct c2s *c2s)
{
	timer_cancel(s->worker->loop, &s->sm->expiry);
	s->last_active_ms = loop_now_ms(s->worker->loop);
	s->sm->is_back = true;
	c2s_take_session(c2s, s);
	log_event(LOG_INFO, "session-resumed", LOG_STR("jid", s->jid.text),
		  LOG_INT("unacknowledged", s->unacked_count));
}

struct element *
sm_resumed(struct session *s, struct arena *arena)
{
	struct element *el = element_new(arena, NS_SM, "resumed");

	element_set(arena, el, "h", arena_printf(arena, "%u", s->sm->in));
	element_set(arena, el, "previd",
		    arena_printf(arena, "%llu-%s", (unsigned long long)s->sm->tag, s->sm->secret));
	return el;
}

void
sm_go_on(struct session *s)
{
	struct event ev = {.worker = s->worker, .session = s, .account = s->account};

	CRASH_POINT("before-resumed");
	s->sm->is_back = false;
	session_queue_resend(s, s->sm->resend);
	s->sm->resend = NULL;
	c2s_check_queue(s->c2s);
	sm_ask(s);
	ev.host = worker_host(s->worker, s->jid.domain);
	if (ev.host != NULL) {
		ev.arena = arena_new();
		hooks_run(POINT_SESSION_RESUMED, &ev);
		arena_free(ev.arena);
	}
	s->sm->is_restored = s->sm->is_renumbered = false;
	message_drain(s->account, s);
}
