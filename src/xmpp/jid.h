/* SPDX-License-Identifier: MIT */
/*
 * jid.h - XMPP addresses: parse, prepare, compare (RFC 7622).
 *
 * A struct jid is always prepared (case-mapped and normalised), so two addresses
 * are equal exactly when their bytes are. Its parts are views into an arena.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#define JID_PART_MAX 1023 /* bytes of UTF-8 in one part, RFC 7622 §3.2 to §3.4 */
#define JID_MAX (3 * JID_PART_MAX + 2)

struct jid {
	struct str text;     /* the whole address; the parts are views into it */
	struct str local;    /* empty in a domain's own address */
	struct str domain;   /* never empty */
	struct str resource; /* empty in a bare JID */
};

/*
 * Parses and prepares TEXT. *OUT points into ARENA; TEXT may go away.
 * Returns 0, or -1 with *WHY set to a constant phrase for the log. On the wire
 * the answer to -1 is <jid-malformed/> (RFC 6120 §8.3.3.8).
 */
MUST_CHECK int jid_parse(struct arena *arena, struct str text, struct jid *out, const char **why);

/* From parts that are already prepared; LOCAL and RESOURCE may be empty. */
struct jid jid_make(struct arena *arena, struct str local, struct str domain, struct str resource);

/* A view of TEXT, which is a prepared address. */
struct jid jid_of_prepared(struct str text);

/* ADDR without its resource: the account. Shares ADDR's bytes. */
struct jid jid_bare(struct jid addr);

static inline bool
jid_is_bare(struct jid addr)
{
	return addr.resource.len == 0;
}

static inline bool
jid_equal(struct jid a, struct jid b)
{
	return str_equal(a.text, b.text);
}

/* The bare JID's text, a view of ADDR's. */
static inline struct str
jid_bare_text(struct jid addr)
{
	return str_first(addr.text,
			 addr.text.len - (addr.resource.len > 0 ? addr.resource.len + 1 : 0));
}

/* One part alone, prepared into ARENA. Return 0, or -1 with *WHY. */
MUST_CHECK int jid_prepare_local(struct arena *arena, struct str text, struct str *out,
				 const char **why);
MUST_CHECK int jid_prepare_domain(struct arena *arena, struct str text, struct str *out,
				  const char **why);
MUST_CHECK int jid_prepare_resource(struct arena *arena, struct str text, struct str *out,
				    const char **why);
/*
 * DOMAIN, prepared, as DNS and certificates have it: A-labels (RFC 5890), a NUL behind it. Returns
 * 0, or -1 when it has no such form.
 */
MUST_CHECK int jid_domain_ascii(struct arena *arena, struct str domain, struct str *out);
/*
 * Whether LOCAL (prepared) may be the name of a new account: stricter than jid_prepare_local, so
 * that no two systems disagree on which account it names, and no name mimics another (SEC-56).
 */
MUST_CHECK int jid_check_new_account(struct arena *arena, struct str local, const char **why);
/* A password by the OpaqueString profile (RFC 8265 §4), of 1 to JID_PART_MAX bytes. */
MUST_CHECK int password_prepare(struct arena *arena, struct str text, struct str *out,
				const char **why);
