/* SPDX-License-Identifier: MIT */
/*
 * str.h - views of bytes: a pointer and a length, never owned, never NUL-terminated.
 */
#pragma once

#include "base/base.h"

#include <string.h>

struct str {
	const char *p;
	size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})            /* absent, as against empty */
#define STR_ARG(s) (int)(s).len, (s).p ? (s).p : "" /* for "%.*s" */

/* A view of the C string Z; NULL gives STR_NONE. */
static inline struct str
str(const char *z)
{
	return (struct str){z, z ? strlen(z) : 0};
}

static inline struct str
str_of(const void *p, size_t len)
{
	return (struct str){p, len};
}

static inline bool
str_equal(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool
str_is(struct str a, const char *z)
{
	return str_equal(a, str(z));
}

static inline bool
str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && memcmp(s.p, prefix.p, prefix.len) == 0;
}

/* S from byte FROM on; empty past its end. */
static inline struct str
str_from(struct str s, size_t from)
{
	from = MIN(from, s.len);
	return (struct str){s.p ? s.p + from : NULL, s.len - from};
}

/* The first N bytes of S, or all of it. */
static inline struct str
str_first(struct str s, size_t n)
{
	return (struct str){s.p, MIN(n, s.len)};
}

/* The index of byte C in S, or -1. */
static inline ptrdiff_t
str_find(struct str s, char c)
{
	const char *hit = s.len > 0 ? memchr(s.p, c, s.len) : NULL;

	return hit ? hit - s.p : -1;
}

/* Byte order, then length: for sorting, as strcmp does. */
int str_compare(struct str a, struct str b);

/* Without ASCII case. */
bool str_equal_nocase(struct str a, struct str b);

/* Without spaces, tabs and line ends at both ends. */
struct str str_trim(struct str s);

/* Takes the next field of *REST before SEPARATOR into *FIELD. False when *REST is spent (p NULL).
 */
bool str_split(struct str *rest, char separator, struct str *field);

/* A decimal number that fills S whole and is at most MAX. Returns 0 or -1. */
MUST_CHECK int str_to_u64(struct str s, uint64_t max, uint64_t *out);

/* A copy with a NUL at its end; free() it. */
char *str_dupz(struct str s);
