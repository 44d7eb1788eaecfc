/* SPDX-License-Identifier: MIT */
/* message.c - what is said in a room, to all or to one. */
#include "modules/xep0045_muc/message.h"

#include "modules/push.h"
#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/archive.h"
#include "modules/xep0045_muc/invite.h"
#include "modules/xep0045_muc/leave.h"
#include "modules/xep0045_muc/moderation.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/post.h"
#include "modules/xep0045_muc/sanitize.h"
#include "modules/xep0045_muc/voice.h"

#include <stdio.h>
#include <stdlib.h>

#define PRUNE_EVERY 64u /* entries */

/* Who belongs to a closed circle hears of what is said there, wherever he is (XEP-0357). */
static void
tell_absent(struct room *room, struct stanza *message)
{
	uint32_t at = 0;
	void *value;

	if (!room->config.is_members_only)
		return;
	while (map_next(&room->affiliates, &at, &value)) {
		const struct affiliate *affiliate = value;
		ptrdiff_t sign = str_find(affiliate->jid, '@');

		if (sign > 0 && affiliate->affiliation >= AFFILIATION_MEMBER &&
		    worker_host(room->worker, str_from(affiliate->jid, (size_t)sign + 1)) != NULL &&
		    occupant_of(room, affiliate->jid) == NULL)
			push_absent_member(room->worker, affiliate->jid, message);
	}
}

struct publishing {
	struct stanza *message;
	struct post *hold;
};

/* It is in the archive: everybody gets it, with its id there. */
static void
on_archived(struct room_task *task, struct store_request *request)
{
	struct publishing *p = task->arg;
	struct room *room = task->room;

	if (request->status == STORE_OK) {
		stanza_add_front(p->message,
				 archive_id(p->message->arena, room, request->results[0].id));
		post_set(p->hold, stanza_ref(p->message));
		tell_absent(room, p->message);
	} else if (task->cause != NULL) {
		post_refuse(p->hold, task->cause, STANZA_RESOURCE_CONSTRAINT,
			    "the room's archive is full");
	}
	post_open(room, p->hold);
	if (task->cause != NULL)
		stanza_finish(task->cause); /* it is safe, wherever its copies still are */
	stanza_unref(p->message);
	free(p);
}

static void
publish_archived(struct room *room, struct stanza *message, struct jid real, struct str nick,
		 struct stanza *cause, uint32_t flags)
{
	struct publishing *p = xnew(struct publishing);
	struct store_request *request = room_request_aside(room, cause, on_archived, p);

	p->message = message;
	p->hold = post_hold_broadcast(room);
	archive_add(room, request, message, real, nick, flags);
	if (++room->published % PRUNE_EVERY == 0)
		archive_prune(room, request);
	store_submit(request);
}

void
message_publish(struct room *room, struct stanza *message, struct jid real, struct str nick,
		struct stanza *cause)
{
	uint32_t flags;

	if (room->state == ROOM_OPEN && archive_takes(room, message, &flags))
		publish_archived(room, message, real, nick, cause, flags);
	else
		room_broadcast(room, message, 0);
}

static struct jid
occupant_jid(struct arena *arena, const struct room *room, const struct occupant *occupant)
{
	return jid_make(arena, room->jid.local, room->jid.domain, occupant->nick);
}

/* What is passed on of MESSAGE, from its sender's occupant JID. */
static struct stanza *
as_occupant(const struct room *room, struct stanza *message, const struct occupant *from,
	    bool is_private)
{
	struct arena *arena = arena_new();
	struct stanza *out = sanitized(message, occupant_jid(arena, room, from));
	struct element *id = element_new(out->arena, NS_OCCUPANT_ID, "occupant-id");

	if (is_private)
		stanza_add_front(out, element_new(out->arena, NS_MUC_USER, "x"));
	element_setz(out->arena, id, "id", from->id);
	stanza_add_front(out, id);
	arena_free(arena);
	return out;
}

/* §8.1: a subject, and neither body nor thread. */
static bool
is_subject_change(const struct stanza *message)
{
	return stanza_child(message, "subject") != NULL && stanza_child(message, "body") == NULL &&
	       stanza_child(message, "thread") == NULL;
}

static void
keep_subject(struct room *room, struct stanza *message)
{
	struct store_request *request = room_request_aside(room, NULL, NULL, NULL);
	struct buf text = {0};

	stanza_write(&text, message, NULL);
	free(room->subject);
	room->subject = str_dupz(buf_str(&text));
	room->subject_at_us = time_wall_us();
	buf_free(&text);
	room_store(room, request);
	store_submit(request);
}

static void
say_to_all(struct room *room, struct seat *seat, struct stanza *message)
{
	struct permission_rules rules = room_config_rules(&room->config);
	struct rank rank = occupant_rank(room, seat->occupant);
	bool is_subject = is_subject_change(message);
	struct stanza *out;

	if (!may(is_subject ? ACTION_SUBJECT : ACTION_SPEAK, rank.role, rank.affiliation, &rules)) {
		room_refuse(room, message, STANZA_FORBIDDEN, NULL);
		return;
	}
	out = as_occupant(room, message, seat->occupant, false);
	if (is_subject)
		keep_subject(room, out);
	else
		moderation_retract_own(room, seat, message);
	message_publish(room, out, seat->jid, seat->occupant->nick, message);
}

/* §7.5. */
static void
say_to_one(struct room *room, struct seat *seat, struct stanza *message)
{
	struct permission_rules rules = room_config_rules(&room->config);
	struct rank rank = occupant_rank(room, seat->occupant);
	struct occupant *to = occupant_find(room, message->to.resource);
	struct stanza *out;

	if (message->type == MESSAGE_GROUPCHAT) {
		room_refuse(room, message, STANZA_BAD_REQUEST, NULL);
	} else if (to == NULL) {
		room_refuse(room, message, STANZA_ITEM_NOT_FOUND, NULL);
	} else if (!may(ACTION_PRIVATE_MESSAGE, rank.role, rank.affiliation, &rules)) {
		room_refuse(room, message, STANZA_FORBIDDEN,
			    "private messages are not allowed to you in this room");
	} else {
		out = as_occupant(room, message, seat->occupant, true);
		LIST_EACH(&to->seats, struct seat, link, other)
		{
			room_send(room, stanza_readdress(out, other->jid));
		}
		stanza_unref(out);
	}
}

/* Anything else to the room itself. */
static void
take_other(struct room *room, struct seat *seat, struct stanza *message)
{
	if (!invite_take(room, seat, message) && !voice_take(room, seat, message))
		room_refuse(room, message, STANZA_BAD_REQUEST,
			    "messages to a room are of type groupchat");
}

void
message_take(struct room *room, struct stanza *message)
{
	struct seat *seat = seat_find(room, message->from.text);
	bool is_to_room = message->to.resource.len == 0;

	if (message->type == MESSAGE_ERROR) {
		if (seat != NULL)
			leave_on_error(room, seat, message);
		return;
	}
	/* §17.2. */
	if (!room_exists(room) || (room->state == ROOM_LOCKED && seat == NULL))
		room_refuse(room, message, STANZA_ITEM_NOT_FOUND, NULL);
	else if (is_to_room && message->type != MESSAGE_GROUPCHAT)
		take_other(room, seat, message);
	else if (seat == NULL)
		room_refuse(room, message, STANZA_NOT_ACCEPTABLE, "you are not in the room");
	else if (is_to_room)
		say_to_all(room, seat, message);
	else
		say_to_one(room, seat, message);
}
