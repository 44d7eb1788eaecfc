/* SPDX-License-Identifier: MIT */
/* voice.c - requests that moderators decide (see voice.h). */
#include "modules/xep0045_muc/voice.h"

#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/flood.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/post.h"
#include "modules/xep0045_muc/presence.h"
#include "modules/xep0045_muc/register.h"

void
voice_ask_moderators(struct room *room, struct element *x, bool admins_only)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&room->seats, &at, &value)) {
		const struct seat *seat = value;
		struct rank rank = occupant_rank(room, seat->occupant);
		struct stanza *message;

		if (rank.role != ROLE_MODERATOR ||
		    (admins_only && rank.affiliation < AFFILIATION_ADMIN))
			continue;
		message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL, room->jid, seat->jid);
		element_append(message->el, element_copy(message->arena, x));
		room_send(room, message);
	}
}

/* §8.6. */
static void
ask(struct room *room, const struct seat *seat, struct stanza *message)
{
	struct arena *arena;
	struct element *x, *role;

	if (!room->config.takes_voice_requests || !room->config.is_moderated) {
		room_refuse(room, message, STANZA_FORBIDDEN,
			    "this room takes no requests for voice");
		return;
	}
	if (seat->occupant->role != ROLE_VISITOR)
		return; /* he has it */
	if (!flood_allows(room, seat->occupant->bare)) {
		room_refuse(room, message, STANZA_RESOURCE_CONSTRAINT, NULL);
		return;
	}
	arena = arena_new();
	x = form_new(arena, FORM_ASK, NS_MUC_REQUEST);
	form_set_title(arena, x, STR("Voice request"));
	form_add_instructions(arena, x, STR("Somebody asks for the right to speak in the room."));
	role = form_add_text(arena, x, FIELD_LIST, "muc#role", "Requested role",
			     STR("participant"));
	field_add_option(arena, role, "Participant", STR("participant"));
	form_add_text(arena, x, FIELD_JID, "muc#jid", "User ID", seat->jid.text);
	form_add_text(arena, x, FIELD_TEXT, "muc#roomnick", "Room nickname", seat->occupant->nick);
	form_add_bool(arena, x, "muc#request_allow", "Grant voice to this person?", false);
	voice_ask_moderators(room, x, false);
	arena_free(arena);
}

static void
grant(struct room *room, const struct seat *moderator, struct stanza *message,
      const struct form *form)
{
	struct occupant *occupant = occupant_find(room, form_value(form, "muc#roomnick"));
	struct rank rank = occupant_rank(room, moderator->occupant);
	struct str jid = form_value(form, "muc#jid");
	const struct seat *seat = jid.len > 0 ? seat_find(room, jid) : NULL;
	bool is_allowed = false;

	if (form_bool(form, "muc#request_allow", &is_allowed) < 0) {
		room_refuse(room, message, STANZA_BAD_REQUEST, NULL);
		return;
	}
	if (!is_allowed)
		return;
	/* He may have changed his nick meanwhile. */
	if (seat != NULL)
		occupant = seat->occupant;
	if (occupant == NULL) {
		room_refuse(room, message, STANZA_ITEM_NOT_FOUND, NULL);
	} else if (occupant->role == ROLE_VISITOR) {
		if (!may_change_role(rank, occupant_rank(room, occupant), ROLE_PARTICIPANT)) {
			room_refuse(room, message, STANZA_NOT_ALLOWED, NULL);
			return;
		}
		occupant_set_role(room, occupant, ROLE_PARTICIPANT);
		LIST_EACH(&occupant->seats, struct seat, link, other)
		{
			seat_touch(room, other);
		}
		presence_broadcast(room, &(struct shown){.occupant = occupant});
	}
}

bool
voice_take(struct room *room, const struct seat *seat, struct stanza *message)
{
	struct permission_rules rules = room_config_rules(&room->config);
	struct arena *arena = arena_new();
	struct form form;
	const char *why;
	bool is_mine = true;

	if (form_find(arena, message->el, FORM_SUBMIT, NS_MUC_REQUEST, &form, &why) == 0) {
		struct rank rank = seat ? occupant_rank(room, seat->occupant) : (struct rank){0};

		if (seat == NULL)
			room_refuse(room, message, STANZA_NOT_ACCEPTABLE, NULL);
		else if (form_field(&form, "muc#request_allow") == NULL)
			ask(room, seat, message);
		else if (may(ACTION_VOICE, rank.role, rank.affiliation, &rules))
			grant(room, seat, message, &form);
		else
			room_refuse(room, message, STANZA_FORBIDDEN, NULL);
	} else if (form_find(arena, message->el, FORM_SUBMIT, NS_MUC_REGISTER, &form, &why) == 0) {
		register_decide(room, message, &form);
	} else {
		is_mine = false;
	}
	arena_free(arena);
	return is_mine;
}
