/* SPDX-License-Identifier: MIT */
/* utf8.h - strict UTF-8 (RFC 3629): no overlong forms, surrogates or values past U+10FFFF. */
#pragma once

#include "base/str.h"

/*
 * The length of the longest prefix of S that is whole, valid UTF-8. *IS_CUT tells whether the rest
 * (at most 3 bytes) could be the start of a character whose end has not come yet.
 */
size_t utf8_valid_prefix(struct str s, bool *is_cut);

static inline bool
utf8_is_valid(struct str s)
{
	bool is_cut;

	return utf8_valid_prefix(s, &is_cut) == s.len;
}

/* Decodes the first character of valid, non-empty S; *LEN is its length in bytes. */
uint32_t utf8_decode(struct str s, size_t *len);
/* Writes C (a Unicode scalar value) to OUT[4]; returns the length. */
size_t utf8_encode(uint32_t c, char *out);
/* Whether TEXT, which is UTF-8, may stand in XML (XML 1.0 §2.2). */
bool utf8_is_xml(struct str text);
