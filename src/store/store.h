/* SPDX-License-Identifier: MIT */
/*
 * store.h - durable storage in four shapes, asked for by requests that a store thread carries out.
 *
 * doc: one value per owner and name. set: keyed items. log: appended entries, in order. auth: the
 * accounts. An owner is an account's or a room's bare JID. A request holds one or more operations
 * that are carried out in order and all or not at all; its `done` runs on the asker's loop, writes
 * only after they are on the disk. Requests of one store are carried out in order of submission,
 * and each sees what was written before it; the answer to a read may overtake that to a write of
 * others.
 *
 * Errors of the disk: a write that could not be made durable ends the process, because nobody knows
 * what of it is there (DESIGN, "fsync errors are fatal"). A full disk or a constraint is an answer.
 */
#pragma once

#include "base/arena.h"
#include "io/loop.h"

struct store;

enum store_status {
	STORE_OK,
	STORE_MISSING,  /* nothing of that name; for auth: no such account */
	STORE_CONFLICT, /* it is there already */
	STORE_FULL,     /* the disk or a quota is full */
};

struct store_item {      /* of a set or a log */
	struct str key;  /* set: the item's key */
	uint64_t id;     /* log: the position, rising, never used twice, not even after a restart */
	uint64_t at_us;  /* log: when it was appended, wall clock */
	struct str with; /* log: the correspondent's JID */
	struct str value;
	uint32_t flags;  /* log: as appended */
	struct str meta; /* log: as appended */
	struct store_item *next;
};

struct store_result {
	enum store_status status;
	struct str value; /* doc_get, auth_get */
	uint64_t id;      /* log_append; log_page: the last entry that was looked at */
	bool is_partial;  /* log_page: the scan ended before the limit or the end was reached */
	uint64_t count;   /* lists, log_range, log_count, log_trim: how many; owner_remove: 1 if
			   * anything was there */
	uint64_t bytes;   /* log_count, log_append: sum of the values' lengths */
	struct store_item *items; /* set_list, auth_list: by key; log_range, log_page: by id */
};

/*
 * A request is refused whole, and nothing of it is written, when an auth_create finds the account
 * (STORE_CONFLICT), an auth_put or auth_swap does not (STORE_MISSING), or a log or the disk is full
 * (STORE_FULL). What a get, remove or trim does not find is only that operation's result.
 */
struct store_request {
	struct task task;    /* internal: the way back to the loop */
	struct arena *arena; /* results and copies of the arguments; freed by store_request_free */
	enum store_status status;     /* why it was refused, or STORE_OK; see above */
	struct store_result *results; /* one for each operation, in order */
	size_t count;
	void *owner;                                 /* the asker's */
	void (*done)(struct store_request *request); /* must call store_request_free in the end */
	/* the rest is store.c's */
	struct store_op *ops, *last_op;
	struct store *store;
	struct loop *loop;
	struct store_request *next;
	size_t size; /* bytes of memory, for the account of what waits */
	bool writes;
	bool is_guarded; /* an operation that can be refused comes after one that writes */
};

/*
 * Opens, migrating an older format. DRIVER: "sqlite" with PATH a directory (made with mode 0700
 * when it is missing), or "memory". Returns 0, or -1 with *WHY in ARENA.
 */
MUST_CHECK int store_open(const char *driver, const char *path, struct store **out,
			  struct arena *arena, struct str *why);
/*
 * Waits until all that was submitted and offloaded has been answered, which is to say posted.
 * Returns whether there was anything. To end a program: turn the loops until neither has anything
 * left.
 */
bool store_drain(struct store *store);
/*
 * Finishes all requests, then closes. Their `done` are still posted: free the loops after it, not
 * before. Takes NULL.
 */
void store_close(struct store *store);

/* For simulation: no thread; store_step carries out what is queued, at most MAX requests. */
MUST_CHECK int store_open_simulated(struct store **out);
bool store_step(struct store *store, size_t max);

struct store_request *store_request_new(struct store *store, struct loop *loop,
					void (*done)(struct store_request *request), void *owner);
void store_request_free(struct store_request *request);
/* Hands the request over; DONE NULL at store_request_new means nobody waits, and it frees itself.
 */
void store_submit(struct store_request *request);

/* What went through and what waits, for metrics and for back-pressure. From any thread. */
struct store_stats {
	uint64_t waiting, waiting_bytes; /* requests that were submitted and not yet carried out */
	uint64_t requests;               /* carried out since the start */
	uint64_t writes;                 /* of these, those that write */
	uint64_t commits;                /* group commits they were gathered in */
	uint64_t full;                   /* refused because the disk was full */
};
void store_stats(struct store *store, struct store_stats *out);

/*
 * Operations. Arguments are copied; OWNER and names hold no NUL, keys and values hold anything.
 * Each returns its index in results.
 */
size_t store_doc_get(struct store_request *r, struct str owner, const char *name);
size_t store_doc_put(struct store_request *r, struct str owner, const char *name, struct str value);
size_t store_doc_remove(struct store_request *r, struct str owner, const char *name);

size_t store_set_list(struct store_request *r, struct str owner, const char *set);
size_t store_set_get(struct store_request *r, struct str owner, const char *set, struct str key);
size_t store_set_put(struct store_request *r, struct str owner, const char *set, struct str key,
		     struct str value);
size_t store_set_remove(struct store_request *r, struct str owner, const char *set, struct str key);

/*
 * Appends if fewer than MAX_COUNT entries and MAX_BYTES of values are there (0: no limit), else
 * STORE_FULL.
 */
size_t store_log_append(struct store_request *r, struct str owner, const char *log, uint64_t at_us,
			struct str with, struct str value, uint64_t max_count, uint64_t max_bytes);

struct store_entry {
	uint64_t at_us;
	struct str with, value;
	uint32_t flags;                /* the asker's, to choose by in store_log_page */
	struct str meta;               /* the asker's notes */
	uint64_t max_count, max_bytes; /* as in store_log_append */
	/*
	 * 0, or the id that it has elsewhere, not less than AT_US and not in the future, for what
	 * is brought from there: it gets that id, or the next that is free, and need not come last.
	 */
	uint64_t id;
};
/* Appends too. Ids are microseconds, as far as they rise: no id is less than its entry's AT_US. */
size_t store_log_add(struct store_request *r, struct str owner, const char *log,
		     const struct store_entry *entry);

struct store_page {
	uint64_t after, before;    /* ids, exclusive; 0: no bound */
	uint64_t start_us, end_us; /* times, inclusive; 0: no bound */
	struct str with;      /* a full JID; or a bare one: with all its resources; empty: any */
	uint32_t mask, flags; /* entries with (flags & MASK) == FLAGS */
	/* NULL, or a pure function that runs on a store thread; what it uses lives in r->arena. */
	bool (*match)(const struct store_item *item, const void *arg);
	const void *match_arg;
	size_t limit;        /* items; 0: all */
	size_t scan;         /* entries to look at; 0: all. See result.is_partial */
	bool from_end;       /* the newest LIMIT, else the oldest; listed by rising id either way */
	bool without_values; /* value.p is NULL, value.len is the length */
};
/* Entries that PAGE chooses. result.id tells where a scan that was partial stopped. */
size_t store_log_page(struct store_request *r, struct str owner, const char *log,
		      const struct store_page *page);
/* One entry, as the only item, or STORE_MISSING. */
size_t store_log_get(struct store_request *r, struct str owner, const char *log, uint64_t id);
/* Puts another value, and flags, in the place of an entry's; or STORE_MISSING. */
size_t store_log_edit(struct store_request *r, struct str owner, const char *log, uint64_t id,
		      uint32_t flags, struct str value);
/*
 * Removes the oldest entries, at most LIMIT: those with id < BEFORE, and as many as it takes to
 * have no more than MAX_BYTES (0: no limit). result.count says how many.
 */
size_t store_log_prune(struct store_request *r, struct str owner, const char *log, uint64_t before,
		       uint64_t max_bytes, size_t limit);
/* Owners of a log of that name that has entries: items with key = owner, from AFTER (exclusive) on,
 * by rising key, at most LIMIT. */
size_t store_log_owners(struct store_request *r, const char *log, struct str after, size_t limit);
/*
 * Entries with AFTER < id < BEFORE (BEFORE 0: no bound), the oldest LIMIT (0: all), or the newest
 * when FROM_END. Either way they are listed by rising id.
 */
size_t store_log_range(struct store_request *r, struct str owner, const char *log, uint64_t after,
		       uint64_t before, size_t limit, bool from_end);
/* Removes entries up to and including id UP_TO. */
size_t store_log_trim(struct store_request *r, struct str owner, const char *log, uint64_t up_to);
size_t store_log_remove(struct store_request *r, struct str owner, const char *log, uint64_t id);
size_t store_log_count(struct store_request *r, struct str owner, const char *log);

/* Accounts: VALUE is the credentials' text (xmpp/credentials.h). */
size_t store_auth_get(struct store_request *r, struct str owner);
size_t store_auth_create(struct store_request *r, struct str owner,
			 struct str value); /* STORE_CONFLICT */
size_t store_auth_put(struct store_request *r, struct str owner,
		      struct str value); /* STORE_MISSING */
/* The same, if OLD (not empty) stands there; else STORE_CONFLICT, or STORE_MISSING. */
size_t store_auth_swap(struct store_request *r, struct str owner, struct str old, struct str value);
/* Items with key = owner, from AFTER (exclusive) on, at most LIMIT (0: all), of DOMAIN (empty:
 * all). */
size_t store_auth_list(struct store_request *r, struct str domain, struct str after, size_t limit);
/*
 * Begins a copy of all that is committed as the database file TO, or goes on with it. Ask again
 * until result.count, the pages that are left, is 0. Between two calls the store does what else it
 * has to do; what it writes meanwhile is in the copy. STORE_CONFLICT: another copy is under way.
 * STORE_MISSING: this driver cannot. STORE_FULL: TO cannot be written.
 */
size_t store_backup(struct store_request *r, struct str to);
/* The account and all that it owns, in every shape. */
size_t store_owner_remove(struct store_request *r, struct str owner);

/*
 * Slow, pure work (a password's hash) off the loops: runs WORK on one of a few threads that no
 * request ever waits for, then DONE on LOOP.
 */
void store_offload(struct store *store, struct loop *loop, void (*work)(void *arg),
		   void (*done)(void *arg), void *arg);
