/* SPDX-License-Identifier: MIT */
/* inspect.c - looking at a data directory without touching it. */
#include "store/inspect.h"

#include "store/sqlite.h"

#include <unistd.h>

enum inspect_result
store_inspect(const char *directory, size_t *format, struct arena *arena, struct str *why)
{
	struct str path = arena_printf(arena, "%s/recado.db", directory);
	sqlite3 *db = NULL;
	enum inspect_result result = INSPECT_BAD;

	*format = sqlite_schema_count;
	if (access(path.p, F_OK) < 0)
		return INSPECT_NOTHING;
	if (sqlite3_open_v2(path.p, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		*why = arena_printf(arena, "cannot open %s: %s", path.p, sqlite3_errmsg(db));
	else if (sqlite_check_format(db, arena, why) == 0)
		result = INSPECT_GOOD;
	else if (sqlite3_errcode(db) == SQLITE_BUSY)
		result = INSPECT_BUSY;
	sqlite3_close(db);
	return result;
}
