/* SPDX-License-Identifier: MIT */
/* nick.c - checking and changing nicks. */
#include "modules/xep0045_muc/nick.h"

#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/post.h"
#include "modules/xep0045_muc/presence.h"
#include "xmpp/prep.h"

#define NICK_MAX 256u /* bytes */

/* The nick that BARE has registered, if the room holds him to it; else p NULL. */
static struct str
locked_nick(const struct room *room, struct str bare)
{
	const struct affiliate *a = affiliate_find(room, bare);

	return room->config.locks_nicks && a != NULL ? a->nick : STR_NONE;
}

/* Whether NICK, by its KEY, is another person's, here or by registration. */
static bool
is_taken(const struct room *room, struct str key, struct str bare)
{
	const struct occupant *other = map_get(&room->keys, key);
	const struct affiliate *owner = affiliate_of_nick(room, key);

	return (other != NULL && !str_equal(other->bare, bare)) ||
	       (owner != NULL && !str_equal(owner->jid, bare));
}

enum nick_answer
nick_check(struct room *room, struct stanza *presence, struct arena *arena, struct str *nick,
	   struct str *key)
{
	struct str bare = jid_bare_text(presence->from), locked = locked_nick(room, bare);
	const struct occupant *same;
	enum nick_answer answer = NICK_FREE;

	if (locked.p != NULL && !str_equal(locked, *nick)) {
		*nick = locked;
		answer = NICK_REPLACED;
	}
	*key = prep_nick_key(arena, *nick);
	if (key->len == 0 || nick->len > NICK_MAX) {
		room_refuse(room, presence, STANZA_NOT_ACCEPTABLE, "no such nickname is allowed");
		return NICK_REFUSED;
	}
	if (is_taken(room, *key, bare)) {
		room_refuse(room, presence, STANZA_CONFLICT, NULL);
		return NICK_REFUSED;
	}
	/* Two writings of one nick are one occupant. */
	same = map_get(&room->keys, *key);
	if (same != NULL && !str_equal(same->nick, *nick)) {
		*nick = same->nick;
		answer = NICK_REPLACED;
	}
	return answer;
}

/* The whole occupant, §7.6: gone under the old nick, there under the new one. */
static void
change_nick(struct room *room, struct seat *seat, struct str nick, struct str key)
{
	struct shown shown = {.occupant = seat->occupant,
			      .is_gone = true,
			      .new_nick = nick,
			      .codes = {STATUS_NEW_NICK}};
	struct occupant *occupant;

	presence_broadcast(room, &shown);
	occupant = occupant_rename(room, seat->occupant, nick, key);
	presence_broadcast(room, &(struct shown){.occupant = occupant});
}

/* One of several clients of a person, or one that joins another of his under that nick. */
static void
split(struct room *room, struct seat *seat, struct str nick, struct str key)
{
	struct occupant *from = seat->occupant, *to = occupant_find(room, nick);
	struct shown gone = {.occupant = from,
			     .seat = seat,
			     .is_gone = true,
			     .new_nick = nick,
			     .codes = {STATUS_NEW_NICK}};
	bool is_alone = from->seats.next == from->seats.prev;

	room_send(room, presence_for(room, &gone, seat));
	if (is_alone)
		presence_to_others(room, &gone);
	if (to == NULL)
		to = occupant_new(room, nick, key, from->bare, from->role);
	if (!seat_move(room, seat, to))
		presence_to_others(room, &(struct shown){.occupant = from});
	presence_broadcast(room, &(struct shown){.occupant = to});
}

void
nick_change(struct room *room, struct seat *seat, struct stanza *presence)
{
	struct arena *arena = arena_new();
	struct str nick = presence->to.resource, key;
	struct occupant *occupant = seat->occupant, *holder;
	struct permission_rules rules = room_config_rules(&room->config);
	struct rank rank = occupant_rank(room, occupant);

	if (!may(ACTION_CHANGE_NICK, rank.role, rank.affiliation, &rules)) {
		room_refuse(room, presence, STANZA_FORBIDDEN, NULL);
		goto out;
	}
	if (locked_nick(room, occupant->bare).p != NULL &&
	    !str_equal(nick, locked_nick(room, occupant->bare))) {
		room_refuse_as(room, presence, STANZA_NOT_ACCEPTABLE, "cancel",
			       "members use their registered nickname in this room");
		goto out;
	}
	/* Another writing of his own nick is a change like any other. */
	key = prep_nick_key(arena, nick);
	holder = map_get(&room->keys, key);
	if (holder != occupant && nick_check(room, presence, arena, &nick, &key) == NICK_REFUSED)
		goto out;
	seat_set_presence(seat, presence_words(arena, presence));
	if (occupant->seats.next == occupant->seats.prev && occupant_find(room, nick) == NULL)
		change_nick(room, seat, nick, key);
	else
		split(room, seat, nick, key);
out:
	arena_free(arena);
}
