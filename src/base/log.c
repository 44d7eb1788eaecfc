/* SPDX-License-Identifier: MIT */
/* log.c - writing, escaping and folding log lines. */
#include "base/log.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define FOLD_SLOTS 64u
#define FOLD_WINDOW_MS 60000u

static _Atomic int level_now = LOG_INFO;
static void (*line_sink)(enum log_level, struct str);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Counts by event name; names are constants, so their addresses serve as keys. */
static struct fold {
	const char *name;
	uint64_t since_ms;
	unsigned seen, suppressed;
} folds[FOLD_SLOTS];

static const char *const names[] = {"error", "warning", "info", "debug"};
static const char journal_levels[] = "3467";

enum log_level
log_level_now(void)
{
	return (enum log_level)atomic_load_explicit(&level_now, memory_order_relaxed);
}

void
log_set_level(enum log_level level)
{
	atomic_store(&level_now, level);
}

int
log_level_parse(struct str text, enum log_level *level)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (str_is(text, names[i])) {
			*level = (enum log_level)i;
			return 0;
		}
	return -1;
}

const char *
log_level_name(enum log_level level)
{
	return names[level];
}

void
log_set_sink(void (*sink)(enum log_level, struct str))
{
	line_sink = sink;
}

static bool
needs_quotes(struct str s)
{
	if (s.len == 0)
		return true;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
			return true;
	}
	return false;
}

/* Bytes past ASCII are escaped too: C1 controls are two of them, and some terminals obey. */
static void
add_value(struct buf *buf, struct str s)
{
	if (!needs_quotes(s)) {
		buf_add(buf, s);
		return;
	}
	buf_add_char(buf, '"');
	for (size_t i = 0; i < s.len && i < 1024; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			buf_printf(buf, "\\%c", c);
		else if (c == '\n')
			buf_addz(buf, "\\n");
		else if (c < ' ' || c == 0x7f ||
			 (c == 0xc2 && i + 1 < s.len && (unsigned char)s.p[i + 1] < 0xa0))
			buf_printf(buf, "\\x%02x", c);
		else
			buf_add_char(buf, (char)c);
	}
	buf_addz(buf, s.len > 1024 ? "...\"" : "\"");
}

static void
write_line(enum log_level level, const char *name, const struct log_field *fields, size_t n)
{
	static int to_journal = -1;
	struct buf buf = {0};

	if (to_journal < 0)
		to_journal = getenv("JOURNAL_STREAM") != NULL;
	if (line_sink == NULL && to_journal) {
		buf_printf(&buf, "<%c>", journal_levels[level]);
	} else if (line_sink == NULL) {
		struct arena *arena = arena_new();

		buf_add(&buf, time_format(arena, time_wall_us(), true));
		buf_add_char(&buf, ' ');
		arena_free(arena);
	}
	buf_printf(&buf, "level=%s event=%s", names[level], name);
	for (size_t i = 0; i < n; i++) {
		if (fields[i].is_number) {
			buf_printf(&buf, " %s=%lld", fields[i].key, (long long)fields[i].number);
		} else if (fields[i].text.p != NULL) {
			buf_printf(&buf, " %s=", fields[i].key);
			add_value(&buf, fields[i].text);
		}
	}
	if (line_sink != NULL) {
		line_sink(level, buf_str(&buf));
	} else {
		buf_add_char(&buf, '\n');
		/* One write, so that lines of several threads do not mix. A full disk is no reason
		 * to stop. */
		if (write(STDERR_FILENO, buf.p + buf.start, buf_len(&buf)) < 0)
			(void)0;
	}
	buf_free(&buf);
}

/* Counts an event under the lock. False when this one is to be folded. */
static bool
admit(enum log_level level, const char *name)
{
	uint64_t now = time_mono_ms();
	struct fold *fold = &folds[((uintptr_t)name >> 3) % FOLD_SLOTS];

	if (fold->name != name || now - fold->since_ms >= FOLD_WINDOW_MS) {
		if (fold->suppressed > 0) {
			struct log_field fields[] = {LOG_Z("of", fold->name),
						     LOG_INT("count", fold->suppressed)};

			write_line(level, "folded", fields, COUNT(fields));
		}
		*fold = (struct fold){.name = name, .since_ms = now};
	}
	if (fold->seen < LOG_FOLD_MAX) {
		fold->seen++;
		return true;
	}
	fold->suppressed++;
	return false;
}

void
log_fields(enum log_level level, const char *name, const struct log_field *fields, size_t n)
{
	pthread_mutex_lock(&lock);
	/* Debug is asked for on purpose, and whole. */
	if (level == LOG_DEBUG || admit(level, name))
		write_line(level, name, fields, n);
	pthread_mutex_unlock(&lock);
}
