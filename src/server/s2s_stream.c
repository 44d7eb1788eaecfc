/* SPDX-License-Identifier: MIT */
/* s2s_stream.c - a connection with another server, whoever opened it: bytes, time, and the end. */
#include "server/s2s_private.h"

#include "base/log.h"

#include <stdatomic.h>
#include <stdlib.h>

#define DEPTH_MAX 80u /* a little more than of clients: others have added to it */
#define ATTRIBUTES_MAX 64u
#define NODES_MAX 16384u
#define BYTES_BEFORE_AUTH (64u * 1024) /* features and dialback of other servers */
#define FLUSH_MS 2000u
#define TICK_MS 5000u /* how often idleness and silence are looked at, at least */

static struct xml_limits
limits_of(const struct s2s *s2s, bool is_authenticated)
{
	const struct config_limits *limits = &s2s->fed->worker->config->limits;

	return (struct xml_limits){
		/* Servers add to what is within a client's limit: delay, ids, forwarding. */
		.bytes = is_authenticated ? (uint32_t)limits->stanza_bytes * 2
			 : s2s->is_out    ? BYTES_BEFORE_AUTH
					  : (uint32_t)limits->stanza_bytes_before_auth,
		.depth = is_authenticated ? DEPTH_MAX : 16,
		.attributes = ATTRIBUTES_MAX,
		.nodes = is_authenticated ? NODES_MAX : 1024,
	};
}

void
s2s_raise_limits(struct s2s *s2s)
{
	struct xml_limits limits = limits_of(s2s, true);

	xml_reader_set_limits(s2s->stream.reader, &limits);
}

struct buf *
s2s_output(struct s2s *s2s)
{
	return conn_output(s2s->conn);
}

void
s2s_wrote(struct s2s *s2s)
{
	conn_wrote(s2s->conn);
}

void
s2s_send_element(struct s2s *s2s, const char *text)
{
	buf_addz(s2s_output(s2s), text);
	s2s_wrote(s2s);
}

void
s2s_send_dialback(struct s2s *s2s, const struct dialback *dialback)
{
	dialback_write(s2s_output(s2s), dialback);
	s2s_wrote(s2s);
}

static void
leave_admission(struct s2s *s2s)
{
	if (s2s->is_counted)
		admission_leave(s2s->fed->worker->server->admission, conn_peer(s2s->conn));
	s2s->is_counted = false;
}

static void
s2s_free(struct s2s *s2s)
{
	struct worker *worker = s2s->fed->worker;

	leave_admission(s2s);
	timer_cancel(worker->loop, &s2s->timer);
	loop_defer_cancel(&s2s->later);
	list_remove(&s2s->link);
	s2s_free_auths(s2s);
	stream_clear(&s2s->stream);
	conn_free(s2s->conn);
	free(s2s->local);
	free(s2s->remote);
	free(s2s->ascii);
	free(s2s->peer_id);
	free(s2s->sm_id);
	if (s2s->pin_arena != NULL)
		arena_free(s2s->pin_arena);
	count_free(s2s->count);
	free(s2s);
}

/* Nothing more comes or goes on it. */
static void
let_go(struct s2s *s2s, const char *why)
{
	struct s2s_pair *pair = s2s->pair;

	if (!s2s->is_dead)
		ack_keep(s2s);
	s2s->pair = NULL;
	if (pair != NULL)
		pair_lost(pair, why);
}

void
s2s_close(struct s2s *s2s, enum stream_condition condition, const char *why)
{
	if (s2s->is_closing)
		return;
	log_event(condition == STREAM_NO_ERROR ? LOG_DEBUG : LOG_INFO, "s2s-closed",
		  LOG_Z("condition",
			condition != STREAM_NO_ERROR ? stream_condition_name(condition) : NULL),
		  LOG_Z("why", why), LOG_Z("local", s2s->local), LOG_Z("remote", s2s->remote),
		  LOG_Z("direction", s2s->is_out ? "out" : "in"));
	s2s->is_closing = true;
	if (condition == STREAM_NO_ERROR || (s2s->is_out && !s2s->stream.is_open))
		stream_close(&s2s->stream, s2s_output(s2s));
	else
		stream_fail(&s2s->stream, s2s_output(s2s), str(s2s->local), condition, why);
	s2s_wrote(s2s);
	conn_shutdown(s2s->conn, condition == STREAM_CONNECTION_TIMEOUT ? 0 : FLUSH_MS);
	let_go(s2s, why);
}

static void
on_ended(struct conn *conn, enum conn_end end UNUSED, const char *why)
{
	struct s2s *s2s = conn_owner(conn);

	if (!s2s->is_closing) {
		log_event(LOG_INFO, "s2s-lost", LOG_Z("why", why), LOG_Z("local", s2s->local),
			  LOG_Z("remote", s2s->remote),
			  LOG_Z("direction", s2s->is_out ? "out" : "in"));
		s2s->is_closing = true;
		let_go(s2s, why);
	}
	s2s_free(s2s);
}

/* The other's certificate is good, and names the domain that it is to be of. */
static bool
is_certified(const struct s2s *s2s)
{
	struct arena *arena = arena_new();
	bool is_good = s2s->remote != NULL && conn_peer_verified(s2s->conn) &&
		       (conn_peer_is_pinned(s2s->conn) ||
			certificate_is_for(conn_peer_certificate(arena, s2s->conn),
					   str(s2s->remote), str(s2s->ascii)));

	arena_free(arena);
	return is_good;
}

void
s2s_set_remote(struct s2s *s2s, struct str remote)
{
	struct arena *arena = arena_new();
	struct str ascii;

	free(s2s->remote);
	free(s2s->ascii);
	s2s->remote = str_dupz(remote);
	if (jid_domain_ascii(arena, remote, &ascii) < 0)
		ascii = remote;
	s2s->ascii = str_dupz(ascii);
	s2s->is_certified = is_certified(s2s);
	arena_free(arena);
}

static void
on_secured(struct conn *conn)
{
	struct s2s *s2s = conn_owner(conn);

	s2s->stream.is_secure = true;
	s2s->has_begun_tls = false;
	s2s->is_certified = is_certified(s2s);
	if (s2s->is_out)
		s2s_out_secured(s2s);
}

void
s2s_start_tls(struct s2s *s2s)
{
	struct server *server = s2s->fed->worker->server;
	const struct config_host *host;
	struct tls_context *tls;

	s2s->has_begun_tls = true;
	if (!s2s->is_out) {
		tls = s2s_tls_in(server);
		conn_start_tls(s2s->conn, tls, NULL);
	} else {
		bool is_ours = policy_is_ours(s2s->fed->worker, str(s2s->local), &host);

		tls = s2s_tls_out(server, is_ours ? host->name : STR(""));
		conn_start_tls(s2s->conn, tls, s2s->ascii);
		conn_pin_tls(s2s->conn, s2s->pin_base, s2s->pins, s2s->pin_count);
	}
	tls_unref(tls);
}

static size_t
on_data(struct conn *conn, struct str bytes)
{
	struct s2s *s2s = conn_owner(conn);
	struct str rest = bytes;

	s2s->heard_ms = loop_now_ms(s2s->fed->worker->loop);
	while (rest.len > 0 && !s2s->is_closing && !s2s->is_moving && !s2s->has_begun_tls &&
	       !s2s->ends_when_safe) {
		struct stream_event event;

		stream_next(&s2s->stream, &rest, s2s_output(s2s), &event);
		if (event.kind == STREAM_FAILED)
			s2s_close(s2s, event.condition, event.why);
		else if (s2s->is_out)
			s2s_out_event(s2s, &event, rest);
		else
			s2s_in_event(s2s, &event, rest);
	}
	return s2s->is_closing ? bytes.len : bytes.len - rest.len;
}

static void
on_drained(struct conn *conn)
{
	struct s2s *s2s = conn_owner(conn);

	if (s2s->pair != NULL && !s2s->is_closing)
		pair_flush(s2s->pair);
}

static const struct conn_handlers handlers = {
	.data = on_data,
	.secured = on_secured,
	.drained = on_drained,
	.ended = on_ended,
};

const struct conn_handlers *
s2s_handlers(void)
{
	return &handlers;
}

static bool
is_negotiating(const struct s2s *s2s)
{
	return s2s->is_out ? s2s->state != S2S_IS_READY : !s2s->stream.is_authenticated;
}

static bool
is_busy(const struct s2s *s2s)
{
	const struct s2s_pair *pair = s2s->pair;

	return s2s->pending_count > 0 ||
	       (pair != NULL && (!list_is_empty(&pair->waiting) || !list_is_empty(&pair->sent) ||
				 !list_is_empty(&pair->checks)));
}

static void
on_timer(struct timer *timer)
{
	struct s2s *s2s = CONTAINER(timer, struct s2s, timer);
	struct worker *worker = s2s->fed->worker;
	const struct config_s2s *config = &worker->config->s2s;
	uint64_t now = loop_now_ms(worker->loop), idle = config->idle_timeout;

	if (s2s->is_closing)
		return;
	if (is_negotiating(s2s)) {
		s2s_close(s2s, STREAM_CONNECTION_TIMEOUT, "the negotiation takes too long");
		return;
	}
	if (s2s->awaits_ack && s2s->heard_ms <= s2s->asked_ms &&
	    now - s2s->asked_ms >= config->silent_after) {
		s2s_close(s2s, STREAM_CONNECTION_TIMEOUT, "the other server is silent");
		return;
	}
	/* Who opened it closes it, and so the last stanza of the other is not in between. */
	if (idle > 0 && now - s2s->used_ms >= (s2s->is_out ? idle : 2 * idle) && !is_busy(s2s)) {
		s2s_close(s2s, STREAM_NO_ERROR, "idle");
		return;
	}
	if (s2s->pair != NULL)
		ack_request(s2s->pair);
	timer_set(worker->loop, timer, now + MIN(TICK_MS, MAX(config->silent_after / 2, 500)));
}

void
s2s_established(struct s2s *s2s)
{
	s2s_raise_limits(s2s);
	leave_admission(s2s);
	s2s->stream.is_authenticated = true;
	s2s->used_ms = loop_now_ms(s2s->fed->worker->loop);
	timer_set(s2s->fed->worker->loop, &s2s->timer, s2s->used_ms + 1000);
}

struct s2s *
s2s_new(struct federation *fed, bool is_out)
{
	struct s2s *s2s = xnew(struct s2s);
	struct xml_limits limits;

	s2s->fed = fed;
	s2s->is_out = is_out;
	s2s->serial = ++fed->next_serial;
	s2s->heard_ms = s2s->used_ms = loop_now_ms(fed->worker->loop);
	s2s->since_us = time_wall_us();
	s2s->timer.run = on_timer;
	list_init(&s2s->auths);
	limits = limits_of(s2s, false);
	stream_init_server(&s2s->stream, &limits);
	list_add(&fed->streams, &s2s->link);
	return s2s;
}

void
s2s_attach(struct s2s *s2s, struct conn *conn)
{
	const struct config *config = s2s->fed->worker->config;
	uint64_t patience = s2s->is_out ? config->s2s.connect_timeout : config->limits.auth_timeout;

	s2s->conn = conn;
	timer_set(s2s->fed->worker->loop, &s2s->timer, s2s->heard_ms + patience);
	if (config->sessions.tcp_user_timeout > 0)
		conn_set_user_timeout(conn, (unsigned)config->sessions.tcp_user_timeout);
}

void
s2s_close_all(struct worker *worker, enum stream_condition condition, const char *text)
{
	if (worker->federation == NULL)
		return;
	worker->federation->is_stopping = condition == STREAM_SYSTEM_SHUTDOWN;
	LIST_EACH(&worker->federation->streams, struct s2s, link, s2s)
	{
		if (condition == STREAM_SYSTEM_SHUTDOWN && s2s->pair != NULL &&
		    !list_is_empty(&s2s->pair->sent)) {
			/* What is known to be there is not sent again after the restart. */
			s2s->ends_when_acked = true;
			ack_request(s2s->pair);
		} else if (condition == STREAM_SYSTEM_SHUTDOWN)
			ack_close(s2s, condition, text);
		else
			s2s_close(s2s, condition, text);
	}
}

void
s2s_end_all(struct worker *worker)
{
	if (worker->federation == NULL)
		return;
	LIST_EACH(&worker->federation->streams, struct s2s, link, s2s)
	{
		s2s->is_closing = true;
		if (s2s->pair != NULL)
			s2s->pair->out = NULL;
		s2s_free(s2s);
	}
}

void
s2s_check_all(struct worker *worker)
{
	const struct config_host *host;

	if (worker->federation == NULL)
		return;
	LIST_EACH(&worker->federation->streams, struct s2s, link, s2s)
	{
		if (s2s->local != NULL && !policy_is_ours(worker, str(s2s->local), &host))
			s2s_close(s2s, STREAM_HOST_GONE, NULL);
		else if (s2s->remote != NULL && !policy_allows(worker->config, str(s2s->remote)))
			s2s_close(s2s, STREAM_POLICY_VIOLATION, "not talked to any more");
	}
}

bool
s2s_is_quiet(const struct worker *worker)
{
	return worker->federation == NULL || list_is_empty(&worker->federation->streams);
}
