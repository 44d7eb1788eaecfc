/* SPDX-License-Identifier: MIT */
/*
 * server_ask.c - iqs that the server itself sends, and their answers.
 *
 * An answer to a host, which is nobody's home, turns up on any worker: the id tells whose question
 * it was, and is otherwise a secret that only the one who was asked can know (SEC-55).
 */
#include "server/server_ask.h"

#include "base/rand.h"
#include "server/route.h"
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>

#define ID_PREFIX "ask-"

struct server_ask {
	struct worker *worker;
	struct timer timer;
	char *to; /* who may answer */
	void (*on_reply)(struct worker *worker, const struct stanza *reply, void *arg);
	void *arg;
	char id[48];
};

/* Takes ASK out, answers, and frees it. */
static void
finish(struct server_ask *ask, const struct stanza *reply)
{
	timer_cancel(ask->worker->loop, &ask->timer);
	map_remove(&ask->worker->asks, str(ask->id));
	ask->on_reply(ask->worker, reply, ask->arg);
	free(ask->to);
	free(ask);
}

static void
on_timeout(struct timer *timer)
{
	finish(CONTAINER(timer, struct server_ask, timer), NULL);
}

void
server_ask(struct worker *worker, struct jid from, struct jid to, enum stanza_type type,
	   const struct element *payload, uint64_t timeout_ms,
	   void (*on_reply)(struct worker *worker, const struct stanza *reply, void *arg),
	   void *arg)
{
	struct stanza *iq = stanza_new(STANZA_IQ, type, from, to);
	struct server_ask *ask = xnew(struct server_ask);
	struct str token = rand_token(iq->arena, 128);

	snprintf(ask->id, sizeof(ask->id), ID_PREFIX "%u-%.*s", worker->index, STR_ARG(token));
	ask->worker = worker;
	ask->to = str_dupz(to.text);
	ask->on_reply = on_reply;
	ask->arg = arg;
	ask->timer.run = on_timeout;
	map_put(&worker->asks, str(ask->id), ask);
	timer_set(worker->loop, &ask->timer, loop_now_ms(worker->loop) + timeout_ms);
	stanza_set_id(iq, str(ask->id));
	element_append(iq->el, element_copy(iq->arena, payload));
	route(worker, iq); /* an error that comes at once is a letter, too */
}

static void
take(struct worker *worker, void *arg)
{
	struct stanza *reply = arg;
	struct server_ask *ask = map_get(&worker->asks, reply->id);

	if (ask != NULL && str_is(reply->from.text, ask->to))
		finish(ask, reply);
	stanza_unref(reply);
}

void
server_take_reply(struct worker *worker, struct stanza *reply)
{
	struct server *server = worker->server;
	struct str rest = reply->id, field;
	uint64_t index;

	if (rest.p == NULL || !str_starts(rest, STR(ID_PREFIX)))
		return;
	rest = str_from(rest, sizeof(ID_PREFIX) - 1);
	if (!str_split(&rest, '-', &field) || server->worker_count == 0 ||
	    str_to_u64(field, server->worker_count - 1, &index) < 0)
		return;
	worker_call(server->workers[index], take, stanza_ref(reply));
}

void
server_asks_end(struct worker *worker)
{
	uint32_t at = 0;
	void *value;

	while (worker->asks.count > 0 && map_next(&worker->asks, &at, &value)) {
		finish(value, NULL);
		at = 0; /* the map has changed */
	}
	map_free(&worker->asks);
}
