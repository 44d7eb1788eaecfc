/* SPDX-License-Identifier: MIT */
/*
 * sqlite_backup.c - a copy of the database while it is in use, by SQLite's online backup: pages
 * that are written after they were copied are written to the copy too, so that it ends at a commit.
 */
#include "store/sqlite.h"

#include "base/log.h"

#include <stdlib.h>

#define STEP_PAGES 128 /* half a MiB: about as long as a large commit */

struct sqlite_copy {
	sqlite3 *db;
	sqlite3_backup *backup;
	char *path;
	int rc; /* of the last step */
};

void
sqlite_backup_end(struct sqlite_store *st)
{
	struct sqlite_copy *copy = st->copy;

	if (copy == NULL)
		return;
	st->copy = NULL;
	if (copy->backup != NULL)
		sqlite3_backup_finish(copy->backup);
	sqlite3_close(copy->db);
	free(copy->path);
	free(copy);
}

static void
begin(struct sqlite_store *st, struct str to)
{
	struct sqlite_copy *copy = xnew(struct sqlite_copy);

	copy->path = str_dupz(to);
	copy->rc = sqlite3_open_v2(
		copy->path, &copy->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE, NULL);
	/*
	 * A copy that is not finished is thrown away, and backup_seal flushes one that is, off the
	 * store's thread: it must not wait for gigabytes.
	 */
	if (copy->rc == SQLITE_OK)
		copy->rc = sqlite3_exec(copy->db,
					"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL,
					NULL, NULL);
	if (copy->rc == SQLITE_OK) {
		copy->backup = sqlite3_backup_init(copy->db, "main", st->db, "main");
		copy->rc = copy->backup != NULL ? SQLITE_OK : SQLITE_ERROR;
	}
	st->copy = copy;
}

void
sqlite_backup_step(struct sqlite_store *st)
{
	struct sqlite_copy *copy = st->copy;

	if (copy == NULL || copy->rc == SQLITE_DONE || copy->backup == NULL)
		return;
	copy->rc = sqlite3_backup_step(copy->backup, STEP_PAGES);
	if (copy->rc == SQLITE_DONE) {
		int rc = sqlite3_backup_finish(copy->backup);

		copy->backup = NULL;
		if (rc != SQLITE_OK)
			copy->rc = rc;
	}
}

void
sqlite_backup(struct sqlite_store *st, struct str to, struct store_result *result)
{
	if (st->copy == NULL) {
		begin(st, to);
	} else if (!str_is(to, st->copy->path)) {
		result->status = STORE_CONFLICT;
		return;
	}
	switch (st->copy->rc) {
	case SQLITE_DONE:
		sqlite_backup_end(st);
		break;
	case SQLITE_OK:
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		result->count = 1 + (uint64_t)sqlite3_backup_remaining(st->copy->backup);
		break;
	default:
		log_event(LOG_ERROR, "backup-failed", LOG_Z("file", st->copy->path),
			  LOG_Z("reason", sqlite3_errstr(st->copy->rc)));
		sqlite_backup_end(st);
		result->status = STORE_FULL;
	}
}
