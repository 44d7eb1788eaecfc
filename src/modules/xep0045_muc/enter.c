/* SPDX-License-Identifier: MIT */
/* enter.c - entering a room, and presence in it (see enter.h). */
#include "modules/xep0045_muc/enter.h"

#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/directory.h"
#include "modules/xep0045_muc/flood.h"
#include "modules/xep0045_muc/history.h"
#include "modules/xep0045_muc/leave.h"
#include "modules/xep0045_muc/nick.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/owned.h"
#include "modules/xep0045_muc/post.h"
#include "modules/xep0045_muc/presence.h"
#include "xmpp/xep/caps.h"

#include <stdlib.h>

#define SEATS_PER_OCCUPANT 20u
#define OVERFULL 50u /* admins who may enter a full room (§7.2.9) */

struct entering { /* between the request and what the client gets */
	struct history_wish wish;
	struct post *tail; /* where history and subject go */
};

static const struct element *
muc_of(const struct stanza *presence)
{
	return element_child(presence->el, NS_MUC, "x");
}

/* ---- what the one who enters is sent ---- */

/* §7.2.2: all others, as far as they are shown. */
static void
send_occupants(struct room *room, struct post *hold, const struct seat *to)
{
	struct permission_rules rules = room_config_rules(&room->config);
	uint32_t at = 0;
	void *value;

	while (map_next(&room->occupants, &at, &value)) {
		const struct occupant *other = value;
		struct rank rank = occupant_rank(room, other);

		if (other != to->occupant &&
		    may(ACTION_SHOW_PRESENCE, rank.role, rank.affiliation, &rules))
			post_send(hold, presence_for(room, &(struct shown){.occupant = other}, to));
	}
}

/* The request is answered: the list now, as everybody else sees it by now; then what stands in the
 * queue already; then history. */
static void
on_entered(struct room_task *task, struct store_request *request)
{
	struct room *room = task->room;
	struct entering *entering = task->arg;
	const struct seat *seat = seat_find(room, task->cause->from.text);

	if (seat != NULL) { /* else it has left meanwhile */
		send_occupants(room, task->hold, seat);
		history_send(entering->tail, request, &entering->wish, seat->jid);
		subject_send(room, entering->tail, seat->jid);
	}
	post_open(room, entering->tail);
	free(entering);
}

static void
add_code(int codes[CODES_MAX], int code)
{
	size_t i = 0;

	while (codes[i] != 0)
		i++;
	assert(i < CODES_MAX);
	codes[i] = code;
}

/* §7.2.2 to §7.2.15, in their order. SHOWN has the codes that are due for other reasons. */
static void
admit(struct room *room, struct seat *seat, struct stanza *presence, struct shown *shown,
      bool is_news)
{
	struct entering *entering = xnew(struct entering);
	struct store_request *request = room_request(room, presence, on_entered, entering);

	entering->wish = history_parse(muc_of(presence));
	if (room->state == ROOM_OPEN) {
		seat_store(room, request, seat);
		if (!room->is_occupied)
			directory_occupied(room, request, true);
	}
	history_ask(room, request, &entering->wish);
	store_submit(request);
	shown->occupant = seat->occupant;
	shown->seat = seat;
	shown->id = presence->id;
	if (!room->config.is_anonymous)
		add_code(shown->self_codes, STATUS_JIDS_VISIBLE);
	if (room->config.is_logged)
		add_code(shown->self_codes, STATUS_LOGGED);
	if (is_news)
		presence_to_others(room, shown);
	room_send(room, presence_for(room, shown, seat));
	entering->tail = post_hold(room);
	flood_spend(room, room->occupants.count); /* the list */
}

/* ---- who may enter ---- */

static bool
may_create(const struct room *room, struct jid who)
{
	const struct config_service *service = room_service(room);
	struct str rule = option_text(room_options(room), "create");

	if (config_is_admin(service->host, jid_bare_text(who)) || str_is(rule, "anyone"))
		return true;
	return str_is(rule, "local") && worker_host(room->worker, who.domain) != NULL;
}

static uint64_t
max_owned(const struct room *room, struct str bare)
{
	return config_is_admin(room_service(room)->host, bare)
		       ? 0
		       : option_number(room_options(room), "rooms_per_person");
}

static uint64_t
max_occupants(const struct room *room)
{
	uint64_t service = option_number(room_options(room), "max_occupants");
	uint64_t own = room->config.max_occupants;

	return own > 0 && (service == 0 || own < service) ? own : service;
}

static bool
is_full(const struct room *room, enum affiliation affiliation)
{
	struct permission_rules rules = room_config_rules(&room->config);
	uint64_t max = max_occupants(room);

	if (max > 0 && may(ACTION_ENTER_FULL, ROLE_NONE, affiliation, &rules))
		max += OVERFULL;
	return max > 0 && room->occupants.count >= max;
}

static bool
knows_password(const struct room *room, const struct stanza *presence)
{
	const struct element *x = muc_of(presence);
	struct arena *arena = arena_new();
	struct str given = x ? element_child_text(arena, x, NS_MUC, "password") : STR_NONE;
	/* In time that does not depend on how much of it is right. */
	bool is_right = given.len == room->config.password.len;
	unsigned differences = 0;

	for (size_t i = 0; is_right && i < given.len; i++)
		differences |= (unsigned char)(given.p[i] ^ room->config.password.p[i]);
	arena_free(arena);
	return is_right && differences == 0;
}

/* §7.2.5 to §7.2.10, §7.2.17. True when PRESENCE has been refused. */
static bool
refuse_entry(struct room *room, struct stanza *presence, enum affiliation affiliation)
{
	struct permission_rules rules = room_config_rules(&room->config);

	if (affiliation == AFFILIATION_OUTCAST)
		room_refuse(room, presence, STANZA_FORBIDDEN, NULL);
	else if (room->state == ROOM_LOCKED && affiliation != AFFILIATION_OWNER)
		room_refuse(room, presence, STANZA_ITEM_NOT_FOUND, "the room is being set up");
	else if (!may(ACTION_ENTER, ROLE_NONE, affiliation, &rules))
		room_refuse(room, presence, STANZA_REGISTRATION_REQUIRED, NULL);
	else if (room->config.is_password_protected && affiliation < AFFILIATION_OWNER &&
		 !knows_password(room, presence))
		room_refuse(room, presence, STANZA_NOT_AUTHORIZED, NULL);
	else
		return false;
	return true;
}

/* ---- entering ---- */

static struct occupant *
new_occupant(struct room *room, struct stanza *presence, struct str nick, struct str key,
	     enum affiliation affiliation)
{
	struct permission_rules rules = room_config_rules(&room->config);

	return occupant_new(room, nick, key, jid_bare_text(presence->from),
			    role_at_entry(affiliation, &rules));
}

/* A client that is not in the room wants to be, and may. */
static void
sit_down(struct room *room, struct stanza *presence, enum affiliation affiliation, bool is_created)
{
	struct arena *arena = arena_new();
	struct shown shown = {0};
	struct str nick = presence->to.resource, key;
	enum nick_answer answer = nick_check(room, presence, arena, &nick, &key);
	struct occupant *occupant = occupant_find(room, nick);
	struct seat *seat;

	if (answer == NICK_REFUSED) {
		room_check_empty(room);
	} else if (occupant == NULL && is_full(room, affiliation)) {
		room_refuse_as(room, presence, STANZA_SERVICE_UNAVAILABLE, "wait",
			       "the room is full");
	} else if (occupant != NULL && occupant_seats(occupant) >= SEATS_PER_OCCUPANT) {
		room_refuse(room, presence, STANZA_RESOURCE_CONSTRAINT,
			    "too many clients under this nick");
	} else {
		if (occupant == NULL)
			occupant = new_occupant(room, presence, nick, key, affiliation);
		seat = seat_new(room, occupant, presence->from);
		seat_set_presence(seat, presence_words(arena, presence));
		if (answer == NICK_REPLACED)
			add_code(shown.self_codes, STATUS_NICK_CHANGED_BY_ROOM);
		if (is_created)
			add_code(shown.self_codes, STATUS_CREATED);
		admit(room, seat, presence, &shown, true);
	}
	arena_free(arena);
}

static void
enter(struct room *room, struct stanza *presence)
{
	struct str bare = jid_bare_text(presence->from);
	enum affiliation affiliation = affiliation_of(room, bare);
	bool is_created = room->state == ROOM_ABSENT;

	/* One that comes again after its owner's rooms were counted has been looked at. */
	if (room->counted_for == NULL && !flood_allows(room, bare)) {
		room_refuse_as(room, presence, STANZA_RESOURCE_CONSTRAINT, "wait",
			       "too many changes; please wait");
		return;
	}
	if (is_created) {
		if (!may_create(room, presence->from)) {
			room_refuse(room, presence, STANZA_NOT_ALLOWED, NULL);
			return;
		}
		switch (owned_ask(room, presence, max_owned(room, bare))) {
		case OWNED_ASKED:
			return;
		case OWNED_MANY:
			room_refuse_as(room, presence, STANZA_RESOURCE_CONSTRAINT, "cancel",
				       "you own as many rooms as you may");
			return;
		case OWNED_FEW:
			break;
		}
		room_create(room, bare);
		affiliation = AFFILIATION_OWNER;
	}
	if (refuse_entry(room, presence, affiliation))
		return;
	sit_down(room, presence, affiliation, is_created);
	/* §7.2.18: a client of the old protocol cannot unlock it. */
	if (is_created && room->state == ROOM_LOCKED && muc_of(presence) == NULL) {
		struct store_request *request = room_request_aside(room, NULL, NULL, NULL);

		room_open(room, request);
		store_submit(request);
	}
}

/*
 * §7.2.18: a client that has lost its seat, and speaks on as if it had it, is told so. One that
 * enters by the protocol of 1999 says the same; but it knows no capabilities (XEP-0115), which
 * all that keep presence up to date in rooms of today do.
 */
static bool
is_groupchat_1_0(const struct stanza *presence)
{
	return element_child(presence->el, NS_CAPS, "c") == NULL;
}

static void
tell_not_there(struct room *room, const struct stanza *presence)
{
	struct stanza *gone =
		stanza_new(STANZA_PRESENCE, PRESENCE_UNAVAILABLE, presence->to, presence->from);
	static const char text[] =
		"<x xmlns='" NS_MUC_USER "'><item affiliation='none' role='none'>"
		"<reason>You are not in the room.</reason></item><status code='110'/>"
		"<status code='307'/><status code='333'/></x>";

	stanza_freeze_as(gone, element_new(gone->arena, NS_MUC_USER, "x"), str(text));
	room_send(room, gone);
}

/* ---- being there ---- */

/* §7.2.1: it has lost track; it gets all that it would get if it entered now. */
static void
enter_again(struct room *room, struct seat *seat, struct stanza *presence)
{
	struct arena *arena = arena_new();
	struct str words = presence_words(arena, presence);
	struct shown shown = {0};
	bool is_news = !str_equal(words, seat->presence);

	seat_set_presence(seat, words);
	admit(room, seat, presence, &shown, is_news);
	arena_free(arena);
}

/* §7.7. */
static void
update(struct room *room, struct seat *seat, const struct stanza *presence)
{
	struct arena *arena = arena_new();
	struct shown shown = {.occupant = seat->occupant, .seat = seat, .id = presence->id};

	seat_set_presence(seat, presence_words(arena, presence));
	seat_touch(room, seat);
	presence_broadcast(room, &shown);
	arena_free(arena);
}

static void
move(struct room *room, struct seat *seat, struct stanza *presence)
{
	if (!flood_allows(room, seat->occupant->bare)) {
		room_refuse_as(room, presence, STANZA_RESOURCE_CONSTRAINT, "wait",
			       "too many changes; please wait");
		return;
	}
	if (!str_equal(presence->to.resource, seat->occupant->nick)) {
		nick_change(room, seat, presence);
		seat = seat_find(room, presence->from.text);
		if (muc_of(presence) == NULL || seat == NULL ||
		    !str_equal(presence->to.resource, seat->occupant->nick))
			return;
	}
	if (muc_of(presence) != NULL)
		enter_again(room, seat, presence);
	else
		update(room, seat, presence);
}

static void
take_available(struct room *room, struct seat *seat, struct stanza *presence)
{
	if (presence->to.resource.len == 0)
		room_refuse(room, presence, STANZA_JID_MALFORMED, NULL);
	else if (presence->from.resource.len == 0)
		room_refuse(room, presence, STANZA_BAD_REQUEST, NULL);
	else if (seat != NULL)
		move(room, seat, presence);
	else if (muc_of(presence) != NULL || is_groupchat_1_0(presence))
		enter(room, presence);
	else
		tell_not_there(room, presence);
}

void
enter_take(struct room *room, struct stanza *presence)
{
	struct seat *seat = seat_find(room, presence->from.text);

	switch (presence->type) {
	case PRESENCE_AVAILABLE:
		take_available(room, seat, presence);
		return;
	case PRESENCE_UNAVAILABLE:
		/* §17.3: from who is not there, silence. Whichever nick it is sent to. */
		if (seat != NULL)
			leave(room, seat, presence);
		return;
	case PRESENCE_ERROR:
		if (seat != NULL)
			leave_on_error(room, seat, presence);
		return;
	default: /* probes and subscriptions: rooms have none */
		return;
	}
}
