/* SPDX-License-Identifier: MIT */
/*
 * caps.h - entity capabilities (XEP-0115): the hash in presence that stands for a whole answer to
 * disco#info, and the check of it before the answer is believed of everybody who sends that hash.
 */
#pragma once

#include "xmpp/element.h"

struct caps_features; /* counted across threads; immutable */

#define NS_CAPS "http://jabber.org/protocol/caps"

struct caps {            /* of a presence; views */
	struct str node; /* the software's URI */
	struct str ver;  /* base64 */
	struct str hash; /* name of the function, as in "sha-1" */
};

/*
 * Reads <c/> in PRESENCE. False when there is none, or it is of the legacy format without hash
 * (§5.4, step 1), whose ver vouches for nothing.
 */
bool caps_find(const struct element *presence, struct caps *out);
/* Adds <c/> to PARENT. */
void caps_add(struct arena *arena, struct element *parent, const struct caps *caps);

/* Whether this build knows the hash function: sha-1, sha-224 to sha-512, sha3-256 or sha3-512. */
bool caps_knows_hash(struct str name);

/*
 * The verification string's hash (§5.1) of QUERY, a <query/> of disco#info, in base64.
 *
 * Returns 0, or -1 with *WHY when HASH_NAME is not known, QUERY is ill-formed (§5.4, steps 3.3 to
 * 3.5), or its verification string could be read as that of another answer (§8.2, SEC-54). The
 * answer then holds for its sender only, and must not be cached for others.
 */
MUST_CHECK int caps_hash(struct arena *arena, const struct element *query, struct str hash_name,
			 struct str *ver_base64, const char **why);
/* Whether QUERY is what CAPS stands for. Returns 0, or -1 with *WHY: do not cache it for others. */
MUST_CHECK int caps_verify(struct arena *arena, const struct caps *caps,
			   const struct element *query, const char **why);

/* What QUERY, an answer to disco#info, says of its sender. One reference. */
struct caps_features *caps_features_new(const struct element *query);
struct caps_features *caps_features_ref(struct caps_features *features);
void caps_features_unref(struct caps_features *features); /* takes NULL */
/* FEATURES may be NULL: nothing is known, so nothing is there. */
bool caps_features_has(const struct caps_features *features, struct str feature);
/* Whether it wants notifications of NODE: "NODE+notify" (XEP-0163 §4.3.2). */
bool caps_features_wants(const struct caps_features *features, struct str node);
/* The nodes of which it does, one after the other; start with *AT = 0. */
bool caps_features_next_wanted(const struct caps_features *features, size_t *at, struct str *node);
/* Bytes of memory. */
size_t caps_features_size(const struct caps_features *features);
/* Its first identity's, or empty. */
struct str caps_features_category(const struct caps_features *features);
struct str caps_features_type(const struct caps_features *features);
