/* SPDX-License-Identifier: MIT */
/* disco.c - service discovery of a room. */
#include "modules/xep0045_muc/disco.h"

#include "modules/mam_query.h"
#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/hats.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/post.h"
#include "xmpp/xep/disco.h"

#define NODE_NICK "x-roomuser-item"
#define NODE_TRAFFIC NS_MUC "#traffic"

static const char *const features[] = {
	NS_DISCO_INFO,
	NS_DISCO_ITEMS,
	NS_MUC,
	NS_MUC "#stable_id",
	NS_MUC "#self-ping-optimization",
	NS_MUC_REQUEST,
	NS_MUC_ROOMCONFIG,
	NS_MUC_ROOMINFO,
	NS_OCCUPANT_ID,
	NS_SID,
	NS_HATS,
	NS_PING,
	NS_VCARD,
	NS_COMMANDS,
};
static const char *const archive_features[] = {
	NS_MAM, NS_MAM_EXTENDED, NS_MODERATE, NS_MODERATE_0, NS_RETRACT, NS_RETRACT "#tombstone"};

static void
add_features(struct arena *arena, struct element *query, const struct room_config *c)
{
	const char *const kinds[] = {
		c->is_password_protected ? "muc_passwordprotected" : "muc_unsecured",
		c->is_public ? "muc_public" : "muc_hidden",
		c->is_persistent ? "muc_persistent" : "muc_temporary",
		c->is_members_only ? "muc_membersonly" : "muc_open",
		c->is_moderated ? "muc_moderated" : "muc_unmoderated",
		c->is_anonymous ? "muc_semianonymous" : "muc_nonanonymous",
	};

	for (size_t i = 0; i < COUNT(features); i++)
		disco_add_feature(arena, query, str(features[i]));
	for (size_t i = 0; c->is_archived && i < COUNT(archive_features); i++)
		disco_add_feature(arena, query, str(archive_features[i]));
	if (c->registration != REGISTER_CLOSED) {
		disco_add_feature(arena, query, STR(NS_REGISTER));
		disco_add_feature(arena, query, STR(NS_MUC_REGISTER));
	}
	for (size_t i = 0; i < COUNT(kinds); i++)
		disco_add_feature(arena, query, str(kinds[i]));
}

static void
add_number(struct arena *arena, struct element *x, const char *var, const char *label,
	   uint64_t number)
{
	form_add_text(arena, x, FIELD_TEXT, var, label,
		      arena_printf(arena, "%llu", (unsigned long long)number));
}

static struct str
subject_of(struct arena *arena, const struct room *room)
{
	struct stanza *stored = room->subject ? stanza_parse(str(room->subject)) : NULL;
	struct str text = STR("");

	if (stored != NULL) {
		text = arena_dup(arena, element_child_text(arena, stored->el, NULL, "subject"));
		stanza_unref(stored);
	}
	return text;
}

/* §15.5.4. Owners are addresses that the room need not hide from who may join it. */
static void
add_info(struct arena *arena, struct element *query, struct room *room)
{
	const struct room_config *c = &room->config;
	struct element *x = form_new(arena, FORM_RESULT, NS_MUC_ROOMINFO);
	struct str hats = hats_hash(room, arena);

	form_add_text(arena, x, FIELD_TEXT, "muc#roomconfig_roomname", "Name", c->name);
	form_add_text(arena, x, FIELD_TEXT, "muc#roominfo_description", "Description",
		      c->description);
	form_add_text(arena, x, FIELD_TEXT, "muc#roominfo_lang", "Language", c->lang);
	form_add_text(arena, x, FIELD_TEXT, "muc#roominfo_subject", "Current subject",
		      subject_of(arena, room));
	form_add_bool(arena, x, "muc#roominfo_subjectmod", "Occupants may change the subject",
		      c->occupants_may_change_subject);
	form_add_bool(arena, x, "muc#roomconfig_changesubject", "Occupants may change the subject",
		      c->occupants_may_change_subject);
	add_number(arena, x, "muc#roominfo_occupants", "Number of occupants",
		   room->occupants.count);
	add_number(arena, x, "muc#maxhistoryfetch", "Messages that newcomers get at most",
		   c->history);
	form_add_bool(arena, x, "muc#roomconfig_allowinvites", "Members may invite others",
		      c->members_may_invite);
	if (c->pubsub.len > 0)
		form_add_text(arena, x, FIELD_TEXT, "muc#roomconfig_pubsub",
			      "Associated pubsub node", c->pubsub);
	if (room->photo_hash != NULL)
		field_add_value(arena,
				form_add_field(arena, x, FIELD_TEXT_MULTI,
					       "muc#roominfo_avatarhash", "Avatar hash"),
				str(room->photo_hash));
	if (hats.p != NULL)
		form_add_text(arena, x, FIELD_TEXT, "hats#hash", "Hats hash", hats);
	element_append(query, x);
}

static void
reply_reserved_nick(struct room *room, struct stanza *iq, struct arena *arena)
{
	const struct affiliate *a = affiliate_find(room, jid_bare_text(iq->from));
	struct element *query = disco_new(arena, NS_DISCO_INFO, STR(NODE_NICK));

	if (a != NULL && a->nick.p != NULL)
		disco_add_identity(arena, query, STR("conference"), STR("text"), STR_NONE, a->nick);
	room_reply(room, iq, query);
}

/* A hidden members-only room does not even say that it exists to who cannot enter it. */
static bool
may_know(const struct room *room, struct jid who)
{
	struct permission_rules rules = room_config_rules(&room->config);

	return room->config.is_public ||
	       may(ACTION_ENTER, ROLE_NONE, affiliation_of(room, jid_bare_text(who)), &rules);
}

void
disco_room_info(struct room *room, struct stanza *iq)
{
	struct str node = element_attr(element_child(iq->el, NULL, NULL), "node");
	struct arena *arena = arena_new();
	struct element *query;

	if (!may_know(room, iq->from)) {
		room_refuse(room, iq, STANZA_ITEM_NOT_FOUND, NULL);
	} else if (str_is(node, NODE_NICK)) {
		reply_reserved_nick(room, iq, arena);
	} else if (str_is(node, NODE_TRAFFIC)) {
		/* §17.5.2: nothing is kept back. */
		room_refuse(room, iq, STANZA_SERVICE_UNAVAILABLE, NULL);
	} else if (node.p != NULL) {
		room_refuse(room, iq, STANZA_ITEM_NOT_FOUND, NULL);
	} else {
		query = disco_new(arena, NS_DISCO_INFO, STR_NONE);
		disco_add_identity(arena, query, STR("conference"), STR("text"), STR_NONE,
				   room->config.name.len > 0 ? room->config.name : room->jid.local);
		add_features(arena, query, &room->config);
		add_info(arena, query, room);
		room_reply(room, iq, query);
	}
	arena_free(arena);
}

/* §6.5: who is in it, to who is in it; to others a room does not say. */
void
disco_room_items(struct room *room, struct stanza *iq)
{
	struct str node = element_attr(element_child(iq->el, NULL, NULL), "node");
	struct arena *arena = arena_new();
	struct element *query = disco_new(arena, NS_DISCO_ITEMS, node);
	uint32_t at = 0;
	void *value;

	if (str_is(node, NS_COMMANDS)) {
		hats_add_commands(arena, room, query);
	} else if (node.p == NULL && seat_find(room, iq->from.text) != NULL) {
		while (map_next(&room->occupants, &at, &value)) {
			const struct occupant *occupant = value;
			struct jid jid =
				jid_make(arena, room->jid.local, room->jid.domain, occupant->nick);

			disco_add_item(arena, query, jid.text, STR_NONE, STR_NONE);
		}
	}
	room_reply(room, iq, query);
	arena_free(arena);
}
