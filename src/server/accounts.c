/* SPDX-License-Identifier: MIT */
/* accounts.c - the steps of an account's change: hash, store, tell its home worker, answer. */
#include "server/accounts.h"

#include "base/log.h"
#include "server/module.h"
#include "server/roster.h"
#include "xmpp/credentials.h"

#include <openssl/crypto.h>
#include <stdlib.h>

enum kind { CREATE, SET_PASSWORD, REMOVE, CHECK };

struct change {
	enum kind kind;
	struct worker *asker;
	struct arena *arena;
	struct str bare, password, keep;
	bool keeps_password; /* for XEP-0078 digest */
	uint32_t iterations;
	struct credentials credentials;
	enum store_status status;
	account_done *done;
	void *arg;
};

static void
finish(struct worker *worker UNUSED, void *arg)
{
	struct change *c = arg;

	if (c->password.p != NULL)
		OPENSSL_cleanse((char *)(uintptr_t)c->password.p, c->password.len);
	credentials_wipe(&c->credentials);
	c->done(c->status, c->arg);
	arena_free(c->arena);
}

/* On the account's home worker: what is in memory of it follows. */
static void
settle(struct worker *home, void *arg)
{
	struct change *c = arg;
	struct account *account = account_find(home, c->bare);
	struct session *keep = NULL;

	if (account != NULL && c->status == STORE_OK) {
		ptrdiff_t slash = str_find(c->keep, '/');

		if (slash >= 0)
			keep = account_session(account, str_from(c->keep, (size_t)slash + 1));
		if (c->kind != CREATE)
			account_revoke(account, keep, c->kind == REMOVE);
		if (c->kind == CREATE)
			account_forget(home, c->bare);
	}
	worker_call(c->asker, finish, c);
}

static void
on_stored(struct store_request *request)
{
	struct change *c = request->owner;

	/* An account that left nothing behind was not there. */
	c->status = request->status;
	if (c->kind == REMOVE && c->status == STORE_OK && request->results[0].count == 0)
		c->status = STORE_MISSING;
	store_request_free(request);
	worker_call(worker_home(c->asker, c->bare), settle, c);
}

static void
submit(struct change *c)
{
	struct store_request *request =
		store_request_new(c->asker->store, c->asker->loop, on_stored, c);

	if (c->kind == REMOVE) {
		store_owner_remove(request, c->bare);
	} else {
		struct str text = credentials_format(request->arena, &c->credentials);

		if (c->kind == CREATE)
			store_auth_create(request, c->bare, text);
		else
			store_auth_put(request, c->bare, text);
	}
	store_submit(request);
}

/* On a store thread. */
static void
derive(void *arg)
{
	struct change *c = arg;

	if (c->kind == CHECK) {
		c->status = credentials_verify(&c->credentials, c->password) ? STORE_OK
									     : STORE_CONFLICT;
		return;
	}
	credentials_derive(c->arena, c->password, c->iterations, &c->credentials);
	if (c->keeps_password &&
	    credentials_seal(c->arena, c->asker->server->seal_key, c->bare, c->password,
			     &c->credentials.sealed_password) < 0)
		log_event(LOG_ERROR, "password-not-sealed", LOG_STR("account", c->bare));
}

static void
on_derived(void *arg)
{
	struct change *c = arg;

	if (c->kind == CHECK)
		finish(c->asker, c);
	else
		submit(c);
}

static struct change *
change_new(enum kind kind, struct worker *asker, struct jid bare, struct str password,
	   account_done *done, void *arg)
{
	struct arena *arena = arena_new();
	struct change *c = arena_new_of(arena, struct change);
	const struct config_host *host = worker_host(asker, bare.domain);

	c->kind = kind;
	c->asker = asker;
	c->arena = arena;
	c->bare = arena_dup(arena, bare.text);
	c->password = arena_dup(arena, password);
	c->keep = STR("");
	c->keeps_password = host != NULL && host->legacy_digest;
	c->iterations = (uint32_t)asker->config->sasl.scram_iterations;
	c->done = done;
	c->arg = arg;
	return c;
}

void
account_create(struct worker *asker, struct jid bare, struct str password, account_done *done,
	       void *arg)
{
	struct change *c = change_new(CREATE, asker, bare, password, done, arg);

	store_offload(asker->store, asker->loop, derive, on_derived, c);
}

void
account_set_password(struct worker *asker, struct jid bare, struct str password, struct str keep,
		     account_done *done, void *arg)
{
	struct change *c = change_new(SET_PASSWORD, asker, bare, password, done, arg);

	c->keep = arena_dup(c->arena, keep);
	store_offload(asker->store, asker->loop, derive, on_derived, c);
}

static void
on_credentials(struct store_request *request)
{
	struct change *c = request->owner;

	c->status = request->results[0].status;
	if (c->status == STORE_OK &&
	    credentials_parse(c->arena, request->results[0].value, &c->credentials) < 0)
		c->status = STORE_MISSING;
	store_request_free(request);
	if (c->status == STORE_OK)
		store_offload(c->asker->store, c->asker->loop, derive, on_derived, c);
	else
		finish(c->asker, c);
}

void
account_check_password(struct worker *asker, struct jid bare, struct str password,
		       account_done *done, void *arg)
{
	struct change *c = change_new(CHECK, asker, bare, password, done, arg);
	struct store_request *request =
		store_request_new(asker->store, asker->loop, on_credentials, c);

	store_auth_get(request, c->bare);
	store_submit(request);
}

/* RFC 6121 §2.5 for each contact: who saw this account, or was seen by it, is told that it ended. */
static void
take_leave(struct account *account)
{
	uint32_t at = 0;
	void *value;

	while (account->roster != NULL && map_next(&account->roster->contacts, &at, &value)) {
		const struct contact *contact = value;
		struct arena *arena = arena_new();
		struct jid to;
		const char *why;

		if (jid_parse(arena, contact->jid, &to, &why) == 0) {
			if (contact->to || contact->asked)
				route(account->worker, stanza_new(STANZA_PRESENCE, PRESENCE_UNSUBSCRIBE,
								  account->jid, to));
			if (contact->from || contact->pending)
				route(account->worker,
				      stanza_new(STANZA_PRESENCE, PRESENCE_UNSUBSCRIBED,
						 account->jid, to));
		}
		arena_free(arena);
	}
}

struct leaving {
	struct waiter waiter;
	struct change *change;
};

static void
remove_in_store(struct worker *worker UNUSED, void *arg)
{
	submit(arg);
}

static void
on_loaded(struct waiter *waiter, struct account *account)
{
	struct leaving *leaving = CONTAINER(waiter, struct leaving, waiter);

	if (account->state == ACCOUNT_READY)
		take_leave(account);
	worker_call(leaving->change->asker, remove_in_store, leaving->change);
	free(leaving);
}

static void
leave(struct worker *home, void *arg)
{
	struct leaving *leaving = xnew(struct leaving);

	leaving->change = arg;
	leaving->waiter.run = on_loaded;
	account_wait(account_get(home, leaving->change->bare), &leaving->waiter);
}

void
account_remove(struct worker *asker, struct jid bare, account_done *done, void *arg)
{
	struct change *c = change_new(REMOVE, asker, bare, STR_NONE, done, arg);

	worker_call(worker_home(asker, bare.text), leave, c);
}
