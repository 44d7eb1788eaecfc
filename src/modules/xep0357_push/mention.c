/* SPDX-License-Identifier: MIT */
/*
 * mention.c - whether a message speaks to somebody in particular (XEP-0492 §4): it refers to him
 * (XEP-0372), answers him (XEP-0461), or has his name in it.
 */
#include "modules/xep0357_push/push.h"

#define NS_REFERENCE "urn:xmpp:reference:0"
#define NS_REPLY "urn:xmpp:reply:0"

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Bytes beyond ASCII are taken for letters. */
static bool
is_letter(char c)
{
	return (c & 0x80) != 0 || (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

static bool
is_at(struct str body, size_t at, struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (lower(body.p[at + i]) != lower(name.p[i]))
			return false;
	return (at == 0 || !is_letter(body.p[at - 1]) || !is_letter(name.p[0])) &&
	       (at + name.len == body.len || !is_letter(body.p[at + name.len]) ||
		!is_letter(name.p[name.len - 1]));
}

static bool
has_name(struct str body, struct str name)
{
	if (name.len == 0)
		return false;
	for (size_t at = 0; at + name.len <= body.len; at++)
		if (is_at(body, at, name))
			return true;
	return false;
}

static bool
refers_to(const struct element *message, struct str jid)
{
	const struct element *reply = element_child(message, NS_REPLY, "reply");
	const struct element *el = element_child(message, NS_REFERENCE, "reference");

	if (reply != NULL && str_equal(element_attr(reply, "to"), jid))
		return true;
	for (; el != NULL; el = element_next(el, NS_REFERENCE, "reference")) {
		struct str uri = element_attr(el, "uri");

		if (str_is(element_attr(el, "type"), "mention") && str_starts(uri, STR("xmpp:")) &&
		    str_equal(str_from(uri, strlen("xmpp:")), jid))
			return true;
	}
	return false;
}

/* By the names under which SESSION is in the room: where it sent its presence. */
static bool
mentions_occupant(const struct session *session, const struct stanza *message, struct str body)
{
	struct str room = jid_bare_text(message->from);
	uint32_t at = 0;
	void *value;

	while (session->directed != NULL && map_next(session->directed, &at, &value)) {
		struct str seat = str(value);

		if (seat.len > room.len && str_starts(seat, room) && seat.p[room.len] == '/' &&
		    (refers_to(message->el, seat) || has_name(body, str_from(seat, room.len + 1))))
			return true;
	}
	return false;
}

bool
push_mentions(const struct account *account, const struct stanza *message, struct str nick)
{
	struct arena *arena = arena_new();
	struct str body = element_child_text(arena, message->el, NS_CLIENT, "body");
	/* What is in a cipher only the device can tell. */
	bool is_mention = push_is_cipher(message->el) || has_name(body, nick) ||
			  refers_to(message->el, account->jid.text) ||
			  has_name(body, account->jid.local);

	LIST_EACH(&account->sessions, struct session, link, session)
	{
		is_mention = is_mention || mentions_occupant(session, message, body);
	}
	arena_free(arena);
	return is_mention;
}
