/* SPDX-License-Identifier: MIT */
/* control.c - what the operator sees of push: an account's services, and what failed lately. */
#include "base/log.h"
#include "base/time.h"
#include "modules/xep0357_push/push.h"
#include "server/admin_private.h"

#include <stdio.h>
#include <stdlib.h>

static void
cut_into(char *out, size_t size, struct str text)
{
	snprintf(out, size, "%.*s", STR_ARG(text));
}

void
push_note_failure(struct target *target, const char *condition)
{
	struct push_state *state = module_state(target->account->worker, &xep0357_push);
	struct failure *failure = &state->failures[state->failure_count++ % PUSH_FAILURES];

	failure->at_us = time_wall_us();
	failure->is_final = target->disabled != NULL;
	cut_into(failure->account, sizeof(failure->account), target->account->jid.text);
	cut_into(failure->service, sizeof(failure->service), str(target->service));
	cut_into(failure->condition, sizeof(failure->condition), str(condition));
	log_event(failure->is_final ? LOG_WARNING : LOG_INFO,
		  failure->is_final ? "push-given-up" : "push-failed",
		  LOG_STR("account", target->account->jid.text), LOG_Z("service", target->service),
		  LOG_Z("condition", condition), LOG_INT("in_a_row", target->failures));
}

/* A question to the worker that knows, and its way back. */
struct look {
	struct task back;
	struct waiter waiter;
	struct control_call *call;
	struct loop *loop;
	struct jid jid;
	json_t *list; /* NULL: no such account */
};

static json_t *
target_json(const struct target *target)
{
	json_t *json = json_pack("{s:o, s:o, s:o, s:i, s:i, s:b}", "service",
				 control_json(str(target->service)), "node",
				 control_json(str(target->node)), "device",
				 control_json(target->device ? str(target->device) : STR("")),
				 "messages", (int)target->messages, "failures",
				 (int)target->failures, "enabled", (int)(target->disabled == NULL));

	json_object_set_new(json, "why",
			    control_json(target->disabled ? str(target->disabled) : STR("")));
	return json;
}

static void
list_came(struct task *task)
{
	struct look *look = CONTAINER(task, struct look, back);

	if (look->list == NULL)
		control_fail(look->call, "item-not-found", "there is no account %.*s",
			     STR_ARG(look->jid.text));
	else
		control_reply(look->call, json_pack("{s:o}", "services", look->list));
}

static void
list_loaded(struct waiter *waiter, struct account *account)
{
	struct look *look = CONTAINER(waiter, struct look, waiter);
	struct push *push = account->state == ACCOUNT_READY ? push_of(account) : NULL;

	look->list = account->state == ACCOUNT_READY ? json_array() : NULL;
	if (push != NULL) {
		LIST_EACH(&push->targets, struct target, link, target)
		{
			json_array_append_new(look->list, target_json(target));
		}
	}
	look->back.run = list_came;
	loop_post(look->loop, &look->back);
}

static void
list_there(struct worker *worker, void *arg)
{
	struct look *look = arg;

	look->waiter.run = list_loaded;
	account_wait(account_get(worker, look->jid.text), &look->waiter);
}

static void
list(struct control_call *call)
{
	struct admin *admin = call->owner;
	struct look *look = arena_new_of(call->arena, struct look);
	const char *why;

	if (jid_parse(call->arena, control_text(call, "account"), &look->jid, &why) < 0) {
		control_fail(call, "jid-malformed", "that is no address: %s", why);
		return;
	}
	if (look->jid.local.len == 0 || !jid_is_bare(look->jid) ||
	    config_host(admin->config, look->jid.domain) == NULL) {
		control_fail(call, "item-not-found", "%.*s is no account of this server",
			     STR_ARG(look->jid.text));
		return;
	}
	look->call = call;
	look->loop = admin->loop;
	worker_call(worker_home(admin->server->workers[0], look->jid.text), list_there, look);
}

struct part { /* of one worker */
	struct task back;
	struct failures *all;
	struct push_state state; /* a copy */
};

struct failures {
	struct control_call *call;
	struct loop *loop;
	size_t waiting, count;
	struct part *parts;
};

static int
newest_first(const void *a, const void *b)
{
	const struct failure *const *x = a, *const *y = b;

	return ((*x)->at_us < (*y)->at_us) - ((*x)->at_us > (*y)->at_us);
}

static void
failures_answer(struct failures *all)
{
	const struct failure **found = arena_array(all->call->arena, const struct failure *,
						   all->count *PUSH_FAILURES + 1);
	json_int_t sent = 0, delivered = 0, merged = 0, failed = 0;
	json_t *rows = json_array();
	size_t n = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct push_state *state = &all->parts[i].state;

		sent += (json_int_t)state->sent;
		delivered += (json_int_t)state->delivered;
		merged += (json_int_t)state->merged;
		failed += (json_int_t)state->failure_count;
		for (size_t k = 0; k < MIN(state->failure_count, PUSH_FAILURES); k++)
			found[n++] = &state->failures[k];
	}
	qsort(found, n, sizeof(found[0]), newest_first);
	for (size_t i = 0; i < n && i < PUSH_FAILURES; i++)
		json_array_append_new(rows,
				      json_pack("{s:I, s:o, s:o, s:o, s:b}", "at",
						(json_int_t)(found[i]->at_us / 1000000), "account",
						control_json(str(found[i]->account)), "service",
						control_json(str(found[i]->service)), "condition",
						control_json(str(found[i]->condition)), "given_up",
						(int)found[i]->is_final));
	control_reply(all->call,
		      json_pack("{s:o, s:I, s:I, s:I, s:I}", "failures", rows, "sent", sent,
				"delivered", delivered, "merged", merged, "failed", failed));
}

static void
part_came(struct task *task)
{
	struct part *part = CONTAINER(task, struct part, back);

	if (--part->all->waiting == 0)
		failures_answer(part->all);
}

static void
failures_there(struct worker *worker, void *arg)
{
	struct part *part = arg;

	part->state = *(struct push_state *)module_state(worker, &xep0357_push);
	part->back.run = part_came;
	loop_post(part->all->loop, &part->back);
}

static void
failures(struct control_call *call)
{
	struct admin *admin = call->owner;
	struct failures *all = arena_new_of(call->arena, struct failures);

	all->call = call;
	all->loop = admin->loop;
	all->waiting = all->count = admin->server->worker_count;
	all->parts = arena_array(call->arena, struct part, all->count);
	for (size_t i = 0; i < all->count; i++) {
		all->parts[i].all = all;
		worker_call(admin->server->workers[i], failures_there, &all->parts[i]);
	}
}

const struct control_command push_controls[] = {
	{"push-list", "lists the push services of an account",
	 (const struct control_arg[]){{"account", CONTROL_TEXT, true, "its address"}, {0}}, list},
	{"push-failures", "lists what push services refused lately, the newest first", NULL,
	 failures},
	{0},
};
