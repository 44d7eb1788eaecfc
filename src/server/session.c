/* SPDX-License-Identifier: MIT */
/*
 * session.c - a bound resource: its beginning, what its client sends and is sent, and its end.
 */
#include "server/session.h"

#include "base/log.h"
#include "base/rand.h"
#include "server/c2s.h"
#include "server/message_drain.h"
#include "server/module.h"
#include "server/outgoing.h"
#include "server/server_ask.h"
#include "server/session_queue.h"
#include "server/sm.h"
#include "xmpp/xep/caps.h"

#include <stdatomic.h>
#include <stdlib.h>

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
	list_init(&s->outgoing);
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

void
session_heard(struct session *s)
{
	s->last_active_ms = loop_now_ms(s->worker->loop);
	if (s->unacked != NULL && s->sm == NULL)
		session_look_what_arrived(s);
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
	/* A client that ends its stream in order has read what it got, said so or not. */
	if (s->sm == NULL || s->is_left)
		session_look_what_arrived(s);
	message_drain_stop(s);
	session_queue_give_up(s);
	message_drain(s->account, NULL); /* what it did not get, to another that is there */
}

static void
session_free(struct session *s)
{
	list_remove(&s->link);
	outgoing_orphan(s);
	wire_unref(s->presence);
	caps_features_unref(s->features);
	caps_features_unref(s->greeted);
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
session_end(struct session *s)
{
	session_begin_closing(s);
	run_hooks(s, POINT_SESSION_CLOSED);
	tell_drained(s, NULL);
	drop_asks(s);
	log_event(LOG_INFO, "session-ended", LOG_STR("jid", s->jid.text));
	sm_free(s);
	session_free(s);
}

void
session_discard(struct session *s)
{
	s->is_closing = true;
	tell_drained(s, NULL);
	drop_asks(s);
	session_queue_discard(s);
	sm_discard(s);
	session_free(s);
}

void
session_close(struct session *s, enum stream_condition condition, const char *text)
{
	if (s->is_closing)
		return;
	if (s->c2s != NULL)
		c2s_close(s->c2s, condition, text);
	else
		sm_expire_soon(s);
}

/* What would be missed if it did not arrive, and is not stored. */
static struct kept *
keep(struct stanza *stanza)
{
	struct kept *kept;

	if (stanza->kind != STANZA_MESSAGE || stanza->type == MESSAGE_ERROR ||
	    stanza->type == MESSAGE_GROUPCHAT)
		return NULL;
	kept = xnew(struct kept);
	*kept = (struct kept){.refs = 1, .wire = wire_freeze(stanza)};
	return kept;
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

void
session_deliver(struct session *s, struct stanza *stanza, const struct overlay *overlay)
{
	struct kept *kept;
	uint32_t number;

	if (s->is_closing || session_holds_back(s, stanza, overlay))
		return;
	kept = keep(stanza);
	(void)session_push(s, stanza, overlay, kept, COPY_DIRECT, &number);
	if (s->c2s != NULL)
		c2s_check_queue(s->c2s);
}

void
session_deliver_wire(struct session *s, const struct wire *wire, const struct overlay *overlay)
{
	struct stanza *stanza;

	if (s->is_closing)
		return;
	if (s->sm == NULL && s->reserved + s->held_others == 0 && s->c2s != NULL) {
		wire_write(c2s_output(s->c2s), wire, overlay);
		c2s_wrote(s->c2s);
		return;
	}
	stanza = wire_thaw(wire);
	if (stanza == NULL)
		return;
	stanza_freeze(stanza);
	session_deliver(s, stanza, overlay);
	stanza_unref(stanza);
}

unsigned
session_deliver_copies(struct account *account, struct stanza *stanza,
		       bool (*takes)(const struct session *session))
{
	struct kept *kept = NULL;
	unsigned n = 0;
	uint32_t number;

	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (session->is_closing || !takes(session))
			continue;
		if (n++ == 0)
			kept = keep(stanza); /* the first reference is ours */
		if (session_holds_back(session, stanza, NULL)) {
			if (kept != NULL)
				kept->has_arrived = true; /* as far as it is meant to */
			continue;
		}
		if (kept != NULL)
			kept->refs++;
		(void)session_push(session, stanza, NULL, kept, COPY_DIRECT, &number);
	}
	if (kept != NULL)
		kept_release(account, kept, false);
	/* Not before all of them have it: what one of them misses is not lost then. */
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (session->c2s != NULL)
			c2s_check_queue(session->c2s);
	}
	return n;
}

size_t
session_waiting(const struct session *s)
{
	return s->c2s != NULL ? c2s_waiting(s->c2s) : 0;
}

void
session_when_drained(struct session *s, void (*run)(struct session *session, void *arg), void *arg)
{
	assert(s->on_drained == NULL);
	s->on_drained = run;
	s->drained_arg = arg;
	if (session_waiting(s) == 0)
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
		outgoing_begin(s, stanza);
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
