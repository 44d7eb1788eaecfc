/* SPDX-License-Identifier: MIT */
/* inspect.h - looking at a data directory without touching it, for `recadoctl check`. */
#pragma once

#include "base/arena.h"

enum inspect_result {
	INSPECT_GOOD,
	INSPECT_NOTHING, /* no data yet */
	INSPECT_BUSY,    /* a server has it open, and keeps it for itself */
	INSPECT_BAD,     /* *WHY says it */
};

/* Whether this program can read what is in DIRECTORY. *FORMAT is the newest one that it knows. */
enum inspect_result store_inspect(const char *directory, size_t *format, struct arena *arena,
				  struct str *why);
