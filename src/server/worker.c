/* SPDX-License-Identifier: MIT */
/* worker.c - making a worker, and finding whose home it is. */
#include "server/worker.h"

#include "base/hash.h"
#include "server/account.h"
#include "server/audience.h"
#include "server/component.h"
#include "server/module.h"
#include "server/notices.h"
#include "server/route.h"
#include "server/s2s.h"
#include "server/server.h"
#include "server/server_ask.h"
#include "server/sm.h"

#include <stdatomic.h>
#include <stdlib.h>

#define TICK_MS 1000u

static void
tick(struct timer *timer)
{
	struct worker *worker = CONTAINER(timer, struct worker, tick);

	accounts_sweep(worker);
	for (size_t i = 0; i < module_count(); i++)
		if (modules[i]->tick != NULL)
			modules[i]->tick(worker);
	federation_sweep(worker);
	timer_set(worker->loop, timer, loop_now_ms(worker->loop) + TICK_MS);
}

struct worker *
worker_new(struct server *server, unsigned index, struct loop *loop, struct store *store,
	   struct config *config)
{
	struct worker *worker = xnew(struct worker);

	worker->server = server;
	worker->index = index;
	worker->loop = loop;
	worker->store = store;
	worker->config = config_ref(config);
	worker->drain.run = route_drain;
	worker->tick.run = tick;
	list_init(&worker->streams);
	list_init(&worker->idle_accounts);
	components_open(worker);
	worker->module_state = xnew_array(void *, module_count());
	for (size_t i = 0; i < module_count(); i++)
		if (modules[i]->state_size > 0)
			worker->module_state[i] = xalloc(modules[i]->state_size);
	for (size_t i = 0; i < module_count(); i++)
		if (modules[i]->start != NULL)
			modules[i]->start(worker);
	notices_load(worker);
	timer_set(loop, &worker->tick, loop_now_ms(loop) + TICK_MS);
	return worker;
}

void
worker_free(struct worker *worker)
{
	if (worker == NULL)
		return;
	timer_cancel(worker->loop, &worker->tick);
	loop_defer_cancel(&worker->drain);
	server_asks_end(worker);
	sm_discard_all(worker);
	components_free(worker);
	accounts_free(worker);
	federation_free(worker);
	for (size_t i = 0; i < module_count(); i++) {
		if (modules[i]->state_free != NULL && worker->module_state[i] != NULL)
			modules[i]->state_free(worker->module_state[i]);
		free(worker->module_state[i]);
	}
	free(worker->module_state);
	map_free(&worker->accounts);
	notices_free(worker);
	while (worker->letters.count > 0) {
		const struct letter *letter = &worker->letters.ring[worker->letters.first];

		stanza_unref(letter->stanza);
		audience_part_unref(letter->part);
		worker->letters.first = (worker->letters.first + 1) & (worker->letters.size - 1);
		worker->letters.count--;
	}
	free(worker->letters.ring);
	config_unref(worker->config);
	free(worker);
}

void
worker_dropped(struct worker *worker)
{
	atomic_fetch_add_explicit(&worker->counters.messages_dropped, 1, memory_order_relaxed);
}

const struct config_host *
worker_host(const struct worker *worker, struct str domain)
{
	return config_host(worker->config, domain);
}

struct worker *
worker_home(struct worker *worker, struct str bare)
{
	struct server *server = worker->server;
	size_t shard;

	if (server->worker_count == 1)
		return worker;
	/* The shard is what a cluster would place; within one node, shards go round the workers. */
	shard = hash_str(bare) % SHARD_COUNT;
	return server->workers[shard % server->worker_count];
}
