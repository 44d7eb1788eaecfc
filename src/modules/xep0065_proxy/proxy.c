/* SPDX-License-Identifier: MIT */
/*
 * proxy.c - connections to the proxy's port: each says which name it wants, moves to that name's
 * home, waits there for the other one and for activation, and is then one end of a pipe.
 */
#include "modules/xep0065_proxy/proxy.h"

#include "base/log.h"
#include "io/conn.h"
#include "server/server.h"

#include <stdlib.h>

#define HANDSHAKE_MS 30000u /* from the connection to its request */
#define WAIT_MS 120000u     /* for the other end, and for activation */
#define FLUSH_MS 120000u    /* for the last bytes, to one that reads slowly */
#define WAITING_MAX 262144u /* bytes that wait for one end; then the other is not read */
#define RESUME_BELOW 65536u

struct user {
	size_t streams;
	char jid[];
};

struct end {
	struct link link; /* in proxy->ends */
	struct worker *worker;
	struct conn *conn;
	struct socks socks;
	struct pair *pair; /* NULL until it has moved home */
	struct timer timer;
	struct deferred later; /* what must not happen inside a handler */
	bool is_counted, is_moving, is_closing, is_paused;
};

struct pair {
	struct proxy *proxy;
	struct end *ends[2];
	struct user *user; /* whose it is, once active */
	uint64_t left;     /* bytes that it may still carry; see is_bounded */
	bool is_active, is_bounded;
	char name[PROXY_NAME_LEN + 1];
};

static struct proxy *
proxy_of(struct worker *worker)
{
	struct proxy *proxy = module_state(worker, &xep0065_proxy);

	proxy_init(proxy);
	return proxy;
}

void
proxy_init(struct proxy *proxy)
{
	if (proxy->ends.next == NULL)
		list_init(&proxy->ends);
}

static void
pair_free(struct pair *pair)
{
	map_remove(&pair->proxy->pairs, str(pair->name));
	if (pair->user != NULL && --pair->user->streams == 0) {
		map_remove(&pair->proxy->accounts, str(pair->user->jid));
		free(pair->user);
	}
	free(pair);
}

static void
leave_admission(struct end *end)
{
	if (end->is_counted)
		admission_leave(end->worker->server->admission, conn_peer(end->conn));
	end->is_counted = false;
}

/* The connection is over: with it the pair, when the other end is gone too. */
static void
end_free(struct end *end)
{
	struct pair *pair = end->pair;

	leave_admission(end);
	timer_cancel(end->worker->loop, &end->timer);
	loop_defer_cancel(&end->later);
	list_remove(&end->link);
	conn_free(end->conn);
	if (pair != NULL) {
		pair->ends[pair->ends[0] == end ? 0 : 1] = NULL;
		if (pair->ends[0] == NULL && pair->ends[1] == NULL)
			pair_free(pair);
	}
	free(end);
}

static struct end *
other_of(const struct end *end)
{
	const struct pair *pair = end->pair;

	return pair == NULL ? NULL : pair->ends[0] == end ? pair->ends[1] : pair->ends[0];
}

static void
close_end(struct end *end)
{
	if (end == NULL || end->is_closing)
		return;
	end->is_closing = true;
	conn_shutdown(end->conn, FLUSH_MS);
}

static size_t
relay(struct end *end, struct str bytes)
{
	struct end *other = other_of(end);
	struct pair *pair = end->pair;

	if (other == NULL || other->is_closing)
		return bytes.len;
	if (pair->is_bounded && bytes.len > pair->left) {
		log_event(LOG_INFO, "bytestream-too-long", LOG_Z("account", pair->user->jid));
		close_end(other);
		close_end(end);
		return bytes.len;
	}
	pair->left -= pair->is_bounded ? bytes.len : 0;
	conn_write(other->conn, bytes);
	if (conn_waiting(other->conn) > WAITING_MAX) {
		end->is_paused = true;
		conn_pause(end->conn);
	}
	return bytes.len;
}

static size_t
on_data(struct conn *conn, struct str bytes)
{
	struct end *end = conn_owner(conn);
	struct str rest = bytes;

	if (end->is_closing)
		return bytes.len;
	if (end->pair != NULL && end->pair->is_active)
		return relay(end, bytes);
	if (end->is_moving || end->pair != NULL)
		return 0; /* not before it is active */
	switch (socks_next(&end->socks, &rest, conn_output(conn))) {
	case SOCKS_MORE:
		break;
	case SOCKS_WRONG:
		conn_wrote(conn);
		close_end(end);
		return bytes.len;
	case SOCKS_ASKED:
		end->is_moving = true;
		conn_pause(conn);
		loop_defer(end->worker->loop, &end->later);
		break;
	}
	conn_wrote(conn);
	return bytes.len - rest.len;
}

static void
on_drained(struct conn *conn)
{
	struct end *other = other_of(conn_owner(conn));

	if (other == NULL || !other->is_paused || conn_waiting(conn) > RESUME_BELOW)
		return;
	other->is_paused = false;
	conn_resume(other->conn);
}

static void
on_ended(struct conn *conn, enum conn_end why UNUSED, const char *text UNUSED)
{
	struct end *end = conn_owner(conn), *other = other_of(end);

	end_free(end);
	close_end(other); /* what it was sent it still gets */
}

static const struct conn_handlers handlers = {
	.data = on_data, .drained = on_drained, .ended = on_ended};

static void
on_timeout(struct timer *timer)
{
	struct end *end = CONTAINER(timer, struct end, timer);

	close_end(other_of(end));
	close_end(end);
}

/* At the home of the name. A third one, or one that comes when all is joined, is turned away. */
static void
arrive(struct worker *worker, void *arg)
{
	struct end *end = arg;
	struct proxy *proxy = proxy_of(worker);
	struct pair *pair = map_get(&proxy->pairs, str(end->socks.name));

	end->worker = worker;
	end->is_moving = false;
	list_add(&proxy->ends, &end->link);
	if (conn_loop(end->conn) != worker->loop)
		conn_attach(end->conn, worker->loop);
	if (pair != NULL && (pair->is_active || (pair->ends[0] != NULL && pair->ends[1] != NULL))) {
		close_end(end);
		return;
	}
	if (pair == NULL) {
		pair = xnew(struct pair);
		pair->proxy = proxy;
		memcpy(pair->name, end->socks.name, sizeof(pair->name));
		map_put(&proxy->pairs, str(pair->name), pair);
	}
	pair->ends[pair->ends[0] == NULL ? 0 : 1] = end;
	end->pair = pair;
	timer_set(worker->loop, &end->timer, loop_now_ms(worker->loop) + WAIT_MS);
	socks_grant(&end->socks, conn_output(end->conn));
	conn_wrote(end->conn);
}

static void
run_later(struct deferred *deferred)
{
	struct end *end = CONTAINER(deferred, struct end, later);
	struct worker *home = worker_home(end->worker, str(end->socks.name));

	timer_cancel(end->worker->loop, &end->timer);
	list_remove(&end->link);
	if (home == end->worker) {
		arrive(home, end);
		return;
	}
	leave_admission(end);
	conn_detach(end->conn);
	worker_call(home, arrive, end);
}

void
proxy_accept(struct worker *worker, int fd)
{
	struct end *end = xnew(struct end);

	end->worker = worker;
	end->timer.run = on_timeout;
	end->later.run = run_later;
	list_add(&proxy_of(worker)->ends, &end->link);
	end->conn = conn_new(worker->loop, fd, &handlers, end);
	end->is_counted = admission_enter(worker->server->admission, &worker->config->limits,
					  conn_peer(end->conn));
	timer_set(worker->loop, &end->timer, loop_now_ms(worker->loop) + HANDSHAKE_MS);
	if (worker->config->sessions.tcp_user_timeout > 0)
		conn_set_user_timeout(end->conn,
				      (unsigned)worker->config->sessions.tcp_user_timeout);
	if (!end->is_counted) {
		end->is_closing = true;
		conn_shutdown(end->conn, 0);
	}
}

static struct user *
find_user(struct proxy *proxy, struct str jid)
{
	struct user *user = map_get(&proxy->accounts, jid);

	if (user == NULL) {
		user = xalloc(sizeof(*user) + jid.len + 1);
		memcpy(user->jid, jid.p, jid.len);
		map_put(&proxy->accounts, str(user->jid), user);
	}
	return user;
}

enum proxy_answer
proxy_activate(struct worker *worker, struct str name, struct str account,
	       const struct proxy_limits *limits)
{
	struct proxy *proxy = proxy_of(worker);
	struct pair *pair = map_get(&proxy->pairs, name);
	struct user *user;

	if (pair == NULL || pair->is_active)
		return PROXY_UNKNOWN;
	if (pair->ends[0] == NULL || pair->ends[1] == NULL || pair->ends[0]->is_closing ||
	    pair->ends[1]->is_closing)
		return PROXY_HALF;
	user = find_user(proxy, account);
	if (limits->streams > 0 && user->streams >= limits->streams)
		return PROXY_TOO_MANY;
	user->streams++;
	pair->user = user;
	pair->is_active = true;
	pair->is_bounded = limits->bytes > 0;
	pair->left = limits->bytes;
	for (size_t i = 0; i < 2; i++) {
		timer_cancel(worker->loop, &pair->ends[i]->timer);
		leave_admission(pair->ends[i]);
		conn_resume(pair->ends[i]->conn);
	}
	return PROXY_ACTIVE;
}

void
proxy_clear(void *state)
{
	struct proxy *proxy = state;

	proxy_init(proxy);
	LIST_EACH(&proxy->ends, struct end, link, end)
	{
		end_free(end);
	}
	map_free(&proxy->pairs);
	map_free(&proxy->accounts);
}
