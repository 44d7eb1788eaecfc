/* SPDX-License-Identifier: MIT */
/* sqlite.h - what the files of the SQLite driver share. */
#pragma once

#include "store/driver.h"

#include <sqlite3.h>

enum statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_MARK,
	SQL_UNDO,
	SQL_UNMARK,
	SQL_LAST_SET,
	SQL_OWNER_FIND,
	SQL_OWNER_ADD,
	SQL_OWNER_REMOVE,
	SQL_DOC_GET,
	SQL_DOC_PUT,
	SQL_DOC_REMOVE,
	SQL_DOC_CLEAR,
	SQL_ITEM_LIST,
	SQL_ITEM_GET,
	SQL_ITEM_PUT,
	SQL_ITEM_REMOVE,
	SQL_ITEM_CLEAR,
	SQL_LOG_FIND,
	SQL_LOG_ADD,
	SQL_LOG_COUNT,
	SQL_LOG_CLEAR,
	SQL_ENTRY_ADD,
	SQL_ENTRY_IS,
	SQL_ENTRY_FORWARD,
	SQL_ENTRY_BACKWARD,
	SQL_ENTRY_PAGE_UP,
	SQL_ENTRY_PAGE_DOWN,
	SQL_ENTRY_EDIT,
	SQL_ENTRY_LENGTH,
	SQL_ENTRY_OLDEST,
	SQL_LOG_OWNERS,
	SQL_ENTRY_SUM,
	SQL_ENTRY_TRIM,
	SQL_ENTRY_CLEAR,
	SQL_AUTH_GET,
	SQL_AUTH_CREATE,
	SQL_AUTH_PUT,
	SQL_AUTH_SWAP,
	SQL_AUTH_REMOVE,
	SQL_AUTH_LIST,
	SQL_AUTH_LIST_DOMAIN,
	SQL_COUNT
};

struct sqlite_store {
	sqlite3 *db;
	int lock; /* the descriptor that keeps other processes out, or -1 */
	sqlite3_stmt *statements[SQL_COUNT];
	uint64_t last_id;         /* of an entry */
	uint64_t last_id_written; /* what the table `last` holds */
	struct sqlite_copy *copy; /* a backup under way, or NULL: sqlite_backup.c */
	int wal_pages;            /* in the write-ahead log since it was last copied back */
};

/* The text of STATEMENT. */
const char *sqlite_text(enum statement statement);

/* STATEMENT, ready for its arguments. Reset it when done. */
sqlite3_stmt *sqlite_statement(struct sqlite_store *st, enum statement statement);
/*
 * One step. Returns SQLITE_ROW or SQLITE_DONE, or -1 when there is no room. Any other failure ends
 * the process: it is either ours or the disk's, and nobody knows then what is stored.
 */
MUST_CHECK int sqlite_step(struct sqlite_store *st, sqlite3_stmt *stmt);
/* A statement with no rows: steps and resets. Returns 0, or -1 when there is no room. */
MUST_CHECK int sqlite_finish(struct sqlite_store *st, sqlite3_stmt *stmt);

void sqlite_bind(sqlite3_stmt *stmt, int at, struct str text);
void sqlite_bind_u64(sqlite3_stmt *stmt, int at, uint64_t number);
/* A copy of the column. */
struct str sqlite_column(struct arena *arena, sqlite3_stmt *stmt, int at);

/* The driver's `run`: sqlite_shapes.c. */
int sqlite_run(void *state, const struct store_op *op, struct arena *arena,
	       struct store_result *result);

/* store_backup: begins, goes on with, or ends the copy to the file TO. */
void sqlite_backup(struct sqlite_store *st, struct str to, struct store_result *result);
/* A few pages more; not inside of a transaction. */
void sqlite_backup_step(struct sqlite_store *st);
void sqlite_backup_end(struct sqlite_store *st);

/* schema/000N.sql stands at N-1; made by schema/embed.py. */
extern const char *const sqlite_schema_steps[];
extern const size_t sqlite_schema_count; /* which is the newest format, too */

/*
 * The format, sqlite_schema.c: refuses a database that is not Recado's or is newer; makes an older
 * one new. Both return 0, or -1 with *WHY in ARENA.
 */
MUST_CHECK int sqlite_check_format(sqlite3 *db, struct arena *arena, struct str *why);
MUST_CHECK int sqlite_migrate(sqlite3 *db, struct arena *arena, struct str *why);
