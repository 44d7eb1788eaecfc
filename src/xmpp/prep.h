/* SPDX-License-Identifier: MIT */
/*
 * prep.h - brings the writings of one name into one form: the PRECIS profiles UsernameCaseMapped
 * and OpaqueString (RFC 8264, RFC 8265), and internationalised domain names (RFC 5890 to 5893).
 *
 * Each refuses invalid UTF-8, empty results and results of more than PREP_MAX bytes. Preparing what
 * is already prepared changes nothing.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#define PREP_MAX 1023 /* bytes of a result */

/* RFC 8265 §3.3. OUT is in ARENA. Returns 0, or -1 with *WHY set to a constant phrase. */
MUST_CHECK int prep_username(struct arena *arena, struct str text, struct str *out,
			     const char **why);
/* RFC 8265 §4.2. */
MUST_CHECK int prep_opaque(struct arena *arena, struct str text, struct str *out, const char **why);
/* To U-labels in lower case, without a final dot (RFC 7622 §3.2); no IP address literals. */
MUST_CHECK int prep_domain(struct arena *arena, struct str text, struct str *out, const char **why);

/*
 * Whether LOCAL, prepared by prep_username, is also what the older Nodeprep (RFC 6122 appendix A)
 * makes of it, unassigned code points of Unicode 3.2 refused. Returns 0, or -1 with *WHY.
 */
MUST_CHECK int prep_check_nodeprep(struct str local, const char **why);
/*
 * Whether NAME looks like what it is: scripts are not mixed (but for the usual pairs), digits are
 * of one system, and it is not in another script a twin of an ASCII name (UTS 39). 0, or -1 with
 * *WHY.
 */
MUST_CHECK int prep_check_mimicry(struct str name, const char **why);
/*
 * The skeleton of NAME (UTS 39 §4): names that look alike have the same. To be compared only, never
 * shown, nor stored without prep_unicode_version.
 */
struct str prep_skeleton(struct arena *arena, struct str name);

/*
 * What NAME, a room nickname, is told apart by: two that differ only in case, spaces, width or
 * looks are one (RFC 8266 §2, UTS 39 §4). Empty when nothing of it can be seen. The same holds for
 * it as for a skeleton.
 */
struct str prep_nick_key(struct arena *arena, struct str name);

/* The version of Unicode behind all this, such as "15.0": part of what stored skeletons depend on.
 */
const char *prep_unicode_version(void);
/* DOMAIN, prepared, with A-labels (RFC 5890 §2.3.2.1), as DNS and certificates have it. */
MUST_CHECK int prep_domain_ascii(struct arena *arena, struct str domain, struct str *out);
