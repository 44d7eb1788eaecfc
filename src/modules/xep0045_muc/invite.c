/* SPDX-License-Identifier: MIT */
/* invite.c - passes invitations on, in the room's name (see invite.h). */
#include "modules/xep0045_muc/invite.h"

#include "modules/xep0045_muc/admin.h"
#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/flood.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/post.h"

#define INVITES_MAX 20u /* of one message */
#define REASON_MAX 1024u

struct invitation {
	struct jid to;
	struct str from; /* address of the inviter, as the invitee gets to know it */
	struct str reason, thread;
	bool is_continued;
	struct str id;
};

/* §7.8.2, with what clients of XEP-0249 alone understand. */
static void
send_invitation(struct room *room, const struct invitation *i)
{
	struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL, room->jid, i->to);
	struct arena *arena = message->arena;
	struct element *x = element_add(arena, message->el, NS_MUC_USER, "x");
	struct element *invite = element_add(arena, x, NULL, "invite"), *direct;

	if (i->id.len > 0)
		stanza_set_id(message, i->id);
	element_set(arena, invite, "from", i->from);
	if (i->reason.len > 0)
		element_add_leaf(arena, invite, "reason", i->reason);
	if (i->is_continued) {
		struct element *el = element_add(arena, invite, NULL, "continue");

		element_set(arena, el, "thread", i->thread);
	}
	direct = element_add(arena, message->el, NS_CONFERENCE, "x");
	element_set(arena, direct, "jid", room->jid.text);
	if (i->reason.len > 0)
		element_set(arena, direct, "reason", i->reason);
	if (room->config.is_password_protected) {
		element_add_leaf(arena, x, "password", room->config.password);
		element_set(arena, direct, "password", room->config.password);
	}
	room_send(room, message);
}

void
invite_send(struct room *room, struct str to_bare, struct jid inviter, struct str reason)
{
	struct arena *arena = arena_new();
	struct invitation i = {.from = jid_bare_text(inviter), .reason = reason};
	const char *why;

	if (jid_parse(arena, to_bare, &i.to, &why) == 0)
		send_invitation(room, &i);
	arena_free(arena);
}

/* Whoever invites into a members-only room, and may, makes a member (§9.5). */
static void
make_member(struct room *room, struct str bare)
{
	struct store_request *request;

	if (!room->config.is_members_only || affiliation_of(room, bare) != AFFILIATION_NONE)
		return;
	request = room_request_aside(room, NULL, NULL, NULL);
	affiliation_set(room, room->state == ROOM_OPEN ? request : NULL, bare, AFFILIATION_MEMBER,
			STR_NONE, STR_NONE);
	store_submit(request);
}

/* How INVITER is known to the invitee: not by his address where that is hidden. */
static struct str
shown_address(struct arena *arena, const struct room *room, const struct seat *inviter)
{
	if (!room->config.is_anonymous)
		return jid_bare_text(inviter->jid);
	return jid_make(arena, room->jid.local, room->jid.domain, inviter->occupant->nick).text;
}

static enum stanza_condition
invite(struct room *room, const struct seat *seat, const struct stanza *message,
       const struct element *el, struct arena *arena)
{
	struct invitation i = {.id = message->id, .from = shown_address(arena, room, seat)};
	const struct element *more = element_child(el, NULL, "continue");
	const char *why;

	if (jid_parse(arena, element_attr(el, "to"), &i.to, &why) < 0)
		return STANZA_JID_MALFORMED;
	if (affiliation_of(room, jid_bare_text(i.to)) == AFFILIATION_OUTCAST)
		return STANZA_NOT_ALLOWED;
	i.reason = element_child_text(arena, el, NULL, "reason");
	if (i.reason.len > REASON_MAX)
		return STANZA_NOT_ACCEPTABLE;
	i.is_continued = more != NULL;
	i.thread = more ? element_attr(more, "thread") : STR_NONE;
	make_member(room, jid_bare_text(i.to));
	send_invitation(room, &i);
	return STANZA_NO_ERROR;
}

static void
take_invites(struct room *room, const struct seat *seat, struct stanza *message,
	     const struct element *el)
{
	struct permission_rules rules = room_config_rules(&room->config);
	struct arena *arena;
	enum stanza_condition condition = STANZA_NO_ERROR;
	struct rank rank;

	if (seat == NULL) {
		room_refuse(room, message, STANZA_NOT_ACCEPTABLE, "you are not in the room");
		return;
	}
	rank = occupant_rank(room, seat->occupant);
	if (!may(ACTION_INVITE, rank.role, rank.affiliation, &rules)) {
		room_refuse(room, message, STANZA_FORBIDDEN, NULL);
		return;
	}
	arena = arena_new();
	for (unsigned n = 0; el != NULL && condition == STANZA_NO_ERROR;
	     el = element_next(el, NS_MUC_USER, "invite"), n++) {
		if (n == INVITES_MAX || !flood_allows(room, seat->occupant->bare))
			condition = STANZA_RESOURCE_CONSTRAINT;
		else
			condition = invite(room, seat, message, el, arena);
	}
	if (condition != STANZA_NO_ERROR)
		room_refuse(room, message, condition, NULL);
	arena_free(arena);
}

/*
 * §7.8.2. To an occupant, by the address that the invitation showed: so nobody gets a message in
 * the room's name who did not invite from in here.
 */
static void
take_decline(struct room *room, struct stanza *message, const struct element *el)
{
	struct arena *arena = arena_new();
	struct str reason = element_child_text(arena, el, NULL, "reason");
	struct occupant *inviter = NULL;
	struct jid to;
	const char *why;

	if (jid_parse(arena, element_attr(el, "to"), &to, &why) == 0)
		inviter = str_equal(jid_bare_text(to), room->jid.text)
				  ? occupant_find(room, to.resource)
				  : occupant_of(room, jid_bare_text(to));
	if (inviter == NULL || reason.len > REASON_MAX) {
		room_refuse(room, message, STANZA_ITEM_NOT_FOUND, NULL);
	} else if (!flood_allows(room, jid_bare_text(message->from))) {
		room_refuse(room, message, STANZA_RESOURCE_CONSTRAINT, NULL);
	} else {
		struct stanza *out = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL, room->jid,
						occupant_shown(inviter)->jid);
		struct element *x = element_add(out->arena, out->el, NS_MUC_USER, "x");
		struct element *decline = element_add(out->arena, x, NULL, "decline");

		if (message->id.p != NULL)
			stanza_set_id(out, message->id);
		element_set(out->arena, decline, "from", jid_bare_text(message->from));
		if (reason.len > 0)
			element_add_leaf(out->arena, decline, "reason", reason);
		room_send(room, out);
	}
	arena_free(arena);
}

bool
invite_take(struct room *room, const struct seat *seat, struct stanza *message)
{
	const struct element *x = element_child(message->el, NS_MUC_USER, "x"), *el;

	if (x == NULL)
		return false;
	if ((el = element_child(x, NS_MUC_USER, "invite")) != NULL) {
		take_invites(room, seat, message, el);
		return true;
	}
	if ((el = element_child(x, NS_MUC_USER, "decline")) != NULL) {
		take_decline(room, message, el);
		return true;
	}
	return false;
}
