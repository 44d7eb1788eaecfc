/* SPDX-License-Identifier: MIT */
/* dialback.h - keys and elements of server dialback (XEP-0220, XEP-0185). */
#pragma once

#include "base/buf.h"
#include "xmpp/stanza_error.h"

#define DIALBACK_KEY_LEN 64u

/*
 * The key by which ORIGINATING, whose SECRET only its own servers know, proves to RECEIVING that a
 * stream of that ID is its own (XEP-0185 §2). OUT has no NUL.
 */
void dialback_key(struct str secret, struct str receiving, struct str originating, struct str id,
		  char out[DIALBACK_KEY_LEN]);
/* Whether KEY is that one, in time that does not depend on KEY (SEC-42). */
bool dialback_key_is_right(struct str secret, struct str receiving, struct str originating,
			   struct str id, struct str key);

/* <db:NAME/> with a key (requests), or with a TYPE of "valid" or "invalid" (answers). ID may be
 * STR_NONE. */
struct dialback {
	const char *name; /* "result" or "verify" */
	struct str from, to, id, key;
	const char *type;
	enum stanza_condition error; /* type "error" (§2.4); else STANZA_NO_ERROR */
	const char *condition;       /* instead of ERROR: one that is not among the enum's */
};
void dialback_write(struct buf *out, const struct dialback *dialback);
