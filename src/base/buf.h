/* SPDX-License-Identifier: MIT */
/*
 * buf.h - bytes that are appended at one end and consumed at the other.
 *
 * A zeroed struct buf is empty and holds no memory. An empty one can give its memory back.
 */
#pragma once

#include "base/str.h"

struct buf {
	char *p;
	size_t start, end; /* the content is p[start..end) */
	size_t size;       /* allocated */
};

void buf_free(struct buf *buf);

static inline size_t
buf_len(const struct buf *buf)
{
	return buf->end - buf->start;
}

/* A view of the content, until BUF changes. */
static inline struct str
buf_str(const struct buf *buf)
{
	return (struct str){buf->p ? buf->p + buf->start : NULL, buf->end - buf->start};
}

void buf_make_room(struct buf *buf, size_t size);

/* Room for SIZE more bytes; add what was written with buf_wrote. */
static inline char *
buf_room(struct buf *buf, size_t size)
{
	if (buf->size - buf->end < size)
		buf_make_room(buf, size);
	return buf->p + buf->end;
}

static inline void
buf_wrote(struct buf *buf, size_t size)
{
	buf->end += size;
}

static inline void
buf_add(struct buf *buf, struct str text)
{
	if (text.len > 0) {
		memcpy(buf_room(buf, text.len), text.p, text.len);
		buf->end += text.len;
	}
}

static inline void
buf_addz(struct buf *buf, const char *text)
{
	buf_add(buf, str(text));
}

static inline void
buf_add_char(struct buf *buf, char c)
{
	*buf_room(buf, 1) = c;
	buf->end++;
}

void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* Drops the first SIZE bytes. */
static inline void
buf_consume(struct buf *buf, size_t size)
{
	assert(size <= buf->end - buf->start);
	buf->start += size;
	if (buf->start == buf->end)
		buf->start = buf->end = 0;
}

static inline void
buf_clear(struct buf *buf)
{
	buf->start = buf->end = 0;
}

/* Gives the memory of an empty BUF back. */
void buf_trim(struct buf *buf);
