/* SPDX-License-Identifier: MIT */
/*
 * sasl_ht.h - the SASL mechanisms HT-SHA-256-* (draft-schmaus-kitten-sasl-ht-09 §3): a client shows
 * in one message that it has a token, and the answer shows that the server knows it too.
 *
 * HT-SHA-256-UNIQ is not among them: tls-unique does not exist with TLS 1.3 (RFC 8446 appendix
 * C.5).
 */
#pragma once

#include "base/arena.h"

#define HT_HASH_SIZE 32u

/* What a token is bound to, in order of preference. */
enum ht_binding {
	HT_EXPR, /* tls-exporter, RFC 9266 */
	HT_ENDP, /* tls-server-end-point, RFC 5929 */
	HT_NONE,
	HT_BINDING_COUNT,
};

const char *ht_name(enum ht_binding binding);
/* Exactly as registered, case included. Returns 0 or -1. */
MUST_CHECK int ht_parse(struct str name, enum ht_binding *out);

struct ht_message { /* views into what was read */
	struct str authcid;
	struct str hash;
};
/* The initiator's message, decoded: §3.1. Returns 0 or -1. */
MUST_CHECK int ht_read(struct str in, struct ht_message *out);
/* Whether the sender knows TOKEN. BINDING_DATA is empty for HT_NONE. In constant time. */
bool ht_verify(struct str token, struct str binding_data, struct str hash);

/* HMAC(token, "Responder" || binding data): §3.2. */
struct str ht_answer(struct arena *arena, struct str token, struct str binding_data);
/* The initiator's message, for tools and tests. */
struct str ht_ask(struct arena *arena, struct str authcid, struct str token,
		  struct str binding_data);
