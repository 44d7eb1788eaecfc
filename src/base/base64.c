/* SPDX-License-Identifier: MIT */
/* base64.c - base64 and hexadecimal. */
#include "base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct str
base64_encode(struct arena *arena, struct str bytes)
{
	size_t len = (bytes.len + 2) / 3 * 4;
	char *out = arena_bytes(arena, len + 1), *o = out;
	const unsigned char *p = (const unsigned char *)bytes.p;

	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		uint32_t n = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
			     (left > 2 ? p[i + 2] : 0);

		*o++ = digits[n >> 18];
		*o++ = digits[n >> 12 & 63];
		*o++ = left > 1 ? digits[n >> 6 & 63] : '=';
		*o++ = left > 2 ? digits[n & 63] : '=';
	}
	*o = '\0';
	return str_of(out, len);
}

static int
digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int
base64_decode(struct arena *arena, struct str text, struct str *out)
{
	size_t padding = 0, len;
	uint32_t n = 0;
	char *bytes, *o;

	if (text.len % 4 != 0)
		return -1;
	while (padding < 2 && padding < text.len && text.p[text.len - 1 - padding] == '=')
		padding++;
	len = text.len / 4 * 3 - padding;
	bytes = o = arena_bytes(arena, len + 3);
	for (size_t i = 0; i < text.len; i++) {
		int value = i >= text.len - padding ? 0 : digit_value(text.p[i]);

		if (value < 0)
			return -1;
		n = n << 6 | (uint32_t)value;
		if (i % 4 == 3) {
			*o++ = (char)(n >> 16);
			*o++ = (char)(n >> 8);
			*o++ = (char)n;
			n &= padding > 0 ? 0xffffffu : 0;
			if (i + 1 == text.len && padding > 0 &&
			    (n & (padding == 1 ? 0xffu : 0xffffu)) != 0)
				return -1;
			n = 0;
		}
	}
	bytes[len] = '\0';
	*out = str_of(bytes, len);
	return 0;
}

struct str
hex_encode(struct arena *arena, struct str bytes)
{
	static const char hex[] = "0123456789abcdef";
	char *out = arena_bytes(arena, bytes.len * 2 + 1);

	for (size_t i = 0; i < bytes.len; i++) {
		out[i * 2] = hex[(unsigned char)bytes.p[i] >> 4];
		out[i * 2 + 1] = hex[bytes.p[i] & 15];
	}
	out[bytes.len * 2] = '\0';
	return str_of(out, bytes.len * 2);
}
