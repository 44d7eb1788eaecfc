/* SPDX-License-Identifier: MIT */
/* jid.c - splits an address (RFC 7622 §3.1), and prepares its parts: ASCII by table, the rest by
 * prep. */
#include "xmpp/jid.h"

#include "xmpp/prep.h"

#include <arpa/inet.h>
#include <ctype.h>

#define RAW_MAX (3 * JID_MAX) /* see prep.c: nothing longer can be prepared to something legal */
#define LABEL_MAX 63
#define DOMAIN_MAX 253 /* in ASCII, RFC 1035 §2.3.4 less its root */

/* What an ASCII character may be in, as it is and without any mapping. */
enum { LOCAL = 1, DOMAIN = 2, RESOURCE = 4 };

#define N4(v) v, v, v, v
#define N8(v) N4(v), N4(v)
#define A (LOCAL | DOMAIN | RESOURCE) /* lower-case letters, digits, hyphen, dot */
#define L (LOCAL | RESOURCE)
#define R RESOURCE /* upper case, spaces, and what RFC 7622 §3.3.1 excludes: "&'/:<>@ */

static const unsigned char allowed[256] = {
	N8(0), N8(0), N8(0), N8(0),                                     /* controls */
	R,     L,     R,     L,     L, L, R, R, L, L, L, L, L, A, A, R, /* space to slash */
	N8(A), A,     A,     R,     L, R, L, R, L,                      /* 0 to ? */
	R,     N8(R), N8(R), N8(R), R, R, L, L, L, L, L,                /* @ to _ */
	L,     N8(A), N8(A), N8(A), A, A, L, L, L, L, 0, /* ` to DEL; from 0x80 on all 0 */
};

#undef A
#undef L
#undef R

/* Whether S is prepared already: not empty, short enough, and all of it in the set PART. */
static bool
is_plain(struct str s, unsigned part)
{
	unsigned all = part;

	for (size_t i = 0; i < s.len; i++)
		all &= allowed[(unsigned char)s.p[i]];
	return all != 0 && s.len > 0 && s.len <= JID_PART_MAX;
}

/* NR-LDH labels in lower case (RFC 5890 §2.3.1), which leaves out all with "--" in place 3. */
static bool
is_plain_domain(struct str s)
{
	size_t start = 0;

	if (s.len == 0 || s.len > DOMAIN_MAX)
		return false;
	for (size_t i = 0; i <= s.len; i++) {
		if (i < s.len && s.p[i] != '.') {
			if ((allowed[(unsigned char)s.p[i]] & DOMAIN) == 0)
				return false;
			if (s.p[i] == '-' && (i == start || (i == start + 3 && s.p[i - 1] == '-')))
				return false;
			continue;
		}
		if (i == start || i - start > LABEL_MAX || s.p[i - 1] == '-')
			return false;
		start = i + 1;
	}
	return true;
}

/* The cheap half of what is not plain: ASCII with capitals. OUT has room for S. */
static struct str
lower_ascii(struct arena *arena, struct str s)
{
	char *p = arena_bytes(arena, s.len + 1);

	for (size_t i = 0; i < s.len; i++)
		p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
	p[s.len] = '\0';
	return str_of(p, s.len);
}

int
jid_prepare_local(struct arena *arena, struct str text, struct str *out, const char **why)
{
	if (is_plain(text, LOCAL)) {
		*out = arena_dup(arena, text);
		return 0;
	}
	if (text.len <= JID_PART_MAX) {
		*out = lower_ascii(arena, text);
		if (is_plain(*out, LOCAL))
			return 0;
	}
	if (prep_username(arena, text, out, why) < 0)
		return -1;
	/* After the mapping: a fullwidth @ has become one (RFC 7622 §3.3.1). */
	for (size_t i = 0; i < out->len; i++)
		if ((unsigned char)out->p[i] < 0x80 &&
		    (allowed[(unsigned char)out->p[i]] & LOCAL) == 0) {
			*why = "a character that a localpart may not have";
			return -1;
		}
	return 0;
}

/* "[" IPv6 "]", written as RFC 5952 recommends, so that one address has one form. */
static int
prepare_address_literal(struct arena *arena, struct str text, struct str *out, const char **why)
{
	char in[INET6_ADDRSTRLEN], canonical[INET6_ADDRSTRLEN];
	struct in6_addr address;
	size_t len = text.len - 2;

	if (text.len < 4 || text.p[text.len - 1] != ']' || len >= sizeof(in))
		goto bad;
	memcpy(in, text.p + 1, len);
	in[len] = '\0';
	if (strlen(in) != len || inet_pton(AF_INET6, in, &address) != 1)
		goto bad;
	inet_ntop(AF_INET6, &address, canonical, sizeof(canonical));
	*out = arena_printf(arena, "[%s]", canonical);
	return 0;
bad:
	*why = "not an IPv6 address in brackets";
	return -1;
}

int
jid_prepare_domain(struct arena *arena, struct str text, struct str *out, const char **why)
{
	if (text.len == 0) {
		*why = "no domain";
		return -1;
	}
	if (text.p[0] == '[')
		return prepare_address_literal(arena, text, out, why);
	if (is_plain_domain(text)) {
		*out = arena_dup(arena, text);
		return 0;
	}
	if (text.len <= DOMAIN_MAX + 1) {
		*out = lower_ascii(arena, text);
		if (out->p[out->len - 1] == '.') /* RFC 7622 §3.2 */
			out->len--;
		if (is_plain_domain(*out))
			return 0;
	}
	return prep_domain(arena, text, out, why);
}

int
jid_domain_ascii(struct arena *arena, struct str domain, struct str *out)
{
	if (!is_plain_domain(domain) && domain.len > 0 && domain.p[0] != '[')
		return prep_domain_ascii(arena, domain, out);
	*out = arena_dup(arena, domain);
	return 0;
}

int
jid_prepare_resource(struct arena *arena, struct str text, struct str *out, const char **why)
{
	if (is_plain(text, RESOURCE)) {
		*out = arena_dup(arena, text);
		return 0;
	}
	return prep_opaque(arena, text, out, why);
}

/* Where the parts of an address stand; p NULL for a part that is not there at all. */
struct split {
	struct str local, domain, resource;
};

/* RFC 7622 §3.1: the first slash ends the bare JID, and the first at-sign in that the localpart. */
static struct split
split(struct str text)
{
	struct split parts = {STR_NONE, text, STR_NONE};
	ptrdiff_t at = str_find(text, '/');

	if (at >= 0) {
		parts.domain = str_first(text, (size_t)at);
		parts.resource = str_from(text, (size_t)at + 1);
	}
	at = str_find(parts.domain, '@');
	if (at >= 0) {
		parts.local = str_first(parts.domain, (size_t)at);
		parts.domain = str_from(parts.domain, (size_t)at + 1);
	}
	return parts;
}

static struct str
move(struct str part, struct str from, struct str to)
{
	return part.p ? str_of(to.p + (part.p - from.p), part.len) : str_of(to.p, 0);
}

int
jid_parse(struct arena *arena, struct str text, struct jid *out, const char **why)
{
	struct split parts = split(text);
	struct str local = STR_NONE, domain, resource = STR_NONE;

	if ((parts.local.p == NULL || is_plain(parts.local, LOCAL)) &&
	    is_plain_domain(parts.domain) &&
	    (parts.resource.p == NULL || is_plain(parts.resource, RESOURCE))) {
		out->text = arena_dup(arena, text);
		out->local = move(parts.local, text, out->text);
		out->domain = move(parts.domain, text, out->text);
		out->resource = move(parts.resource, text, out->text);
		return 0;
	}
	if (text.len > RAW_MAX) {
		*why = "too long";
		return -1;
	}
	if (parts.local.p && jid_prepare_local(arena, parts.local, &local, why) < 0)
		return -1;
	if (jid_prepare_domain(arena, parts.domain, &domain, why) < 0)
		return -1;
	if (parts.resource.p && jid_prepare_resource(arena, parts.resource, &resource, why) < 0)
		return -1;
	*out = jid_make(arena, local, domain, resource);
	return 0;
}

static char *
put(char *at, struct str part)
{
	if (part.len > 0)
		memcpy(at, part.p, part.len);
	return at + part.len;
}

struct jid
jid_make(struct arena *arena, struct str local, struct str domain, struct str resource)
{
	size_t len = local.len + (local.len > 0) + domain.len + resource.len + (resource.len > 0);
	char *start = arena_bytes(arena, len + 1), *at = start;
	struct jid jid;

	assert(domain.len > 0);
	jid.local = str_of(at, local.len);
	at = put(at, local);
	if (local.len > 0)
		*at++ = '@';
	jid.domain = str_of(at, domain.len);
	at = put(at, domain);
	if (resource.len > 0)
		*at++ = '/';
	jid.resource = str_of(at, resource.len);
	at = put(at, resource);
	*at = '\0';
	jid.text = str_of(start, len);
	return jid;
}

struct jid
jid_of_prepared(struct str text)
{
	struct jid jid = {.text = text, .domain = text};
	ptrdiff_t slash = str_find(text, '/'), at;

	if (slash >= 0) {
		jid.resource = str_from(text, (size_t)slash + 1);
		jid.domain = str_first(text, (size_t)slash);
	}
	at = str_find(jid.domain, '@');
	if (at >= 0) {
		jid.local = str_first(text, (size_t)at);
		jid.domain = str_from(jid.domain, (size_t)at + 1);
	}
	return jid;
}

struct jid
jid_bare(struct jid addr)
{
	addr.text = jid_bare_text(addr);
	addr.resource = str_of(addr.text.p + addr.text.len, 0);
	return addr;
}

int
jid_check_new_account(struct arena *arena, struct str local, const char **why)
{
	struct str prepared;

	if (jid_prepare_local(arena, local, &prepared, why) < 0)
		return -1;
	if (!str_equal(local, prepared)) {
		*why = "a name that is not in its prepared form";
		return -1;
	}
	if (prep_check_nodeprep(local, why) < 0)
		return -1;
	return prep_check_mimicry(local, why);
}

int
password_prepare(struct arena *arena, struct str text, struct str *out, const char **why)
{
	return prep_opaque(arena, text, out, why);
}
