/* SPDX-License-Identifier: MIT */
/* precis.c - string classes from Unicode's properties, contextual rules, the Bidi Rule. */
#include "xmpp/precis.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/utf16.h>

#define ZWNJ 0x200c
#define ZWJ 0x200d
#define CCC_VIRAMA 9

enum property { VALID, CONTEXT, DISALLOWED, UNASSIGNED };

/* RFC 8264 §9.6, which is RFC 5892 §2.6. Returns false when C is no exception. */
static bool
find_exception(UChar32 c, enum property *out)
{
	switch (c) {
	case 0x00df:
	case 0x03c2:
	case 0x06fd:
	case 0x06fe:
	case 0x0f0b:
	case 0x3007:
		*out = VALID;
		return true;
	case 0x00b7:
	case 0x0375:
	case 0x05f3:
	case 0x05f4:
	case 0x30fb:
		*out = CONTEXT;
		return true;
	case 0x0640:
	case 0x07fa:
	case 0x302e:
	case 0x302f:
	case 0x303b:
	case 0x3031:
	case 0x3032:
	case 0x3033:
	case 0x3034:
	case 0x3035:
		*out = DISALLOWED;
		return true;
	}
	*out = CONTEXT;
	return (c >= 0x0660 && c <= 0x0669) || (c >= 0x06f0 && c <= 0x06f9);
}

static bool
is_old_hangul_jamo(UChar32 c)
{
	int32_t type = u_getIntPropertyValue(c, UCHAR_HANGUL_SYLLABLE_TYPE);

	return type == U_HST_LEADING_JAMO || type == U_HST_VOWEL_JAMO ||
	       type == U_HST_TRAILING_JAMO;
}

static bool
is_letter_digit(UChar32 c)
{
	return (U_GET_GC_MASK(c) & (U_GC_LL_MASK | U_GC_LU_MASK | U_GC_LO_MASK | U_GC_ND_MASK |
				    U_GC_LM_MASK | U_GC_MN_MASK | U_GC_MC_MASK)) != 0;
}

/* OtherLetterDigits, Spaces, Symbols and Punctuation: RFC 8264 §9.14 to §9.16 and §9.18. */
static bool
is_free(UChar32 c)
{
	return (U_GET_GC_MASK(c) & (U_GC_LT_MASK | U_GC_NL_MASK | U_GC_NO_MASK | U_GC_ME_MASK |
				    U_GC_ZS_MASK | U_GC_S_MASK | U_GC_P_MASK)) != 0;
}

static bool
is_ignorable_block(UChar32 c) /* RFC 5892 §2.4 */
{
	UBlockCode block = ublock_getCode(c);

	return block == UBLOCK_COMBINING_MARKS_FOR_SYMBOLS || block == UBLOCK_MUSICAL_SYMBOLS ||
	       block == UBLOCK_ANCIENT_GREEK_MUSICAL_NOTATION;
}

static bool
is_ldh(UChar32 c)
{
	return c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

/* The order of RFC 8264 §8; for U-labels that of RFC 5892 §3, which differs where noted. */
static enum property
derive(enum precis_class class, UChar32 c)
{
	enum property exception;

	if (find_exception(c, &exception))
		return exception;
	if (u_charType(c) == U_UNASSIGNED && !U_IS_UNICODE_NONCHAR(c))
		return UNASSIGNED;
	if (c >= 0x21 && c <= 0x7e)
		return class != PRECIS_U_LABEL || is_ldh(c) ? VALID : DISALLOWED;
	if (c == ZWNJ || c == ZWJ)
		return CONTEXT;
	if (class == PRECIS_U_LABEL &&
	    (u_hasBinaryProperty(c, UCHAR_CHANGES_WHEN_NFKC_CASEFOLDED) || is_ignorable_block(c)))
		return DISALLOWED; /* Unstable and IgnorableBlocks exist in IDNA alone */
	if (is_old_hangul_jamo(c) || U_IS_UNICODE_NONCHAR(c) ||
	    u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) ||
	    u_charType(c) == U_CONTROL_CHAR)
		return DISALLOWED;
	if (u_getIntPropertyValue(c, UCHAR_NFKC_QUICK_CHECK) == UNORM_NO) /* HasCompat */
		return class == PRECIS_FREEFORM ? VALID : DISALLOWED;
	if (is_letter_digit(c))
		return VALID;
	return class == PRECIS_FREEFORM && is_free(c) ? VALID : DISALLOWED;
}

static int32_t
joining_type(UChar32 c)
{
	return u_getIntPropertyValue(c, UCHAR_JOINING_TYPE);
}

/* RFC 5892 appendix A.1, the part after Virama: (L|D) T* ZWNJ T* (R|D). */
static bool
joins_both_sides(const UChar *s, int32_t n, int32_t at)
{
	UChar32 c = 0;
	int32_t i = at, type = U_JT_TRANSPARENT;

	while (i > 0 && type == U_JT_TRANSPARENT) {
		U16_PREV(s, 0, i, c);
		type = joining_type(c);
	}
	if (type != U_JT_LEFT_JOINING && type != U_JT_DUAL_JOINING)
		return false;
	type = U_JT_TRANSPARENT;
	for (i = at + 1; i < n && type == U_JT_TRANSPARENT;) {
		U16_NEXT(s, i, n, c);
		type = joining_type(c);
	}
	return type == U_JT_RIGHT_JOINING || type == U_JT_DUAL_JOINING;
}

static UScriptCode
script_of(UChar32 c)
{
	UErrorCode error = U_ZERO_ERROR;

	return uscript_getScript(c, &error);
}

static bool
has_kana_or_han(const UChar *s, int32_t n)
{
	UChar32 c;

	for (int32_t i = 0; i < n;) {
		UScriptCode script;

		U16_NEXT(s, i, n, c);
		script = script_of(c);
		if (script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA ||
		    script == USCRIPT_HAN)
			return true;
	}
	return false;
}

static bool
has_between(const UChar *s, int32_t n, UChar first, UChar last)
{
	for (int32_t i = 0; i < n; i++)
		if (s[i] >= first && s[i] <= last)
			return true;
	return false;
}

/* RFC 5892 appendix A, for C, which stands at S[at]; all of these are one UTF-16 unit. */
static bool
fits_context(const UChar *s, int32_t n, int32_t at, UChar32 c)
{
	UChar32 before = -1, after = -1;
	int32_t back = at, ahead = at + 1;

	if (back > 0)
		U16_PREV(s, 0, back, before);
	if (ahead < n)
		U16_NEXT(s, ahead, n, after);
	if ((c == ZWNJ || c == ZWJ) && before >= 0 && u_getCombiningClass(before) == CCC_VIRAMA)
		return true;
	switch (c) {
	case ZWNJ:
		return joins_both_sides(s, n, at);
	case ZWJ:
		return false;
	case 0x00b7: /* middle dot: Catalan l·l */
		return before == 'l' && after == 'l';
	case 0x0375: /* Greek keraia */
		return after >= 0 && script_of(after) == USCRIPT_GREEK;
	case 0x05f3:
	case 0x05f4: /* Hebrew geresh, gershayim */
		return before >= 0 && script_of(before) == USCRIPT_HEBREW;
	case 0x30fb: /* katakana middle dot, whose own script is Common */
		return has_kana_or_han(s, n);
	}
	/* Arabic-Indic digits and the extended ones must not be mixed. */
	return c <= 0x0669 ? !has_between(s, n, 0x06f0, 0x06f9)
			   : !has_between(s, n, 0x0660, 0x0669);
}

int
precis_check_class(enum precis_class class, const UChar *s, int32_t n, const char **why)
{
	UChar32 c;

	for (int32_t i = 0; i < n;) {
		int32_t at = i;

		U16_NEXT(s, i, n, c);
		switch (derive(class, c)) {
		case VALID:
			break;
		case CONTEXT:
			if (fits_context(s, n, at, c))
				break;
			*why = "a character stands outside of its allowed context";
			return -1;
		case UNASSIGNED:
			*why = "an unassigned code point";
			return -1;
		case DISALLOWED:
			*why = "a character that is not allowed";
			return -1;
		}
	}
	return 0;
}

#define BIT(direction) (1u << (direction))
#define EUROPEAN BIT(U_EUROPEAN_NUMBER)
#define ARABIC BIT(U_ARABIC_NUMBER)
#define RTL_MARKS (BIT(U_RIGHT_TO_LEFT) | BIT(U_RIGHT_TO_LEFT_ARABIC) | ARABIC)
#define NEUTRALS                                                                                   \
	(EUROPEAN | BIT(U_EUROPEAN_NUMBER_SEPARATOR) | BIT(U_COMMON_NUMBER_SEPARATOR) |            \
	 BIT(U_EUROPEAN_NUMBER_TERMINATOR) | BIT(U_OTHER_NEUTRAL) | BIT(U_BOUNDARY_NEUTRAL) |      \
	 BIT(U_DIR_NON_SPACING_MARK))
#define RTL_ENDS (RTL_MARKS | EUROPEAN)

int
precis_check_bidi(const UChar *s, int32_t n, const char **why)
{
	uint32_t seen = 0, first = 0, last = 0; /* sets of bidi classes; last: but for NSM */
	UChar32 c;

	for (int32_t i = 0; i < n;) {
		uint32_t direction;

		U16_NEXT(s, i, n, c);
		direction = BIT(u_charDirection(c));
		if (seen == 0)
			first = direction;
		seen |= direction;
		if (direction != BIT(U_DIR_NON_SPACING_MARK))
			last = direction;
	}
	if ((seen & RTL_MARKS) == 0)
		return 0;
	/* Condition 1 and, as a text that starts left-to-right may have no other part, 5 and 6; 2;
	 * 3; 4. */
	if ((first & (BIT(U_RIGHT_TO_LEFT) | BIT(U_RIGHT_TO_LEFT_ARABIC))) != 0 &&
	    (seen & ~(RTL_MARKS | NEUTRALS)) == 0 && (last & RTL_ENDS) != 0 &&
	    (seen & (EUROPEAN | ARABIC)) != (EUROPEAN | ARABIC))
		return 0;
	*why = "right-to-left text against the Bidi Rule";
	return -1;
}
