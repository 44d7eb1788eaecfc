/* SPDX-License-Identifier: MIT */
/* outgoing.c - a message's way back to its sender's worker (see outgoing.h). */
#include "server/outgoing.h"

#include "server/module.h"
#include "server/sm.h"

struct outgoing { /* in the stanza's arena */
	struct task task;
	struct link link; /* in session->outgoing */
	struct stanza *stanza;
	struct account *account;
	struct session *session; /* NULL: it has ended */
	uint32_t number;
	bool is_back;
};

/* The sender's half: log, carbons. */
static void
complete(struct outgoing *o)
{
	struct account *account = o->account;
	struct stanza *stanza = o->stanza;
	struct event ev = {.worker = account->worker,
			   .stanza = stanza,
			   .session = o->session,
			   .account = account,
			   .stanza_number = o->number};
	bool is_logged = false;

	list_remove(&o->link);
	ev.host = worker_host(account->worker, account->jid.domain);
	if (ev.host != NULL && account->state == ACCOUNT_READY) {
		ev.arena = arena_new();
		is_logged = hooks_run(POINT_MESSAGE_SENT, &ev) == DONE;
		arena_free(ev.arena);
	}
	if (o->session != NULL)
		sm_handled(o->session, o->number, is_logged);
	stanza_unref(stanza);
	account_unpin(account);
}

static void
come_back(struct task *task)
{
	struct outgoing *o = CONTAINER(task, struct outgoing, task);
	struct session *session = o->session;

	o->is_back = true;
	if (session == NULL) {
		complete(o);
		return;
	}
	LIST_EACH(&session->outgoing, struct outgoing, link, first)
	{
		if (!first->is_back)
			return;
		complete(first);
	}
}

/* On whatever thread. */
static void
go_home(struct stanza *stanza)
{
	struct outgoing *o = stanza->finish_arg;

	o->task.run = come_back;
	loop_post(o->account->worker->loop, &o->task);
}

void
outgoing_begin(struct session *session, struct stanza *stanza)
{
	struct outgoing *o;

	if (stanza->kind != STANZA_MESSAGE || session->account->is_guest)
		return;
	o = arena_new_of(stanza->arena, struct outgoing);
	o->stanza = stanza;
	o->account = session->account;
	o->session = session;
	o->number = sm_received(session);
	list_add(&session->outgoing, &o->link);
	account_pin(session->account);
	stanza->finish = go_home;
	stanza->finish_arg = o;
}

uint32_t
outgoing_handled(const struct session *session, uint32_t received)
{
	const struct outgoing *first = LIST_FIRST(&session->outgoing, struct outgoing, link);

	return first != NULL ? first->number - 1 : received;
}

void
outgoing_orphan(struct session *session)
{
	LIST_EACH(&session->outgoing, struct outgoing, link, o)
	{
		list_remove(&o->link);
		o->session = NULL;
		if (o->is_back) /* and waited for an earlier one */
			complete(o);
	}
}
