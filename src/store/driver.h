/* SPDX-License-Identifier: MIT */
/*
 * driver.h - what a storage driver must provide: operations, carried out inside of batches.
 *
 * One thread at a time uses a driver. It calls begin, then run for each operation of each request
 * of the batch, then commit, or rollback. A driver that cannot make a write durable ends the
 * process itself; the only failure it reports is that there is no room.
 */
#pragma once

#include "store/store.h"

enum store_op_kind {
	OP_DOC_GET,
	OP_DOC_PUT,
	OP_DOC_REMOVE,
	OP_SET_LIST,
	OP_SET_GET,
	OP_SET_PUT,
	OP_SET_REMOVE,
	OP_LOG_APPEND,
	OP_LOG_RANGE,
	OP_LOG_TRIM,
	OP_LOG_REMOVE,
	OP_LOG_COUNT,
	OP_LOG_PAGE,
	OP_LOG_EDIT,
	OP_LOG_PRUNE,
	OP_LOG_OWNERS,
	OP_AUTH_GET,
	OP_AUTH_CREATE,
	OP_AUTH_PUT,
	OP_AUTH_LIST,
	OP_OWNER_REMOVE,
	OP_BACKUP,
	OP_KINDS
};

/* No text in it is STR_NONE: what is absent is empty. */
struct store_op {
	struct store_op *next;
	enum store_op_kind kind;
	struct str owner; /* auth_list: the domain */
	struct str name;  /* of the doc, set or log */
	struct str key;   /* set: the item's; log_append: the correspondent; auth_list: AFTER;
			   * auth_put: what must stand there, or empty */
	struct str value;
	uint64_t id; /* log_range: AFTER; log_trim: UP_TO; log_remove; log_append: 0, or wanted */
	uint64_t before; /* log_range */
	uint64_t at_us;  /* log_append */
	uint64_t max_count, max_bytes;
	size_t limit;
	bool from_end;
	uint32_t flags;          /* log_append, log_edit */
	struct str meta;         /* log_append */
	struct store_page *page; /* log_page */
};

struct store_driver {
	const char *name;
	/* Returns 0, or -1 with *WHY in ARENA. */
	int (*open)(const char *path, void **state, struct arena *arena, struct str *why);
	void (*close)(void *state);
	void (*begin)(void *state);
	/*
	 * Carries out OP. *RESULT is zeroed before; what it points to goes into ARENA. An operation
	 * that is refused has changed nothing. Returns 0, or -1 when there is no room: the batch is
	 * lost then, and must be rolled back.
	 */
	int (*run)(void *state, const struct store_op *op, struct arena *arena,
		   struct store_result *result);
	/* Inside of a batch: marks this point; undoes all since the mark; forgets the mark. */
	int (*mark)(void *state);
	void (*undo)(void *state);
	void (*unmark)(void *state);
	/* Makes the batch durable. Returns 0, or -1 when there is no room; it is rolled back then.
	 */
	int (*commit)(void *state);
	void (*rollback)(void *state);
	/* After the answers went out; IS_IDLE when nothing waits: time for housekeeping. */
	void (*rest)(void *state, bool is_idle);
};

extern const struct store_driver sqlite_driver, memory_driver;

/* Whether KIND changes anything; whether it can refuse its request; does STATUS do so? */
bool op_writes(enum store_op_kind kind);
bool op_can_refuse(enum store_op_kind kind);
bool op_refuses(enum store_op_kind kind, enum store_status status);

/* Whether PAGE chooses ITEM, whose value is there. */
bool page_chooses(const struct store_page *page, const struct store_item *item);
/* The bounds of ids to look at, both inclusive. Returns whether there are any. */
bool page_bounds(const struct store_page *page, uint64_t *first, uint64_t *last);

/* The domain of a bare JID (RFC 7622 §3.2). */
struct str owner_domain(struct str owner);
