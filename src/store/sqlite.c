/* SPDX-License-Identifier: MIT */
/*
 * sqlite.c - the SQLite driver: opening, transactions, and what an error means.
 *
 * Write-ahead log with synchronous=FULL: COMMIT returns when the log's pages are on the disk. The
 * connection is exclusive, so there is no shared-memory file and no lock to take per transaction.
 * The log is copied back into the database between batches, never inside of a commit.
 */
#include "store/sqlite.h"

#include "base/crash.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECKPOINT_IDLE 1000 /* pages of 4 KiB in the log: copied back when nothing waits */
#define CHECKPOINT_BUSY 2000 /* and in any case; see doc/decisions.md */

static const char setup[] = "PRAGMA locking_mode = EXCLUSIVE;"
			    "PRAGMA journal_mode = WAL;"
			    "PRAGMA synchronous = FULL;"
			    "PRAGMA wal_autocheckpoint = 0;"
			    "PRAGMA journal_size_limit = 67108864;"
			    "PRAGMA temp_store = MEMORY;"
			    "PRAGMA cache_size = -16384;"
			    "PRAGMA trusted_schema = OFF";

/* What the system said when a write to the log failed; IN_DATABASE: to the file that it is copied
 * to. */
static int
system_error(struct sqlite_store *st, bool in_database)
{
	int which = in_database ? SQLITE_FCNTL_FILE_POINTER : SQLITE_FCNTL_JOURNAL_POINTER;
	sqlite3_file *file = NULL;
	int error = 0;

	if (sqlite3_file_control(st->db, "main", which, &file) == SQLITE_OK && file != NULL &&
	    file->pMethods != NULL)
		file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
	return error;
}

/* Whether the failure is only that there is no room, as against a disk that failed. */
static bool
is_full(struct sqlite_store *st, bool in_database)
{
	int rc = sqlite3_extended_errcode(st->db);
	int error = system_error(st, in_database);

	if ((rc & 0xff) == SQLITE_FULL)
		return true;
	/* A quota or a limit on the file's size. Of a failed fsync no cause is good enough. */
	return rc == SQLITE_IOERR_WRITE && (error == EDQUOT || error == EFBIG || error == ENOSPC);
}

static void NORETURN
die(struct sqlite_store *st, const char *what)
{
	log_event(LOG_ERROR, "store-failed", LOG_Z("during", what),
		  LOG_INT("code", sqlite3_extended_errcode(st->db)),
		  LOG_Z("reason", sqlite3_errmsg(st->db)),
		  LOG_Z("log", strerror(system_error(st, false))),
		  LOG_Z("database", strerror(system_error(st, true))));
	abort();
}

sqlite3_stmt *
sqlite_statement(struct sqlite_store *st, enum statement statement)
{
	sqlite3_stmt **stmt = &st->statements[statement];

	if (*stmt == NULL && sqlite3_prepare_v3(st->db, sqlite_text(statement), -1,
						SQLITE_PREPARE_PERSISTENT, stmt, NULL) != SQLITE_OK)
		die(st, sqlite_text(statement));
	return *stmt;
}

int
sqlite_step(struct sqlite_store *st, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		return rc;
	if (!is_full(st, false))
		die(st, sqlite3_sql(stmt));
	sqlite3_reset(stmt);
	return -1;
}

int
sqlite_finish(struct sqlite_store *st, sqlite3_stmt *stmt)
{
	int rc = sqlite_step(st, stmt);

	if (rc < 0)
		return -1;
	assert(rc == SQLITE_DONE);
	sqlite3_reset(stmt);
	return 0;
}

void
sqlite_bind(sqlite3_stmt *stmt, int at, struct str text)
{
	/* Static: the statement is reset before the request's arena goes. */
	int rc = sqlite3_bind_blob64(stmt, at, text.p, text.len, SQLITE_STATIC);

	assert(rc == SQLITE_OK);
	(void)rc;
}

void
sqlite_bind_u64(sqlite3_stmt *stmt, int at, uint64_t number)
{
	int rc = sqlite3_bind_int64(stmt, at, (int64_t)MIN(number, (uint64_t)INT64_MAX));

	assert(rc == SQLITE_OK);
	(void)rc;
}

struct str
sqlite_column(struct arena *arena, sqlite3_stmt *stmt, int at)
{
	const void *p = sqlite3_column_blob(stmt, at);
	size_t len = (size_t)sqlite3_column_bytes(stmt, at);

	return arena_dup(arena, str_of(p ? p : "", len));
}

static void
simple(struct sqlite_store *st, enum statement statement)
{
	if (sqlite_finish(st, sqlite_statement(st, statement)) < 0)
		die(st, sqlite_text(statement)); /* none of these needs room */
}

static void
sqlite_begin(void *state)
{
	simple(state, SQL_BEGIN);
}

static int
sqlite_mark(void *state)
{
	struct sqlite_store *st = state;

	return sqlite_finish(st, sqlite_statement(st, SQL_MARK));
}

static void
sqlite_undo(void *state)
{
	simple(state, SQL_UNDO);
}

static void
sqlite_unmark(void *state)
{
	simple(state, SQL_UNMARK);
}

static void
sqlite_rollback(void *state)
{
	struct sqlite_store *st = state;

	/* Some errors have rolled back already. */
	if (!sqlite3_get_autocommit(st->db))
		simple(st, SQL_ROLLBACK);
}

/* Ids that were given out must not come again, though their entries may be gone by then. */
static int
keep_last_id(struct sqlite_store *st)
{
	sqlite3_stmt *stmt;

	if (st->last_id == st->last_id_written)
		return 0;
	stmt = sqlite_statement(st, SQL_LAST_SET);
	sqlite_bind_u64(stmt, 1, st->last_id);
	return sqlite_finish(st, stmt);
}

static int
sqlite_commit(void *state)
{
	struct sqlite_store *st = state;

	if (keep_last_id(st) < 0 || sqlite_finish(st, sqlite_statement(st, SQL_COMMIT)) < 0) {
		sqlite_rollback(st);
		return -1;
	}
	st->last_id_written = st->last_id;
	return 0;
}

static int
count_wal_pages(void *state, sqlite3 *db UNUSED, const char *name UNUSED, int pages)
{
	struct sqlite_store *st = state;

	st->wal_pages = pages;
	return SQLITE_OK;
}

/* Copies the log back into the database. */
static void
checkpoint(struct sqlite_store *st)
{
	st->wal_pages = 0;
	CRASH_POINT("before-checkpoint");
	/* Without room the log simply stays: nothing is lost, and it is tried again. */
	if (sqlite3_wal_checkpoint_v2(st->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) !=
		    SQLITE_OK &&
	    !is_full(st, true))
		die(st, "checkpoint");
	CRASH_POINT("after-checkpoint");
}

static void
sqlite_rest(void *state, bool is_idle)
{
	struct sqlite_store *st = state;

	sqlite_backup_step(st);
	if (st->wal_pages >= (is_idle ? CHECKPOINT_IDLE : CHECKPOINT_BUSY))
		checkpoint(st);
}

/* Makes the directory if need be; its name must survive a power cut as the data do. */
static int
make_directory(const char *path, struct arena *arena, struct str *why)
{
	int fd, rc;

	if (mkdir(path, 0700) < 0) {
		if (errno == EEXIST)
			return 0;
		*why = arena_printf(arena, "cannot make the data directory %s: %s", path,
				    strerror(errno));
		return -1;
	}
	fd = open(arena_printf(arena, "%s/..", path).p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0; /* ours to search, but not to read: nothing more can be done */
	rc = fsync(fd);
	close(fd);
	if (rc < 0)
		*why = arena_printf(arena, "cannot sync the directory of %s: %s", path,
				    strerror(errno));
	return rc;
}

/* Keeps a second process out of the directory, and says which one is in it. */
static int
lock_directory(const char *path, int *fd, struct arena *arena, struct str *why)
{
	struct str name = arena_printf(arena, "%s/lock", path);
	char pid[24] = "";
	ssize_t len;

	*fd = open(name.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0) {
		*why = arena_printf(arena, "cannot open %s: %s", name.p, strerror(errno));
		return -1;
	}
	if (flock(*fd, LOCK_EX | LOCK_NB) < 0) {
		len = read(*fd, pid, sizeof(pid) - 1);
		*why = arena_printf(arena, "the data directory %s is in use by process %.*s", path,
				    len > 0 ? (int)len : 1, len > 0 ? pid : "?");
		return -1;
	}
	len = snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (ftruncate(*fd, 0) < 0 || pwrite(*fd, pid, (size_t)len, 0) < 0)
		log_event(LOG_WARNING, "store-lock-unwritten", LOG_Z("reason", strerror(errno)));
	return 0;
}

/* The database file, with its mode set before there is anything in it; SQLite's others copy that.
 */
static int
open_database(const char *path, sqlite3 **db, struct arena *arena, struct str *why)
{
	struct str name = arena_printf(arena, "%s/recado.db", path);
	int fd = open(name.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		*why = arena_printf(arena, "cannot open %s: %s", name.p, strerror(errno));
		return -1;
	}
	close(fd);
	if (sqlite3_open_v2(name.p, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK) {
		*why = arena_printf(arena, "cannot open %s: %s", name.p, sqlite3_errmsg(*db));
		return -1;
	}
	sqlite3_extended_result_codes(*db, 1);
	return 0;
}

static void
sqlite_close(void *state)
{
	struct sqlite_store *st = state;

	if (st == NULL)
		return;
	sqlite_backup_end(st);
	if (st->wal_pages > 0)
		checkpoint(st); /* which closing does, too, but without telling of a failure */
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(st->statements[i]);
	sqlite3_close(st->db);
	if (st->lock >= 0)
		close(st->lock);
	free(st);
}

static int
load_last_id(struct sqlite_store *st)
{
	sqlite3_stmt *stmt = NULL;
	int rc = -1;

	if (sqlite3_prepare_v2(st->db, "SELECT entry FROM last", -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW) {
		st->last_id = st->last_id_written = (uint64_t)sqlite3_column_int64(stmt, 0);
		rc = 0;
	}
	sqlite3_finalize(stmt);
	return rc;
}

static int
sqlite_open(const char *path, void **state, struct arena *arena, struct str *why)
{
	struct sqlite_store *st = xnew(struct sqlite_store);
	int rc = -1;

	st->lock = -1;
	if (make_directory(path, arena, why) < 0 ||
	    lock_directory(path, &st->lock, arena, why) < 0 ||
	    open_database(path, &st->db, arena, why) < 0)
		goto out;
	/* The format first: what is not ours, or newer, stays as it is. */
	if (sqlite_check_format(st->db, arena, why) < 0)
		goto out;
	if (sqlite3_exec(st->db, setup, NULL, NULL, NULL) != SQLITE_OK) {
		*why = arena_printf(arena, "cannot set up %s/recado.db: %s", path,
				    sqlite3_errmsg(st->db));
		goto out;
	}
	if (sqlite_migrate(st->db, arena, why) < 0)
		goto out;
	if (load_last_id(st) < 0) {
		*why = arena_printf(arena, "cannot read %s/recado.db: %s", path,
				    sqlite3_errmsg(st->db));
		goto out;
	}
	sqlite3_wal_hook(st->db, count_wal_pages, st);
	*state = st;
	st = NULL;
	rc = 0;
out:
	sqlite_close(st);
	return rc;
}

const struct store_driver sqlite_driver = {
	.name = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.begin = sqlite_begin,
	.run = sqlite_run,
	.mark = sqlite_mark,
	.undo = sqlite_undo,
	.unmark = sqlite_unmark,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.rest = sqlite_rest,
};
