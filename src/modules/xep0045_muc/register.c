/* SPDX-License-Identifier: MIT */
/* register.c - registration with a room (see register.h). */
#include "modules/xep0045_muc/register.h"

#include "modules/xep0045_muc/admin.h"
#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/flood.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/post.h"
#include "modules/xep0045_muc/voice.h"
#include "xmpp/prep.h"

#define FIELD_NICK "muc#register_roomnick"

/* What else may stand in the form, for who decides. */
static const struct {
	const char *var, *label;
} details[] = {
	{"muc#register_first", "Given name"},
	{"muc#register_last", "Family name"},
	{"muc#register_email", "E-mail address"},
	{"muc#register_url", "Web page"},
};

/* §7.10: an outcast may not, nor anybody where it is switched off. */
static bool
may_register(const struct room *room, struct jid who)
{
	struct permission_rules rules = room_config_rules(&room->config);

	return room->config.registration != REGISTER_CLOSED &&
	       may(ACTION_REGISTER, ROLE_NONE, affiliation_of(room, jid_bare_text(who)), &rules);
}

void
register_get(struct room *room, struct stanza *iq)
{
	const struct affiliate *a = affiliate_find(room, jid_bare_text(iq->from));
	struct arena *arena = arena_new();
	struct element *query = element_new(arena, NS_REGISTER, "query"), *x;

	if (a != NULL && a->nick.p != NULL && a->affiliation > AFFILIATION_OUTCAST) {
		element_add(arena, query, NULL, "registered");
		element_add_leaf(arena, query, "username", a->nick);
		room_reply(room, iq, query);
	} else if (!may_register(room, iq->from)) {
		room_refuse(room, iq, STANZA_NOT_ALLOWED, NULL);
	} else {
		x = form_new(arena, FORM_ASK, NS_MUC_REGISTER);
		form_set_title(arena, x, STR("Registration with the room"));
		field_require(arena,
			      form_add_field(arena, x, FIELD_TEXT, FIELD_NICK, "Desired nickname"));
		for (size_t i = 0;
		     i < COUNT(details) && room->config.registration == REGISTER_APPROVED; i++)
			form_add_field(arena, x, FIELD_TEXT, details[i].var, details[i].label);
		element_add_leaf(arena, query, "instructions",
				 STR("Choose the nickname that is to be yours in this room."));
		element_append(query, x);
		room_reply(room, iq, query);
	}
	arena_free(arena);
}

static void
on_stored(struct room_task *task, struct store_request *request)
{
	if (task->cause == NULL)
		return;
	if (request->status == STORE_OK)
		post_reply(task->hold, task->cause, NULL);
	else
		post_refuse(task->hold, task->cause, STANZA_RESOURCE_CONSTRAINT, NULL);
}

/* BARE is a member from now on, and NICK his; answers IQ, if not NULL. */
static void
enrol(struct room *room, struct stanza *iq, struct str bare, struct str nick)
{
	enum affiliation before = affiliation_of(room, bare);
	struct store_request *request = room_request(room, iq, on_stored, NULL);

	affiliation_set(room, room->state == ROOM_OPEN ? request : NULL, bare,
			MAX(before, AFFILIATION_MEMBER), nick, STR_NONE);
	if (before < AFFILIATION_MEMBER)
		admin_apply_affiliation(room, bare, before, STR_NONE, STR_NONE, request);
	store_submit(request);
}

/* §9.9: one of those who can decide is asked; he has to be in the room for it. */
static void
ask_admins(struct room *room, struct stanza *iq, struct str nick, const struct form *form)
{
	struct arena *arena = arena_new();
	struct element *x = form_new(arena, FORM_ASK, NS_MUC_REGISTER);

	form_set_title(arena, x, STR("Registration request"));
	form_add_instructions(arena, x, STR("Somebody asks to become a member of the room."));
	form_add_text(arena, x, FIELD_JID, "muc#jid", "User ID", jid_bare_text(iq->from));
	form_add_text(arena, x, FIELD_TEXT, FIELD_NICK, "Desired nickname", nick);
	for (size_t i = 0; i < COUNT(details); i++) {
		struct str value = form_value(form, details[i].var);

		if (value.len > 0 && value.len < 1024)
			form_add_text(arena, x, FIELD_TEXT, details[i].var, details[i].label,
				      value);
	}
	form_add_bool(arena, x, "muc#register_allow",
		      "Allow this person to register with the room?", false);
	voice_ask_moderators(room, x, true);
	room_reply(room, iq, NULL);
	arena_free(arena);
}

static bool
is_taken(const struct room *room, struct str key, struct str bare)
{
	const struct affiliate *owner = affiliate_of_nick(room, key);
	const struct occupant *other = map_get(&room->keys, key);

	return (owner != NULL && !str_equal(owner->jid, bare)) ||
	       (other != NULL && !str_equal(other->bare, bare));
}

/* XEP-0077 §3.2: the membership is the registration. */
static void
unregister(struct room *room, struct stanza *iq)
{
	struct str bare = jid_bare_text(iq->from);
	enum affiliation before = affiliation_of(room, bare);
	struct store_request *request;

	if (affiliate_find(room, bare) == NULL || before == AFFILIATION_OUTCAST) {
		room_refuse(room, iq, STANZA_REGISTRATION_REQUIRED, NULL);
		return;
	}
	request = room_request(room, iq, on_stored, NULL);
	affiliation_set(room, room->state == ROOM_OPEN ? request : NULL, bare,
			before == AFFILIATION_MEMBER ? AFFILIATION_NONE : before, STR(""),
			STR_NONE);
	if (before == AFFILIATION_MEMBER)
		admin_apply_affiliation(room, bare, before, STR_NONE, STR_NONE, request);
	store_submit(request);
	room_check_empty(room);
}

void
register_set(struct room *room, struct stanza *iq)
{
	const struct element *query = element_child(iq->el, NULL, NULL);
	struct str bare = jid_bare_text(iq->from), nick = STR_NONE, prepared, key;
	struct arena *arena = arena_new();
	struct form form = {0};
	const char *why;

	if (element_child(query, NS_REGISTER, "remove") != NULL) {
		unregister(room, iq);
		goto out;
	}
	if (form_find(arena, query, FORM_SUBMIT, NS_MUC_REGISTER, &form, &why) == 0)
		nick = form_value(&form, FIELD_NICK);
	if (nick.len == 0 || jid_prepare_resource(arena, nick, &prepared, &why) < 0) {
		room_refuse(room, iq, STANZA_BAD_REQUEST, NULL);
		goto out;
	}
	key = prep_nick_key(arena, prepared);
	if (!may_register(room, iq->from))
		room_refuse(room, iq, STANZA_NOT_ALLOWED, NULL);
	else if (key.len == 0 || prepared.len > 256)
		room_refuse(room, iq, STANZA_NOT_ACCEPTABLE, NULL);
	else if (is_taken(room, key, bare))
		room_refuse(room, iq, STANZA_CONFLICT, NULL);
	else if (!flood_allows(room, bare))
		room_refuse(room, iq, STANZA_RESOURCE_CONSTRAINT, NULL);
	else if (room->config.registration == REGISTER_APPROVED &&
		 affiliation_of(room, bare) < AFFILIATION_MEMBER)
		ask_admins(room, iq, prepared, &form);
	else
		enrol(room, iq, bare, prepared);
out:
	arena_free(arena);
}

void
register_decide(struct room *room, struct stanza *message, const struct form *form)
{
	struct permission_rules rules = room_config_rules(&room->config);
	struct arena *arena = arena_new();
	struct str nick = form_value(form, FIELD_NICK), prepared = STR_NONE;
	bool is_allowed = false;
	struct jid who;
	const char *why;

	if (!may(ACTION_EDIT_MEMBERS, ROLE_NONE, affiliation_of(room, jid_bare_text(message->from)),
		 &rules))
		room_refuse(room, message, STANZA_FORBIDDEN, NULL);
	else if (form_bool(form, "muc#register_allow", &is_allowed) < 0 ||
		 jid_parse(arena, form_value(form, "muc#jid"), &who, &why) < 0 ||
		 (nick.len > 0 && jid_prepare_resource(arena, nick, &prepared, &why) < 0))
		room_refuse(room, message, STANZA_BAD_REQUEST, NULL);
	else if (is_allowed && prepared.len > 0 &&
		 is_taken(room, prep_nick_key(arena, prepared), jid_bare_text(who)))
		room_refuse(room, message, STANZA_CONFLICT, NULL);
	else if (is_allowed && affiliation_of(room, jid_bare_text(who)) != AFFILIATION_OUTCAST)
		enrol(room, NULL, jid_bare_text(who), prepared);
	arena_free(arena);
}
