/* SPDX-License-Identifier: MIT */
/*
 * admin_s2s.c - what the operator may know of federation, and do: list the pairs of domains and why
 * they fail, end streams, and try a domain now.
 */
#include "server/admin_s2s.h"

#include "server/route.h"
#include "server/s2s_private.h"

#define TRY_POLL_MS 100u

struct visit { /* of all workers, one after another, and back; in the call's arena */
	struct task back;
	struct control_call *call;
	struct loop *loop; /* the way back */
	struct server *server;
	size_t next;       /* worker to look at */
	struct str domain; /* empty: all */
	json_t *rows;
	int64_t ended;
	void (*look)(struct visit *visit, struct federation *fed);
};

static json_t *
text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? control_json(str(text)) : json_null();
}

static bool
is_of(const struct visit *visit, const char *remote)
{
	return visit->domain.len == 0 || (remote != NULL && str_is(visit->domain, remote));
}

static const char *
auth_name(const struct s2s *s2s)
{
	return conn_peer_is_pinned(s2s->conn) ? "dane"
	       : s2s->is_certified            ? "certificate"
					      : "dialback";
}

static json_t *
stream_json(const struct s2s *s2s, const char *state)
{
	struct arena *arena = arena_new();
	json_t *row = json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:s, s:I, s:b, s:b}", "direction",
				s2s->is_out ? "out" : "in", "local", text_or_null(s2s->local),
				"remote", text_or_null(s2s->remote), "state", state, "address",
				control_json(conn_peer_text(arena, s2s->conn)), "tls",
				text_or_null(arena_dup(arena, conn_tls_version(s2s->conn)).p), "by",
				auth_name(s2s), "since", (json_int_t)(s2s->since_us / 1000000),
				"bidi", (int)s2s->is_bidi, "counts", (int)s2s->has_sm);

	arena_free(arena);
	return row;
}

/* What is on its way to that domain, with the stream if there is one. */
static json_t *
pair_json(const struct s2s_pair *pair, uint64_t now)
{
	struct arena *arena = arena_new();
	const char *state = pair->is_ready                   ? "ready"
			    : pair->out || pair->is_dialling ? "connecting"
			    : pair->why[0] != '\0'           ? "failed"
							     : "idle";
	json_t *row = pair->out != NULL ? stream_json(pair->out, state)
					: json_pack("{s:s, s:o, s:o, s:s}", "direction", "out",
						    "local", control_json(pair->local), "remote",
						    control_json(pair->remote), "state", state);

	json_object_set_new(row, "waiting_bytes", json_integer((json_int_t)pair->bytes));
	json_object_set_new(row, "why", text_or_null(pair->why));
	if (pair->retry_ms > now)
		json_object_set_new(row, "again_in",
				    json_integer((json_int_t)(pair->retry_ms - now + 999) / 1000));
	arena_free(arena);
	return row;
}

static void
list(struct visit *visit, struct federation *fed)
{
	uint64_t now = loop_now_ms(fed->worker->loop);
	uint32_t at = 0;
	void *value;

	while (map_next(&fed->pairs, &at, &value)) {
		const struct s2s_pair *pair = value;

		if (visit->domain.len == 0 || str_equal(visit->domain, pair->remote))
			json_array_append_new(visit->rows, pair_json(pair, now));
	}
	LIST_EACH(&fed->streams, struct s2s, link, s2s)
	{
		if (!s2s->is_out && !s2s->is_closing && is_of(visit, s2s->remote))
			json_array_append_new(visit->rows,
					      stream_json(s2s, s2s->stream.is_authenticated
								       ? "ready"
								       : "connecting"));
	}
}

static void
end(struct visit *visit, struct federation *fed)
{
	LIST_EACH(&fed->streams, struct s2s, link, s2s)
	{
		if (s2s->is_closing || !is_of(visit, s2s->remote))
			continue;
		s2s_close(s2s, STREAM_NO_ERROR, "the operator wants it");
		visit->ended++;
	}
}

static void go_on(struct task *task);

static void
look_here(struct worker *worker, void *arg)
{
	struct visit *visit = arg;

	if (worker->federation != NULL)
		visit->look(visit, worker->federation);
	visit->back.run = go_on;
	loop_post(visit->loop, &visit->back);
}

static void
go_on(struct task *task)
{
	struct visit *visit = CONTAINER(task, struct visit, back);

	if (visit->next < visit->server->worker_count)
		worker_call(visit->server->workers[visit->next++], look_here, visit);
	else if (visit->rows != NULL)
		control_reply(visit->call, json_pack("{s:o}", "connections", visit->rows));
	else
		control_reply(visit->call, json_pack("{s:I}", "ended", (json_int_t)visit->ended));
}

/* The argument "domain", prepared. Returns 0, or -1: CALL has failed. */
static int
domain_argument(struct control_call *call, struct str *out)
{
	struct str text = control_text(call, "domain");
	const char *why;

	*out = STR("");
	if (text.p == NULL || jid_prepare_domain(call->arena, text, out, &why) == 0)
		return 0;
	control_fail(call, "jid-malformed", "%.*s is not a domain: %s", STR_ARG(text), why);
	return -1;
}

static void
visit_all(struct control_call *call, bool has_rows,
	  void (*look)(struct visit *visit, struct federation *fed))
{
	struct admin *admin = call->owner;
	struct visit *visit = arena_new_of(call->arena, struct visit);

	if (domain_argument(call, &visit->domain) < 0)
		return;
	visit->call = call;
	visit->loop = admin->loop;
	visit->server = admin->server;
	visit->look = look;
	visit->rows = has_rows ? json_array() : NULL;
	go_on(&visit->back);
}

void
admin_s2s_list(struct control_call *call)
{
	visit_all(call, true, list);
}

void
admin_s2s_close(struct control_call *call)
{
	visit_all(call, false, end);
}

/* A try: the pair is called as if something waited, and looked at until that has come to an end. */

struct
try {
	struct task back;
	struct timer timer;
	struct control_call *call;
	struct loop *loop;
	struct worker *worker;
	struct str local, remote;
	uint64_t end_ms;
	json_t *result;
};

static void
tried(struct task *task)
{
	struct try *try = CONTAINER(task, struct try, back);

	if (try->result != NULL)
		control_reply(try->call, try->result);
	else
		control_fail(try->call, "remote-server-timeout",
			     "this took too long; recadoctl s2s list tells more");
}

static void
end_try(struct try *try)
{
	timer_cancel(try->worker->loop, &try->timer);
	try->back.run = tried;
	loop_post(try->loop, &try->back);
}

static void
look_again(struct timer *timer)
{
	struct try *try = CONTAINER(timer, struct try, timer);
	struct s2s_pair *pair = pair_find(try->worker->federation, try->local, try->remote);
	uint64_t now = loop_now_ms(try->worker->loop);

	if (pair != NULL &&
	    (pair->is_ready || (pair->why[0] != '\0' && pair->out == NULL && !pair->is_dialling))) {
		try->result = pair_json(pair, now);
		end_try(try);
	} else if (pair == NULL || now >= try->end_ms) {
		end_try(try);
	} else {
		timer_set(try->worker->loop, timer, now + TRY_POLL_MS);
	}
}

static void
begin_try(struct worker *worker, void *arg)
{
	struct try *try = arg;
	struct s2s_pair *pair = pair_get(worker->federation, try->local, try->remote);

	try->worker = worker;
	try->end_ms = loop_now_ms(worker->loop) + worker->config->s2s.connect_timeout * 2;
	try->timer.run = look_again;
	if (!pair->is_ready) {
		pair->why[0] = '\0';
		pair->retry_ms = 0;
		pair->is_hopeless = false;
	}
	pair_want(pair);
	look_again(&try->timer);
}

void
admin_s2s_check(struct control_call *call)
{
	struct admin *admin = call->owner;
	struct worker *first = admin->server->workers[0];
	struct try *try = arena_new_of(call->arena, struct try);

	if (domain_argument(call, &try->remote) < 0)
		return;
	if (!config_federates(admin->config)) {
		control_fail(call, "not-allowed", "the server has no listener for other servers");
		return;
	}
	if (config_host(admin->config, try->remote) != NULL) {
		control_fail(call, "not-acceptable", "%.*s is served here", STR_ARG(try->remote));
		return;
	}
	try->call = call;
	try->loop = admin->loop;
	try->local = arena_dup(call->arena, admin->config->hosts[0].name);
	worker_call(s2s_home(first, try->local, try->remote), begin_try, try);
}
