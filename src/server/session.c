/* SPDX-License-Identifier: MIT */
/*
 * session.c - a bound resource: what its client sends, what it is sent, and what becomes of it.
 *
 * A message that was written to a socket has not arrived. It stays on the session's pending list
 * until the client's TCP has acknowledged it, or the client answered a ping that followed it; if
 * the connection dies first, it is routed again, to other resources or the offline log.
 */
#include "server/session.h"

#include "base/log.h"
#include "base/rand.h"
#include "server/c2s.h"
#include "server/module.h"
#include "server/server_ask.h"

#include <stdatomic.h>
#include <stdlib.h>

#define PENDING_LOOK_BYTES 65536u /* ask TCP what has arrived when that much is pending */

struct kept { /* a message that nobody is known to have yet */
	struct wire *wire;
	unsigned refs;    /* of the sessions that it was written to */
	bool has_arrived; /* at one of them */
};

struct pending {
	struct pending *next;
	struct kept *kept;
	uint64_t end; /* of it in the bytes ever written to this client */
};

struct ask {
	struct ask *next;
	char id[23];
	struct session *session;
	struct timer timer;
	void (*on_reply)(struct session *session, const struct stanza *reply, void *arg);
	void *arg;
};

struct session *
session_new(struct account *account, struct str resource, struct c2s *c2s)
{
	size_t bare = account->jid.text.len;
	struct session *s = xalloc(sizeof(*s) + bare + 1 + resource.len);

	memcpy(s->text, account->jid.text.p, bare);
	s->text[bare] = '/';
	memcpy(s->text + bare + 1, resource.p, resource.len);
	s->jid.text = str_of(s->text, bare + 1 + resource.len);
	s->jid.local = str_of(s->text, account->jid.local.len);
	s->jid.domain = str_of(s->text + account->jid.local.len + 1, account->jid.domain.len);
	s->jid.resource = str_of(s->text + bare + 1, resource.len);
	s->account = account;
	s->worker = account->worker;
	s->c2s = c2s;
	s->bound_at_us = time_wall_us();
	s->last_active_ms = loop_now_ms(s->worker->loop);
	list_add(&account->sessions, &s->link);
	account_session_added(account);
	atomic_fetch_add_explicit(&s->worker->counters.sessions, 1, memory_order_relaxed);
	return s;
}

static void
run_hooks(struct session *s, enum point point)
{
	struct event ev = {
		.worker = s->worker, .arena = arena_new(), .session = s, .account = s->account};

	ev.host = worker_host(s->worker, s->jid.domain);
	if (ev.host != NULL)
		hooks_run(point, &ev);
	arena_free(ev.arena);
}

static struct pending *
take_pending(struct session *s)
{
	struct pending *p = s->pending;

	s->pending = p->next;
	if (s->pending == NULL)
		s->pending_last = NULL;
	s->pending_bytes -= p->kept->wire->inner.len;
	return p;
}

/* Whether nobody else has it, or may have it. */
static bool
kept_unref(struct kept *kept)
{
	bool is_lost = --kept->refs == 0 && !kept->has_arrived;

	if (kept->refs == 0) {
		wire_unref(kept->wire);
		free(kept);
	}
	return is_lost;
}

static void
forget_pending(struct session *s, uint64_t up_to)
{
	while (s->pending != NULL && s->pending->end <= up_to) {
		struct pending *p = take_pending(s);

		p->kept->has_arrived = true;
		kept_unref(p->kept);
		free(p);
	}
}

/* TLS only adds bytes, so at most as many of ours are unacknowledged as TCP says of its own. */
static void
look_what_arrived(struct session *s)
{
	uint64_t written = c2s_written(s->c2s);
	size_t unacknowledged = c2s_unacknowledged(s->c2s);

	forget_pending(s, written > unacknowledged ? written - unacknowledged : 0);
}

void
session_heard(struct session *s)
{
	s->last_active_ms = loop_now_ms(s->worker->loop);
	if (s->pending != NULL)
		look_what_arrived(s);
}

static void
add_pending(struct session *s, struct kept *kept)
{
	struct pending *p = xnew(struct pending);

	p->kept = kept;
	kept->refs++;
	p->end = c2s_written(s->c2s);
	s->pending_bytes += kept->wire->inner.len;
	if (s->pending_last != NULL)
		s->pending_last->next = p;
	else
		s->pending = p;
	s->pending_last = p;
}

/*
 * To the bare JID: the account's rules decide again, without this session. Before all that is on
 * its way already, which was sent later (RFC 6120 §10.1).
 */
static void
reroute_pending(struct session *s)
{
	struct pending *newest = NULL;

	while (s->pending != NULL) {
		struct pending *p = take_pending(s);

		p->next = newest;
		newest = p;
	}
	while (newest != NULL) {
		struct pending *p = newest;
		struct wire *wire = wire_ref(p->kept->wire);
		struct stanza *stanza = kept_unref(p->kept) ? wire_thaw(wire) : NULL;

		newest = p->next;
		if (stanza != NULL) {
			stanza_set_to(stanza, s->account->jid);
			route_first(s->worker, stanza);
		}
		wire_unref(wire);
		free(p);
	}
}

static void
ask_free(struct ask *ask)
{
	ask->session->ask_count--;
	timer_cancel(ask->session->worker->loop, &ask->timer);
	free(ask);
}

static void
drop_asks(struct session *s)
{
	while (s->asks != NULL) {
		struct ask *ask = s->asks;

		s->asks = ask->next;
		ask->on_reply(s, NULL, ask->arg);
		ask_free(ask);
	}
}

static void
tell_drained(struct session *s, struct session *told)
{
	void (*run)(struct session * session, void *arg) = s->on_drained;

	s->on_drained = NULL;
	if (run != NULL)
		run(told, s->drained_arg);
}

void
session_begin_closing(struct session *s)
{
	if (s->is_closing)
		return;
	s->is_closing = true;
	look_what_arrived(s);
	reroute_pending(s);
}

void
session_end(struct session *s)
{
	session_begin_closing(s);
	run_hooks(s, POINT_SESSION_CLOSED);
	list_remove(&s->link);
	if (s->account->offline_reader == s) /* no hook tells of it when the host is gone */
		s->account->offline_reader = NULL;
	tell_drained(s, NULL);
	drop_asks(s);
	log_event(LOG_INFO, "session-ended", LOG_STR("jid", s->jid.text));
	wire_unref(s->presence);
	if (s->directed != NULL) {
		uint32_t at = 0;
		void *key;

		while (map_next(s->directed, &at, &key))
			free(key);
		map_free(s->directed);
		free(s->directed);
	}
	atomic_fetch_sub_explicit(&s->worker->counters.sessions, 1, memory_order_relaxed);
	account_session_removed(s->account);
	free(s);
}

void
session_close(struct session *s, enum stream_condition condition, const char *text)
{
	if (!s->is_closing)
		c2s_close(s->c2s, condition, text);
}

bool
session_holds_back(struct session *s, struct stanza *stanza, const struct overlay *overlay)
{
	struct event ev = {.worker = s->worker,
			   .stanza = stanza,
			   .overlay = overlay,
			   .session = s,
			   .account = s->account};
	enum verdict verdict = PASS;

	if (s->csi == NULL)
		return false;
	ev.arena = arena_new();
	ev.host = worker_host(s->worker, s->jid.domain);
	if (ev.host != NULL)
		verdict = hooks_run(POINT_TO_SESSION, &ev);
	arena_free(ev.arena);
	return verdict != PASS;
}

static void
write_stanza(struct session *s, struct stanza *stanza, const struct overlay *overlay)
{
	struct overlay addressed = overlay ? *overlay : (struct overlay){0};

	/* What came to the account is still addressed to it (RFC 6121 §8.5.2.1); only `to` is
	 * added. */
	if (addressed.to.p == NULL && stanza->to.text.len == 0)
		addressed.to = s->jid.text;
	stanza_write(c2s_output(s->c2s), stanza, &addressed);
	c2s_wrote(s->c2s);
	atomic_fetch_add_explicit(&s->worker->counters.stanzas_out, 1, memory_order_relaxed);
}

void
session_deliver_stored(struct session *s, struct stanza *stanza, const struct overlay *overlay)
{
	if (s->is_closing || session_holds_back(s, stanza, overlay))
		return;
	write_stanza(s, stanza, overlay);
	c2s_check_queue(s->c2s);
}

/* What would be missed if it did not arrive. */
static struct kept *
keep(struct stanza *stanza)
{
	struct kept *kept;

	if (stanza->kind != STANZA_MESSAGE || stanza->type == MESSAGE_ERROR ||
	    stanza->type == MESSAGE_GROUPCHAT)
		return NULL;
	kept = xnew(struct kept);
	kept->wire = wire_freeze(stanza);
	return kept;
}

static void
deliver(struct session *s, struct stanza *stanza, const struct overlay *overlay, struct kept *kept)
{
	write_stanza(s, stanza, overlay);
	if (kept == NULL)
		return;
	add_pending(s, kept);
	if (s->pending_bytes > PENDING_LOOK_BYTES)
		look_what_arrived(s);
}

void
session_deliver(struct session *s, struct stanza *stanza, const struct overlay *overlay)
{
	if (s->is_closing || session_holds_back(s, stanza, overlay))
		return;
	deliver(s, stanza, overlay, keep(stanza));
	c2s_check_queue(s->c2s);
}

unsigned
session_deliver_copies(struct account *account, struct stanza *stanza,
		       bool (*takes)(const struct session *session))
{
	struct kept *kept = NULL;
	unsigned n = 0;

	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (session->is_closing || !takes(session))
			continue;
		if (n++ == 0 && (kept = keep(stanza)) != NULL)
			kept->refs++; /* ours */
		if (session_holds_back(session, stanza, NULL))
			continue;
		deliver(session, stanza, NULL, kept);
	}
	if (kept != NULL)
		kept_unref(kept);
	/* Not before all of them have it: what one of them misses is not lost then. */
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		c2s_check_queue(session->c2s);
	}
	return n;
}

void
session_when_drained(struct session *s, void (*run)(struct session *session, void *arg), void *arg)
{
	assert(s->on_drained == NULL);
	s->on_drained = run;
	s->drained_arg = arg;
	if (c2s_waiting(s->c2s) == 0)
		session_drained(s);
}

void
session_drained(struct session *s)
{
	tell_drained(s, s);
}

static void
on_ask_timeout(struct timer *timer)
{
	struct ask *ask = CONTAINER(timer, struct ask, timer);
	struct ask **at = &ask->session->asks;

	while (*at != ask)
		at = &(*at)->next;
	*at = ask->next;
	ask->on_reply(ask->session, NULL, ask->arg);
	ask_free(ask);
}

void
session_ask(struct session *s, enum stanza_type type, const struct element *payload,
	    uint64_t timeout_ms,
	    void (*on_reply)(struct session *session, const struct stanza *reply, void *arg),
	    void *arg)
{
	struct jid host = {.text = s->jid.domain, .domain = s->jid.domain};
	struct stanza *iq = stanza_new(STANZA_IQ, type, host, s->jid);
	struct ask *ask = xnew(struct ask);
	struct str id = rand_token(iq->arena, 128); /* nobody else can know it (SEC-55) */

	memcpy(ask->id, id.p, id.len);
	ask->session = s;
	ask->on_reply = on_reply;
	ask->arg = arg;
	ask->timer.run = on_ask_timeout;
	ask->next = s->asks;
	s->asks = ask;
	s->ask_count++;
	timer_set(s->worker->loop, &ask->timer, loop_now_ms(s->worker->loop) + timeout_ms);
	stanza_set_id(iq, id);
	element_append(iq->el, element_copy(iq->arena, payload));
	stanza_freeze(iq);
	session_deliver(s, iq, NULL);
	stanza_unref(iq);
}

/* An answer to something the server asked, or to nothing: then it is dropped (SEC-55). */
static void
take_reply(struct session *s, struct stanza *reply)
{
	for (struct ask **at = &s->asks; *at != NULL; at = &(*at)->next) {
		struct ask *ask = *at;

		if (!str_equal(str(ask->id), reply->id))
			continue;
		*at = ask->next;
		ask->on_reply(s, reply, ask->arg);
		ask_free(ask);
		return;
	}
	server_take_reply(s->worker, reply);
}

/* An iq to the server itself, or to the account it serves. */
static void
take_own_iq(struct event *ev, enum iq_target target)
{
	enum verdict verdict;

	if (!stanza_may_be_refused(ev->stanza)) {
		take_reply(ev->session, ev->stanza);
		return;
	}
	if (target == TO_SERVER)
		ev->host = worker_host(ev->worker, ev->stanza->to.domain);
	verdict = iq_dispatch(ev, target);
	if (verdict == PASS)
		verdict = event_refuse(ev, STANZA_SERVICE_UNAVAILABLE);
	if (verdict == REFUSED)
		route_refusal(ev->worker, ev->stanza, ev->refusal, ev->refusal_text);
}

static bool
is_own_bare(const struct session *s, const struct jid *to)
{
	return str_equal(to->text, s->account->jid.text);
}

/* After the hooks: to the server, or on its way. Takes the reference. */
static void
dispatch(struct event *ev, struct stanza *stanza)
{
	struct session *s = ev->session;
	const struct jid *to = &stanza->to;

	if (stanza->kind == STANZA_IQ && (to->text.len == 0 || is_own_bare(s, to))) {
		take_own_iq(ev, TO_OWN_ACCOUNT);
	} else if (stanza->kind == STANZA_IQ && to->local.len == 0 && to->resource.len == 0 &&
		   worker_host(ev->worker, to->domain) != NULL) {
		take_own_iq(ev, TO_SERVER);
	} else {
		/* A message without `to` is to the sender's own account (RFC 6120 §10.3.1). */
		if (to->text.len == 0)
			stanza_set_to(stanza, s->account->jid);
		route(ev->worker, stanza);
		return;
	}
	stanza_unref(stanza);
}

void
session_take(struct session *s, struct stanza *stanza)
{
	struct event ev = {
		.worker = s->worker, .stanza = stanza, .session = s, .account = s->account};
	enum verdict verdict;

	atomic_fetch_add_explicit(&s->worker->counters.stanzas_in, 1, memory_order_relaxed);
	if (s->account->state != ACCOUNT_READY) {
		/* It is being removed, at this client's wish: what it stored now would stay
		 * (SEC-40). */
		stanza_unref(stanza);
		return;
	}
	/* RFC 6120 §8.1.2.1: an own address is corrected to the full JID, another one refused. */
	if (stanza->from.text.len > 0 &&
	    !str_equal(jid_bare_text(stanza->from), s->account->jid.text)) {
		session_close(s, STREAM_INVALID_FROM,
			      "the `from` of a stanza is not this session's");
		stanza_unref(stanza);
		return;
	}
	if (stanza->from.text.len > 0 && stanza->from.resource.len > 0 &&
	    !str_equal(stanza->from.text, s->jid.text)) {
		session_close(s, STREAM_INVALID_FROM,
			      "the `from` of a stanza is not this session's");
		stanza_unref(stanza);
		return;
	}
	stanza_set_from(stanza, s->jid);
	ev.arena = arena_new();
	ev.host = worker_host(s->worker, s->jid.domain);
	verdict = ev.host ? hooks_run(POINT_FROM_CLIENT, &ev) : DONE;
	if (verdict == PASS) {
		dispatch(&ev, stanza);
	} else {
		if (verdict == REFUSED)
			route_refusal(s->worker, stanza, ev.refusal, ev.refusal_text);
		stanza_unref(stanza);
	}
	arena_free(ev.arena);
}
