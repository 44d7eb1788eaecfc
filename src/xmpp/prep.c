/* SPDX-License-Identifier: MIT */
/* prep.c - the profiles, over ICU: map, normalise, check, until nothing changes. */
#include "xmpp/prep.h"

#include "xmpp/precis.h"

#include <pthread.h>
#include <unicode/uchar.h>
#include <unicode/uidna.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/uspoof.h>
#include <unicode/usprep.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

/*
 * The limit holds for the result (RFC 7622 §3.3.1). Mapping and NFC shorten text to a third at most
 * (fullwidth ASCII, Hangul jamo), so more input than this cannot become short enough.
 */
#define RAW_MAX (3 * PREP_MAX)
#define UNITS_MAX                                                                                  \
	(2 * RAW_MAX + 2) /* lower case of U+0130 is the only mapping that makes text longer */
#define APPLY_MAX 4       /* RFC 8264 §7: once, and three times again */

struct text {
	int32_t n;
	UChar s[UNITS_MAX];
};

static struct {
	const UNormalizer2 *nfc, *nfkc;
	UIDNA *idna;
	UStringPrepProfile *nodeprep;
	USpoofChecker *spoof;
} icu;

/* ICU's tables are part of its library: opening them fails only when that is broken. */
static void
open_icu(void)
{
	UErrorCode error = U_ZERO_ERROR;

	icu.nfc = unorm2_getNFCInstance(&error);
	icu.nfkc = unorm2_getNFKCInstance(&error);
	icu.idna = uidna_openUTS46(UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ |
					   UIDNA_CHECK_CONTEXTO | UIDNA_NONTRANSITIONAL_TO_ASCII |
					   UIDNA_NONTRANSITIONAL_TO_UNICODE,
				   &error);
	icu.nodeprep = usprep_openByType(USPREP_RFC3920_NODEPREP, &error);
	icu.spoof = uspoof_open(&error);
	uspoof_setChecks(icu.spoof,
			 USPOOF_RESTRICTION_LEVEL | USPOOF_MIXED_NUMBERS | USPOOF_INVISIBLE |
				 USPOOF_HIDDEN_OVERLAY,
			 &error);
	uspoof_setRestrictionLevel(icu.spoof, USPOOF_HIGHLY_RESTRICTIVE);
	assert(U_SUCCESS(error));
}

static void
need_icu(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, open_icu);
}

static int
from_utf8(struct str in, struct text *out, const char **why)
{
	UErrorCode error = U_ZERO_ERROR;

	need_icu();
	if (in.len > RAW_MAX) {
		*why = "too long";
		return -1;
	}
	u_strFromUTF8(out->s, UNITS_MAX, &out->n, in.p ? in.p : "", (int32_t)in.len, &error);
	if (U_FAILURE(error)) { /* strict: no surrogates, no overlong forms */
		*why = "not valid UTF-8";
		return -1;
	}
	return 0;
}

static int
to_utf8(struct arena *arena, const struct text *in, struct str *out, const char **why)
{
	UErrorCode error = U_ZERO_ERROR;
	char bytes[PREP_MAX + 1];
	int32_t len = 0;

	u_strToUTF8(bytes, PREP_MAX, &len, in->s, in->n, &error);
	if (U_FAILURE(error) || len > PREP_MAX) {
		*why = "too long";
		return -1;
	}
	if (len == 0) {
		*why = "empty";
		return -1;
	}
	*out = arena_dup(arena, str_of(bytes, (size_t)len));
	return 0;
}

static void
put(struct text *text, UChar32 c)
{
	assert(text->n + 2 <= UNITS_MAX);
	U16_APPEND_UNSAFE(text->s, text->n, c);
}

/* RFC 8265 §3.3.1, rule 1: fullwidth and halfwidth code points to what they decompose to. */
static UChar32
map_width(UChar32 c)
{
	int32_t type = u_getIntPropertyValue(c, UCHAR_DECOMPOSITION_TYPE);
	UErrorCode error = U_ZERO_ERROR;
	UChar to[4];
	int32_t n, i = 0;

	if (type != U_DT_WIDE && type != U_DT_NARROW)
		return c;
	n = unorm2_getRawDecomposition(icu.nfkc, c, to, COUNT(to), &error);
	if (U_FAILURE(error) || n <= 0)
		return c;
	U16_NEXT(to, i, n, c);
	return c;
}

/* Rule 3. Sigma becomes U+03C3 wherever it stands, so that one letter always means one letter. */
static void
put_lower(struct text *text, UChar32 c)
{
	if (c == 0x130) { /* the only code point whose lower case is two */
		put(text, 'i');
		c = 0x307;
	} else {
		c = u_tolower(c);
	}
	put(text, c);
}

/*
 * Six ideographs decompose otherwise since Unicode 4 (Corrigenda 3 and 4) than they did for
 * stringprep, so that old software and new would take one address for two accounts.
 */
static bool
has_two_meanings(UChar32 c)
{
	return c == 0xf951 || c == 0x2f868 || c == 0x2f874 || c == 0x2f91f || c == 0x2f95f ||
	       c == 0x2f9bf;
}

/* Width mapping and case mapping, of localparts and domains alike (RFC 7622 §3.2.2). */
static int
map_name(const struct text *in, struct text *out, const char **why)
{
	UChar32 c;

	out->n = 0;
	for (int32_t i = 0; i < in->n;) {
		U16_NEXT(in->s, i, in->n, c);
		if (has_two_meanings(c)) {
			*why = "a character whose meaning depends on the version of Unicode";
			return -1;
		}
		put_lower(out, map_width(c));
	}
	return 0;
}

/* RFC 8265 §4.2.2: spaces outside of ASCII become SPACE. */
static int
map_spaces(const struct text *in, struct text *out)
{
	UChar32 c;

	out->n = 0;
	for (int32_t i = 0; i < in->n;) {
		U16_NEXT(in->s, i, in->n, c);
		put(out, u_charType(c) == U_SPACE_SEPARATOR ? ' ' : c);
	}
	return 0;
}

/* All rules of the profile once, in the order of RFC 8264 §7, from IN to OUT. */
static int
apply(enum precis_class class, const struct text *in, struct text *out, const char **why)
{
	bool is_name = class == PRECIS_IDENTIFIER;
	UErrorCode error = U_ZERO_ERROR;
	struct text mapped;

	if ((is_name ? map_name(in, &mapped, why) : map_spaces(in, &mapped)) < 0)
		return -1;
	out->n = unorm2_normalize(icu.nfc, mapped.s, mapped.n, out->s, RAW_MAX, &error);
	if (U_FAILURE(error)) {
		*why = "too long";
		return -1;
	}
	if (is_name && precis_check_bidi(out->s, out->n, why) < 0)
		return -1;
	return precis_check_class(class, out->s, out->n, why);
}

static bool
text_equal(const struct text *a, const struct text *b)
{
	return a->n == b->n && u_memcmp(a->s, b->s, a->n) == 0;
}

static int
prepare(enum precis_class class, struct arena *arena, struct str in, struct str *out,
	const char **why)
{
	struct text texts[2], *old = &texts[0], *new = &texts[1];

	if (from_utf8(in, old, why) < 0)
		return -1;
	for (int i = 0; i < APPLY_MAX; i++) {
		struct text *swap = old;

		if (apply(class, old, new, why) < 0)
			return -1;
		if (text_equal(old, new))
			return to_utf8(arena, new, out, why);
		old = new;
		new = swap;
	}
	*why = "does not settle when prepared again and again";
	return -1;
}

int
prep_username(struct arena *arena, struct str text, struct str *out, const char **why)
{
	return prepare(PRECIS_IDENTIFIER, arena, text, out, why);
}

int
prep_opaque(struct arena *arena, struct str text, struct str *out, const char **why)
{
	return prepare(PRECIS_FREEFORM, arena, text, out, why);
}

/* Each label of U against IDNA 2008, of whose rules UTS 46 is a relaxation. */
static int
check_u_labels(const struct text *u, const char **why)
{
	for (int32_t start = 0, end; start <= u->n; start = end + 1) {
		const UChar *label = u->s + start;

		for (end = start; end < u->n && u->s[end] != '.'; end++)
			;
		if (end == start) {
			*why = "a domain with an empty label";
			return -1;
		}
		if (end - start >= 4 && label[2] == '-' &&
		    label[3] == '-') { /* RFC 5891 §4.2.3.1 */
			*why = "a domain with a reserved label";
			return -1;
		}
		if (precis_check_class(PRECIS_U_LABEL, label, end - start, why) < 0)
			return -1;
	}
	return 0;
}

/* TEXT to U-labels; its A-labels are valid and within the limits of DNS. */
static int
to_u_labels(const struct text *in, struct text *out, const char **why)
{
	UIDNAInfo info = UIDNA_INFO_INITIALIZER, ascii_info = UIDNA_INFO_INITIALIZER;
	UErrorCode error = U_ZERO_ERROR;
	struct text lower;
	UChar ascii[256];

	/* Our own mapping first: that of UTS 46 for U+1E9E depends on the version of Unicode. */
	if (map_name(in, &lower, why) < 0)
		return -1;
	out->n = uidna_nameToUnicode(icu.idna, lower.s, lower.n, out->s, RAW_MAX, &info, &error);
	if (U_FAILURE(error) || info.errors != 0) {
		*why = "a domain that is not valid in IDNA";
		return -1;
	}
	if (out->n > 0 && out->s[out->n - 1] == '.')
		out->n--;
	uidna_nameToASCII(icu.idna, out->s, out->n, ascii, COUNT(ascii), &ascii_info, &error);
	if (U_FAILURE(error) || ascii_info.errors != 0) {
		*why = "a domain with a label, or as a whole, too long for DNS";
		return -1;
	}
	return 0;
}

int
prep_domain(struct arena *arena, struct str text, struct str *out, const char **why)
{
	struct text in, u;

	if (from_utf8(text, &in, why) < 0 || to_u_labels(&in, &u, why) < 0 ||
	    check_u_labels(&u, why) < 0)
		return -1;
	return to_utf8(arena, &u, out, why);
}

int
prep_domain_ascii(struct arena *arena, struct str domain, struct str *out)
{
	UIDNAInfo info = UIDNA_INFO_INITIALIZER;
	UErrorCode error = U_ZERO_ERROR;
	const char *why;
	struct text in, ascii;

	if (from_utf8(domain, &in, &why) < 0)
		return -1;
	ascii.n = uidna_nameToASCII(icu.idna, in.s, in.n, ascii.s, RAW_MAX, &info, &error);
	if (U_FAILURE(error) || info.errors != 0)
		return -1;
	return to_utf8(arena, &ascii, out, &why);
}

int
prep_check_nodeprep(struct str local, const char **why)
{
	UErrorCode error = U_ZERO_ERROR;
	UParseError where;
	struct text in, old;

	if (from_utf8(local, &in, why) < 0)
		return -1;
	old.n = usprep_prepare(icu.nodeprep, in.s, in.n, old.s, UNITS_MAX, USPREP_DEFAULT, &where,
			       &error);
	if (U_FAILURE(error)) {
		*why = "a name that older software (Nodeprep) refuses";
		return -1;
	}
	if (!text_equal(&in, &old)) {
		*why = "a name that older software (Nodeprep) takes for another";
		return -1;
	}
	return 0;
}

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

/* Whether S, which is not ASCII, is Latin text, where a letter such as æ is not meant to deceive.
 */
static bool
has_latin(const struct text *text)
{
	UErrorCode error = U_ZERO_ERROR;
	UChar32 c;

	for (int32_t i = 0; i < text->n;) {
		U16_NEXT(text->s, i, text->n, c);
		if (uscript_getScript(c, &error) == USCRIPT_LATIN)
			return true;
	}
	return false;
}

struct str
prep_skeleton(struct arena *arena, struct str name)
{
	UErrorCode error = U_ZERO_ERROR;
	size_t size = name.len * 4 + 64;
	char *bytes;
	int32_t len;

	need_icu();
	bytes = arena_bytes(arena, size);
	len = uspoof_getSkeletonUTF8(icu.spoof, 0, name.p, (int32_t)name.len, bytes, (int32_t)size,
				     &error);
	if (error == U_BUFFER_OVERFLOW_ERROR) {
		error = U_ZERO_ERROR;
		size = (size_t)len;
		bytes = arena_bytes(arena, size);
		len = uspoof_getSkeletonUTF8(icu.spoof, 0, name.p, (int32_t)name.len, bytes, len,
					     &error);
	}
	assert(U_SUCCESS(error)); /* NAME is valid UTF-8 */
	return str_of(bytes, (size_t)len);
}

/* RFC 8266 §2.1: spaces at the ends do not count, and several are one. */
static void
squeeze_spaces(struct text *text)
{
	int32_t n = 0;

	for (int32_t i = 0; i < text->n; i++) {
		if (u_isWhitespace(text->s[i]) || u_charType(text->s[i]) == U_SPACE_SEPARATOR) {
			if (n > 0 && text->s[n - 1] != ' ')
				text->s[n++] = ' ';
		} else {
			text->s[n++] = text->s[i];
		}
	}
	if (n > 0 && text->s[n - 1] == ' ')
		n--;
	text->n = n;
}

struct str
prep_nick_key(struct arena *arena, struct str name)
{
	UErrorCode error = U_ZERO_ERROR;
	struct text lower, text;
	struct str out;
	const char *why;

	if (from_utf8(name, &text, &why) < 0)
		return name;
	lower.n = u_strToLower(lower.s, UNITS_MAX, text.s, text.n, "", &error);
	if (U_SUCCESS(error))
		text.n = unorm2_normalize(icu.nfkc, lower.s, lower.n, text.s, UNITS_MAX, &error);
	if (U_FAILURE(error)) /* its normal form is too long to be kept apart by */
		return name;
	squeeze_spaces(&text);
	if (text.n == 0 || to_utf8(arena, &text, &out, &why) < 0)
		return text.n == 0 ? STR("") : name;
	return prep_skeleton(arena, out);
}

int
prep_check_mimicry(struct str name, const char **why)
{
	UErrorCode error = U_ZERO_ERROR;
	struct arena *arena;
	struct text text;
	bool is_twin;

	if (is_ascii(name))
		return 0;
	if (from_utf8(name, &text, why) < 0)
		return -1;
	if (uspoof_check2(icu.spoof, text.s, text.n, NULL, &error) != 0 || U_FAILURE(error)) {
		*why = "a name that mixes scripts, or systems of digits, or hides marks";
		return -1;
	}
	if (has_latin(&text))
		return 0;
	arena = arena_new();
	is_twin = is_ascii(prep_skeleton(arena, name));
	arena_free(arena);
	if (is_twin) {
		*why = "a name that looks like another one in ASCII";
		return -1;
	}
	return 0;
}

const char *
prep_unicode_version(void)
{
	return U_UNICODE_VERSION;
}
