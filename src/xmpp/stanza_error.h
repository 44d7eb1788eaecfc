/* SPDX-License-Identifier: MIT */
/* stanza_error.h - the conditions that refuse one stanza (RFC 6120 §8.3.3). */
#pragma once

#include "xmpp/element.h"

enum stanza_condition {
	STANZA_NO_ERROR,
	STANZA_BAD_REQUEST,
	STANZA_CONFLICT,
	STANZA_FEATURE_NOT_IMPLEMENTED,
	STANZA_FORBIDDEN,
	STANZA_GONE,
	STANZA_INTERNAL_SERVER_ERROR,
	STANZA_ITEM_NOT_FOUND,
	STANZA_JID_MALFORMED,
	STANZA_NOT_ACCEPTABLE,
	STANZA_NOT_ALLOWED,
	STANZA_NOT_AUTHORIZED,
	STANZA_POLICY_VIOLATION,
	STANZA_RECIPIENT_UNAVAILABLE,
	STANZA_REDIRECT,
	STANZA_REGISTRATION_REQUIRED,
	STANZA_REMOTE_SERVER_NOT_FOUND,
	STANZA_REMOTE_SERVER_TIMEOUT,
	STANZA_RESOURCE_CONSTRAINT,
	STANZA_SERVICE_UNAVAILABLE,
	STANZA_SUBSCRIPTION_REQUIRED,
	STANZA_UNDEFINED_CONDITION,
	STANZA_UNEXPECTED_REQUEST,
	STANZA_CONDITION_COUNT,
};

const char *stanza_condition_name(enum stanza_condition condition);
/* The type that the RFC recommends for it: "cancel", "modify", "auth" or "wait". */
const char *stanza_condition_type(enum stanza_condition condition);
/*
 * <error/> in NS_CLIENT; TEXT NULL for none. With the number that clients of before XMPP, and some
 * of today, go by (XEP-0086).
 */
struct element *stanza_error_new(struct arena *arena, enum stanza_condition condition,
				 const char *text);
