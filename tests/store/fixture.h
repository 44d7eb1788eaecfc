/* SPDX-License-Identifier: MIT */
/* fixture.h - a store of either driver in a directory of its own, asked synchronously. */
#pragma once

#include "test.h"

#include "store/store.h"

/* A sanitizer makes everything several times as slow: tests of many do a fraction of it then. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FRACTION 5
#else
#define FRACTION 1
#endif

struct fixture {
	struct store *store;
	struct loop *loop;
	char dir[64]; /* of SQLite; empty for memory */
	const char *driver;
};

extern const char *const fixture_drivers[2];

/* Opens; a failure ends the program. */
void fixture_open(struct fixture *f, const char *driver);
/* Closes and opens again. A memory store forgets. */
void fixture_reopen(struct fixture *f);
/* Closes, and removes the directory. */
void fixture_close(struct fixture *f);

/* Where directories are made: /tmp, unless a test has no use for a real disk. */
extern const char *fixture_base;
/* A fresh directory's name in OUT; and its removal with all files in it. */
void directory_new(char out[64]);
void directory_remove(const char *dir);

/* A request that ask() will submit. */
struct store_request *request_new(struct fixture *f);
/* Submits R, waits, and returns it with its results. Free it with store_request_free. */
struct store_request *ask(struct fixture *f, struct store_request *r);
/* Likewise, when only the status matters. */
enum store_status ask_status(struct fixture *f, struct store_request *r);

/* Items as "key=value key=value", or "id:with=value" with ids counted from FIRST_ID. */
struct str items_text(struct arena *arena, const struct store_item *items);
struct str entries_text(struct arena *arena, const struct store_item *items, uint64_t first_id);
