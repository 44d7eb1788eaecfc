/* SPDX-License-Identifier: MIT */
/*
 * worth.c - which messages are worth waking a person for.
 *
 * One that says something to people: a body, or the cipher of one (XEP-0380, or OMEMO), or a call
 * (XEP-0353), which rings. Not what clients tell each other, and not what is gone by the time the
 * device looks (XEP-0334).
 */
#include "modules/xep0357_push/push.h"
#include "xmpp/xep/hints.h"

#define NS_CALL "urn:xmpp:jingle-message:0"
#define NS_EME "urn:xmpp:eme:0"
#define NS_RETRACT "urn:xmpp:message-retract:1"
#define NS_REACTIONS "urn:xmpp:reactions:0"

/* OMEMO's, old and new: one without payload only carries keys. */
static const struct element *
omemo_of(const struct element *message)
{
	const struct element *el =
		element_child(message, "eu.siacs.conversations.axolotl", "encrypted");

	return el ? el : element_child(message, "urn:xmpp:omemo:2", "encrypted");
}

bool
push_is_cipher(const struct element *message)
{
	return omemo_of(message) != NULL || element_child(message, NS_EME, "encryption") != NULL;
}

bool
push_says_something(const struct element *message)
{
	const struct element *omemo = omemo_of(message);
	const struct element *body = element_child(message, NS_CLIENT, "body");

	if (omemo != NULL)
		return element_child(omemo, NULL, "payload") != NULL;
	/* These have a body for clients that don't know them. */
	if (element_child(message, NS_RETRACT, "retract") != NULL ||
	    element_child(message, NS_REACTIONS, "reactions") != NULL)
		return false;
	if (element_child(message, NS_EME, "encryption") != NULL)
		return true;
	return body != NULL && body->children != NULL;
}

enum worth
push_worth(const struct account *account, const struct stanza *message)
{
	if (message->kind != STANZA_MESSAGE ||
	    (message->type != MESSAGE_CHAT && message->type != MESSAGE_NORMAL))
		return WORTH_NOTHING;
	/* What one's own devices send. */
	if (str_equal(jid_bare_text(message->from), account->jid.text))
		return WORTH_NOTHING;
	if (element_child(message->el, NS_CALL, "propose") != NULL)
		return WORTH_RINGING;
	if ((hints_of(message->el) & HINT_NO_STORE) != 0 || !push_says_something(message->el))
		return WORTH_NOTHING;
	return WORTH_A_NOTICE;
}
