/* SPDX-License-Identifier: MIT */
/* leave.c - leaving and being removed (XEP-0045 §7.14, §8.2, §18.1.2). */
#include "modules/xep0045_muc/leave.h"

#include "base/log.h"
#include "modules/xep0045_muc/post.h"

#define UNREACHABLE_MS 600000u /* a remote server that long: its people are gone */

static void
forget(struct room *room, const struct seat *seat, struct store_request *request)
{
	if (!seat->is_stored)
		return;
	if (request != NULL) {
		seat_forget(room, request, seat->jid.text);
		return;
	}
	request = room_request_aside(room, NULL, NULL, NULL);
	seat_forget(room, request, seat->jid.text);
	store_submit(request);
}

/* One seat; others of the same occupant may stay. */
static void
remove_seat(struct room *room, struct seat *seat, const struct shown *how)
{
	struct occupant *occupant = seat->occupant;
	bool was_shown = occupant_shown(occupant) == seat;
	bool is_last = occupant->seats.next == occupant->seats.prev;
	struct shown shown = *how;

	shown.occupant = occupant;
	shown.seat = seat;
	shown.is_gone = true;
	room_send(room, presence_for(room, &shown, seat));
	if (is_last)
		presence_to_others(room, &shown);
	forget(room, seat, NULL);
	seat_remove(room, seat);
	if (!is_last && was_shown)
		presence_to_others(room, &(struct shown){.occupant = occupant});
	room_check_empty(room);
}

void
leave(struct room *room, struct seat *seat, const struct stanza *presence)
{
	struct arena *arena = arena_new();
	struct shown how = {0};

	if (presence != NULL)
		how.words = presence_words(arena, presence);
	remove_seat(room, seat, &how);
	arena_free(arena);
}

void
leave_lost(struct room *room, struct seat *seat)
{
	struct shown how = {.codes = {STATUS_TECHNICAL}};

	log_event(LOG_INFO, "room-seat-lost", LOG_STR("room", room->jid.text),
		  LOG_STR("jid", seat->jid.text));
	remove_seat(room, seat, &how);
}

void
leave_removed(struct room *room, struct occupant *occupant, const struct shown *how,
	      struct store_request *request)
{
	struct shown shown = *how;

	shown.occupant = occupant;
	shown.is_gone = true;
	LIST_EACH(&occupant->seats, struct seat, link, seat)
	{
		shown.seat = seat;
		room_send(room, presence_for(room, &shown, seat));
	}
	shown.seat = NULL;
	presence_to_others(room, &shown);
	/* The last removal frees the occupant, and the list's head with it. */
	for (bool was_last = false; !was_last;) {
		struct seat *seat = occupant_shown(occupant);

		forget(room, seat, request);
		was_last = seat_remove(room, seat);
	}
}

/*
 * §18.1.2 (ghosts): those that say that nobody is there. RFC 6121 §8.5.3.2.1 has
 * service-unavailable as the answer to a groupchat for a resource that is gone.
 */
static bool
says_gone(const struct stanza *error, const struct element *condition)
{
	static const char *const conditions[] = {"gone", "item-not-found", "recipient-unavailable",
						 "redirect", "jid-malformed"};

	for (size_t i = 0; i < COUNT(conditions); i++)
		if (str_is(condition->name, conditions[i]))
			return true;
	return str_is(condition->name, "service-unavailable") && error->kind != STANZA_IQ;
}

/* Its server cannot be reached, which may be over soon. */
static bool
says_unreachable(const struct element *condition)
{
	return str_is(condition->name, "remote-server-not-found") ||
	       str_is(condition->name, "remote-server-timeout");
}

void
leave_on_error(struct room *room, struct seat *seat, const struct stanza *error)
{
	const struct element *el = element_child(error->el, NS_CLIENT, "error"), *condition;
	uint64_t now = loop_now_ms(room->worker->loop);

	if (el == NULL)
		el = element_child(error->el, NS_SERVER, "error");
	condition = el ? element_child(el, NS_STANZA_ERROR, NULL) : NULL;
	while (condition != NULL && str_is(condition->name, "text"))
		condition = element_next(condition, NS_STANZA_ERROR, NULL);
	/* Whom somebody blocks (XEP-0191 §3.4) does not make him leave. */
	if (condition == NULL || element_child(el, "urn:xmpp:blocking:errors", NULL) != NULL)
		return;
	if (says_gone(error, condition)) {
		leave_lost(room, seat);
	} else if (says_unreachable(condition)) {
		if (seat->failing_since_ms == 0)
			seat->failing_since_ms = now;
		else if (now - seat->failing_since_ms >= UNREACHABLE_MS)
			leave_lost(room, seat);
	}
}
