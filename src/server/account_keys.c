/* SPDX-License-Identifier: MIT */
/*
 * account_keys.c - read, add, and write if nobody wrote meanwhile: a new password must never be
 * undone by a login with the old one.
 */
#include "server/account_keys.h"

#include <openssl/crypto.h>
#include <stdlib.h>

struct addition {
	struct arena *arena;
	struct store *store;
	struct loop *loop;
	struct str account;
	uint64_t epoch;
	struct scram_keys keys[SCRAM_HASH_COUNT];
	void (*done)(void *owner, enum store_status status);
	void *owner;
};

static void
finish(struct addition *addition, enum store_status status)
{
	if (addition->done != NULL)
		addition->done(addition->owner, status);
	OPENSSL_cleanse(addition->keys, sizeof(addition->keys));
	arena_free(addition->arena);
}

static void
on_written(struct store_request *request)
{
	struct addition *addition = request->owner;
	enum store_status status = request->status;

	store_request_free(request);
	finish(addition, status);
}

static void
write_keys(struct addition *addition, struct str old, const struct credentials *credentials)
{
	struct store_request *request =
		store_request_new(addition->store, addition->loop, on_written, addition);

	store_auth_swap(request, addition->account, old,
			credentials_format(addition->arena, credentials));
	store_submit(request);
}

/* Whether there is something to add. */
static bool
merge(const struct addition *addition, struct credentials *credentials)
{
	bool is_new = false;

	for (size_t i = 0; i < SCRAM_HASH_COUNT; i++) {
		if (!addition->keys[i].is_set || credentials->scram[i].is_set)
			continue;
		credentials->scram[i] = addition->keys[i];
		is_new = true;
	}
	return is_new;
}

static void
on_read(struct store_request *request)
{
	struct addition *addition = request->owner;
	enum store_status status = request->results[0].status;
	struct str old = request->results[0].value;
	struct credentials credentials;

	if (status != STORE_OK) {
		finish(addition, status);
	} else if (credentials_parse(request->arena, old, &credentials) < 0 ||
		   credentials.epoch != addition->epoch) {
		finish(addition, STORE_CONFLICT);
	} else {
		if (merge(addition, &credentials))
			write_keys(addition, old, &credentials);
		else
			finish(addition, STORE_OK);
		credentials_wipe(&credentials);
	}
	store_request_free(request);
}

void
account_add_keys(struct store *store, struct loop *loop, struct str account, uint64_t epoch,
		 const struct scram_keys keys[SCRAM_HASH_COUNT],
		 void (*done)(void *owner, enum store_status status), void *owner)
{
	struct arena *arena = arena_new();
	struct addition *addition = arena_new_of(arena, struct addition);
	struct store_request *request;

	*addition = (struct addition){.arena = arena,
				      .store = store,
				      .loop = loop,
				      .account = arena_dup(arena, account),
				      .epoch = epoch,
				      .done = done,
				      .owner = owner};
	for (size_t i = 0; i < SCRAM_HASH_COUNT; i++) {
		addition->keys[i] = keys[i];
		addition->keys[i].salt = arena_dup(arena, keys[i].salt);
	}
	request = store_request_new(store, loop, on_read, addition);
	store_auth_get(request, addition->account);
	store_submit(request);
}
