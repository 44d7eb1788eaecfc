/* SPDX-License-Identifier: MIT */
/*
 * precis.h - which code points a name may have: the string classes of PRECIS (RFC 8264 §4, §8), the
 * contextual rules (RFC 5892 appendix A) and the Bidi Rule (RFC 5893 §2).
 *
 * Texts here are UTF-16, the form in which ICU works, without unpaired surrogates.
 */
#pragma once

#include "base/base.h"

#include <unicode/utypes.h>

enum precis_class {
	PRECIS_IDENTIFIER, /* letters, digits, ASCII: RFC 8264 §4.2 */
	PRECIS_FREEFORM,   /* spaces, symbols and compatibility characters too: §4.3 */
	PRECIS_U_LABEL,    /* a label of a domain, RFC 5892 §3 */
};

/* Whether all of S[0..n) is allowed in CLASS, each code point in its context. 0, or -1 with *WHY.
 */
MUST_CHECK int precis_check_class(enum precis_class class, const UChar *s, int32_t n,
				  const char **why);

/* The Bidi Rule, for texts that have right-to-left code points. 0, or -1 with *WHY. */
MUST_CHECK int precis_check_bidi(const UChar *s, int32_t n, const char **why);
