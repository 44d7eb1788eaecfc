/* SPDX-License-Identifier: MIT */
/* str.c - what of str.h is too long for the header. */
#include "base/str.h"

int
str_compare(struct str a, struct str b)
{
	size_t n = MIN(a.len, b.len);
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
str_equal_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct str
str_trim(struct str s)
{
	while (s.len > 0 && is_space(s.p[0]))
		s.p++, s.len--;
	while (s.len > 0 && is_space(s.p[s.len - 1]))
		s.len--;
	return s;
}

bool
str_split(struct str *rest, char separator, struct str *field)
{
	ptrdiff_t at;

	if (rest->p == NULL)
		return false;
	at = str_find(*rest, separator);
	if (at < 0) {
		*field = *rest;
		*rest = STR_NONE;
	} else {
		*field = str_first(*rest, (size_t)at);
		*rest = str_from(*rest, (size_t)at + 1);
	}
	return true;
}

int
str_to_u64(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (s.len == 0 || s.len > 20)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';

		if (digit > 9 || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, digit, &n))
			return -1;
	}
	if (n > max)
		return -1;
	*out = n;
	return 0;
}

char *
str_dupz(struct str s)
{
	char *z = xalloc(s.len + 1);

	if (s.len > 0)
		memcpy(z, s.p, s.len);
	return z;
}
