/* SPDX-License-Identifier: MIT */
/* xml_scan.c - byte classes, runs eight bytes at a time, single characters and references. */
#include "xmpp/xml_scan.h"

#include "base/utf8.h"
#include "xmpp/xml_names.h"

#define REFERENCE_MAX 16 /* bytes; "&#x10FFFF;" has 10 */

#define T XML_TEXT
#define V (XML_TEXT | XML_PLAIN)
#define U (XML_TEXT | XML_PLAIN | XML_URI)
#define S (XML_TEXT | XML_SPACE)
#define N (XML_TEXT | XML_PLAIN | XML_URI | XML_NAME)
#define A (XML_TEXT | XML_PLAIN | XML_URI | XML_NAME | XML_NAME_START)
#define B (XML_PLAIN | XML_URI)

/* Not in XML_TEXT: controls, & < ] and CR, which is plain nowhere (XML 1.0 §2.11). */
/* clang-format off */
const uint8_t xml_class[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, S, S, 0, 0, XML_SPACE, 0, 0, /* 0x00 */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,         /* 0x10 */
	V | XML_SPACE, U, T, U, U, U, XML_URI, T | XML_URI,     /* space ! " # $ % & ' */
	U, U, U, U, U, N, N, U,                                 /* ( ) * + , - . / */
	N, N, N, N, N, N, N, N, N, N, U, U, 0, U, T, U,         /* digits : ; < = > ? */
	U, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,         /* @ A to O */
	A, A, A, A, A, A, A, A, A, A, A, U, V, B, V, A,         /* P to Z [ \ ] ^ _ */
	V, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,         /* ` a to o */
	A, A, A, A, A, A, A, A, A, A, A, V, V, V, U, V,         /* p to z { | } ~ DEL */
};
/* clang-format on */

#undef T
#undef V
#undef U
#undef S
#undef N
#undef A
#undef B

#define EACH(byte) (0x0101010101010101u * (byte))

/*
 * The top bit of each byte of WORD that is below 0x20, or at least 0x80, or equals one of three
 * bytes. A borrow can raise false bits, but only above a true one: the lowest is always true.
 */
static inline uint64_t
specials(uint64_t word, unsigned char a, unsigned char b, unsigned char c)
{
	return (word | (word - EACH(0x20)) | ((word ^ EACH(a)) - EACH(1)) |
		((word ^ EACH(b)) - EACH(1)) | ((word ^ EACH(c)) - EACH(1))) &
	       EACH(0x80);
}

static inline uint64_t
load_little_endian(const char *p)
{
	uint64_t word;

	memcpy(&word, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

const char *
xml_skip_text(const char *p)
{
	for (;;) {
		uint64_t hits = specials(load_little_endian(p), '<', '&', ']');

		if (hits == 0) {
			p += 8;
			continue;
		}
		p += __builtin_ctzll(hits) / 8;
		if (!xml_byte_is(*p, XML_TEXT)) /* a tab or a line feed is plain */
			return p;
		p++;
	}
}

const char *
xml_skip_value(const char *p)
{
	for (;;) {
		uint64_t word = load_little_endian(p);
		uint64_t hits = specials(word, '<', '&', '\'') |
				(((word ^ EACH('"')) - EACH(1)) & EACH(0x80));

		if (hits != 0)
			return p + __builtin_ctzll(hits) / 8;
		p += 8;
	}
}

/* The same as utf8_valid_prefix finds, but for one character, and without what XML forbids. */
int
xml_long_char(const char *p, const char *end)
{
	const unsigned char *s = (const unsigned char *)p;
	size_t have = (size_t)(end - p);
	unsigned char lead = s[0], low = 0x80, high = 0xbf;
	size_t len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (lead < 0xc2 || lead > 0xf4)
		return XML_NOT_UTF8;
	/* The second byte excludes overlong forms, surrogates, and what is past U+10FFFF. */
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (have < 2)
		return XML_CUT;
	if (s[1] < low || s[1] > high)
		return XML_NOT_UTF8;
	for (size_t i = 2; i < len; i++) {
		if (i == have)
			return XML_CUT;
		if ((s[i] & 0xc0) != 0x80)
			return XML_NOT_UTF8;
	}
	/* U+FFFE and U+FFFF are no characters of XML. */
	if (lead == 0xef && s[1] == 0xbf && s[2] >= 0xbe)
		return XML_NOT_CHAR;
	return (int)len;
}

int
xml_name_char(const char *p, const char *end, bool is_start)
{
	int len = xml_char(p, end);
	size_t decoded;

	if (len <= 0)
		return len;
	return xml_is_name_char(utf8_decode(str_of(p, (size_t)len), &decoded), is_start)
		       ? len
		       : XML_NOT_CHAR;
}

static bool
is_char(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0xd800) ||
	       (c >= 0xe000 && c < 0xfffe) || (c >= 0x10000 && c <= 0x10ffff);
}

static int
digit_value(char c, bool is_hex)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (is_hex && c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (is_hex && c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* "&#" stands at P. */
static int
numeric_reference(const char *p, const char *end, uint32_t *out)
{
	const char *at = p + 2, *first;
	uint32_t c = 0;
	bool is_hex;

	if (at == end)
		return XML_CUT;
	is_hex = *at == 'x';
	first = at += is_hex;
	for (; at < end; at++) {
		int digit = digit_value(*at, is_hex);

		if (digit < 0)
			break;
		if (at - p >= REFERENCE_MAX - 1)
			return XML_LONG_REFERENCE;
		c = c * (is_hex ? 16 : 10) + (uint32_t)digit;
		if (c > 0x10ffff)
			return XML_NOT_CHAR;
	}
	if (at == end)
		return XML_CUT;
	if (at == first || *at != ';')
		return XML_NOT_REFERENCE;
	*out = c;
	return is_char(c) ? (int)(at + 1 - p) : XML_NOT_CHAR;
}

int
xml_reference(const char *p, const char *end, uint32_t *c)
{
	static const struct {
		const char *text;
		char c;
	} entities[] = {{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"apos;", '\''}, {"quot;", '"'}};
	struct str rest = str_of(p + 1, (size_t)(end - p - 1));
	unsigned char first;

	if (rest.len == 0)
		return XML_CUT;
	if (*rest.p == '#')
		return numeric_reference(p, end, c);
	for (size_t i = 0; i < COUNT(entities); i++) {
		struct str name = str(entities[i].text);

		if (str_starts(rest, name)) {
			*c = (unsigned char)entities[i].c;
			return (int)name.len + 1;
		}
		if (str_starts(name, rest))
			return XML_CUT;
	}
	first = (unsigned char)*rest.p;
	return first >= 0x80 || xml_byte_is(*rest.p, XML_NAME_START) ? XML_ENTITY
								     : XML_NOT_REFERENCE;
}
