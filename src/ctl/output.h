/* SPDX-License-Identifier: MIT */
/*
 * output.h - tables for people, lines for programs.
 *
 * Resources and the like were chosen by users: nothing of them may reach a terminal as a command
 * (SEC-62).
 */
#pragma once

#include "base/arena.h"

#include <jansson.h>

/* One line on standard output. VALUE is taken over. */
void output_json(json_t *value);

/* TEXT with its control characters as \xNN; TEXT itself when it has none. */
const char *output_safe(struct arena *arena, const char *text);

struct output_column {
	const char *title;
	const char *key;                                               /* in each row's object */
	bool is_right;                                                 /* numbers */
	const char *(*show)(struct arena *arena, const json_t *value); /* NULL: as it is */
};

/*
 * A table of ROWS, an array of objects. On a terminal its columns are aligned and have titles, if
 * IS_FIRST; elsewhere a tab stands between the values.
 */
void output_table(const struct output_column *columns, size_t column_count, const json_t *rows,
		  bool is_first);

/* "3d 4h", "5m 2s" */
const char *output_duration(struct arena *arena, uint64_t seconds);
/* "1,234,567" */
const char *output_count(struct arena *arena, uint64_t n);
