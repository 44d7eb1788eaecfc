/* SPDX-License-Identifier: MIT */
/* stanza_error.c - names and types of stanza errors, and their element (RFC 6120 §8.3). */
#include "xmpp/stanza_error.h"

#include "xmpp/ns.h"

static const struct {
	const char *name, *type;
	const char *code; /* XEP-0086 §3; NULL: it has none */
} conditions[STANZA_CONDITION_COUNT] = {
	[STANZA_BAD_REQUEST] = {"bad-request", "modify", "400"},
	[STANZA_CONFLICT] = {"conflict", "cancel", "409"},
	[STANZA_FEATURE_NOT_IMPLEMENTED] = {"feature-not-implemented", "cancel", "501"},
	[STANZA_FORBIDDEN] = {"forbidden", "auth", "403"},
	[STANZA_GONE] = {"gone", "cancel", "302"},
	[STANZA_INTERNAL_SERVER_ERROR] = {"internal-server-error", "cancel", "500"},
	[STANZA_ITEM_NOT_FOUND] = {"item-not-found", "cancel", "404"},
	[STANZA_JID_MALFORMED] = {"jid-malformed", "modify", "400"},
	[STANZA_NOT_ACCEPTABLE] = {"not-acceptable", "modify", "406"},
	[STANZA_NOT_ALLOWED] = {"not-allowed", "cancel", "405"},
	[STANZA_NOT_AUTHORIZED] = {"not-authorized", "auth", "401"},
	[STANZA_POLICY_VIOLATION] = {"policy-violation", "modify"},
	[STANZA_RECIPIENT_UNAVAILABLE] = {"recipient-unavailable", "wait", "404"},
	[STANZA_REDIRECT] = {"redirect", "modify", "302"},
	[STANZA_REGISTRATION_REQUIRED] = {"registration-required", "auth", "407"},
	[STANZA_REMOTE_SERVER_NOT_FOUND] = {"remote-server-not-found", "cancel", "404"},
	[STANZA_REMOTE_SERVER_TIMEOUT] = {"remote-server-timeout", "wait", "504"},
	[STANZA_RESOURCE_CONSTRAINT] = {"resource-constraint", "wait", "500"},
	[STANZA_SERVICE_UNAVAILABLE] = {"service-unavailable", "cancel", "503"},
	[STANZA_SUBSCRIPTION_REQUIRED] = {"subscription-required", "auth", "407"},
	[STANZA_UNDEFINED_CONDITION] = {"undefined-condition", "cancel", "500"},
	[STANZA_UNEXPECTED_REQUEST] = {"unexpected-request", "wait", "400"},
};

const char *
stanza_condition_name(enum stanza_condition condition)
{
	assert(conditions[condition].name != NULL);
	return conditions[condition].name;
}

const char *
stanza_condition_type(enum stanza_condition condition)
{
	return conditions[condition].type;
}

struct element *
stanza_error_new(struct arena *arena, enum stanza_condition condition, const char *text)
{
	struct element *error = element_new(arena, NS_CLIENT, "error");

	element_setz(arena, error, "type", stanza_condition_type(condition));
	if (conditions[condition].code != NULL)
		element_setz(arena, error, "code", conditions[condition].code);
	element_add(arena, error, NS_STANZA_ERROR, stanza_condition_name(condition));
	if (text != NULL) {
		struct element *el = element_add(arena, error, NS_STANZA_ERROR, "text");

		element_add_text(arena, el, str(text));
	}
	return error;
}
