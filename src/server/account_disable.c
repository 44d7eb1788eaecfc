/* SPDX-License-Identifier: MIT */
/* account_disable.c - written down first, then the account's home worker ends what is open. */
#include "server/account_disable.h"

#include "server/account.h"
#include "server/c2s.h"
#include "server/route.h"
#include "server/session.h"

#include <stdlib.h>

struct disabling {
	struct task back;
	struct waiter waiter;
	struct arena *arena;
	struct server *server;
	struct loop *loop; /* the asker's */
	struct jid jid;
	struct account *account;
	bool is_disabled;
	enum store_status status;
	account_changed *done;
	void *owner;
};

size_t
account_disabled_get(struct store_request *request, struct str bare)
{
	ptrdiff_t at = str_find(bare, '@');

	return store_set_get(request, str_from(bare, (size_t)(at + 1)), DISABLED_SET, bare);
}

static void
come_back(struct task *task)
{
	struct disabling *d = CONTAINER(task, struct disabling, back);

	d->done(d->owner, d->status);
	arena_free(d->arena);
}

static void
go_back(struct disabling *d, enum store_status status)
{
	d->status = status;
	d->back.run = come_back;
	loop_post(d->loop, &d->back);
}

static void
end_all(struct account *account)
{
	static const char why[] = "the account is disabled";

	LIST_EACH(&account->sessions, struct session, link, session)
	{
		session_close(session, STREAM_NOT_AUTHORIZED, why);
	}
	c2s_close_unbound(account->worker, account->jid.local, account->jid.domain, why);
}

static void
on_stored(struct store_request *request)
{
	struct disabling *d = request->owner;
	enum store_status status = request->status;

	store_request_free(request);
	if (status == STORE_OK) {
		d->account->is_disabled = d->is_disabled;
		if (d->is_disabled)
			end_all(d->account);
	}
	account_unpin(d->account);
	go_back(d, status);
}

static void
on_loaded(struct waiter *waiter, struct account *account)
{
	struct disabling *d = CONTAINER(waiter, struct disabling, waiter);
	struct worker *worker = account->worker;
	struct store_request *request;

	if (account->state != ACCOUNT_READY || account->is_guest) {
		go_back(d, STORE_MISSING);
		return;
	}
	d->account = account;
	account_pin(account);
	request = store_request_new(worker->store, worker->loop, on_stored, d);
	if (d->is_disabled)
		store_set_put(request, d->jid.domain, DISABLED_SET, d->jid.text,
			      arena_printf(d->arena, "%llu", (unsigned long long)time_wall_us()));
	else
		store_set_remove(request, d->jid.domain, DISABLED_SET, d->jid.text);
	store_submit(request);
}

static void
load(struct worker *worker, void *arg)
{
	struct disabling *d = arg;

	d->waiter.run = on_loaded;
	account_wait(account_get(worker, d->jid.text), &d->waiter);
}

void
account_set_disabled(struct server *server, struct loop *loop, struct jid account, bool is_disabled,
		     account_changed *done, void *owner)
{
	struct arena *arena = arena_new();
	struct disabling *d = arena_new_of(arena, struct disabling);

	d->arena = arena;
	d->server = server;
	d->loop = loop;
	d->jid = jid_make(arena, account.local, account.domain, STR(""));
	d->is_disabled = is_disabled;
	d->done = done;
	d->owner = owner;
	worker_call(worker_home(server->workers[0], d->jid.text), load, d);
}
