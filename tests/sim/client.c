/* SPDX-License-Identifier: MIT */
/* client.c - a client's connection: login, bytes in random pieces, and its end. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>

static size_t on_data(struct conn *conn, struct str bytes);
static void on_secured(struct conn *conn);
static void on_ended(struct conn *conn, enum conn_end end, const char *why);

static const struct conn_handlers handlers = {
	.data = on_data,
	.secured = on_secured,
	.ended = on_ended,
};

static struct client_stream *
new_stream(struct client *client)
{
	static const uint32_t choices[] = {
		SASL_BIT(SASL_SCRAM_SHA_1),
		SASL_BIT(SASL_SCRAM_SHA_1) | SASL_BIT(SASL_PLAIN),
		SASL_BIT(SASL_PLAIN),
	};
	struct sim *sim = client->sim;
	char user[8], resource[8];
	struct client_stream_options options = {
		.domain = STR(HOST),
		.password = STR(PASSWORD),
		.clear_passwords = true,
		.keys = &client->keys,
		.mechanisms = choices[sim_below(sim, COUNT(choices))],
		.auth = sim_chance(sim, 25) ? CLIENT_AUTH_LEGACY_DIRECT : CLIENT_AUTH_SASL,
		.tls = sim_chance(sim, 50) ? CLIENT_TLS_IF_OFFERED : CLIENT_TLS_NEVER,
	};

	/* The server offers PLAIN within TLS only. */
	if (options.mechanisms == SASL_BIT(SASL_PLAIN))
		options.tls = CLIENT_TLS_IF_OFFERED;
	snprintf(user, sizeof(user), "a%u", client->account);
	snprintf(resource, sizeof(resource), "r%u", client->resource);
	options.username = str(user);
	options.resource = str(resource);
	return client_stream_new(&options);
}

void
client_connect(struct client *client)
{
	struct sim *sim = client->sim;
	struct site *site = sim->site;
	struct worker *worker = site->server.workers[sim_below(sim, sim->plan.workers)];
	struct c2s *c2s = c2s_new(worker, &site->listener);
	struct conn *far;

	sim_note(sim, "%s connects to worker %u", client_name(client), worker->index);
	conn_new_pair(worker->loop, c2s_handlers(), c2s, client->loop, &handlers, client, &far,
		      &client->conn);
	c2s_attach(c2s, far);
	client->c2s = c2s;
	conn_pause(client->conn);
	client->stream = new_stream(client);
	client->state = CLIENT_CONNECTING;
	client->first_message = sim->message_count;
}

uint64_t
client_taken(const struct client *client)
{
	return client->sent - conn_unacknowledged(client->conn);
}

bool
client_send(struct client *client, size_t max)
{
	struct buf *out;
	struct str piece;

	if (client->conn == NULL)
		return false;
	out = client_stream_output(client->stream);
	piece = str_first(buf_str(out), max);
	if (piece.len > 0) {
		conn_write(client->conn, piece);
		client->sent += piece.len;
		buf_consume(out, piece.len);
	}
	return loop_turn(client->loop, 0) || piece.len > 0;
}

bool
client_read(struct client *client, size_t max)
{
	uint64_t before = client->progress;

	if (client->conn == NULL)
		return false;
	client->allowance = max;
	conn_resume(client->conn);
	loop_turn(client->loop, 0);
	client->allowance = 0;
	if (client->conn != NULL)
		conn_pause(client->conn);
	return client->progress != before;
}

void
client_write(struct client *client, const char *format, ...)
{
	char text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_addz(client_stream_output(client->stream), text);
}

bool
client_is_busy(const struct client *client)
{
	return client->conn != NULL &&
	       (client->state == CLIENT_CONNECTING || client->state == CLIENT_LEAVING ||
		buf_len(client_stream_output(client->stream)) > 0 ||
		conn_unacknowledged(client->conn) > 0);
}

/* The connection is gone, from whichever side. */
static void
gone(struct client *client)
{
	uint64_t taken = client_taken(client);

	conn_free(client->conn);
	client->conn = NULL;
	client_stream_free(client->stream);
	client->stream = NULL;
	client->progress++;
	model_life_ended(client, taken);
}

void
client_cut(struct client *client)
{
	sim_note(client->sim, "%s is cut off, %zu bytes unread by the server", client_name(client),
		 conn_unacknowledged(client->conn));
	gone(client);
}

void
client_leave(struct client *client)
{
	sim_note(client->sim, "%s leaves", client_name(client));
	client_stream_close(client->stream);
	client->state = CLIENT_LEAVING;
	model_disturb(client); /* what comes from now on may be kept for another as well */
}

static void
on_ended(struct conn *conn, enum conn_end end UNUSED, const char *why)
{
	struct client *client = conn_owner(conn);

	sim_note(client->sim, "%s: the connection ended: %s", client_name(client), why);
	gone(client);
}

static void
on_secured(struct conn *conn)
{
	struct client *client = conn_owner(conn);

	client->progress++;
	client_stream_secured(client->stream, (struct sasl_binding){0});
}

/* The stream is over, on both sides. */
static void
hang_up(struct client *client, enum client_event event)
{
	struct sim *sim = client->sim;
	struct str condition = STR("");
	const char *why = "closed";

	if (event == CLIENT_FAILED)
		why = client_stream_why(client->stream, &condition);
	sim_note(sim, "%s: stream over: %s (%.*s)", client_name(client), why, STR_ARG(condition));
	if (event == CLIENT_FAILED && condition.len == 0)
		sim_fail(sim, "%s found a fault in what the server sent: %s", client_name(client),
			 why);
	conn_write(client->conn, buf_str(client_stream_output(client->stream)));
	client->sent += buf_len(client_stream_output(client->stream));
	buf_clear(client_stream_output(client->stream));
	conn_shutdown(client->conn, 1000);
}

static void
start_tls(struct client *client)
{
	struct buf *out = client_stream_output(client->stream);

	conn_write(client->conn, buf_str(out));
	client->sent += buf_len(out);
	buf_clear(out);
	conn_start_tls(client->conn, NULL, HOST);
}

static bool
take_event(struct client *client, struct str *rest)
{
	struct arena *arena;
	struct element *el;
	enum client_event event = client_stream_next(client->stream, rest, &arena, &el);

	switch (event) {
	case CLIENT_MORE:
		return false;
	case CLIENT_WANT_TLS:
		start_tls(client);
		return false;
	case CLIENT_ONLINE:
		client->state = CLIENT_BOUND;
		sim_note(client->sim, "%s is bound as %.*s", client_name(client),
			 STR_ARG(client_stream_jid(client->stream)));
		if (!site_has_session(client)) /* not any more */
			model_disturb(client);
		people_arrive(client);
		return true;
	case CLIENT_STANZA:
		inbox_take(client, arena, el);
		arena_free(arena);
		return true;
	case CLIENT_CLOSED:
	case CLIENT_FAILED:
		hang_up(client, event);
		return false;
	}
	return false;
}

static size_t
on_data(struct conn *conn, struct str bytes)
{
	struct client *client = conn_owner(conn);
	struct str rest = str_first(bytes, client->allowance);
	size_t size = rest.len;

	client->progress += size > 0;
	while (rest.len > 0 && take_event(client, &rest))
		continue;
	client->allowance -= size - rest.len;
	conn_pause(conn);
	return size - rest.len;
}
