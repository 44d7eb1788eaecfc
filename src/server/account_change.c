/* SPDX-License-Identifier: MIT */
/* account_change.c - making and removing accounts, and new passwords. */
#include "server/account_change.h"

#include "server/account.h"
#include "server/account_disable.h"
#include "server/message_log.h"
#include "server/module.h"
#include "server/notices.h"
#include "server/route.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>

#define PRUNE_STEP 1000u /* messages that are removed at once */

struct change {
	struct task back; /* to the asker's loop */
	struct waiter waiter;
	struct server *server;
	struct loop *loop; /* the asker's */
	struct arena *arena;
	struct jid account;
	struct str password; /* cleansed as soon as the keys are there */
	struct str keep, keys;
	enum account_change what;
	uint32_t iterations;
	bool is_sealed; /* the password is kept, encrypted, for XEP-0078 digest */
	enum store_status status;
	account_changed *done;
	void *owner;
};

static struct change *
change_new(struct server *server, struct loop *loop, struct jid account, account_changed *done,
	   void *owner)
{
	struct change *change = xnew(struct change);

	change->server = server;
	change->loop = loop;
	change->arena = arena_new();
	change->account = jid_make(change->arena, account.local, account.domain, STR(""));
	change->done = done;
	change->owner = owner;
	return change;
}

static void
finish(struct change *change)
{
	change->done(change->owner, change->status);
	arena_free(change->arena);
	free(change);
}

static void
come_back(struct task *task)
{
	finish(CONTAINER(task, struct change, back));
}

static void
go_back(struct change *change)
{
	change->back.run = come_back;
	loop_post(change->loop, &change->back);
}

static struct worker *
home_of(const struct change *change)
{
	return worker_home(change->server->workers[0], change->account.text);
}

static bool
is_new(enum account_change what)
{
	return what == ACCOUNT_MAKE || what == ACCOUNT_BRING;
}

/* On the home worker: what it knows of the account is out of date. */
static void
tell_home(struct worker *worker, void *arg)
{
	struct change *change = arg;
	struct account *account = account_find(worker, change->account.text);
	struct session *keep = NULL;

	if (account != NULL && change->keep.len > 0)
		keep = account_session(account, change->keep);
	/* Kept in memory for a while, also for those who are in the middle of logging in. */
	if (account == NULL && !is_new(change->what))
		account = account_get(worker, change->account.text);
	if (account != NULL)
		account_revoke(account, keep, false);
	account_forget(worker, change->account.text);
	if (change->what == ACCOUNT_MAKE)
		notice_welcome(worker, &change->account);
	go_back(change);
}

static void on_stored(struct store_request *request);

static void
submit(struct change *change, bool makes)
{
	struct store_request *request =
		store_request_new(change->server->store, change->loop, on_stored, change);

	if (makes)
		store_auth_create(request, change->account.text, change->keys);
	else
		store_auth_put(request, change->account.text, change->keys);
	store_submit(request);
}

static void
on_stored(struct store_request *request)
{
	struct change *change = request->owner;

	change->status = request->status;
	store_request_free(request);
	if (change->what == ACCOUNT_MAKE_OR_SET && change->status == STORE_MISSING) {
		change->what = ACCOUNT_MAKE;
		submit(change, true);
	} else if (change->status != STORE_OK || atomic_load(&change->server->is_stopping)) {
		finish(change);
	} else {
		worker_call(home_of(change), tell_home, change);
	}
}

/* On a store thread. */
static void
derive(void *arg)
{
	struct change *change = arg;
	struct credentials credentials = {0};

	credentials_derive(change->arena, change->password, change->iterations, &credentials);
	credentials.epoch = time_wall_us();
	if (change->is_sealed &&
	    credentials_seal(change->arena, change->server->seal_key, change->account.text,
			     change->password, &credentials.sealed_password) < 0)
		credentials.sealed_password = STR("");
	change->keys = credentials_format(change->arena, &credentials);
	credentials_wipe(&credentials);
	OPENSSL_cleanse((char *)(uintptr_t)change->password.p, change->password.len);
}

static void
on_derived(void *arg)
{
	struct change *change = arg;

	submit(change, is_new(change->what));
}

void
account_set_password(struct server *server, struct loop *loop, const struct config *config,
		     enum account_change what, struct jid account, struct str password,
		     struct str keep, account_changed *done, void *owner)
{
	struct change *change = change_new(server, loop, account, done, owner);
	const struct config_host *host = config_host(config, account.domain);

	change->what = what;
	change->password = arena_dup(change->arena, password);
	change->keep = arena_dup(change->arena, keep);
	change->iterations = (uint32_t)config->sasl.scram_iterations;
	change->is_sealed = host != NULL && host->legacy_digest;
	store_offload(server->store, loop, derive, on_derived, change);
}

/* What is sealed opens on the server that sealed it only. */
void
account_set_keys(struct server *server, struct loop *loop, enum account_change what,
		 struct jid account, const struct credentials *keys, account_changed *done,
		 void *owner)
{
	struct change *change = change_new(server, loop, account, done, owner);
	struct credentials copy = *keys;

	copy.sealed_password = STR("");
	copy.epoch = time_wall_us();
	change->what = what;
	change->keys = credentials_format(change->arena, &copy);
	credentials_wipe(&copy);
	submit(change, is_new(what));
}

/* On a store thread. */
static void
check(void *arg)
{
	struct change *change = arg;
	struct credentials credentials;

	change->status = STORE_CONFLICT;
	if (credentials_parse(change->arena, change->keys, &credentials) == 0 &&
	    credentials_verify(&credentials, change->password))
		change->status = STORE_OK;
	credentials_wipe(&credentials);
	OPENSSL_cleanse((char *)(uintptr_t)change->password.p, change->password.len);
}

static void
on_checked(void *arg)
{
	finish(arg);
}

static void
on_credentials(struct store_request *request)
{
	struct change *change = request->owner;

	change->status = request->results[0].status;
	change->keys = arena_dup(change->arena, request->results[0].value);
	store_request_free(request);
	if (change->status == STORE_OK)
		store_offload(change->server->store, change->loop, check, on_checked, change);
	else
		finish(change);
}

void
account_check_password(struct server *server, struct loop *loop, struct jid account,
		       struct str password, account_changed *done, void *owner)
{
	struct change *change = change_new(server, loop, account, done, owner);
	struct store_request *request =
		store_request_new(server->store, loop, on_credentials, change);

	change->password = arena_dup(change->arena, password);
	store_auth_get(request, change->account.text);
	store_submit(request);
}

/* Nothing stored of it is left; what is in memory still knows its contacts. */
static void
on_removed(struct store_request *request)
{
	struct change *change = request->owner;
	struct worker *worker = home_of(change);
	struct account *account = account_find(worker, change->account.text);
	struct event ev = {.worker = worker, .account = account};

	change->status = request->status;
	store_request_free(request);
	ev.host = worker_host(worker, change->account.domain);
	if (change->status == STORE_OK && ev.host != NULL) {
		ev.arena = arena_new();
		hooks_run(POINT_ACCOUNT_REMOVED, &ev);
		arena_free(ev.arena);
	}
	if (change->status != STORE_OK)
		account->state = ACCOUNT_READY; /* nothing was removed */
	account_unpin(account);
	account_forget(worker, change->account.text);
	go_back(change);
}

static void prune_log(struct change *change);

/* The messages go a bounded number at a time: an archive of years must not hold up everybody. */
static void
on_pruned(struct store_request *request)
{
	struct change *change = request->owner;
	struct worker *worker = home_of(change);
	bool has_more = request->status == STORE_OK && request->results[0].count == PRUNE_STEP;
	struct store_request *removal;

	store_request_free(request);
	if (has_more) {
		prune_log(change);
		return;
	}
	removal = store_request_new(worker->store, worker->loop, on_removed, change);
	store_owner_remove(removal, change->account.text);
	store_set_remove(removal, change->account.domain, DISABLED_SET, change->account.text);
	store_submit(removal);
}

static void
prune_log(struct change *change)
{
	struct worker *worker = home_of(change);
	struct store_request *request =
		store_request_new(worker->store, worker->loop, on_pruned, change);

	store_log_prune(request, change->account.text, MESSAGE_LOG, UINT64_MAX, 0, PRUNE_STEP);
	store_submit(request);
}

/* Sessions go first: what they did afterwards would be stored again, for an account that is gone.
 */
static void
on_loaded(struct waiter *waiter, struct account *account)
{
	struct change *change = CONTAINER(waiter, struct change, waiter);

	if (account->state == ACCOUNT_ABSENT || account->is_guest) {
		change->status = STORE_MISSING;
		go_back(change);
		return;
	}
	account_pin(account);
	account_revoke(account, account_session(account, change->keep), true);
	prune_log(change);
}

static void
load(struct worker *worker, void *arg)
{
	struct change *change = arg;

	change->waiter.run = on_loaded;
	account_wait(account_get(worker, change->account.text), &change->waiter);
}

void
account_remove(struct server *server, struct loop *loop, struct jid account, struct str keep,
	       account_changed *done, void *owner)
{
	struct change *change = change_new(server, loop, account, done, owner);

	change->keep = arena_dup(change->arena, keep);

	worker_call(home_of(change), load, change);
}
