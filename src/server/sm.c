/* SPDX-License-Identifier: MIT */
/* sm.c - stream management on a session: its elements, its numbers, its watermark (XEP-0198). */
#include "server/sm.h"

#include "base/crash.h"
#include "base/log.h"
#include "base/rand.h"
#include "server/c2s.h"
#include "server/message_drain.h"
#include "server/module.h"
#include "server/outgoing.h"
#include "server/session_queue.h"
#include "xmpp/ns.h"
#include "xmpp/xml_writer.h"

#include <stdlib.h>

#define ACK_MS 20u     /* an <r/> is answered after that at the latest, with what is durable */
#define RETRY_MS 1000u /* after a disk that was full */

static uint64_t
now_ms(const struct session *s)
{
	return loop_now_ms(s->worker->loop);
}

/* Serial numbers (RFC 1982): whether A is B or comes after it. */
static bool
reaches(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

uint64_t
sm_tag(const struct session *s)
{
	return s->sm != NULL ? s->sm->tag : 0;
}

struct session *
sm_find(const struct account *account, uint64_t tag)
{
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (tag != 0 && sm_tag(session) == tag)
			return session;
	}
	return NULL;
}

uint32_t
sm_next_number(struct session *s)
{
	return ++s->sm->out;
}

void
sm_count(struct session *s)
{
	if (s->sm != NULL)
		s->sm->in++;
}

uint32_t
sm_received(const struct session *s)
{
	return s->sm != NULL ? s->sm->in : 0;
}

/* The watermark */

static void
send_ack(struct session *s)
{
	struct sm *sm = s->sm;

	if (s->c2s == NULL || s->is_closing) /* nothing follows </stream> */
		return;
	CRASH_POINT("before-ack");
	buf_printf(c2s_output(s->c2s), "<a xmlns='" NS_SM "' h='%u'/>", sm->durable);
	c2s_wrote(s->c2s);
	if (reaches(sm->durable, sm->wanted)) {
		sm->wants_ack = false;
		timer_cancel(s->worker->loop, &sm->ack_timer);
	}
}

/*
 * What was handled must be durable as a number, too: a client that was told h cannot be told less
 * after a crash. Entries of the log carry it; where none does, the record.
 */
static void
advance(struct session *s)
{
	struct sm *sm = s->sm;
	uint32_t handled = outgoing_handled(s, sm->in);

	if (!sm->wants_ack)
		return;
	if (reaches(sm->durable, sm->wanted))
		send_ack(s);
	else if (reaches(handled, sm->wanted) && !reaches(sm->submitted, sm->wanted))
		sm_record(s, NULL, NULL);
}

static void
on_ack_timer(struct timer *timer)
{
	struct session *s = CONTAINER(timer, struct sm, ack_timer)->session;

	if (s->sm->wants_ack)
		send_ack(s); /* and again, unasked, when there is more */
	if (s->sm->wants_ack)
		advance(s);
}

static void
on_request(struct session *s)
{
	struct sm *sm = s->sm;

	sm->wants_ack = true;
	sm->wanted = sm->in;
	timer_set(s->worker->loop, &sm->ack_timer, now_ms(s) + ACK_MS);
	advance(s);
}

void
sm_handled(struct session *s, uint32_t number, bool is_logged)
{
	if (s->sm == NULL)
		return;
	if (is_logged)
		s->sm->submitted = number;
	advance(s);
}

void
sm_durable(struct account *account, uint64_t tag, uint32_t number, bool is_written)
{
	struct session *s = sm_find(account, tag);

	if (s == NULL)
		return;
	if (is_written) {
		s->sm->durable = number;
		advance(s);
	} else {
		/* What failed was refused, but the number is not written yet: not at once again. */
		s->sm->submitted = s->sm->durable;
		if (s->sm->wants_ack)
			timer_set(s->worker->loop, &s->sm->ack_timer, now_ms(s) + RETRY_MS);
	}
}

/* What the client has */

void
sm_ask(struct session *s)
{
	struct sm *sm = s->sm;

	if (s->c2s == NULL || s->is_closing || sm->is_asking || sm->out == sm->acked)
		return;
	sm->is_asking = true;
	buf_addz(c2s_output(s->c2s), "<r xmlns='" NS_SM "'/>");
	c2s_wrote(s->c2s);
}

void
sm_close_too_high(struct c2s *c2s, uint32_t h, uint32_t sent)
{
	struct arena *arena = arena_new();

	c2s_close_with(c2s, STREAM_UNDEFINED_CONDITION,
		       arena_printf(arena,
				    "<handled-count-too-high xmlns='" NS_SM "' h='%u' "
				    "send-count='%u'/>",
				    h, sent));
	arena_free(arena);
}

static int
read_number(const struct element *el, const char *name, uint32_t *out)
{
	uint64_t n;

	if (str_to_u64(element_attr(el, name), UINT32_MAX, &n) < 0)
		return -1;
	*out = (uint32_t)n;
	return 0;
}

static void
on_acknowledged(struct session *s, const struct element *el)
{
	struct sm *sm = s->sm;
	uint32_t h;

	if (read_number(el, "h", &h) < 0) {
		c2s_close(s->c2s, STREAM_BAD_FORMAT, "an <a/> without its h");
		return;
	}
	if (!reaches(sm->out, h)) {
		sm_close_too_high(s->c2s, h, sm->out);
		return;
	}
	sm->is_asking = false;
	if (reaches(h, sm->acked)) { /* less than before says nothing */
		sm->acked = h;
		session_acknowledged(s, h);
	}
	if (!s->is_closing)
		sm_ask(s);
}

/* Switching it on */

static void
on_expiry(struct timer *timer)
{
	struct session *s = CONTAINER(timer, struct sm, expiry)->session;

	if (s->c2s != NULL)
		return;
	if (s->sm->is_resuming) { /* it ends one way or the other */
		timer_set(s->worker->loop, timer, now_ms(s) + RETRY_MS);
		return;
	}
	log_event(LOG_INFO, "session-expired", LOG_STR("jid", s->jid.text));
	session_end(s);
}

struct sm *
sm_new(struct session *s)
{
	struct sm *sm = xnew(struct sm);

	sm->session = s;
	sm->ack_timer.run = on_ack_timer;
	sm->expiry.run = on_expiry;
	s->sm = sm;
	return sm;
}

static bool
is_true(struct str value)
{
	return str_is(value, "true") || str_is(value, "1");
}

int
sm_read_enable(const struct element *el, bool *resume, uint64_t *max_s)
{
	struct str max = element_attr(el, "max");

	*resume = is_true(element_attr(el, "resume"));
	*max_s = 0;
	return max.p != NULL ? str_to_u64(max, UINT32_MAX, max_s) : 0;
}

int
sm_read_resume(const struct element *el, struct str *previd, uint32_t *h)
{
	*previd = element_attr(el, "previd");
	return previd->p != NULL ? read_number(el, "h", h) : -1;
}

/* What waits to be written is counted, but its entries do not tell of it. */
static void
number_held(struct session *s)
{
	for (struct queued *q = s->held; q != NULL; q = q->next)
		if (q->is_numbered) {
			q->number = sm_next_number(s);
			q->is_untagged = true;
		}
}

struct element *
sm_enable(struct session *s, bool resume, uint64_t max_s, struct arena *arena)
{
	uint64_t max_ms = s->worker->config->sessions.resume_timeout;
	struct element *enabled = element_new(arena, NS_SM, "enabled");
	struct str secret = rand_token(arena, 128);
	struct sm *sm = sm_new(s);

	do
		sm->tag = rand_u64();
	while (sm->tag == 0);
	memcpy(sm->secret, secret.p, secret.len);
	sm->max_ms = max_s > 0 ? MIN(max_s * 1000, max_ms) : max_ms;
	sm->is_resumable = resume && max_ms > 0 && !s->account->is_guest;
	sm->position = s->account->log.last_id;
	if (sm->is_resumable) {
		element_set(
			arena, enabled, "id",
			arena_printf(arena, "%llu-%s", (unsigned long long)sm->tag, sm->secret));
		element_setz(arena, enabled, "resume", "true");
		element_set(arena, enabled, "max",
			    arena_printf(arena, "%llu", (unsigned long long)(sm->max_ms / 1000)));
		c2s_hold_output(s->c2s); /* until the record is durable: see sm_record.c */
	}
	number_held(s);
	sm_record(s, NULL, NULL);
	return enabled;
}

static void
write(struct c2s *c2s, const struct element *el)
{
	xml_write(c2s_output(c2s), el, STR(NS_CLIENT));
	c2s_wrote(c2s);
}

struct element *
sm_failed(struct arena *arena, enum stanza_condition condition)
{
	struct element *failed = element_new(arena, NS_SM, "failed");

	element_add(arena, failed, NS_STANZA_ERROR, stanza_condition_name(condition));
	return failed;
}

static void
refuse(struct c2s *c2s, enum stanza_condition condition)
{
	struct arena *arena = arena_new();

	write(c2s, sm_failed(arena, condition));
	arena_free(arena);
}

static void
enable(struct c2s *c2s, struct session *s, bool resume, uint64_t max_s)
{
	struct arena *arena = arena_new();

	write(c2s, sm_enable(s, resume, max_s, arena));
	arena_free(arena);
}

static void
on_enable(struct c2s *c2s, const struct element *el)
{
	struct session *s = c2s_session(c2s);
	uint64_t max_s;
	bool resume;

	if (s == NULL)
		refuse(c2s, STANZA_UNEXPECTED_REQUEST);
	else if (s->sm != NULL)
		c2s_close(c2s, STREAM_POLICY_VIOLATION, "stream management is on already");
	else if (sm_read_enable(el, &resume, &max_s) < 0)
		refuse(c2s, STANZA_BAD_REQUEST);
	else
		enable(c2s, s, resume, max_s);
}

/* Detaching, and the end */

bool
sm_may_detach(const struct session *s)
{
	return s->sm != NULL && s->sm->is_resumable && !s->is_closing;
}

static void
tell_detached(struct session *s)
{
	struct event ev = {.worker = s->worker,
			   .arena = arena_new(),
			   .session = s,
			   .account = s->account,
			   .host = worker_host(s->worker, s->jid.domain)};

	if (ev.host != NULL)
		hooks_run(POINT_SESSION_DETACHED, &ev);
	arena_free(ev.arena);
}

void
sm_detach(struct session *s)
{
	struct sm *sm = s->sm;

	message_drain_stop(s);
	s->c2s = NULL;
	session_queue_detach(s);
	session_drained(s);
	timer_cancel(s->worker->loop, &sm->ack_timer);
	sm->wants_ack = sm->is_asking = false;
	sm->expires_us = time_wall_us() + sm->max_ms * 1000;
	timer_set(s->worker->loop, &sm->expiry, now_ms(s) + sm->max_ms);
	log_event(LOG_INFO, "session-detached", LOG_STR("jid", s->jid.text),
		  LOG_INT("unacknowledged", s->unacked_count));
	sm_record(s, NULL, NULL);
	tell_detached(s);
}

void
sm_expire_soon(struct session *s)
{
	if (s->sm != NULL && s->c2s == NULL)
		timer_set(s->worker->loop, &s->sm->expiry, now_ms(s));
}

void
sm_overflow(struct session *s)
{
	log_event(LOG_WARNING, "session-acknowledges-nothing", LOG_STR("jid", s->jid.text),
		  LOG_INT("unacknowledged", s->unacked_count));
	session_close(s, STREAM_POLICY_VIOLATION, "too much is not acknowledged");
}

void
sm_discard(struct session *s)
{
	struct sm *sm = s->sm;

	if (sm == NULL)
		return;
	timer_cancel(s->worker->loop, &sm->ack_timer);
	timer_cancel(s->worker->loop, &sm->expiry);
	free(sm);
	s->sm = NULL;
}

void
sm_free(struct session *s)
{
	if (s->sm != NULL)
		sm_record_remove(s);
	sm_discard(s);
}

/* Elements */

struct resume_request { /* on a stream by itself */
	struct waiter waiter;
	struct c2s *c2s;
	uint32_t h;
	struct str previd;
	struct arena *arena;
};

static void
on_resumed(struct session *s, const struct sm_failure *failure, void *arg)
{
	struct resume_request *r = arg;

	if (!c2s_release(r->c2s)) {
		/* gone again; the session waits on */
	} else if (s != NULL) {
		sm_attach(s, r->c2s);
		write(r->c2s, sm_resumed(s, r->arena));
		sm_go_on(s);
	} else if (failure->is_too_high) {
		sm_close_too_high(r->c2s, failure->h, failure->sent);
	} else {
		refuse(r->c2s, failure->condition);
	}
	arena_free(r->arena);
}

static void
on_account(struct waiter *waiter, struct account *account)
{
	struct resume_request *r = CONTAINER(waiter, struct resume_request, waiter);

	sm_resume(account, r->previd, r->h, on_resumed, r);
}

static void
on_resume(struct c2s *c2s, const struct element *el)
{
	struct arena *arena = arena_new();
	struct resume_request *r = arena_new_of(arena, struct resume_request);

	r->c2s = c2s;
	r->arena = arena;
	r->waiter.run = on_account;
	if (c2s_session(c2s) != NULL || c2s_is_binding(c2s)) {
		refuse(c2s, STANZA_UNEXPECTED_REQUEST);
		arena_free(arena);
	} else if (sm_read_resume(el, &r->previd, &r->h) < 0) {
		refuse(c2s, STANZA_BAD_REQUEST);
		arena_free(arena);
	} else {
		r->previd = arena_dup(arena, r->previd);
		c2s_hold(c2s);
		account_wait(c2s_account(c2s), &r->waiter);
	}
}

void
sm_element(struct c2s *c2s, const struct element *el)
{
	struct session *s = c2s_session(c2s);

	if (str_is(el->name, "enable"))
		on_enable(c2s, el);
	else if (str_is(el->name, "resume"))
		on_resume(c2s, el);
	else if (s == NULL || s->sm == NULL)
		refuse(c2s, STANZA_UNEXPECTED_REQUEST);
	else if (str_is(el->name, "r"))
		on_request(s);
	else if (str_is(el->name, "a"))
		on_acknowledged(s, el);
	else
		c2s_close(c2s, STREAM_UNSUPPORTED_STANZA_TYPE, "no element of stream management");
}
