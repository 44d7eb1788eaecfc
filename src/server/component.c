/* SPDX-License-Identifier: MIT */
/* component.c - connections of external components (XEP-0114): handshake, stanzas, end. */
#include "server/component.h"

#include "base/log.h"
#include "base/time.h"
#include "io/conn.h"
#include "server/module.h"
#include "server/path.h"
#include "server/route.h"
#include "server/server.h"
#include "xmpp/component_stream.h"

#include <stdatomic.h>
#include <stdlib.h>

#define DEPTH_MAX 64u
#define ATTRIBUTES_MAX 64u
#define NODES_MAX 8192u
#define FLUSH_MS 2000u

struct components {       /* of a worker */
	struct link all;  /* struct component */
	struct map ready; /* those that are logged in, by name */
};

struct component {
	struct link link;
	struct worker *worker;
	struct conn *conn;
	struct component_stream stream;
	char *name;            /* prepared, once its stream was opened */
	struct timer timer;    /* until the handshake */
	struct deferred later; /* what must not happen inside a handler: moving */
	bool is_ready, is_counted, is_moving, is_closing;
};

void
components_open(struct worker *worker)
{
	worker->components = xnew(struct components);
	list_init(&worker->components->all);
}

void
components_free(struct worker *worker)
{
	components_end_all(worker);
	map_free(&worker->components->ready);
	free(worker->components);
}

static void
leave_admission(struct component *component)
{
	if (component->is_counted)
		admission_leave(component->worker->server->admission, conn_peer(component->conn));
	component->is_counted = false;
}

/* Nothing more is routed to it. */
static void
sign_off(struct component *component)
{
	if (!component->is_ready)
		return;
	component->is_ready = false;
	map_remove(&component->worker->components->ready, str(component->name));
	log_event(LOG_INFO, "component-disconnected", LOG_Z("name", component->name));
	path_lost(component->worker->server, str(component->name));
}

static void
component_free(struct component *component)
{
	sign_off(component);
	leave_admission(component);
	timer_cancel(component->worker->loop, &component->timer);
	loop_defer_cancel(&component->later);
	list_remove(&component->link);
	component_stream_clear(&component->stream);
	conn_free(component->conn);
	free(component->name);
	free(component);
}

/* With the error that is written already, or in order. */
static void
end_stream(struct component *component)
{
	if (component->is_closing)
		return;
	component->is_closing = true;
	sign_off(component);
	conn_wrote(component->conn);
	conn_shutdown(component->conn, FLUSH_MS);
}

static void
fail(struct component *component, enum stream_condition condition, const char *why)
{
	if (component->is_closing)
		return;
	log_event(condition == STREAM_SYSTEM_SHUTDOWN ? LOG_INFO : LOG_WARNING, "component-error",
		  LOG_Z("name", component->name),
		  LOG_Z("condition", stream_condition_name(condition)), LOG_Z("why", why));
	component_stream_fail(&component->stream, conn_output(component->conn), condition, why);
	end_stream(component);
}

static void
on_opened(struct component *component, const struct component_event *event)
{
	struct arena *arena = arena_new();
	struct str name;
	const char *why;

	if (event->to.p == NULL) {
		fail(component, STREAM_IMPROPER_ADDRESSING, "the stream names no component");
	} else if (jid_prepare_domain(arena, event->to, &name, &why) < 0 ||
		   config_component(component->worker->config, name) == NULL) {
		fail(component, STREAM_HOST_UNKNOWN, "there is no such component");
	} else {
		/* Whichever of its names it came with, it is one component. */
		name = config_component(component->worker->config, name)->name;
		component->name = str_dupz(name);
		component_stream_open(&component->stream, conn_output(component->conn), name);
		conn_wrote(component->conn);
	}
	arena_free(arena);
}

static void
on_handshake(struct component *component, struct str digest)
{
	struct worker *worker = component->worker;
	const struct config_component *config =
		component->name ? config_component(worker->config, str(component->name)) : NULL;
	bool is_throttled = admission_login_is_throttled(
		worker->server->admission, &worker->config->limits, conn_peer(component->conn));

	if (config != NULL && !is_throttled &&
	    component_stream_knows(&component->stream, digest, config->secret)) {
		component->is_moving = true;
		conn_pause(component->conn);
		loop_defer(worker->loop, &component->later);
		return;
	}
	admission_login_failed(worker->server->admission, &worker->config->limits,
			       conn_peer(component->conn));
	fail(component, STREAM_NOT_AUTHORIZED,
	     is_throttled ? "too many failures" : "the secret is another one");
}

/* Whether that domain is one of its own (SEC-45). */
static bool
is_own(const struct component *component, struct str domain)
{
	const struct config_component *config = config_component(component->worker->config, domain);

	return config != NULL && str_is(config->name, component->name);
}

static enum verdict
run_hooks(struct component *component, enum point point, struct stanza *stanza)
{
	struct worker *worker = component->worker;
	struct event ev = {.worker = worker,
			   .arena = arena_new(),
			   .stanza = stanza,
			   .component = config_component(worker->config, str(component->name))};
	enum verdict verdict;

	if (stanza != NULL)
		ev.host = worker_host(worker, stanza->to.domain);
	verdict = ev.component ? hooks_run(point, &ev) : PASS;
	if (verdict == REFUSED)
		route_refusal(worker, stanza, ev.refusal, ev.refusal_text);
	arena_free(ev.arena);
	return verdict;
}

/* By a module, or refused. */
static bool
is_taken(struct component *component, struct stanza *stanza)
{
	return run_hooks(component, POINT_FROM_COMPONENT, stanza) != PASS;
}

static void
on_stanza(struct component *component, const struct component_event *event)
{
	enum stanza_condition condition;
	struct stanza *reply, *stanza = stanza_take(event->arena, event->el, &condition, &reply);

	if (stanza == NULL) {
		if (reply != NULL) {
			stanza_freeze(reply);
			component_write(component, reply);
			stanza_unref(reply);
		}
		return;
	}
	atomic_fetch_add_explicit(&component->worker->counters.stanzas_in, 1, memory_order_relaxed);
	if (stanza->from.text.len == 0 || !is_own(component, stanza->from.domain)) {
		fail(component, STREAM_INVALID_FROM,
		     "the `from` of a stanza is not of this component's domain");
	} else if (stanza->to.text.len == 0) {
		fail(component, STREAM_IMPROPER_ADDRESSING, "a stanza without `to`");
	} else if (!is_taken(component, stanza)) {
		route(component->worker, stanza);
		return;
	}
	stanza_unref(stanza);
}

static void
on_event(struct component *component, const struct component_event *event)
{
	switch (event->kind) {
	case COMPONENT_MORE:
		break;
	case COMPONENT_OPENED:
		on_opened(component, event);
		break;
	case COMPONENT_HANDSHAKE:
		on_handshake(component, event->digest);
		break;
	case COMPONENT_STANZA:
		on_stanza(component, event);
		break;
	case COMPONENT_CLOSED:
		component_stream_close(&component->stream, conn_output(component->conn));
		end_stream(component);
		break;
	case COMPONENT_FAILED:
		log_event(LOG_WARNING, "component-error", LOG_Z("name", component->name),
			  LOG_Z("condition", stream_condition_name(event->condition)),
			  LOG_Z("why", event->why));
		end_stream(component);
		break;
	}
}

static size_t
on_data(struct conn *conn, struct str bytes)
{
	struct component *component = conn_owner(conn);
	struct str rest = bytes;

	while (rest.len > 0 && !component->is_closing && !component->is_moving) {
		struct component_event event;

		component_stream_next(&component->stream, &rest, conn_output(conn), &event);
		on_event(component, &event);
	}
	return component->is_closing ? bytes.len : bytes.len - rest.len;
}

static void
on_ended(struct conn *conn, enum conn_end end UNUSED, const char *why UNUSED)
{
	component_free(conn_owner(conn));
}

static const struct conn_handlers handlers = {.data = on_data, .ended = on_ended};

/* At home: one connection at a time. */
static void
arrive(struct worker *worker, void *arg)
{
	struct component *component = arg, *older;

	component->worker = worker;
	list_add(&worker->components->all, &component->link);
	component->is_moving = false;
	if (conn_loop(component->conn) != worker->loop)
		conn_attach(component->conn, worker->loop);
	if (atomic_load(&worker->server->is_stopping)) {
		fail(component, STREAM_SYSTEM_SHUTDOWN, NULL);
		return;
	}
	older = component_find(worker, str(component->name));
	if (older != NULL) {
		/* If it died without a word, TCP will find out by this. */
		conn_write(older->conn, STR(" "));
		fail(component, STREAM_CONFLICT, "this component is connected already");
		return;
	}
	component->is_ready = true;
	map_put(&worker->components->ready, str(component->name), component);
	log_event(LOG_INFO, "component-connected", LOG_Z("name", component->name));
	component_stream_accept(&component->stream, conn_output(component->conn));
	conn_wrote(component->conn);
	run_hooks(component, POINT_COMPONENT, NULL);
	conn_resume(component->conn);
}

static void
run_later(struct deferred *deferred)
{
	struct component *component = CONTAINER(deferred, struct component, later);
	struct xml_limits limits = {
		.bytes = (uint32_t)component->worker->config->limits.stanza_bytes,
		.depth = DEPTH_MAX,
		.attributes = ATTRIBUTES_MAX,
		.nodes = NODES_MAX,
	};
	struct worker *home = worker_home(component->worker, str(component->name));

	leave_admission(component);
	xml_reader_set_limits(component->stream.reader, &limits);
	timer_cancel(component->worker->loop, &component->timer);
	list_remove(&component->link);
	if (home == component->worker) {
		arrive(home, component);
		return;
	}
	conn_detach(component->conn);
	worker_call(home, arrive, component);
}

static void
on_timeout(struct timer *timer)
{
	fail(CONTAINER(timer, struct component, timer), STREAM_CONNECTION_TIMEOUT,
	     "no handshake came");
}

void
component_accept(struct worker *worker, int fd)
{
	const struct config *config = worker->config;
	struct xml_limits limits = {.bytes = (uint32_t)config->limits.stanza_bytes_before_auth,
				    .depth = 4,
				    .attributes = ATTRIBUTES_MAX,
				    .nodes = 16};
	struct component *component = xnew(struct component);

	component->worker = worker;
	component->timer.run = on_timeout;
	component->later.run = run_later;
	component_stream_init(&component->stream, &limits);
	list_add(&worker->components->all, &component->link);
	component->conn = conn_new(worker->loop, fd, &handlers, component);
	component->is_counted = admission_enter(worker->server->admission, &config->limits,
						conn_peer(component->conn));
	timer_set(worker->loop, &component->timer,
		  loop_now_ms(worker->loop) + config->limits.auth_timeout);
	if (config->sessions.tcp_user_timeout > 0)
		conn_set_user_timeout(component->conn, (unsigned)config->sessions.tcp_user_timeout);
	if (!component->is_counted) {
		component->is_closing = true;
		conn_shutdown(component->conn, 0);
	}
}

struct worker *
component_home(struct worker *worker, const struct config_component *config)
{
	return worker_home(worker, config->name);
}

struct component *
component_find(struct worker *worker, struct str name)
{
	return map_get(&worker->components->ready, name);
}

bool
component_write(struct component *component, struct stanza *stanza)
{
	const struct config_component *config =
		config_component(component->worker->config, str(component->name));

	if (config == NULL || conn_waiting(component->conn) > config->queue_bytes)
		return false;
	stanza_write(conn_output(component->conn), stanza, NULL);
	conn_wrote(component->conn);
	atomic_fetch_add_explicit(&component->worker->counters.stanzas_out, 1,
				  memory_order_relaxed);
	return true;
}

/* Whoever says goodbye, or asks who is there, does not wait for an answer. */
static void
refuse(struct worker *worker, const struct stanza *stanza, enum stanza_condition condition,
       const char *text)
{
	if (stanza->type != PRESENCE_UNAVAILABLE && stanza->type != PRESENCE_PROBE)
		route_refusal(worker, stanza, condition, text);
}

void
component_take(struct worker *worker, struct stanza *stanza, const struct config_component *config)
{
	struct component *component = component_find(worker, config->name);

	if (component == NULL)
		refuse(worker, stanza, STANZA_REMOTE_SERVER_TIMEOUT,
		       "the component is not connected");
	else if (!component_write(component, stanza))
		refuse(worker, stanza, STANZA_RESOURCE_CONSTRAINT,
		       "the component does not keep up");
	stanza_unref(stanza);
}

static void
tell(struct worker *worker, void *arg)
{
	struct stanza *stanza = arg;
	const struct config_component *config = config_component(worker->config, stanza->to.domain);
	struct component *component = config ? component_find(worker, config->name) : NULL;

	if (component != NULL)
		(void)component_write(component, stanza);
	stanza_unref(stanza);
}

void
component_tell(struct worker *worker, struct stanza *stanza)
{
	const struct config_component *config = config_component(worker->config, stanza->to.domain);

	stanza_freeze(stanza);
	if (config != NULL)
		worker_call(component_home(worker, config), tell, stanza);
	else
		stanza_unref(stanza);
}

void
components_close_all(struct worker *worker, enum stream_condition condition)
{
	LIST_EACH(&worker->components->all, struct component, link, component)
	{
		fail(component, condition, NULL);
	}
}

void
components_check_all(struct worker *worker)
{
	LIST_EACH(&worker->components->all, struct component, link, component)
	{
		if (component->name != NULL &&
		    config_component(worker->config, str(component->name)) == NULL)
			fail(component, STREAM_HOST_GONE, NULL);
	}
}

void
components_end_all(struct worker *worker)
{
	LIST_EACH(&worker->components->all, struct component, link, component)
	{
		component_free(component);
	}
}

bool
components_are_quiet(const struct worker *worker)
{
	return list_is_empty(&worker->components->all);
}
