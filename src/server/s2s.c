/* SPDX-License-Identifier: MIT */
/* s2s.c - the way out: a stanza from wherever it was made to the home of its pair. */
#include "server/s2s_private.h"

#include "server/route.h"

#include <stdlib.h>

void
federation_open(struct worker *worker)
{
	struct federation *fed = xnew(struct federation);
	const struct config_s2s *config = &worker->config->s2s;

	fed->worker = worker;
	list_init(&fed->streams);
	list_init(&fed->wanting);
	fed->dns = dns_new(worker->loop, config->dns_server.len > 0 ? config->dns_server.p : NULL,
			   config->trust_anchor.len > 0 ? config->trust_anchor.p : NULL);
	worker->federation = fed;
}

void
federation_free(struct worker *worker)
{
	struct federation *fed = worker->federation;

	if (fed == NULL)
		return;
	pair_free_all(fed);
	ack_free_all(fed);
	quota_free(fed);
	dns_free(fed->dns);
	free(fed);
	worker->federation = NULL;
}

void
federation_sweep(struct worker *worker)
{
	if (worker->federation != NULL)
		ack_sweep(worker->federation);
}

static void
arrive(struct worker *worker, void *arg)
{
	struct s2s_item *item = arg;

	pair_add(pair_get(worker->federation, item->stanza->from.domain, item->stanza->to.domain),
		 item);
}

/* What the sender is to know of even when this process does not live so long. */
static bool
is_spooled(const struct worker *worker, const struct stanza *stanza)
{
	return worker->config->s2s.spool && stanza->kind == STANZA_MESSAGE &&
	       stanza->type != MESSAGE_GROUPCHAT;
}

static struct store_request *
append(struct worker *worker, struct worker *home, struct s2s_item *item)
{
	struct arena *arena = arena_new();
	struct str key = arena_printf(arena, "%.*s %.*s", STR_ARG(item->stanza->from.domain),
				      STR_ARG(item->stanza->to.domain));
	struct store_request *request = spool_append(worker, home, item, key);

	arena_free(arena);
	return request;
}

static void
hand_over(struct worker *worker, struct stanza *stanza)
{
	const struct config_s2s *config = &worker->config->s2s;
	struct worker *home = s2s_home(worker, stanza->from.domain, stanza->to.domain);
	struct s2s_item *item = xnew(struct s2s_item);
	struct store_request *request = NULL;

	item->stanza = stanza;
	item->bytes = stanza->rest.len + stanza->inner.len + stanza->from.text.len +
		      stanza->to.text.len + sizeof(*item);
	item->is_spooled = is_spooled(worker, stanza);
	item->deadline_ms = loop_now_ms(worker->loop) +
			    (item->is_spooled ? config->spool_time : config->request_timeout);
	if (item->is_spooled)
		request = append(worker, home, item);
	stanza_ref(stanza);
	/* The item arrives before the store's answer, which is asked for after it. */
	if (home == worker)
		arrive(worker, item);
	else
		worker_call(home, arrive, item);
	if (request != NULL)
		store_submit(request);
	stanza_finish(stanza);
	stanza_unref(stanza);
}

void
s2s_route(struct worker *worker, struct stanza *stanza)
{
	struct federation *fed = worker->federation;
	const struct config_host *host;
	enum stanza_condition condition = STANZA_NO_ERROR;
	const char *why = NULL;

	if (fed == NULL) {
		condition = STANZA_REMOTE_SERVER_NOT_FOUND;
	} else if (stanza->from.text.len == 0 ||
		   !policy_is_ours(worker, stanza->from.domain, &host)) {
		worker_dropped(worker); /* an error for somebody who was never ours */
		stanza_unref(stanza);
		return;
	} else if (!policy_allows(worker->config, stanza->to.domain)) {
		condition = STANZA_NOT_ALLOWED;
		why = "this server does not talk to that domain";
	} else if (!quota_allows(fed, stanza->from, stanza->to.domain)) {
		condition = STANZA_RESOURCE_CONSTRAINT;
		why = "too many domains in this hour";
	}
	if (condition == STANZA_NO_ERROR) {
		hand_over(worker, stanza);
		return;
	}
	if (stanza->type != PRESENCE_PROBE && stanza->type != PRESENCE_UNAVAILABLE)
		route_refusal(worker, stanza, condition, why);
	stanza_unref(stanza);
}
