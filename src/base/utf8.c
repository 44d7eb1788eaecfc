/* SPDX-License-Identifier: MIT */
/* utf8.c - strict validation, with a fast path for ASCII. */
#include "base/utf8.h"

/*
 * Looks at the character at P (at least one byte before END). Returns its length, 0 when it is
 * wrong, -1 when it is right so far and cut by END.
 */
static int
check_char(const unsigned char *p, const unsigned char *end)
{
	unsigned char c = p[0], low = 0x80, high = 0xbf;
	int len;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	/* The second byte excludes overlong forms, surrogates, and what is past U+10FFFF. */
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	for (int i = 1; i < len; i++) {
		if (p + i == end)
			return -1;
		if (p[i] < low || p[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return len;
}

size_t
utf8_valid_prefix(struct str s, bool *is_cut)
{
	const unsigned char *p = (const unsigned char *)s.p, *end;

	*is_cut = false;
	if (s.len == 0)
		return 0;
	end = p + s.len;
	while (p < end) {
		uint64_t word;
		int len;

		while (end - p >= 8 && (memcpy(&word, p, 8), (word & 0x8080808080808080u) == 0))
			p += 8;
		if (p == end)
			break;
		len = check_char(p, end);
		if (len <= 0) {
			*is_cut = len < 0;
			break;
		}
		p += len;
	}
	return (size_t)((const char *)p - s.p);
}

uint32_t
utf8_decode(struct str s, size_t *len)
{
	const unsigned char *p = (const unsigned char *)s.p;

	assert(s.len > 0);
	if (p[0] < 0x80) {
		*len = 1;
		return p[0];
	}
	if (p[0] < 0xe0) {
		*len = 2;
		return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
	}
	if (p[0] < 0xf0) {
		*len = 3;
		return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	}
	*len = 4;
	return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
	       (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
}

size_t
utf8_encode(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

bool
utf8_is_xml(struct str text)
{
	for (size_t i = 0, length; i < text.len; i += length) {
		uint32_t c = utf8_decode(str_from(text, i), &length);

		if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0xfffe || c == 0xffff)
			return false;
	}
	return true;
}
