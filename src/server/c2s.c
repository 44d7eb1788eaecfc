/* SPDX-License-Identifier: MIT */
/* c2s.c - the life of a client's connection: from accept to its end. */
#include "server/c2s_private.h"

#include "base/log.h"
#include "server/module.h"
#include "server/sm.h"

#include <stdatomic.h>
#include <stdlib.h>

#define DEPTH_MAX 64u /* of nesting in a routed stanza (SEC-06) */
#define DEPTH_MAX_BEFORE_AUTH 16u
#define ATTRIBUTES_MAX 64u
#define NODES_MAX 8192u
#define FLUSH_MS 2000u /* for the last words to a client */

static struct xml_limits
limits_before_auth(const struct worker *worker)
{
	return (struct xml_limits){
		.bytes = (uint32_t)worker->config->limits.stanza_bytes_before_auth,
		.depth = DEPTH_MAX_BEFORE_AUTH,
		.attributes = ATTRIBUTES_MAX,
		.nodes = 256,
	};
}

static struct xml_limits
limits_after_auth(const struct worker *worker)
{
	return (struct xml_limits){
		.bytes = (uint32_t)worker->config->limits.stanza_bytes,
		.depth = DEPTH_MAX,
		.attributes = ATTRIBUTES_MAX,
		.nodes = NODES_MAX,
	};
}

static void
leave_admission(struct c2s *c2s)
{
	if (c2s->is_counted)
		admission_leave(c2s->worker->server->admission, conn_peer(c2s->conn));
	c2s->is_counted = false;
}

static void
c2s_free(struct c2s *c2s)
{
	struct loop *loop = c2s->worker->loop;

	assert(c2s->session == NULL && c2s->holds == 0);
	leave_admission(c2s);
	timer_cancel(loop, &c2s->timer);
	timer_cancel(loop, &c2s->refill);
	loop_defer_cancel(&c2s->later);
	list_remove(&c2s->waiter.link);
	list_remove(&c2s->link);
	stanza_unref(c2s->bind);
	sasl_server_free(c2s->sasl);
	login_free(c2s->login);
	c2s_legacy_free(c2s->legacy);
	stream_clear(&c2s->stream);
	conn_free(c2s->conn);
	free(c2s->host);
	free(c2s->user);
	free(c2s->claimed);
	atomic_fetch_sub_explicit(&c2s->worker->counters.streams, 1, memory_order_relaxed);
	free(c2s);
}

static void
end_session(struct c2s *c2s)
{
	if (c2s->session != NULL)
		session_end(c2s->session);
	c2s->session = NULL;
}

/*
 * A session that may be resumed outlives what its client did not wish: a lost connection, silence,
 * a restart of the server (XEP-0198 §5).
 */
static bool
keeps_session(const struct c2s *c2s, enum stream_condition condition)
{
	return c2s->session != NULL && sm_may_detach(c2s->session) &&
	       (condition == STREAM_CONNECTION_TIMEOUT || condition == STREAM_SYSTEM_SHUTDOWN);
}

static void
detach_session(struct c2s *c2s)
{
	struct session *session = c2s->session;

	c2s->session = NULL;
	sm_detach(session);
}

static void
begin_closing(struct c2s *c2s, enum stream_condition condition)
{
	c2s->is_closing = true;
	if (keeps_session(c2s, condition))
		detach_session(c2s);
	if (c2s->session != NULL) {
		session_begin_closing(c2s->session);
		c2s->is_ending = true;
		loop_defer(c2s->worker->loop, &c2s->later);
	}
}

void
c2s_close(struct c2s *c2s, enum stream_condition condition, const char *text)
{
	if (c2s->is_closing)
		return;
	if (condition != STREAM_NO_ERROR) {
		log_event(LOG_INFO, "stream-error",
			  LOG_Z("condition", stream_condition_name(condition)), LOG_Z("why", text),
			  LOG_Z("user", c2s->user), LOG_Z("host", c2s->host));
		stream_fail(&c2s->stream, c2s_output(c2s), str(c2s->host), condition, text);
	} else {
		stream_close(&c2s->stream, c2s_output(c2s));
	}
	c2s_wrote(c2s);
	begin_closing(c2s, condition);
	conn_shutdown(c2s->conn, FLUSH_MS);
}

void
c2s_close_with(struct c2s *c2s, enum stream_condition condition, struct str element)
{
	if (c2s->is_closing)
		return;
	log_event(LOG_INFO, "stream-error", LOG_Z("condition", stream_condition_name(condition)),
		  LOG_STR("why", element), LOG_Z("user", c2s->user), LOG_Z("host", c2s->host));
	stream_error_write_with(c2s_output(c2s), condition, element);
	stream_close(&c2s->stream, conn_output(c2s->conn));
	c2s_wrote(c2s);
	begin_closing(c2s, condition);
	conn_shutdown(c2s->conn, FLUSH_MS);
}

void
c2s_drop(struct c2s *c2s, const char *why)
{
	if (c2s->is_closing)
		return;
	log_event(LOG_WARNING, "stream-dropped", LOG_Z("why", why), LOG_Z("user", c2s->user),
		  LOG_Z("host", c2s->host));
	begin_closing(c2s, STREAM_CONNECTION_TIMEOUT);
	conn_shutdown(c2s->conn, 0);
}

void
c2s_check_queue(struct c2s *c2s)
{
	uint64_t max = c2s->worker->config->limits.outbound_queue_bytes;

	if (max > 0 && c2s_waiting(c2s) > max)
		c2s_drop(c2s, "the client does not read");
}

static void move_home(struct c2s *c2s);

/* What was put off to the end of the turn. */
static void
run_later(struct deferred *deferred)
{
	struct c2s *c2s = CONTAINER(deferred, struct c2s, later);

	if (c2s->is_ending) {
		c2s->is_ending = false;
		end_session(c2s);
	}
	if (c2s->is_dead && c2s->holds == 0) {
		c2s_free(c2s);
		return;
	}
	if (c2s->is_moving)
		move_home(c2s);
}

static void
on_ended(struct conn *conn, enum conn_end end UNUSED, const char *why)
{
	struct c2s *c2s = conn_owner(conn);

	if (!c2s->is_closing) {
		log_event(LOG_INFO, "stream-lost", LOG_Z("why", why), LOG_Z("user", c2s->user));
		if (keeps_session(c2s, STREAM_CONNECTION_TIMEOUT))
			detach_session(c2s);
	}
	c2s->is_closing = c2s->is_dead = true;
	end_session(c2s);
	/* Kept as long as an operation under way holds it; c2s_release frees it then. */
	if (c2s->holds == 0)
		c2s_free(c2s);
}

void
c2s_hold(struct c2s *c2s)
{
	c2s->holds++;
	conn_pause(c2s->conn);
}

bool
c2s_release(struct c2s *c2s)
{
	assert(c2s->holds > 0);
	c2s->holds--;
	if (c2s->is_dead) {
		if (c2s->holds == 0)
			loop_defer(c2s->worker->loop, &c2s->later);
		return false;
	}
	if (c2s->holds == 0 && !c2s->is_throttled && !c2s->is_moving)
		conn_resume(c2s->conn);
	return !c2s->is_closing;
}

bool
c2s_may_send_password(const struct c2s *c2s)
{
	if (conn_is_secure(c2s->conn))
		return true;
	return c2s->plaintext == PLAINTEXT_ALWAYS ||
	       (c2s->plaintext == PLAINTEXT_LOOPBACK && conn_is_local(c2s->conn));
}

bool
c2s_may_log_in(const struct c2s *c2s)
{
	return !c2s->require_tls || c2s_may_send_password(c2s);
}

/* XEP-0170 §2: TLS, then SASL, then binding, then the rest. */
void
c2s_write_features(struct c2s *c2s, struct buf *out)
{
	const struct config_host *host = c2s_host(c2s);
	bool is_in = c2s->stream.is_authenticated;

	buf_addz(out, "<stream:features>");
	if (!conn_is_secure(c2s->conn) && !is_in) {
		buf_addz(out, "<starttls xmlns='" NS_TLS "'>");
		if (!c2s_may_log_in(c2s))
			buf_addz(out, "<required/>");
		buf_addz(out, "</starttls>");
		c2s->stream.tls_is_offered = true;
	}
	if (!is_in && c2s_may_log_in(c2s))
		c2s_write_mechanisms(c2s, out);
	if (!is_in)
		c2s_write_authentication(c2s, out);
	if (is_in && c2s->session == NULL)
		buf_addz(out, "<bind xmlns='" NS_BIND "'/>"
			      "<session xmlns='" NS_SESSION "'><optional/></session>");
	for (size_t i = 0; host != NULL && i < module_count(); i++) {
		const struct option_values *options = config_options(c2s->worker->config, host, i);

		if (c2s->session != NULL && modules[i]->offers_features != NULL &&
		    !modules[i]->offers_features(c2s->session))
			continue;
		if (modules[i]->stream_features != NULL && config_module_enabled(options))
			modules[i]->stream_features(c2s->worker, host, options, is_in, out);
	}
	buf_addz(out, "</stream:features>");
}

/* The host that the header names. NULL with *CONDITION when it can't be. */
static const struct config_host *
choose_host(struct c2s *c2s, const struct stream_event *event, struct arena *arena,
	    enum stream_condition *condition)
{
	const struct config *config = c2s->worker->config;
	const struct config_host *host;
	struct str sni = conn_sni(c2s->conn), name;
	const char *why;

	if (event->to.p == NULL) {
		*condition = STREAM_IMPROPER_ADDRESSING;
		return config->host_count == 1 ? &config->hosts[0] : NULL;
	}
	*condition = STREAM_HOST_UNKNOWN;
	if (jid_prepare_domain(arena, event->to, &name, &why) < 0)
		return NULL;
	host = config_host(config, name);
	if (host == NULL)
		return NULL;
	/* One stream, one host, whatever is restarted or claimed in the handshake (SEC-31). */
	*condition = STREAM_IMPROPER_ADDRESSING;
	if (c2s->host != NULL && !str_equal(str(c2s->host), name))
		return NULL;
	if (sni.len > 0 && jid_prepare_domain(arena, sni, &sni, &why) == 0 &&
	    config_host(config, sni) != NULL && !str_equal(sni, name))
		return NULL;
	return host;
}

/* XEP-0388 §2.1: whom the client says it is, a hint. False: of another host. */
static bool
take_claim(struct c2s *c2s, struct str from, struct str host, struct arena *arena)
{
	struct jid jid;
	const char *why;

	free(c2s->claimed);
	c2s->claimed = NULL;
	if (from.len == 0 || jid_parse(arena, from, &jid, &why) < 0)
		return true;
	if (jid.local.len > 0)
		c2s->claimed = str_dupz(jid_bare_text(jid));
	return str_equal(jid.domain, host);
}

static void
on_opened(struct c2s *c2s, const struct stream_event *event)
{
	struct arena *arena = arena_new();
	enum stream_condition condition;
	const struct config_host *host = choose_host(c2s, event, arena, &condition);
	struct buf *out = c2s_output(c2s);

	if (host == NULL) {
		c2s_close(c2s, condition, "this server does not serve that host on this stream");
		arena_free(arena);
		return;
	}
	if (c2s->host == NULL)
		c2s->host = str_dupz(host->name);
	if (!take_claim(c2s, event->from, host->name, arena)) {
		c2s_close(c2s, STREAM_INVALID_FROM, "`from` is not of the host that `to` names");
	} else {
		stream_open(&c2s->stream, out, str(c2s->host), event->from);
		if (event->has_version)
			c2s_write_features(c2s, out);
		c2s_wrote(c2s);
	}
	arena_free(arena);
}

static void
on_starttls(struct c2s *c2s, struct str rest)
{
	struct tls_context *tls;

	/* SEC-28: bytes behind <starttls/> are either a mistake or an attack. */
	if (rest.len > 0 || stream_is_inside(&c2s->stream)) {
		c2s_close(c2s, STREAM_POLICY_VIOLATION, "data behind <starttls/>");
		return;
	}
	stream_proceed(&c2s->stream, c2s_output(c2s));
	c2s_wrote(c2s);
	stream_restart(&c2s->stream);
	sasl_server_free(c2s->sasl); /* what was begun in the clear does not go on (SEC-28) */
	c2s->sasl = NULL;
	tls = server_tls(c2s->worker->server);
	conn_start_tls(c2s->conn, tls, NULL);
	tls_unref(tls);
}

static void
on_secured(struct conn *conn)
{
	struct c2s *c2s = conn_owner(conn);

	c2s->stream.is_secure = true;
}

void
c2s_send(struct c2s *c2s, struct stanza *stanza)
{
	stanza_freeze(stanza);
	if (c2s->session != NULL && c2s->session->sm != NULL) { /* which counts what it sends */
		session_deliver(c2s->session, stanza, NULL);
		stanza_unref(stanza);
		return;
	}
	stanza_write(c2s_output(c2s), stanza, NULL);
	c2s_wrote(c2s);
	stanza_unref(stanza);
	c2s_check_queue(c2s);
}

/* Before the session is bound only a few iqs make sense. Takes the reference. */
static void
take_unbound(struct c2s *c2s, struct stanza *stanza)
{
	const struct config_host *host = c2s_host(c2s);
	const struct element *payload = element_child(stanza->el, NULL, NULL);

	if (stanza->kind == STANZA_IQ && payload != NULL && host != NULL) {
		if (c2s->stream.is_authenticated && element_is(payload, NS_BIND, "bind")) {
			c2s_bind(c2s, stanza);
			return;
		}
		if (!c2s->stream.is_authenticated && !c2s->stream.has_version &&
		    element_is(payload, NS_LEGACY_AUTH, "query")) {
			c2s_legacy_iq(c2s, stanza);
			return;
		}
		for (size_t i = 0; !c2s->stream.is_authenticated && i < module_count(); i++) {
			const struct option_values *options =
				config_options(c2s->worker->config, host, i);

			if (modules[i]->stream_iq != NULL && config_module_enabled(options) &&
			    c2s_may_send_password(c2s) &&
			    modules[i]->stream_iq(c2s, host, options, stanza)) {
				stanza_unref(stanza);
				return;
			}
		}
	}
	stanza_unref(stanza);
	c2s_close(c2s, STREAM_NOT_AUTHORIZED, "no stanzas before a resource is bound");
}

static void
on_stanza(struct c2s *c2s, const struct stream_event *event)
{
	enum stanza_condition condition;
	struct stanza *reply, *stanza = stanza_take(event->arena, event->el, &condition, &reply);

	c2s->has_spoken = true;
	if (c2s->session != NULL)
		sm_count(c2s->session);
	if (stanza == NULL) {
		if (reply != NULL)
			c2s_send(c2s, reply);
		return;
	}
	if (c2s->session != NULL)
		session_take(c2s->session, stanza);
	else
		take_unbound(c2s, stanza);
}

static void
on_element(struct c2s *c2s, struct element *el)
{
	if (nonza_dispatch(c2s, el) != DONE)
		c2s_close(c2s, STREAM_UNSUPPORTED_STANZA_TYPE, "unknown element");
}

static void
on_event(struct c2s *c2s, const struct stream_event *event, struct str rest)
{
	if (c2s_sasl2_is_disturbed(c2s, event)) {
		arena_free(event->arena); /* a stanza's, which is nobody's */
		c2s_close(c2s, STREAM_POLICY_VIOLATION, "not while a login is under way");
		return;
	}
	switch (event->kind) {
	case STREAM_MORE:
		break;
	case STREAM_OPENED:
		on_opened(c2s, event);
		break;
	case STREAM_STARTTLS:
		on_starttls(c2s, rest);
		break;
	case STREAM_AUTH:
	case STREAM_RESPONSE:
	case STREAM_ABORT:
		c2s_auth_event(c2s, event);
		break;
	case STREAM_AUTHENTICATE:
	case STREAM_NEXT_TASK:
	case STREAM_TASK_DATA:
		c2s_sasl2_event(c2s, event);
		break;
	case STREAM_STANZA:
		on_stanza(c2s, event);
		break;
	case STREAM_ELEMENT:
		on_element(c2s, event->el);
		break;
	case STREAM_CLOSED:
		/* §4.4: what came before it is still answered. */
		route_drain(&c2s->worker->drain);
		if (c2s->session != NULL)
			c2s->session->is_left = true;
		c2s_close(c2s, STREAM_NO_ERROR, NULL);
		break;
	case STREAM_FAILED:
		/* The words are written already; c2s_close finds the stream over and only flushes.
		 */
		c2s_close(c2s, event->condition, event->why);
		break;
	}
}

static void
on_refill(struct timer *timer)
{
	struct c2s *c2s = CONTAINER(timer, struct c2s, refill);

	c2s->is_throttled = false;
	if (c2s->holds == 0 && !c2s->is_moving && !c2s->is_closing)
		conn_resume(c2s->conn);
}

/* A token bucket: what is over the rate is read later, so that the sender slows down. */
static void
charge(struct c2s *c2s, size_t bytes)
{
	const struct config_limits *limits = &c2s->worker->config->limits;
	uint64_t now = loop_now_ms(c2s->worker->loop);

	if (limits->rate_bytes == 0)
		return;
	c2s->allowance += (int64_t)((now - c2s->allowance_ms) * limits->rate_bytes / 1000);
	c2s->allowance = MIN(c2s->allowance, (int64_t)limits->rate_burst_bytes);
	c2s->allowance_ms = now;
	c2s->allowance -= (int64_t)bytes;
	if (c2s->allowance < 0 && !c2s->is_throttled) {
		c2s->is_throttled = true;
		conn_pause(c2s->conn);
		timer_set(c2s->worker->loop, &c2s->refill,
			  now + 1 + (uint64_t)-c2s->allowance * 1000 / limits->rate_bytes);
	}
}

static size_t
on_data(struct conn *conn, struct str bytes)
{
	struct c2s *c2s = conn_owner(conn);
	struct str rest = bytes;

	c2s->heard_ms = loop_now_ms(c2s->worker->loop);
	if (c2s->session != NULL)
		session_heard(c2s->session);
	while (rest.len > 0 && !c2s->is_closing && c2s->holds == 0 && !c2s->is_moving) {
		struct stream_event event;
		bool was_secure = conn_is_secure(conn);

		stream_next(&c2s->stream, &rest, c2s_output(c2s), &event);
		on_event(c2s, &event, rest);
		/* What follows is ciphertext, and the connection's to read. */
		if (event.kind == STREAM_STARTTLS && !was_secure)
			break;
	}
	if (c2s->is_closing)
		return bytes.len;
	charge(c2s, bytes.len - rest.len);
	return bytes.len - rest.len;
}

static void
on_drained(struct conn *conn)
{
	struct c2s *c2s = conn_owner(conn);

	c2s->has_spoken = false;
	if (c2s->session != NULL && !c2s->is_closing)
		session_drained(c2s->session);
}

static const struct conn_handlers handlers = {
	.data = on_data,
	.secured = on_secured,
	.drained = on_drained,
	.ended = on_ended,
};

const struct conn_handlers *
c2s_handlers(void)
{
	return &handlers;
}

static void
on_silence(struct c2s *c2s, uint64_t now)
{
	uint64_t silent_after = c2s->worker->config->sessions.silent_after;
	struct event ev = {.worker = c2s->worker, .session = c2s->session};

	if (silent_after == 0)
		return;
	if (now - c2s->heard_ms < silent_after) {
		timer_set(c2s->worker->loop, &c2s->timer, c2s->heard_ms + silent_after);
		return;
	}
	timer_set(c2s->worker->loop, &c2s->timer, now + silent_after);
	if (c2s->session->asks != NULL)
		return; /* it has been asked something: that will tell */
	ev.account = c2s->session->account;
	ev.host = c2s_host(c2s);
	ev.arena = arena_new();
	if (ev.host != NULL)
		hooks_run(POINT_SESSION_SILENT, &ev);
	arena_free(ev.arena);
}

/* Lazily: data does not move the timer, the timer looks when data came last. */
static void
on_timer(struct timer *timer)
{
	struct c2s *c2s = CONTAINER(timer, struct c2s, timer);

	if (c2s->is_closing)
		return;
	if (c2s->session != NULL)
		on_silence(c2s, loop_now_ms(c2s->worker->loop));
	else
		c2s_close(c2s, STREAM_CONNECTION_TIMEOUT, "log in faster");
}

struct c2s *
c2s_new(struct worker *worker, const struct config_listener *listener)
{
	struct xml_limits limits = limits_before_auth(worker);
	struct c2s *c2s = xnew(struct c2s);

	c2s->worker = worker;
	c2s->plaintext = (uint8_t)listener->allow_plaintext_passwords;
	c2s->is_direct_tls = listener->type == LISTENER_C2S_TLS;
	c2s->require_tls = listener->require_tls;
	c2s->heard_ms = c2s->allowance_ms = loop_now_ms(worker->loop);
	c2s->allowance = (int64_t)worker->config->limits.rate_burst_bytes;
	c2s->timer.run = on_timer;
	c2s->refill.run = on_refill;
	c2s->later.run = run_later;
	stream_init(&c2s->stream, &limits);
	list_add(&worker->streams, &c2s->link);
	atomic_fetch_add_explicit(&worker->counters.streams, 1, memory_order_relaxed);
	return c2s;
}

void
c2s_attach(struct c2s *c2s, struct conn *conn)
{
	const struct config *config = c2s->worker->config;

	c2s->conn = conn;
	if (config->limits.auth_timeout > 0)
		timer_set(c2s->worker->loop, &c2s->timer,
			  c2s->heard_ms + config->limits.auth_timeout);
	if (config->sessions.tcp_user_timeout > 0)
		conn_set_user_timeout(conn, (unsigned)config->sessions.tcp_user_timeout);
	if (c2s->is_direct_tls) {
		struct tls_context *tls = server_tls(c2s->worker->server);

		conn_start_tls(conn, tls, NULL);
		tls_unref(tls);
	}
}

void
c2s_accept(struct worker *worker, int fd, const struct config_listener *listener)
{
	struct c2s *c2s = c2s_new(worker, listener);
	struct conn *conn = conn_new(worker->loop, fd, &handlers, c2s);

	/* By the address that the connection knows, now and when it leaves. */
	c2s->is_counted = admission_enter(worker->server->admission, &worker->config->limits,
					  conn_peer(conn));
	c2s_attach(c2s, conn);
	if (!c2s->is_counted)
		c2s_drop(c2s, "too many connections that have not logged in");
}

static void
go_on_at_home(struct c2s *c2s)
{
	if (c2s->legacy != NULL)
		c2s_legacy_arrived(c2s);
	if (c2s->login != NULL)
		c2s_login_arrived(c2s);
	if (c2s->holds == 0 && !c2s->is_closing)
		conn_resume(c2s->conn);
}

static void
arrive(struct worker *worker, void *arg)
{
	struct c2s *c2s = arg;
	uint64_t now = loop_now_ms(worker->loop);

	c2s->worker = worker;
	c2s->is_moving = false;
	list_add(&worker->streams, &c2s->link);
	atomic_fetch_add_explicit(&worker->counters.streams, 1, memory_order_relaxed);
	conn_attach(c2s->conn, worker->loop);
	if (worker->config->limits.auth_timeout > 0)
		timer_set(worker->loop, &c2s->timer, now + worker->config->limits.auth_timeout);
	if (atomic_load(&worker->server->is_stopping)) {
		c2s_close(c2s, STREAM_SYSTEM_SHUTDOWN, NULL);
		return;
	}
	go_on_at_home(c2s);
}

static void
move_home(struct c2s *c2s)
{
	struct arena *arena = arena_new();
	struct str bare = arena_printf(arena, "%s@%s", c2s->user, c2s->host);
	struct worker *home = worker_home(c2s->worker, bare);

	arena_free(arena);
	if (home == c2s->worker) {
		c2s->is_moving = false;
		go_on_at_home(c2s);
		return;
	}
	timer_cancel(c2s->worker->loop, &c2s->timer);
	timer_cancel(c2s->worker->loop, &c2s->refill);
	c2s->is_throttled = false;
	list_remove(&c2s->link);
	atomic_fetch_sub_explicit(&c2s->worker->counters.streams, 1, memory_order_relaxed);
	conn_detach(c2s->conn);
	worker_call(home, arrive, c2s);
}

void
c2s_authenticated(struct c2s *c2s, struct str user, bool is_guest)
{
	struct xml_limits limits = limits_after_auth(c2s->worker);

	leave_admission(c2s);
	free(c2s->user);
	c2s->user = str_dupz(user);
	c2s->is_guest = is_guest;
	c2s->stream.is_authenticated = true;
	xml_reader_set_limits(c2s->stream.reader, &limits);
	sasl_server_free(c2s->sasl);
	c2s->sasl = NULL;
	atomic_fetch_add_explicit(&c2s->worker->counters.logins, 1, memory_order_relaxed);
	c2s->is_moving = true;
	conn_pause(c2s->conn);
	loop_defer(c2s->worker->loop, &c2s->later);
}

void
c2s_close_all(struct worker *worker, enum stream_condition condition, const char *text)
{
	LIST_EACH(&worker->streams, struct c2s, link, c2s)
	{
		c2s_close(c2s, condition, text);
	}
}

void
c2s_end_all(struct worker *worker)
{
	LIST_EACH(&worker->streams, struct c2s, link, c2s)
	{
		end_session(c2s);
		c2s_free(c2s);
	}
}

void
c2s_close_host(struct worker *worker, struct str host)
{
	LIST_EACH(&worker->streams, struct c2s, link, c2s)
	{
		if (c2s->host != NULL && str_equal(str(c2s->host), host))
			c2s_close(c2s, STREAM_HOST_GONE, NULL);
	}
}

void
c2s_close_unbound(struct worker *worker, struct str user, struct str host, const char *text)
{
	LIST_EACH(&worker->streams, struct c2s, link, c2s)
	{
		if (c2s->session == NULL && c2s->user != NULL && str_is(user, c2s->user) &&
		    str_is(host, c2s->host))
			c2s_close(c2s, STREAM_NOT_AUTHORIZED, text);
	}
}

struct buf *
c2s_output(struct c2s *c2s)
{
	struct buf *out = conn_output(c2s->conn);

	c2s->output_before = buf_len(out);
	return out;
}

void
c2s_wrote(struct c2s *c2s)
{
	c2s->written += buf_len(conn_output(c2s->conn)) - c2s->output_before;
	/* Whoever has said something is not kept waiting for what comes of it. */
	if (c2s->worker->is_telling_many && !c2s->has_spoken)
		conn_wrote_to_many(c2s->conn);
	else
		conn_wrote(c2s->conn);
}

void
c2s_hold_output(struct c2s *c2s)
{
	conn_hold_output(c2s->conn);
}

void
c2s_release_output(struct c2s *c2s)
{
	conn_release_output(c2s->conn);
}

uint64_t
c2s_written(const struct c2s *c2s)
{
	return c2s->written;
}

size_t
c2s_unacknowledged(const struct c2s *c2s)
{
	return conn_unacknowledged(c2s->conn);
}

size_t
c2s_waiting(const struct c2s *c2s)
{
	return conn_waiting(c2s->conn);
}

const struct sockaddr *
c2s_peer(const struct c2s *c2s)
{
	return conn_peer(c2s->conn);
}

struct str
c2s_peer_text(struct arena *arena, const struct c2s *c2s)
{
	return conn_peer_text(arena, c2s->conn);
}

struct str
c2s_tls_version(const struct c2s *c2s)
{
	return conn_tls_version(c2s->conn);
}

struct session *
c2s_session(const struct c2s *c2s)
{
	return c2s->session;
}

bool
c2s_is_binding(const struct c2s *c2s)
{
	return c2s->bind != NULL || c2s->login != NULL;
}

void
c2s_forget_session(struct c2s *c2s)
{
	c2s->session = NULL;
}

struct worker *
c2s_worker(const struct c2s *c2s)
{
	return c2s->worker;
}

const struct config_host *
c2s_host(const struct c2s *c2s)
{
	return c2s->host ? config_host(c2s->worker->config, str(c2s->host)) : NULL;
}
