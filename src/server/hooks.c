/* SPDX-License-Identifier: MIT */
/*
 * hooks.c - the order in which modules see an event, and who answers which iq: both made once from
 * the modules' tables.
 */
#include "server/module.h"

#include "base/log.h"
#include "server/c2s.h"

#include <stdio.h>
#include <stdlib.h>

struct step {
	const struct module *module;
	enum verdict (*run)(struct event *ev);
	enum stage stage;
	size_t index; /* of the module */
};

static struct step *steps[POINT_COUNT];
static size_t step_counts[POINT_COUNT];

struct answer {
	const struct module *module;
	const struct iq_handler *handler;
	size_t index; /* of the module */
	char key[256];
};

static struct map answers; /* struct answer by "get name ns" */
static size_t count;

static const char *const point_names[] = {
	[POINT_FROM_CLIENT] = "from-client",
	[POINT_TO_ACCOUNT] = "to-account",
	[POINT_TO_SESSION] = "to-session",
	[POINT_TO_REMOTE] = "to-remote",
	[POINT_SESSION_BOUND] = "session-bound",
	[POINT_SESSION_CLOSED] = "session-closed",
	[POINT_SESSION_DETACHED] = "session-detached",
	[POINT_SESSION_RESUMED] = "session-resumed",
	[POINT_SESSION_SILENT] = "session-silent",
	[POINT_PRESENCE] = "presence",
	[POINT_MESSAGE_SENT] = "message-sent",
	[POINT_MESSAGE_STORED] = "message-stored",
	[POINT_MESSAGE_WAITED] = "message-waited",
	[POINT_IQ] = "iq",
	[POINT_COMPONENT] = "component",
	[POINT_FROM_COMPONENT] = "from-component",
	[POINT_SESSION_FEATURES] = "session-features",
	[POINT_CONTACT_ADDED] = "contact-added",
	[POINT_PATH_LOST] = "path-lost",
	[POINT_ACCOUNT_REMOVED] = "account-removed",
};
static const char *const stage_names[] = {"check", "mark", "store", "copy", "handle"};

static void
add_steps(enum point point, enum stage stage)
{
	for (size_t i = 0; i < count; i++) {
		const struct hook *hook = modules[i]->hooks;

		for (; hook != NULL && hook->run != NULL; hook++)
			if (hook->point == point && hook->stage == stage)
				steps[point][step_counts[point]++] =
					(struct step){modules[i], hook->run, stage, i};
	}
}

static bool
is_enabled(const struct event *ev, size_t index)
{
	return config_module_enabled(config_options(ev->worker->config, ev->host, index));
}

static enum verdict
run_nonza(struct event *ev, struct c2s *c2s, struct element *el)
{
	/* A handful of modules has any, so that a look at all of them is as good as a table. */
	for (size_t i = 0; i < count; i++) {
		const struct nonza_handler *h = modules[i]->nonzas;

		for (; h != NULL && h->run != NULL; h++) {
			if (!element_is(el, h->ns, h->name) || !is_enabled(ev, i))
				continue;
			ev->module = modules[i];
			return h->run(ev, c2s, el);
		}
	}
	return PASS;
}

enum verdict
nonza_dispatch(struct c2s *c2s, struct element *el)
{
	struct session *session = c2s_session(c2s);
	struct event ev = {.worker = c2s_worker(c2s),
			   .session = session,
			   .account = session ? session->account : NULL,
			   .host = c2s_host(c2s)};
	enum verdict verdict;

	if (ev.host == NULL)
		return PASS;
	ev.arena = arena_new();
	verdict = run_nonza(&ev, c2s, el);
	arena_free(ev.arena);
	return verdict;
}

static struct str
answer_key(char *out, size_t size, enum stanza_type type, struct str ns, struct str name)
{
	int len = snprintf(out, size, "%c%.*s %.*s", type == IQ_GET ? 'g' : 's', STR_ARG(name),
			   STR_ARG(ns));

	return str_of(out, len > 0 && (size_t)len < size ? (size_t)len : 0);
}

static void
add_answers(const struct module *module)
{
	for (const struct iq_handler *h = module->iqs; h != NULL && h->run != NULL; h++) {
		struct answer *answer = xnew(struct answer);
		struct str key;
		void *twice UNUSED;

		answer->module = module;
		answer->index = module_index(module);
		answer->handler = h;
		key = answer_key(answer->key, sizeof(answer->key), h->type, str(h->ns),
				 str(h->name));
		assert(key.len > 0);
		twice = map_put(&answers, key, answer);
		assert(twice == NULL);
	}
}

void
modules_init(void)
{
	size_t hooks = 0;

	if (count > 0)
		return;
	while (modules[count] != NULL)
		count++;
	for (size_t i = 0; i < count; i++)
		for (const struct hook *h = modules[i]->hooks; h != NULL && h->run != NULL; h++)
			hooks++;
	for (int point = 0; point < POINT_COUNT; point++) {
		steps[point] = xnew_array(struct step, hooks + 1);
		for (int stage = 0; stage < STAGE_COUNT; stage++)
			add_steps((enum point)point, (enum stage)stage);
	}
	for (size_t i = 0; i < count; i++)
		add_answers(modules[i]);
}

size_t
module_count(void)
{
	return count;
}

size_t
module_index(const struct module *module)
{
	size_t i = 0;

	while (modules[i] != module)
		assert(modules[i] != NULL), i++;
	return i;
}

enum verdict
hooks_run(enum point point, struct event *ev)
{
	for (size_t i = 0; i < step_counts[point]; i++) {
		enum verdict verdict;

		if (!is_enabled(ev, steps[point][i].index))
			continue;
		ev->module = steps[point][i].module;
		verdict = steps[point][i].run(ev);
		if (verdict != PASS)
			return verdict;
	}
	return PASS;
}

enum verdict
iq_dispatch(struct event *ev, enum iq_target target)
{
	const struct element *payload = event_payload(ev);
	struct answer *answer;
	char key[256];

	if (payload == NULL)
		return PASS;
	if (ev->worker->config->has_delegations && ev->host != NULL) {
		enum verdict verdict = hooks_run(POINT_IQ, ev);

		if (verdict != PASS)
			return verdict;
	}
	answer = map_get(&answers, answer_key(key, sizeof(key), ev->stanza->type, payload->ns,
					      payload->name));
	if (answer == NULL || (answer->handler->targets & target) == 0 ||
	    !is_enabled(ev, answer->index))
		return PASS;
	ev->module = answer->module;
	return answer->handler->run(ev);
}

void
hooks_print(void)
{
	for (int point = 0; point < POINT_COUNT; point++)
		for (size_t i = 0; i < step_counts[point]; i++)
			printf("%-16s %-8s %s\n", point_names[point],
			       stage_names[steps[point][i].stage], steps[point][i].module->name);
}

const struct config_module *
modules_for_config(size_t *n)
{
	static struct config_module rows[128];

	assert(count > 0 && count <= COUNT(rows));
	for (size_t i = 0; i < count; i++)
		rows[i] = (struct config_module){modules[i]->name, modules[i]->options,
						 modules[i]->is_off_by_default,
						 modules[i]->subdomain};
	*n = count;
	return rows;
}

const struct option_values *
event_options(const struct event *ev)
{
	return config_options(ev->worker->config, ev->host, module_index(ev->module));
}

void *
module_state(struct worker *worker, const struct module *module)
{
	return worker->module_state[module_index(module)];
}

struct element *
event_payload(const struct event *ev)
{
	return element_child(ev->stanza->el, NULL, NULL);
}

enum verdict
event_refuse_text(struct event *ev, enum stanza_condition condition, const char *text)
{
	ev->refusal = condition;
	ev->refusal_text = text;
	return REFUSED;
}

enum verdict
event_refuse(struct event *ev, enum stanza_condition condition)
{
	return event_refuse_text(ev, condition, NULL);
}

static void
send_result(struct worker *worker, const struct stanza *iq, struct element *payload)
{
	struct stanza *reply = stanza_result(iq);

	if (payload != NULL)
		element_append(reply->el, element_copy(reply->arena, payload));
	route(worker, reply);
}

void
event_reply(struct event *ev, struct element *payload)
{
	send_result(ev->worker, ev->stanza, payload);
}

bool
event_is_from_admin(const struct event *ev)
{
	return ev->host != NULL && config_is_admin(ev->host, jid_bare_text(ev->stanza->from));
}

struct session *
event_sender(const struct event *ev)
{
	const struct jid *from = &ev->stanza->from;
	struct account *account;

	if (ev->session != NULL && str_equal(ev->session->jid.text, from->text))
		return ev->session;
	account = account_find(ev->worker, jid_bare_text(*from));
	return account ? account_session(account, from->resource) : NULL;
}

struct held_iq *
event_hold(struct event *ev)
{
	struct held_iq *held = xnew(struct held_iq);

	held->worker = ev->worker;
	held->arena = arena_new();
	held->iq = stanza_ref(ev->stanza);
	return held;
}

void
held_drop(struct held_iq *held)
{
	stanza_unref(held->iq);
	arena_free(held->arena);
	free(held);
}

void
held_reply(struct held_iq *held, struct element *payload)
{
	send_result(held->worker, held->iq, payload);
	held_drop(held);
}

void
held_refuse(struct held_iq *held, enum stanza_condition condition, const char *text)
{
	route_refusal(held->worker, held->iq, condition, text);
	held_drop(held);
}
