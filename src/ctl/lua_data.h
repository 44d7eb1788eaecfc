/* SPDX-License-Identifier: MIT */
/*
 * lua_data.h - reading tables that were written as Lua source, without running anything: strings,
 * numbers, true, false, nil, and tables of these.
 */
#pragma once

#include "base/arena.h"

enum lua_type { LUA_NIL, LUA_BOOL, LUA_NUMBER, LUA_STRING, LUA_TABLE };

struct lua_entry;

struct lua_value {
	enum lua_type type;
	struct str text;           /* of a string; a number as it is written; "true" or "false" */
	struct lua_entry *entries; /* of a table, in order */
};

struct lua_entry {
	struct lua_value key, value; /* what has no key has its number */
	struct lua_entry *next;
};

/* The value of "return VALUE". Returns 0, or -1 with *WHY a constant phrase. */
MUST_CHECK int lua_read_return(struct arena *arena, struct str text, struct lua_value *out,
			       const char **why);
/*
 * The next VALUE of a row of "item(VALUE);", which is taken off *REST. Returns 1, 0 at the end, or
 * -1 with *WHY.
 */
MUST_CHECK int lua_read_item(struct arena *arena, struct str *rest, struct lua_value *out,
			     const char **why);

/* The value of KEY, a string, in TABLE (of any type, or NULL); or NULL. */
const struct lua_value *lua_field(const struct lua_value *table, const char *key);
/* The text of a string, or a number, there; or STR_NONE. */
struct str lua_text(const struct lua_value *table, const char *key);
/* Whether what stands there is true. */
bool lua_is_true(const struct lua_value *table, const char *key);
