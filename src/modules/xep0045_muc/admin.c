/* SPDX-License-Identifier: MIT */
/* admin.c - what moderators, admins and owners do to others (see admin.h, SEC-51). */
#include "modules/xep0045_muc/admin.h"

#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/invite.h"
#include "modules/xep0045_muc/leave.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/post.h"
#include "modules/xep0045_muc/presence.h"
#include "xmpp/prep.h"

#include <stdlib.h>

#define ITEMS_MAX 1000u
#define REASON_MAX 1024u

/* Whoever asks: from anywhere, but his role is that of the client that asks. */
static struct rank
rank_of(const struct room *room, struct jid who)
{
	const struct seat *seat = seat_find(room, who.text);

	return (struct rank){seat ? seat->occupant->role : ROLE_NONE,
			     affiliation_of(room, jid_bare_text(who))};
}

static bool
room_may(const struct room *room, enum action action, struct rank rank)
{
	struct permission_rules rules = room_config_rules(&room->config);

	return may(action, rank.role, rank.affiliation, &rules);
}

/* ---- lists ---- */

static struct element *
add_item(struct arena *arena, struct element *query, enum affiliation affiliation)
{
	struct element *item = element_add(arena, query, NULL, "item");

	element_setz(arena, item, "affiliation", affiliation_name(affiliation));
	return item;
}

/* §17.4: by bare JID, with the nick that is reserved or in use. */
static void
list_affiliation(struct room *room, struct arena *arena, struct element *query,
		 enum affiliation wanted)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&room->affiliates, &at, &value)) {
		const struct affiliate *a = value;
		struct element *item;

		if (a->affiliation != wanted)
			continue;
		item = add_item(arena, query, wanted);
		element_set(arena, item, "jid", a->jid);
		if (a->nick.p != NULL && wanted != AFFILIATION_OUTCAST)
			element_set(arena, item, "nick", a->nick);
		if (a->reason.p != NULL)
			element_add_leaf(arena, item, "reason", a->reason);
	}
}

static void
list_role(struct room *room, struct arena *arena, struct element *query, enum role wanted)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&room->seats, &at, &value)) {
		const struct seat *seat = value;
		struct element *item;

		if (seat->occupant->role != wanted)
			continue;
		item = add_item(arena, query, affiliation_of(room, seat->occupant->bare));
		element_set(arena, item, "jid", seat->jid.text);
		element_set(arena, item, "nick", seat->occupant->nick);
		element_setz(arena, item, "role", role_name(wanted));
	}
}

static bool
may_list_affiliation(const struct room *room, struct rank rank, enum affiliation wanted)
{
	switch (wanted) {
	case AFFILIATION_OUTCAST:
		return room_may(room, ACTION_BAN, rank);
	case AFFILIATION_MEMBER:
		return room_may(room, ACTION_LIST_MEMBERS, rank);
	default:
		/* §10.5, §10.8: in non-anonymous rooms, whoever may get the members'. Clients of
		 * members ask for all three, to know whom to encrypt for. */
		return room_may(room, ACTION_EDIT_ADMINS, rank) ||
		       (!room->config.is_anonymous && room_may(room, ACTION_LIST_MEMBERS, rank));
	}
}

static bool
may_list_role(const struct room *room, struct rank rank, enum role wanted)
{
	return room_may(room, wanted == ROLE_MODERATOR ? ACTION_EDIT_MODERATORS : ACTION_VOICE,
			rank);
}

void
admin_get(struct room *room, struct stanza *iq)
{
	const struct element *item = element_child(element_child(iq->el, NULL, NULL), NULL, "item");
	struct arena *arena = arena_new();
	struct element *query = element_new(arena, NS_MUC_ADMIN, "query");
	struct rank rank = rank_of(room, iq->from);
	enum affiliation affiliation;
	enum role role;

	if (item == NULL) {
		room_refuse(room, iq, STANZA_BAD_REQUEST, NULL);
	} else if (affiliation_parse(element_attr(item, "affiliation"), &affiliation) == 0 &&
		   affiliation != AFFILIATION_NONE) {
		if (may_list_affiliation(room, rank, affiliation)) {
			list_affiliation(room, arena, query, affiliation);
			room_reply(room, iq, query);
		} else {
			room_refuse(room, iq, STANZA_FORBIDDEN, NULL);
		}
	} else if (role_parse(element_attr(item, "role"), &role) == 0 && role != ROLE_NONE) {
		if (may_list_role(room, rank, role)) {
			list_role(room, arena, query, role);
			room_reply(room, iq, query);
		} else {
			room_refuse(room, iq, STANZA_FORBIDDEN, NULL);
		}
	} else {
		room_refuse(room, iq, STANZA_BAD_REQUEST, NULL);
	}
	arena_free(arena);
}

/* ---- changes ---- */

struct change { /* one item, checked */
	bool is_role;
	struct str nick, jid, reason; /* NICK of an affiliation: p NULL when it stays */
	enum role role;
	enum affiliation affiliation;
};

struct changes {
	struct room *room;
	struct stanza *iq;
	struct arena *arena;
	struct rank actor;
	struct str actor_bare, actor_nick;
	struct change *items;
	size_t count;
	enum stanza_condition refusal;
};

static int
refuse(struct changes *c, enum stanza_condition condition)
{
	c->refusal = condition;
	return -1;
}

static int
check_role(struct changes *c, const struct change *change)
{
	const struct occupant *target = occupant_find(c->room, change->nick);
	bool is_of_moderators =
		change->role == ROLE_MODERATOR ||
		(target != NULL && target->role == ROLE_MODERATOR && change->role != ROLE_NONE);
	enum action action = change->role == ROLE_NONE ? ACTION_KICK
			     : is_of_moderators        ? ACTION_EDIT_MODERATORS
						       : ACTION_VOICE;

	/* §8: first whether one may do such things at all, then to whom. */
	if (!room_may(c->room, action, c->actor))
		return refuse(c, STANZA_FORBIDDEN);
	if (target == NULL)
		return refuse(c, STANZA_ITEM_NOT_FOUND);
	if (!may_change_role(c->actor, occupant_rank(c->room, target), change->role))
		return refuse(c, STANZA_NOT_ALLOWED);
	return 0;
}

static unsigned
owners_left(const struct changes *c)
{
	unsigned owners = c->room->owner_count;

	for (size_t i = 0; i < c->count; i++) {
		const struct affiliate *a = affiliate_find(c->room, c->items[i].jid);
		bool was = a != NULL && a->affiliation == AFFILIATION_OWNER;

		if (c->items[i].is_role)
			continue;
		owners -= was && c->items[i].affiliation != AFFILIATION_OWNER;
		owners += !was && c->items[i].affiliation == AFFILIATION_OWNER;
	}
	return owners;
}

static int
check_affiliation(struct changes *c, const struct change *change)
{
	enum affiliation before = affiliation_of(c->room, change->jid);

	if (c->actor.affiliation < AFFILIATION_ADMIN)
		return refuse(c, STANZA_FORBIDDEN);
	/* §9.1: nobody bans himself. */
	if (change->affiliation == AFFILIATION_OUTCAST && str_equal(change->jid, c->actor_bare))
		return refuse(c, STANZA_CONFLICT);
	if (may_change_affiliation(c->actor.affiliation, before, change->affiliation))
		return 0;
	/* §9.1: an admin who bans somebody above him; §10.3, §10.6: lists that are the owners'. */
	return refuse(c, change->affiliation < AFFILIATION_ADMIN ? STANZA_NOT_ALLOWED
								 : STANZA_FORBIDDEN);
}

/* The address that an affiliation is of: a bare JID, or one in the room, by nick. */
static int
read_jid(struct changes *c, const struct element *item, struct change *change)
{
	struct str text = element_attr(item, "jid");
	const struct occupant *occupant;
	const char *why;
	struct jid jid;

	change->nick = element_attr(item, "nick");
	if (text.len == 0) {
		/* Some clients know only the nick. */
		occupant = occupant_find(c->room, change->nick);
		if (occupant == NULL)
			return refuse(c, change->nick.len > 0 ? STANZA_ITEM_NOT_FOUND
							      : STANZA_BAD_REQUEST);
		change->jid = arena_dup(c->arena, occupant->bare);
		change->nick = STR_NONE;
		return 0;
	}
	if (jid_parse(c->arena, text, &jid, &why) < 0)
		return refuse(c, STANZA_JID_MALFORMED);
	change->jid = jid_bare_text(jid);
	/* §9.2: a domain can be banned, and be no more than that. */
	if (jid.local.len == 0 && change->affiliation > AFFILIATION_NONE)
		return refuse(c, STANZA_NOT_ACCEPTABLE);
	return 0;
}

/* A nick that is to be reserved with the affiliation (§9.5). */
static int
check_nick(struct changes *c, struct change *change)
{
	struct str nick = change->nick, prepared, key;
	const struct affiliate *owner;
	const char *why;

	if (nick.p == NULL || nick.len == 0)
		return 0;
	if (jid_prepare_resource(c->arena, nick, &prepared, &why) < 0)
		return refuse(c, STANZA_JID_MALFORMED);
	key = prep_nick_key(c->arena, prepared);
	owner = affiliate_of_nick(c->room, key);
	if (key.len == 0 || change->affiliation <= AFFILIATION_NONE)
		change->nick = STR("");
	else if (owner != NULL && !str_equal(owner->jid, change->jid))
		return refuse(c, STANZA_CONFLICT);
	else
		change->nick = prepared;
	return 0;
}

static int
read_item(struct changes *c, const struct element *item)
{
	struct change *change = &c->items[c->count];
	struct str role = element_attr(item, "role");
	struct str affiliation = element_attr(item, "affiliation");

	*change = (struct change){.is_role = role.p != NULL};
	/* §17.4: one of both. */
	if ((role.p != NULL) == (affiliation.p != NULL))
		return refuse(c, STANZA_BAD_REQUEST);
	change->reason = element_child_text(c->arena, item, NULL, "reason");
	if (change->reason.len > REASON_MAX)
		return refuse(c, STANZA_NOT_ACCEPTABLE);
	if (change->is_role) {
		change->nick = element_attr(item, "nick");
		if (role_parse(role, &change->role) < 0 || change->nick.len == 0)
			return refuse(c, STANZA_BAD_REQUEST);
		if (check_role(c, change) < 0)
			return -1;
	} else {
		if (affiliation_parse(affiliation, &change->affiliation) < 0)
			return refuse(c, STANZA_BAD_REQUEST);
		if (read_jid(c, item, change) < 0 || check_affiliation(c, change) < 0 ||
		    check_nick(c, change) < 0)
			return -1;
	}
	c->count++;
	return 0;
}

/* All or nothing (§9.2). */
static int
read_items(struct changes *c)
{
	const struct element *query = element_child(c->iq->el, NULL, NULL);
	const struct element *item = element_child(query, NULL, "item");
	size_t n = 0;

	for (const struct element *i = item; i != NULL; i = element_next(i, NULL, "item"))
		n++;
	if (n == 0)
		return refuse(c, STANZA_BAD_REQUEST);
	if (n > ITEMS_MAX)
		return refuse(c, STANZA_POLICY_VIOLATION);
	c->items = arena_array(c->arena, struct change, n);
	for (; item != NULL; item = element_next(item, NULL, "item"))
		if (read_item(c, item) < 0)
			return -1;
	/* §10.4: a room has an owner. */
	if (c->room->owner_count > 0 && owners_left(c) == 0)
		return refuse(c, STANZA_CONFLICT);
	return 0;
}

static void
apply_role(struct changes *c, const struct change *change, struct store_request *request)
{
	struct occupant *occupant = occupant_find(c->room, change->nick);
	struct shown shown = {
		.occupant = occupant, .reason = change->reason, .actor = c->actor_nick};

	if (occupant == NULL) /* removed by an item before */
		return;
	if (change->role == ROLE_NONE) {
		shown.codes[0] = STATUS_KICKED;
		leave_removed(c->room, occupant, &shown, request);
		return;
	}
	occupant_set_role(c->room, occupant, change->role);
	LIST_EACH(&occupant->seats, struct seat, link, seat)
	{
		if (seat->is_stored)
			seat_store(c->room, request, seat);
	}
	presence_broadcast(c->room, &shown);
}

/* The occupants that WHO is: himself, or all of a domain. */
static bool
is_who(const struct occupant *occupant, struct str who)
{
	ptrdiff_t at = str_find(occupant->bare, '@');

	return str_equal(occupant->bare, who) ||
	       (at >= 0 && str_equal(str_from(occupant->bare, (size_t)at + 1), who));
}

static void
apply_to_occupant(struct room *room, struct occupant *occupant, struct shown *shown,
		  bool was_moderator, struct store_request *request)
{
	struct permission_rules rules = room_config_rules(&room->config);
	enum affiliation now = affiliation_of(room, occupant->bare);
	enum role role = occupant->role;

	shown->occupant = occupant;
	if (now == AFFILIATION_OUTCAST || !may(ACTION_ENTER, ROLE_NONE, now, &rules)) {
		shown->codes[0] =
			now == AFFILIATION_OUTCAST ? STATUS_BANNED : STATUS_AFFILIATION_LOST;
		leave_removed(room, occupant, shown, request);
		return;
	}
	/* §5.1.3: what comes with the affiliation; what came with a former one goes. */
	if (role_kept(now) == ROLE_MODERATOR)
		role = ROLE_MODERATOR;
	else if (role == ROLE_MODERATOR && was_moderator)
		role = role_at_entry(now, &rules);
	else if (now == AFFILIATION_MEMBER)
		role = MAX(role, ROLE_PARTICIPANT);
	occupant_set_role(room, occupant, role);
	LIST_EACH(&occupant->seats, struct seat, link, seat)
	{
		if (seat->is_stored)
			seat_store(room, request, seat);
	}
	presence_broadcast(room, shown);
}

/* §13.5: who is elsewhere is told, without words: a client that shows its rooms shows it there. */
static void
tell_absent(struct room *room, struct str who, struct str reason)
{
	struct stanza *message =
		stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL, room->jid, jid_of_prepared(who));
	struct element *x = element_new(message->arena, NS_MUC_USER, "x"), *item, *status;

	item = element_add(message->arena, x, NS_MUC_USER, "item");
	element_setz(message->arena, item, "affiliation",
		     affiliation_name(affiliation_of(room, who)));
	if (reason.len > 0)
		element_add_leaf(message->arena, item, "reason", reason);
	status = element_add(message->arena, x, NS_MUC_USER, "status");
	element_set(message->arena, status, "code",
		    arena_printf(message->arena, "%d", STATUS_AFFILIATION_CHANGED));
	element_append(message->el, x);
	room_send(room, message);
}

/* Not a stranger who is banned, nor who gets an invitation instead. */
static bool
concerns_absent(const struct room *room, struct str who, enum affiliation before)
{
	enum affiliation now = affiliation_of(room, who);

	if (jid_of_prepared(who).local.len == 0 ||
	    (before <= AFFILIATION_NONE && now <= AFFILIATION_NONE))
		return false;
	return !(room->config.is_members_only && before <= AFFILIATION_NONE &&
		 now == AFFILIATION_MEMBER);
}

void
admin_apply_affiliation(struct room *room, struct str who, enum affiliation before,
			struct str reason, struct str actor, struct store_request *request)
{
	struct occupant **found = xnew_array(struct occupant *, room->occupants.count + 1);
	size_t n = 0;
	uint32_t at = 0;
	void *value;

	while (map_next(&room->occupants, &at, &value))
		if (is_who(value, who))
			found[n++] = value;
	for (size_t i = 0; i < n; i++) {
		struct shown shown = {.reason = reason, .actor = actor};

		/* Whoever was a moderator by affiliation is none without it. */
		apply_to_occupant(room, found[i], &shown, role_kept(before) == ROLE_MODERATOR,
				  request);
	}
	free(found);
	if (n == 0 && concerns_absent(room, who, before))
		tell_absent(room, who, reason);
}

void
admin_invite_member(struct room *room, struct str who, struct jid inviter, struct str reason)
{
	if (room->config.is_members_only && occupant_of(room, who) == NULL)
		invite_send(room, who, inviter, reason);
}

static void
apply_affiliation(struct changes *c, const struct change *change, struct store_request *request)
{
	enum affiliation before = affiliation_of(c->room, change->jid);
	/* §9.2: no nick for the banned, nor for who is nothing any more. */
	struct str nick = change->affiliation <= AFFILIATION_NONE ? STR("") : change->nick;

	if (!affiliation_set(c->room, request, change->jid, change->affiliation, nick,
			     change->reason.p ? change->reason : STR("")))
		return;
	if (affiliation_of(c->room, change->jid) == before)
		return;
	admin_apply_affiliation(c->room, change->jid, before, change->reason, c->actor_nick,
				request);
	if (before == AFFILIATION_NONE && change->affiliation == AFFILIATION_MEMBER)
		admin_invite_member(c->room, change->jid, c->iq->from, change->reason);
}

static void
on_stored(struct room_task *task, struct store_request *request)
{
	if (request->status == STORE_OK)
		post_reply(task->hold, task->cause, NULL);
	else
		post_refuse(task->hold, task->cause, STANZA_RESOURCE_CONSTRAINT, NULL);
}

static void
apply(struct changes *c)
{
	struct room *room = c->room;
	struct store_request *request = room_request(room, c->iq, on_stored, NULL);
	bool is_open = room->state == ROOM_OPEN;

	for (size_t i = 0; i < c->count; i++)
		if (c->items[i].is_role)
			apply_role(c, &c->items[i], request);
		else
			apply_affiliation(c, &c->items[i], is_open ? request : NULL);
	store_submit(request);
	room_check_empty(room);
}

void
admin_set(struct room *room, struct stanza *iq)
{
	struct arena *arena = arena_new();
	const struct seat *seat = seat_find(room, iq->from.text);
	struct changes c = {.room = room,
			    .iq = iq,
			    .arena = arena,
			    .actor = rank_of(room, iq->from),
			    .actor_bare = jid_bare_text(iq->from),
			    .actor_nick = seat ? arena_dup(arena, seat->occupant->nick) : STR_NONE};

	if (read_items(&c) < 0)
		room_refuse(room, iq, c.refusal, NULL);
	else
		apply(&c);
	arena_free(arena);
}
