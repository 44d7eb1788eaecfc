/* SPDX-License-Identifier: MIT */
/*
 * s2s_in.c - streams that other servers open: header, TLS, SASL EXTERNAL (XEP-0178 §3), and the way
 * to the home of their pair.
 */
#include "server/s2s_private.h"

#include "base/base64.h"
#include "base/log.h"
#include "server/route.h"

#include <stdlib.h>

#define UNREACHABLE 3u /* attempts in a row that failed */
#define ATTEMPTS_MAX 3u

static void
write_features(struct s2s *s2s)
{
	const struct config_s2s *config = &s2s->fed->worker->config->s2s;
	struct buf *out = s2s_output(s2s);
	bool is_secure = conn_is_secure(s2s->conn);
	bool must_secure = s2s->remote == NULL ||
			   policy_requires_tls(s2s->fed->worker->config, str(s2s->remote));

	buf_addz(out, "<stream:features>");
	s2s->stream.tls_is_offered = !is_secure && !s2s->stream.is_authenticated;
	s2s->stream.sasl_is_offered =
		is_secure && s2s->is_certified && !s2s->stream.is_authenticated;
	if (s2s->stream.tls_is_offered)
		buf_printf(out, "<starttls xmlns='" NS_TLS "'%s",
			   must_secure ? "><required/></starttls>" : "/>");
	if (s2s->stream.sasl_is_offered)
		buf_addz(out, "<mechanisms xmlns='" NS_SASL
			      "'><mechanism>EXTERNAL</mechanism></mechanisms>");
	if (is_secure || !must_secure)
		buf_addz(out, "<dialback xmlns='" NS_DIALBACK_FEATURE "'><errors/></dialback>");
	if (config->bidi && is_secure && !s2s->stream.is_authenticated)
		buf_addz(out, "<bidi xmlns='" NS_BIDI_FEATURE "'/>");
	if (config->stream_management && is_secure)
		buf_addz(out, "<sm xmlns='" NS_SM "'/>");
	buf_addz(out, "</stream:features>");
}

/* The two domains of a header. Returns 0, or -1 with *CONDITION. */
static int
read_domains(struct s2s *s2s, const struct stream_event *event, struct arena *arena,
	     struct str *local, struct str *remote, enum stream_condition *condition)
{
	const struct worker *worker = s2s->fed->worker;
	const struct config_host *host;
	const char *why;

	*remote = STR_NONE;
	*condition = STREAM_IMPROPER_ADDRESSING;
	if (event->to.p == NULL)
		return -1;
	*condition = STREAM_HOST_UNKNOWN;
	if (jid_prepare_domain(arena, event->to, local, &why) < 0 ||
	    !policy_is_ours(worker, *local, &host))
		return -1;
	*condition = STREAM_INVALID_FROM;
	if (event->from.p != NULL && (jid_prepare_domain(arena, event->from, remote, &why) < 0 ||
				      policy_is_ours(worker, *remote, &host)))
		return -1;
	/* One stream, one pair, whatever is restarted (SEC-31). */
	if ((s2s->local != NULL && !str_is(*local, s2s->local)) ||
	    (s2s->remote != NULL && !str_is(*remote, s2s->remote)))
		return -1;
	*condition = STREAM_POLICY_VIOLATION;
	return remote->p != NULL && !policy_allows(worker->config, *remote) ? -1 : 0;
}

/*
 * Our stanzas to that domain may go this way (XEP-0288), or call it. After SASL not before our new
 * header is out, and only on the worker where the pair is. A stream of ours that can be resumed
 * knows better what of the last one has arrived, unless they can't be called.
 */
static void
tell_pair(struct s2s *s2s)
{
	struct str local = str(s2s->local), remote = str(s2s->remote);
	struct s2s_pair *pair;

	if (s2s->is_restarting || s2s_home(s2s->fed->worker, local, remote) != s2s->fed->worker)
		return;
	pair = s2s->is_bidi ? pair_get(s2s->fed, local, remote)
			    : pair_find(s2s->fed, local, remote);
	if (s2s->is_bidi && pair->out == NULL &&
	    (pair->resume_id == NULL || list_is_empty(&pair->sent) ||
	     pair->failures >= UNREACHABLE)) {
		ack_forget(pair);
		pair_ready(pair, s2s);
	} else {
		pair_nudge(pair); /* what waited for that server need not wait longer */
	}
}

static void
on_opened(struct s2s *s2s, const struct stream_event *event)
{
	struct arena *arena = arena_new();
	struct str local, remote;
	enum stream_condition condition;

	if (read_domains(s2s, event, arena, &local, &remote, &condition) < 0) {
		s2s_close(s2s, condition, "this stream can't be between those domains");
		arena_free(arena);
		return;
	}
	if (s2s->local == NULL)
		s2s->local = str_dupz(local);
	if (remote.p != NULL && s2s->remote == NULL)
		s2s_set_remote(s2s, remote);
	stream_open(&s2s->stream, s2s_output(s2s), str(s2s->local), remote);
	if (event->has_version)
		write_features(s2s);
	s2s_wrote(s2s);
	arena_free(arena);
	if (s2s->is_restarting) {
		s2s->is_restarting = false;
		tell_pair(s2s);
	}
}

static void
on_starttls(struct s2s *s2s, struct str rest)
{
	if (rest.len > 0 || stream_is_inside(&s2s->stream)) { /* SEC-28 */
		s2s_close(s2s, STREAM_POLICY_VIOLATION, "data behind <starttls/>");
		return;
	}
	stream_proceed(&s2s->stream, s2s_output(s2s));
	s2s_wrote(s2s);
	stream_restart(&s2s->stream);
	s2s_start_tls(s2s);
}

static void
fail_sasl(struct s2s *s2s, enum sasl_failure failure, const char *why)
{
	log_event(LOG_WARNING, "s2s-login-failed", LOG_Z("remote", s2s->remote), LOG_Z("why", why));
	stream_sasl_failure(s2s_output(s2s), failure);
	s2s_wrote(s2s);
	if (++s2s->failures >= ATTEMPTS_MAX)
		s2s_close(s2s, STREAM_POLICY_VIOLATION, "too many attempts");
}

/* XEP-0178 §3, step 10: an authorization identity, if there is one, is the stream's `from`. */
static void
on_auth(struct s2s *s2s, const struct stream_event *event)
{
	struct arena *arena = arena_new();
	struct str wanted = str(s2s->remote);
	const char *why;

	if (!str_is(event->mechanism, "EXTERNAL"))
		fail_sasl(s2s, SASL_INVALID_MECHANISM, "a mechanism that was not offered");
	else if (event->data_is_bad)
		fail_sasl(s2s, SASL_INCORRECT_ENCODING, "not base64");
	else if (event->data.len > 0 &&
		 (jid_prepare_domain(arena, event->data, &wanted, &why) < 0 ||
		  !str_is(wanted, s2s->remote)))
		fail_sasl(s2s, SASL_INVALID_AUTHZID, "not the domain of the stream");
	else if (!s2s->is_certified)
		fail_sasl(s2s, SASL_NOT_AUTHORIZED, "the certificate does not name the domain");
	else {
		stream_success(s2s_output(s2s), STR_NONE);
		s2s_wrote(s2s);
		stream_restart(&s2s->stream);
		s2s->is_restarting = true;
		s2s_in_authorize(s2s, str(s2s->local), str(s2s->remote), true);
	}
	arena_free(arena);
}

static void
on_element(struct s2s *s2s, struct element *el)
{
	if (s2s_take_dialback(s2s, el) || ack_take(s2s, el))
		return;
	if (element_is(el, NS_BIDI, "bidi") && !s2s->stream.is_authenticated &&
	    conn_is_secure(s2s->conn) && s2s->fed->worker->config->s2s.bidi) {
		s2s->is_bidi = true;
		return;
	}
	s2s_close(s2s, STREAM_UNSUPPORTED_STANZA_TYPE, "unknown element");
}

void
s2s_in_event(struct s2s *s2s, const struct stream_event *event, struct str rest)
{
	switch (event->kind) {
	case STREAM_OPENED:
		on_opened(s2s, event);
		break;
	case STREAM_STARTTLS:
		on_starttls(s2s, rest);
		break;
	case STREAM_AUTH:
		on_auth(s2s, event);
		break;
	case STREAM_RESPONSE:
	case STREAM_ABORT:
		fail_sasl(s2s, SASL_MALFORMED_REQUEST, "no exchange is under way");
		break;
	case STREAM_STANZA:
		s2s_take_stanza(s2s, event);
		break;
	case STREAM_ELEMENT:
		on_element(s2s, event->el);
		break;
	case STREAM_CLOSED:
		ack_close(s2s, STREAM_NO_ERROR, "closed by the other server");
		break;
	default:
		break;
	}
}

bool
s2s_certificate_is_for(struct s2s *s2s, struct str remote)
{
	struct arena *arena = arena_new();
	struct str ascii;
	bool is_for = conn_is_secure(s2s->conn) && conn_peer_verified(s2s->conn) &&
		      jid_domain_ascii(arena, remote, &ascii) == 0 &&
		      certificate_is_for(conn_peer_certificate(arena, s2s->conn), remote, ascii);

	arena_free(arena);
	return is_for;
}

static void
arrive(struct worker *worker, void *arg)
{
	struct s2s *s2s = arg;

	s2s->fed = worker->federation;
	s2s->serial = ++s2s->fed->next_serial;
	s2s->is_moving = false;
	list_add(&s2s->fed->streams, &s2s->link);
	conn_attach(s2s->conn, worker->loop);
	s2s_established(s2s);
	if (s2s->fed->is_stopping) {
		s2s_close(s2s, STREAM_SYSTEM_SHUTDOWN, NULL);
		return;
	}
	tell_pair(s2s);
	conn_resume(s2s->conn);
}

static void
move(struct deferred *deferred)
{
	struct s2s *s2s = CONTAINER(deferred, struct s2s, later);
	struct worker *worker = s2s->fed->worker,
		      *home = s2s_home(worker, str(s2s->local), str(s2s->remote));

	if (s2s->is_closing)
		return;
	timer_cancel(worker->loop, &s2s->timer);
	list_remove(&s2s->link);
	conn_detach(s2s->conn);
	worker_call(home, arrive, s2s);
}

void
s2s_in_authorize(struct s2s *s2s, struct str local, struct str remote, bool is_certified)
{
	struct worker *worker = s2s->fed->worker;
	struct s2s_auth *auth = s2s_find_auth(s2s, local, remote);
	bool is_first = !s2s->stream.is_authenticated;

	if (auth == NULL)
		s2s_new_auth(s2s, local, remote);
	log_event(LOG_INFO, "s2s-in", LOG_STR("local", local), LOG_STR("remote", remote),
		  LOG_Z("by", is_certified ? "certificate" : "dialback"),
		  LOG_STR("tls", conn_tls_version(s2s->conn)));
	if (!is_first)
		return;
	if (s2s->remote == NULL)
		s2s_set_remote(s2s, remote);
	s2s_established(s2s);
	/* The worker where the pair's own stream and stanzas are; what is asked stays here. */
	if (s2s->pending_count == 0 &&
	    s2s_home(worker, str(s2s->local), str(s2s->remote)) != worker) {
		s2s->is_moving = true;
		conn_pause(s2s->conn);
		s2s->later.run = move;
		loop_defer(worker->loop, &s2s->later);
	} else {
		tell_pair(s2s);
	}
}

void
s2s_accept(struct worker *worker, int fd, const struct config_listener *listener)
{
	struct s2s *s2s = s2s_new(worker->federation, false);
	struct conn *conn = conn_new(worker->loop, fd, s2s_handlers(), s2s);

	s2s->is_counted = admission_enter(worker->server->admission, &worker->config->limits,
					  conn_peer(conn));
	s2s_attach(s2s, conn);
	if (!s2s->is_counted)
		s2s_close(s2s, STREAM_RESOURCE_CONSTRAINT, "too many connections");
	else if (listener->type == LISTENER_S2S_TLS)
		s2s_start_tls(s2s);
}
