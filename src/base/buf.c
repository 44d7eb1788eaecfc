/* SPDX-License-Identifier: MIT */
/* buf.c - growing and printing into a struct buf. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
buf_free(struct buf *buf)
{
	free(buf->p);
	*buf = (struct buf){0};
}

void
buf_make_room(struct buf *buf, size_t size)
{
	size_t len = buf_len(buf);

	if (buf->start > 0) {
		memmove(buf->p, buf->p + buf->start, len);
		buf->start = 0;
		buf->end = len;
	}
	if (buf->size - buf->end < size) {
		size_t want = MAX(buf->size * 2, (size_t)256);

		while (want - buf->end < size)
			want *= 2;
		buf->p = xrealloc(buf->p, want);
		buf->size = want;
	}
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	assert(len >= 0);
	va_start(args, format);
	vsnprintf(buf_room(buf, (size_t)len + 1), (size_t)len + 1, format, args);
	va_end(args);
	buf->end += (size_t)len;
}

void
buf_trim(struct buf *buf)
{
	if (buf_len(buf) == 0)
		buf_free(buf);
}
