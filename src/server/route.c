/* SPDX-License-Identifier: MIT */
/*
 * route.c - the way of a stanza from where it was made to the account it is for (RFC 6120 §10).
 *
 * Stanzas between the same two accounts keep their order: each worker's letters are a queue, and so
 * is the mailbox between two workers.
 */
#include "server/route.h"

#include "server/account.h"
#include "server/audience.h"
#include "server/component.h"
#include "server/module.h"
#include "server/s2s.h"
#include "server/server.h"
#include "server/server_ask.h"

#include <stdlib.h>

struct parcel { /* a letter between workers */
	struct task task;
	struct worker *to;
	struct letter letter;
	void (*run)(struct worker *worker, void *arg);
	void *arg;
};

static void
make_room(struct worker *worker)
{
	struct letter_queue *q = &worker->letters;

	if (q->count == q->size) {
		uint32_t size = q->size > 0 ? q->size * 2 : 64;
		struct letter *ring = xnew_array(struct letter, size);

		for (uint32_t i = 0; i < q->count; i++)
			ring[i] = q->ring[(q->first + i) & (q->size - 1)];
		free(q->ring);
		*q = (struct letter_queue){ring, size, 0, q->count};
	}
	if (!worker->is_draining)
		loop_defer(worker->loop, &worker->drain);
}

static void
queue_letter(struct worker *worker, struct letter letter)
{
	struct letter_queue *q = &worker->letters;

	make_room(worker);
	q->ring[(q->first + q->count++) & (q->size - 1)] = letter;
}

void
route_first(struct worker *worker, struct stanza *stanza)
{
	struct letter_queue *q = &worker->letters;

	assert(worker_home(worker, jid_bare_text(stanza->to)) == worker);
	stanza_freeze(stanza);
	make_room(worker);
	q->first = (q->first + q->size - 1) & (q->size - 1);
	q->ring[q->first] = (struct letter){.stanza = stanza};
	q->count++;
}

/* Nobody is online there, and nothing has to be remembered: not worth loading the account for. */
static bool
is_idle_talk(const struct stanza *stanza)
{
	switch (stanza->type) {
	case PRESENCE_AVAILABLE:
	case PRESENCE_UNAVAILABLE:
	case PRESENCE_PROBE: /* RFC 6121 §4.3.2: an answer is not mandatory */
	case PRESENCE_ERROR:
		return true;
	default:
		return false;
	}
}

/* To a domain that a module serves. Takes the reference. */
static void
to_service(struct worker *worker, struct stanza *stanza, const struct config_service *service)
{
	const struct module *module = modules[service->module];
	struct event ev = {.worker = worker,
			   .arena = arena_new(),
			   .stanza = stanza,
			   .host = service->host,
			   .service = service,
			   .module = module};
	enum verdict verdict = module->take(&ev);

	if (verdict == PASS && stanza->kind != STANZA_PRESENCE)
		verdict = event_refuse(&ev, STANZA_SERVICE_UNAVAILABLE);
	if (verdict == REFUSED)
		route_refusal(worker, stanza, ev.refusal, ev.refusal_text);
	arena_free(ev.arena);
	stanza_finish(stanza);
	stanza_unref(stanza);
}

static void
open_letter(struct worker *worker, struct stanza *stanza)
{
	struct str bare = jid_bare_text(stanza->to);
	struct account *account = account_find(worker, bare);
	const struct config_service *service =
		account == NULL ? config_service(worker->config, stanza->to.domain) : NULL;
	const struct config_component *component;

	if (service != NULL) {
		to_service(worker, stanza, service);
		return;
	}
	component = account == NULL ? config_component(worker->config, stanza->to.domain) : NULL;
	if (component != NULL) {
		component_take(worker, stanza, component);
		return;
	}
	if (account == NULL && is_idle_talk(stanza)) {
		stanza_unref(stanza);
		return;
	}
	account_take(account ? account : account_get(worker, bare), stanza);
}

/* To accounts of this worker. Takes both references. */
static void
to_part(struct worker *worker, struct stanza *stanza, struct audience_part *part, uint64_t skip)
{
	worker->is_telling_many = true;
	for (size_t i = 0; i < part->count; i++) {
		struct jid to = part->members[i].jid;

		if (part->members[i].tag != skip)
			open_letter(worker, stanza_readdress(stanza, to));
	}
	worker->is_telling_many = false;
	audience_part_arrived(part);
	stanza_unref(stanza);
}

void
route_drain(struct deferred *deferred)
{
	struct worker *worker = CONTAINER(deferred, struct worker, drain);
	struct letter_queue *q = &worker->letters;

	worker->is_draining = true;
	while (q->count > 0) {
		struct letter letter = q->ring[q->first];

		q->first = (q->first + 1) & (q->size - 1);
		q->count--;
		if (letter.part != NULL)
			to_part(worker, letter.stanza, letter.part, letter.skip);
		else
			open_letter(worker, letter.stanza);
	}
	worker->is_draining = false;
}

static void
open_parcel(struct task *task)
{
	struct parcel *parcel = CONTAINER(task, struct parcel, task);

	if (parcel->run != NULL)
		parcel->run(parcel->to, parcel->arg);
	else
		queue_letter(parcel->to, parcel->letter);
	free(parcel);
}

static void
post(struct worker *to, const struct parcel *content)
{
	struct parcel *parcel = xnew(struct parcel);

	*parcel = *content;
	parcel->task.run = open_parcel;
	parcel->to = to;
	loop_post(to->loop, &parcel->task);
}

void
worker_call(struct worker *to, void (*run)(struct worker *worker, void *arg), void *arg)
{
	post(to, &(struct parcel){.run = run, .arg = arg});
}

void
route_refusal(struct worker *worker, const struct stanza *stanza, enum stanza_condition condition,
	      const char *text)
{
	if (stanza_may_be_refused(stanza) && stanza->from.text.len > 0)
		route(worker, stanza_error_reply(stanza, condition, text));
}

static void
to_remote(struct worker *worker, struct stanza *stanza)
{
	struct event ev = {.worker = worker, .arena = arena_new(), .stanza = stanza};

	if (hooks_run(POINT_TO_REMOTE, &ev) == PASS)
		s2s_route(worker, stanza_ref(stanza));
	arena_free(ev.arena);
}

/* To a host itself, from an account that is not this worker's session's own doing. */
static void
to_server(struct worker *worker, struct stanza *stanza, const struct config_host *host)
{
	struct event ev = {.worker = worker, .arena = arena_new(), .stanza = stanza, .host = host};
	enum verdict verdict = PASS;

	if (stanza->kind == STANZA_IQ && stanza->to.resource.len == 0 &&
	    stanza_may_be_refused(stanza))
		verdict = iq_dispatch(&ev, TO_SERVER);
	if (stanza->type == IQ_RESULT || stanza->type == IQ_ERROR)
		server_take_reply(worker, stanza);
	else if (verdict == PASS && stanza->kind != STANZA_PRESENCE)
		route_refusal(worker, stanza, STANZA_SERVICE_UNAVAILABLE, NULL);
	else if (verdict == REFUSED)
		route_refusal(worker, stanza, ev.refusal, ev.refusal_text);
	arena_free(ev.arena);
}

static void
to_worker(struct worker *worker, struct worker *home, struct letter letter)
{
	if (home == worker)
		queue_letter(worker, letter);
	else
		post(home, &(struct parcel){.letter = letter});
}

void
route(struct worker *worker, struct stanza *stanza)
{
	const struct config_component *component;
	const struct config_host *host;
	struct worker *home;

	stanza_freeze(stanza);
	host = worker_host(worker, stanza->to.domain);
	component = host ? NULL : config_component(worker->config, stanza->to.domain);
	if (component != NULL) {
		to_worker(worker, component_home(worker, component),
			  (struct letter){.stanza = stanza});
		return;
	}
	if ((host == NULL && config_service(worker->config, stanza->to.domain) == NULL) ||
	    (host != NULL && stanza->to.local.len == 0)) {
		if (host == NULL)
			to_remote(worker, stanza);
		else
			to_server(worker, stanza, host);
		stanza_unref(stanza);
		return;
	}
	home = worker_home(worker, jid_bare_text(stanza->to));
	to_worker(worker, home, (struct letter){.stanza = stanza});
}

void
route_part(struct worker *worker, struct worker *home, struct stanza *stanza,
	   struct audience_part *part, uint64_t skip)
{
	to_worker(worker, home, (struct letter){stanza, part, skip});
}
