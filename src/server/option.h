/* SPDX-License-Identifier: MIT */
/*
 * option.h - the options of a module: how they are declared, and how their values are read.
 *
 * A module declares its options in a const table. The configuration checks the file against it, and
 * the manual is made from it. Values are read by name; a name that the table does not have is a
 * bug.
 */
#pragma once

#include "base/str.h"

enum option_type {
	OPTION_BOOL,     /* true, false */
	OPTION_INT,      /* 12 */
	OPTION_DURATION, /* "500ms", "30s", "5m", "2h", "7d"; 0 */
	OPTION_SIZE,     /* bytes: 4096, "64KiB", "10MiB", "1GiB" */
	OPTION_TEXT,     /* "text" */
	OPTION_LIST,     /* "text", or ["text", "text"] */
};

/* A table of them ends with a name that is NULL. */
struct option {
	const char *name;
	enum option_type type;
	const char *default_value; /* as in the file, without quotes; LIST: separated by blanks */
	const char *help;          /* a phrase without a full stop */
	const char *choices; /* of a TEXT: all that are allowed, separated by blanks, or NULL */
	uint64_t min, max;   /* of INT, DURATION (ms) and SIZE; max 0: the type's own */
};

struct text_list {
	struct str *items; /* each with a NUL behind it */
	size_t count;
};

/* The values of one module's options, for one host. Immutable; lives as long as its struct config.
 */
struct option_values;

bool option_bool(const struct option_values *values, const char *name);
uint64_t option_number(const struct option_values *values, const char *name); /* INT */
uint64_t option_ms(const struct option_values *values, const char *name);     /* DURATION */
uint64_t option_bytes(const struct option_values *values, const char *name);  /* SIZE */
/* A NUL stands behind it. Empty when there is none. */
struct str option_text(const struct option_values *values, const char *name);
const struct text_list *option_list(const struct option_values *values, const char *name);
