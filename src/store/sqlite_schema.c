/* SPDX-License-Identifier: MIT */
/*
 * sqlite_schema.c - the format of the database: its version, and the steps to it from older ones.
 *
 * The version stands in PRAGMA user_version; step N, schema/000N.sql, leads from format N-1 to N,
 * in a transaction of its own. A newer format than this program's is refused, untouched.
 */
#include "store/sqlite.h"

#include "base/crash.h"
#include "base/log.h"

#define APPLICATION_ID 0x5243444f /* "RCDO": tells Recado's files from other SQLite databases */

static int
number_of(sqlite3 *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *stmt = NULL;
	int rc = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW) {
		*out = sqlite3_column_int64(stmt, 0);
		rc = 0;
	}
	sqlite3_finalize(stmt);
	return rc;
}

static int
take_step(sqlite3 *db, size_t version, struct arena *arena)
{
	struct str end =
		arena_printf(arena, "PRAGMA application_id = %d; PRAGMA user_version = %zu; COMMIT",
			     APPLICATION_ID, version);

	if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(db, sqlite_schema_steps[version - 1], NULL, NULL, NULL) != SQLITE_OK)
		return -1;
	CRASH_POINT("mid-migration");
	if (sqlite3_exec(db, end.p, NULL, NULL, NULL) != SQLITE_OK)
		return -1;
	CRASH_POINT("after-migration");
	log_event(LOG_INFO, version == 1 ? "store-created" : "store-migrated",
		  LOG_INT("format", version));
	return 0;
}

/* Refuses what this program must not touch; else sets *VERSION, 0 for an empty database. */
static int
check_format(sqlite3 *db, int64_t *version, struct arena *arena, struct str *why)
{
	int64_t application, tables;

	if (number_of(db, "PRAGMA user_version", version) < 0 ||
	    number_of(db, "PRAGMA application_id", &application) < 0 ||
	    number_of(db, "SELECT count(*) FROM sqlite_schema", &tables) < 0) {
		*why = arena_printf(arena, "cannot read the database: %s", sqlite3_errmsg(db));
		return -1;
	}
	if (tables > 0 && application != APPLICATION_ID) {
		*why = STR("recado.db is not a database of Recado");
		return -1;
	}
	if (*version < 0 || *version > (int64_t)sqlite_schema_count) {
		*why = arena_printf(
			arena,
			"the data are in format %d, written by a newer Recado; this one "
			"knows the formats up to %zu",
			(int)*version, sqlite_schema_count);
		return -1;
	}
	return 0;
}

int
sqlite_check_format(sqlite3 *db, struct arena *arena, struct str *why)
{
	int64_t version;

	return check_format(db, &version, arena, why);
}

int
sqlite_migrate(sqlite3 *db, struct arena *arena, struct str *why)
{
	int64_t version;

	if (check_format(db, &version, arena, why) < 0)
		return -1;
	for (size_t next = (size_t)version + 1; next <= sqlite_schema_count; next++)
		if (take_step(db, next, arena) < 0) {
			*why = arena_printf(arena, "cannot bring the data to format %zu: %s", next,
					    sqlite3_errmsg(db));
			return -1;
		}
	return 0;
}
