/* SPDX-License-Identifier: MIT */
/* presence.c - builds and sends the presence of occupants (see presence.h). */
#include "modules/xep0045_muc/presence.h"

#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/hats.h"
#include "modules/xep0045_muc/post.h"
#include "modules/xep0045_muc/sanitize.h"

#include <stdio.h>

#define WORDS_MAX 8192u /* bytes; of more, only what RFC 6121 defines is passed on */

static void
add_codes(struct buf *out, const int *codes)
{
	for (size_t i = 0; i < CODES_MAX && codes[i] != 0; i++)
		buf_printf(out, "<status code='%d'/>", codes[i]);
}

static void
add_leaf(struct buf *out, const char *name, struct str text)
{
	if (text.len == 0)
		return;
	buf_printf(out, "<%s>", name);
	xml_escape(out, text);
	buf_printf(out, "</%s>", name);
}

static void
add_item(struct room *room, struct buf *out, const struct shown *s, const struct seat *seat,
	 bool with_jid)
{
	enum affiliation affiliation =
		s->has_affiliation ? s->affiliation : affiliation_of(room, s->occupant->bare);
	enum role role = s->is_gone && s->new_nick.p == NULL ? ROLE_NONE : s->occupant->role;

	buf_printf(out, "<item affiliation='%s' role='%s'", affiliation_name(affiliation),
		   role_name(role));
	if (with_jid)
		xml_write_attr(out, "jid", seat->jid.text);
	xml_write_attr(out, "nick", s->new_nick);
	if (s->actor.len == 0 && s->reason.len == 0) {
		buf_addz(out, "/>");
		return;
	}
	buf_add_char(out, '>');
	if (s->actor.len > 0) {
		buf_addz(out, "<actor");
		xml_write_attr(out, "nick", s->actor);
		buf_addz(out, "/>");
	}
	add_leaf(out, "reason", s->reason);
	buf_addz(out, "</item>");
}

static struct stanza *
build(struct room *room, const struct shown *s, struct jid to, bool with_jid, bool is_self)
{
	const struct seat *seat = s->seat ? s->seat : occupant_shown(s->occupant);
	struct arena *arena = arena_new();
	struct jid from = jid_make(arena, room->jid.local, room->jid.domain, s->occupant->nick);
	struct stanza *presence = stanza_new(
		STANZA_PRESENCE, s->is_gone ? PRESENCE_UNAVAILABLE : PRESENCE_AVAILABLE, from, to);
	struct buf out = {0};

	if (is_self && s->id.len > 0)
		stanza_set_id(presence, s->id);
	buf_addz(&out, "<x xmlns='" NS_MUC_USER "'>");
	add_item(room, &out, s, seat, with_jid);
	if (s->destroy != NULL)
		xml_write(&out, s->destroy, STR(NS_MUC_USER));
	if (is_self)
		buf_printf(&out, "<status code='%d'/>", STATUS_SELF);
	if (is_self)
		add_codes(&out, s->self_codes);
	add_codes(&out, s->codes);
	buf_addz(&out, "</x>");
	buf_printf(&out, "<occupant-id xmlns='" NS_OCCUPANT_ID "' id='%s'/>", s->occupant->id);
	hats_write(room, s->occupant->bare, &out);
	buf_add(&out, s->is_gone ? s->words : seat->presence);
	stanza_freeze_as(presence, element_new(presence->arena, NS_MUC_USER, "x"), buf_str(&out));
	buf_free(&out);
	arena_free(arena);
	return presence;
}

static bool
sees_jids(const struct room *room, const struct occupant *who)
{
	struct permission_rules rules = room_config_rules(&room->config);
	struct rank rank = occupant_rank(room, who);

	return may(ACTION_SEE_JIDS, rank.role, rank.affiliation, &rules);
}

struct stanza *
presence_for(struct room *room, const struct shown *shown, const struct seat *seat)
{
	bool is_self = seat->occupant == shown->occupant;

	return build(room, shown, seat->jid, is_self || sees_jids(room, seat->occupant), is_self);
}

/* Roles whose presence is not shown are seen by themselves only (presencebroadcast). */
static bool
is_shown(const struct room *room, const struct shown *shown)
{
	struct permission_rules rules = room_config_rules(&room->config);
	struct rank rank = occupant_rank(room, shown->occupant);

	return may(ACTION_SHOW_PRESENCE, rank.role, rank.affiliation, &rules);
}

void
presence_to_others(struct room *room, const struct shown *shown)
{
	uint64_t skip = shown->occupant->tag;

	if (!is_shown(room, shown))
		return;
	if (!room->config.is_anonymous) {
		room_broadcast(room, build(room, shown, (struct jid){0}, true, false), skip);
		return;
	}
	room_broadcast_to(room, build(room, shown, (struct jid){0}, true, false), true, skip);
	room_broadcast_to(room, build(room, shown, (struct jid){0}, false, false), false, skip);
}

void
presence_to_self(struct room *room, const struct shown *shown)
{
	LIST_EACH(&shown->occupant->seats, struct seat, link, seat)
	{
		room_send(room, presence_for(room, shown, seat));
	}
}

void
presence_broadcast(struct room *room, const struct shown *shown)
{
	presence_to_others(room, shown);
	presence_to_self(room, shown);
}

/* RFC 6121 §4.7.2. */
static bool
is_basic(const struct element *el)
{
	return str_is(el->name, "show") || str_is(el->name, "status") ||
	       str_is(el->name, "priority");
}

struct str
presence_words(struct arena *arena, const struct stanza *presence)
{
	struct buf out = {0};
	struct str text;
	bool is_long = presence->inner.len > WORDS_MAX;

	for (const struct element *el = element_child(presence->el, NULL, NULL); el != NULL;
	     el = element_next(el, NULL, NULL))
		if (!is_rooms_own(el, room_text_of(presence)) && (!is_long || is_basic(el)))
			xml_write(&out, el, presence->el->ns);
	text = arena_dup(
		arena,
		str_first(buf_str(&out), is_long && buf_len(&out) > WORDS_MAX ? 0 : buf_len(&out)));
	buf_free(&out);
	return text;
}
