/* SPDX-License-Identifier: MIT */
/* import_line.h - one line of a file of accounts, in any of three forms. */
#pragma once

#include "base/arena.h"

struct import_line {
	const char *account;
	const char *password;
	const char
		*credentials; /* SCRAM keys (xmpp/credentials.h) instead of a password, or NULL */
};

/* Returns 0, or -1 with *WHY. The result is in ARENA. */
MUST_CHECK int import_line_parse(struct arena *arena, struct str text, struct import_line *out,
				 const char **why);
