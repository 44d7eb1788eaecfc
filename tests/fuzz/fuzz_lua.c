/* SPDX-License-Identifier: MIT */
/* fuzz_lua.c - tables in Lua: the reader ends, and says why when it refuses. */
#include "ctl/lua_data.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str rest = str_of(data, size);
	struct lua_value value;
	const char *why = NULL;
	size_t before;
	int rc;

	if (lua_read_return(arena, rest, &value, &why) < 0 && why == NULL)
		abort();
	(void)lua_text(lua_field(&value, "attr"), "xmlns");
	do {
		before = rest.len;
		why = NULL;
		rc = lua_read_item(arena, &rest, &value, &why);
		if ((rc < 0) != (why != NULL) || (rc > 0 && rest.len >= before))
			abort();
	} while (rc > 0);
	arena_free(arena);
	return 0;
}
