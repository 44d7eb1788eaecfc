/* SPDX-License-Identifier: MIT */
/* fuzz_erl.c - terms in Erlang: the reader ends, goes on, and says why when it refuses. */
#include "ctl/erl_data.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every text can be read, and what counts itself counts right. */
static size_t
walk(const struct erl_value *value)
{
	size_t sum = 0, count = 0;
	struct str text = erl_text(value);

	for (size_t i = 0; i < text.len; i++)
		sum += (unsigned char)text.p[i];
	for (const struct erl_value *item = value->items; item != NULL; item = item->next, count++)
		sum += walk(item);
	if (count != value->count)
		abort();
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str rest = str_of(data, size);
	struct erl_value value;
	const char *why;
	size_t before;
	int rc;

	do {
		before = rest.len;
		why = NULL;
		rc = erl_read_term(arena, &rest, &value, &why);
		if ((rc < 0) != (why != NULL) || (rc > 0 && rest.len >= before))
			abort();
		if (rc > 0)
			(void)walk(&value);
	} while (rc > 0);
	arena_free(arena);
	return 0;
}
