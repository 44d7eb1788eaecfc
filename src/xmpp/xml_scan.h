/* SPDX-License-Identifier: MIT */
/*
 * xml_scan.h - the characters of XML 1.0: which may stand where, and runs of plain ones.
 *
 * Functions that look at one item return its length, XML_CUT when it is right so far but its end
 * has not come yet, or a negative value that says what is wrong.
 */
#pragma once

#include "base/str.h"

enum {
	XML_CUT = 0,
	XML_NOT_UTF8 = -1,
	XML_NOT_CHAR = -2,
	XML_NOT_REFERENCE = -3,
	XML_LONG_REFERENCE = -4,
	XML_ENTITY = -5,
};

/* What one byte below 0x80 may be. All bits are 0 from 0x80 on, and for NUL. */
enum {
	XML_TEXT = 1, /* nothing special in character data */
	XML_NAME_START = 2,
	XML_NAME = 4,
	XML_SPACE = 8,
	XML_URI = 16,   /* RFC 3986 §2 */
	XML_PLAIN = 32, /* written as it is, wherever */
};
extern const uint8_t xml_class[256];

static inline bool
xml_byte_is(char c, unsigned classes)
{
	return (xml_class[(unsigned char)c] & classes) != 0;
}

/*
 * The first byte from P on that is not plain XML_TEXT; there must be one, and 7 more readable bytes
 * behind the first.
 */
const char *xml_skip_text(const char *p);
/* The same for an attribute's value: also stops at quotes, tabs and line ends. */
const char *xml_skip_value(const char *p);

int xml_long_char(const char *p, const char *end); /* part of the next */

/* A character at or above U+0080 that XML allows (XML 1.0 §2.2). */
static inline int
xml_char(const char *p, const char *end)
{
	/* Most are of two bytes, which can be checked at once: C2 to DF, then 80 to BF. */
	if (end - p >= 2 && (unsigned char)(p[0] - 0xc2) < 0x1e && (p[1] & 0xc0) == 0x80)
		return 2;
	return xml_long_char(p, end);
}

/* One that may stand in a name (XML 1.0 fourth edition, appendix B), or at its start. */
int xml_name_char(const char *p, const char *end, bool is_start);
/* "&...;" at P. One of the five predefined entities, or a character that XML allows. */
int xml_reference(const char *p, const char *end, uint32_t *c);
