/* SPDX-License-Identifier: MIT */
/* stanza_error.c - names and types of stanza errors, and their element (RFC 6120 §8.3). */
#include "xmpp/stanza_error.h"

#include "xmpp/ns.h"

static const struct {
	const char *name, *type;
} conditions[STANZA_CONDITION_COUNT] = {
	[STANZA_BAD_REQUEST] = {"bad-request", "modify"},
	[STANZA_CONFLICT] = {"conflict", "cancel"},
	[STANZA_FEATURE_NOT_IMPLEMENTED] = {"feature-not-implemented", "cancel"},
	[STANZA_FORBIDDEN] = {"forbidden", "auth"},
	[STANZA_GONE] = {"gone", "cancel"},
	[STANZA_INTERNAL_SERVER_ERROR] = {"internal-server-error", "cancel"},
	[STANZA_ITEM_NOT_FOUND] = {"item-not-found", "cancel"},
	[STANZA_JID_MALFORMED] = {"jid-malformed", "modify"},
	[STANZA_NOT_ACCEPTABLE] = {"not-acceptable", "modify"},
	[STANZA_NOT_ALLOWED] = {"not-allowed", "cancel"},
	[STANZA_NOT_AUTHORIZED] = {"not-authorized", "auth"},
	[STANZA_POLICY_VIOLATION] = {"policy-violation", "modify"},
	[STANZA_RECIPIENT_UNAVAILABLE] = {"recipient-unavailable", "wait"},
	[STANZA_REDIRECT] = {"redirect", "modify"},
	[STANZA_REGISTRATION_REQUIRED] = {"registration-required", "auth"},
	[STANZA_REMOTE_SERVER_NOT_FOUND] = {"remote-server-not-found", "cancel"},
	[STANZA_REMOTE_SERVER_TIMEOUT] = {"remote-server-timeout", "wait"},
	[STANZA_RESOURCE_CONSTRAINT] = {"resource-constraint", "wait"},
	[STANZA_SERVICE_UNAVAILABLE] = {"service-unavailable", "cancel"},
	[STANZA_SUBSCRIPTION_REQUIRED] = {"subscription-required", "auth"},
	[STANZA_UNDEFINED_CONDITION] = {"undefined-condition", "cancel"},
	[STANZA_UNEXPECTED_REQUEST] = {"unexpected-request", "wait"},
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
	element_add(arena, error, NS_STANZA_ERROR, stanza_condition_name(condition));
	if (text != NULL) {
		struct element *el = element_add(arena, error, NS_STANZA_ERROR, "text");

		element_add_text(arena, el, str(text));
	}
	return error;
}
