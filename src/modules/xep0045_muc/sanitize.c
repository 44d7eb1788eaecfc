/* SPDX-License-Identifier: MIT */
/* sanitize.c - takes out what is forged. */
#include "modules/xep0045_muc/sanitize.h"

#include "xmpp/xep/delay.h"

#define NS_MAM_ANY "urn:xmpp:mam:"
#define NS_ADDRESS "http://jabber.org/protocol/address"

/* Whole namespaces: nobody but the room uses them towards occupants. */
static const char *const namespaces[] = {NS_MUC,       NS_MUC_USER, NS_MUC_ADMIN,
					 NS_MUC_OWNER, NS_HATS,     NS_OCCUPANT_ID};

struct str
room_text_of(const struct stanza *stanza)
{
	return jid_bare_text(stanza->to);
}

/* A retraction that says it was a moderator's (XEP-0425 §3, v0 and v1). */
static bool
claims_moderation(const struct element *el)
{
	return (element_is(el, NS_RETRACT, "retract") &&
		element_child(el, NS_MODERATE, "moderated") != NULL) ||
	       element_is(el, NS_RETRACT, "retracted") ||
	       element_is(el, NS_RETRACT_0, "retracted") ||
	       (element_is(el, NS_FASTEN, "apply-to") &&
		element_child(el, NS_MODERATE_0, NULL) != NULL) ||
	       str_is(el->ns, NS_MODERATE) || str_is(el->ns, NS_MODERATE_0);
}

bool
is_rooms_own(const struct element *el, struct str room)
{
	for (size_t i = 0; i < COUNT(namespaces); i++)
		if (str_is(el->ns, namespaces[i]))
			return true;
	if (element_is(el, NS_SID, "stanza-id"))
		return str_equal(element_attr(el, "by"), room);
	if (element_is(el, NS_DELAY, "delay"))
		return str_equal(element_attr(el, "from"), room);
	if (str_starts(el->ns, STR(NS_MAM_ANY)) || str_is(el->ns, NS_ADDRESS))
		return true;
	return claims_moderation(el);
}

static bool
has_forgery(const struct stanza *stanza)
{
	for (const struct element *el = element_child(stanza->el, NULL, NULL); el != NULL;
	     el = element_next(el, NULL, NULL))
		if (is_rooms_own(el, room_text_of(stanza)))
			return true;
	return false;
}

/* A copy of the tree. */
static struct stanza *
without_forgeries(const struct stanza *stanza)
{
	struct arena *arena = arena_new();
	struct element *el = element_copy(arena, stanza->el), *next;
	enum stanza_condition condition;
	struct stanza *copy, *reply;

	for (struct element *child = element_child(el, NULL, NULL); child != NULL; child = next) {
		next = element_next(child, NULL, NULL);
		if (is_rooms_own(child, room_text_of(stanza)))
			element_detach(child);
	}
	copy = stanza_take(arena, el, &condition, &reply);
	assert(copy != NULL); /* what it is refused for, it was when it came */
	copy->is_edited = true;
	return copy;
}

struct stanza *
sanitized(struct stanza *stanza, struct jid from)
{
	struct stanza *clean, *out;

	if (!has_forgery(stanza))
		return stanza_resend(stanza, from, (struct jid){0});
	clean = without_forgeries(stanza);
	out = stanza_resend(clean, from, (struct jid){0});
	stanza_unref(clean);
	return out;
}
