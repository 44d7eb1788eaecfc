/* SPDX-License-Identifier: MIT */
/*
 * log.h - one line per event, in fields: level, event name, then key=value.
 *
 * Values are quoted when they need it and control characters escaped, so that a peer can neither
 * forge a line nor send escapes to a terminal (SEC-62). Events that repeat more often than
 * LOG_FOLD_MAX times in a minute are folded into one line that counts them. No field may hold a
 * password, a key or a message's body.
 */
#pragma once

#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

#define LOG_FOLD_MAX 60u

struct log_field {
	const char *key;
	struct str text; /* p NULL: the field is left out, unless it is a number */
	int64_t number;
	bool is_number;
};

#define LOG_STR(key, value) ((struct log_field){key, value, 0, false})
#define LOG_Z(key, value) ((struct log_field){key, str(value), 0, false})
#define LOG_INT(key, value) ((struct log_field){key, STR_NONE, (int64_t)(value), true})

/* log_event(LOG_INFO, "session-bound", LOG_STR("jid", jid), LOG_INT("port", port)); */
#define log_event(level, name, ...)                                                                \
	do {                                                                                       \
		if ((level) <= log_level_now())                                                    \
			log_fields(level, name, (struct log_field[]){__VA_ARGS__},                 \
				   sizeof((struct log_field[]){__VA_ARGS__}) /                     \
					   sizeof(struct log_field));                              \
	} while (0)

void log_fields(enum log_level level, const char *name, const struct log_field *fields, size_t n);

enum log_level log_level_now(void);
void log_set_level(enum log_level level);
/* 0 and *LEVEL for "error", "warning", "info", "debug"; else -1. */
MUST_CHECK int log_level_parse(struct str text, enum log_level *level);
const char *log_level_name(enum log_level level);

/*
 * Where lines go: to standard error by default, with the journal's "<6>" prefix instead of a time
 * when the journal reads it. SINK NULL restores that. LINE has no line end.
 */
void log_set_sink(void (*sink)(enum log_level level, struct str line));
