/* SPDX-License-Identifier: MIT */
/* moderation.c - tombstones, and moderators' retractions (see moderation.h). */
#include "modules/xep0045_muc/moderation.h"

#include "base/rand.h"
#include "modules/mam_query.h"
#include "modules/xep0045_muc/archive.h"
#include "modules/xep0045_muc/message.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/post.h"

#include <stdlib.h>

#define REASON_MAX 1024u

struct retracting {
	uint64_t id;              /* of the entry */
	struct str author;        /* whose it must be, bare; p NULL: anybody's */
	struct str retraction_id; /* of the message that takes it back; p NULL: none */
	struct str by_nick;       /* of the moderator */
	struct str by_occupant_id;
	struct str reason;
	struct arena *arena; /* all of these */
};

static struct retracting *
retracting_new(uint64_t id)
{
	struct arena *arena = arena_new();
	struct retracting *r = arena_new_of(arena, struct retracting);

	r->arena = arena;
	r->id = id;
	return r;
}

static void
write_reason(struct buf *out, struct str reason)
{
	if (reason.len == 0)
		return;
	buf_addz(out, "<reason>");
	xml_escape(out, reason);
	buf_addz(out, "</reason>");
}

/* XEP-0425 §3.1: <moderated/>, in the namespace of version 1. */
static void
write_moderated(const struct room *room, const struct retracting *r, struct buf *out)
{
	struct arena *arena = arena_new();
	struct jid by = jid_make(arena, room->jid.local, room->jid.domain, r->by_nick);

	buf_addz(out, "<moderated xmlns='" NS_MODERATE "'");
	if (r->by_nick.len > 0)
		xml_write_attr(out, "by", by.text);
	buf_addz(out, "><occupant-id xmlns='" NS_OCCUPANT_ID "'");
	xml_write_attr(out, "id", r->by_occupant_id);
	buf_addz(out, "/></moderated>");
	write_reason(out, r->reason);
	arena_free(arena);
}

/* XEP-0424 §4, XEP-0425 §4: who and when stays; what was said goes. */
static struct str
tombstone(struct arena *arena, const struct room *room, const struct retracting *r,
	  struct str value)
{
	struct stanza *old = stanza_parse(value), *grave;
	const struct element *occupant_id;
	struct buf inner = {0}, text = {0};
	struct str out;

	if (old == NULL)
		return STR_NONE;
	grave = stanza_new(STANZA_MESSAGE, old->type, old->from, (struct jid){0});
	if (old->id.p != NULL)
		stanza_set_id(grave, old->id);
	occupant_id = element_child(old->el, NS_OCCUPANT_ID, "occupant-id");
	if (occupant_id != NULL)
		xml_write(&inner, occupant_id, STR(NS_CLIENT));
	buf_addz(&inner, "<retracted xmlns='" NS_RETRACT "'");
	xml_write_attr(&inner, "stamp", time_format(arena, time_wall_us(), true));
	xml_write_attr(&inner, "id", r->retraction_id);
	buf_add_char(&inner, '>');
	if (r->by_occupant_id.len > 0)
		write_moderated(room, r, &inner);
	buf_addz(&inner, "</retracted>");
	stanza_freeze_as(grave, element_new(grave->arena, NS_RETRACT, "retracted"),
			 buf_str(&inner));
	stanza_write(&text, grave, NULL);
	out = arena_dup(arena, buf_str(&text));
	buf_free(&text);
	buf_free(&inner);
	stanza_unref(grave);
	stanza_unref(old);
	return out;
}

/* Puts the tombstone in ITEM's place. */
static void
bury(struct room *room, const struct retracting *r, const struct store_item *item)
{
	struct store_request *request = room_request_aside(room, NULL, NULL, NULL);
	struct str value = tombstone(request->arena, room, r, item->value);

	if (value.p != NULL)
		store_log_edit(request, room->jid.text, ARCHIVE_LOG, r->id, ARCHIVE_TOMBSTONE,
			       value);
	store_submit(request);
}

static struct store_request *
ask_for(struct room *room, struct retracting *r, struct stanza *cause,
	void (*done)(struct room_task *task, struct store_request *request))
{
	struct store_request *request = room_request_aside(room, cause, done, r);

	store_log_get(request, room->jid.text, ARCHIVE_LOG, r->id);
	return request;
}

/* ---- one's own ---- */

static void
on_own(struct room_task *task, struct store_request *request)
{
	struct retracting *r = task->arg;
	const struct store_item *item = request->results[0].items;

	if (item != NULL && (item->flags & ARCHIVE_TOMBSTONE) == 0 &&
	    str_equal(str_first(item->with, r->author.len), r->author) &&
	    (item->with.len == r->author.len || item->with.p[r->author.len] == '/'))
		bury(task->room, r, item);
	arena_free(r->arena);
}

void
moderation_retract_own(struct room *room, const struct seat *seat, const struct stanza *message)
{
	const struct element *retract = element_child(message->el, NS_RETRACT, "retract");
	const struct element *apply = element_child(message->el, NS_FASTEN, "apply-to");
	struct retracting *r;
	uint64_t id = 0;

	if (retract != NULL)
		id = mam_id_parse(element_attr(retract, "id"));
	else if (apply != NULL && element_child(apply, NS_RETRACT_0, "retract") != NULL)
		id = mam_id_parse(element_attr(apply, "id"));
	if (id == 0 || room->state != ROOM_OPEN)
		return;
	r = retracting_new(id);
	r->author = arena_dup(r->arena, seat->occupant->bare);
	r->retraction_id = arena_dup(r->arena, message->id);
	store_submit(ask_for(room, r, NULL, on_own));
}

/* ---- a moderator's ---- */

/* XEP-0425 §3.2, with what clients of version 0 understand beside it. */
static struct stanza *
announcement(struct room *room, const struct retracting *r)
{
	struct stanza *message =
		stanza_new(STANZA_MESSAGE, MESSAGE_GROUPCHAT, room->jid, (struct jid){0});
	struct buf inner = {0};
	char id[MAM_ID_SIZE];
	struct jid by = jid_make(message->arena, room->jid.local, room->jid.domain, r->by_nick);

	stanza_set_id(message, r->retraction_id);
	mam_id_text(id, r->id);
	buf_printf(&inner, "<retract xmlns='" NS_RETRACT "' id='%s'>", id);
	write_moderated(room, r, &inner);
	buf_printf(&inner, "</retract><apply-to xmlns='" NS_FASTEN "' id='%s'><moderated", id);
	xml_write_attr(&inner, "by", by.text);
	buf_addz(&inner, " xmlns='" NS_MODERATE_0 "'><retract xmlns='" NS_RETRACT_0 "'/>");
	write_reason(&inner, r->reason);
	buf_addz(&inner, "</moderated></apply-to>");
	stanza_freeze_as(message, element_new(message->arena, NS_RETRACT, "retract"),
			 buf_str(&inner));
	buf_free(&inner);
	return message;
}

static void
on_moderated(struct room_task *task, struct store_request *request)
{
	struct retracting *r = task->arg;
	struct room *room = task->room;
	const struct store_item *item = request->results[0].items;

	if (item == NULL || room->state != ROOM_OPEN) {
		room_refuse(room, task->cause, STANZA_ITEM_NOT_FOUND, NULL);
	} else {
		if ((item->flags & ARCHIVE_TOMBSTONE) == 0)
			bury(room, r, item);
		message_publish(room, announcement(room, r), room->jid, STR(""), NULL);
		room_reply(room, task->cause, NULL);
	}
	arena_free(r->arena);
}

/* The id, and where <retract/> and <reason/> stand. NULL: neither version. */
static const struct element *
read_request(const struct stanza *iq, uint64_t *id)
{
	const struct element *el = element_child(iq->el, NULL, NULL), *moderate;

	*id = mam_id_parse(element_attr(el, "id"));
	if (element_is(el, NS_MODERATE, "moderate"))
		return element_child(el, NS_RETRACT, "retract") != NULL ? el : NULL;
	moderate = element_child(el, NS_MODERATE_0, "moderate");
	return moderate != NULL && element_child(moderate, NS_RETRACT_0, "retract") != NULL
		       ? moderate
		       : NULL;
}

void
moderation_take(struct room *room, struct stanza *iq)
{
	struct permission_rules rules = room_config_rules(&room->config);
	const struct seat *seat = seat_find(room, iq->from.text);
	struct rank rank = {ROLE_NONE, AFFILIATION_NONE};
	const struct element *moderate;
	struct retracting *r;
	struct str reason;
	uint64_t id;

	if (seat != NULL)
		rank = occupant_rank(room, seat->occupant);
	if (!may(ACTION_MODERATE, rank.role, rank.affiliation, &rules)) {
		room_refuse(room, iq, STANZA_FORBIDDEN,
			    "only moderators may take others' messages back");
		return;
	}
	moderate = read_request(iq, &id);
	if (moderate == NULL || id == 0) {
		room_refuse(room, iq, moderate ? STANZA_ITEM_NOT_FOUND : STANZA_BAD_REQUEST, NULL);
		return;
	}
	r = retracting_new(id);
	r->by_nick = arena_dup(r->arena, seat->occupant->nick);
	r->by_occupant_id = arena_dup(r->arena, str(seat->occupant->id));
	r->retraction_id = rand_token(r->arena, 128);
	reason = element_child_text(r->arena, moderate, NULL, "reason");
	r->reason = reason.len <= REASON_MAX ? reason : STR_NONE;
	store_submit(ask_for(room, r, iq, on_moderated));
}
