/* SPDX-License-Identifier: MIT */
/* owner.c - the room's configuration form, and its end (see owner.h). */
#include "modules/xep0045_muc/owner.h"

#include "modules/xep0045_muc/admin.h"
#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/leave.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/post.h"

#include <stdlib.h>

#define JIDS_MAX 1000u /* of one field */
#define REASON_MAX 1024u

static const struct {
	const char *var, *label;
	enum affiliation affiliation;
} lists[] = {
	{"muc#roomconfig_roomadmins", "Admins of the room", AFFILIATION_ADMIN},
	{"muc#roomconfig_roomowners", "Owners of the room", AFFILIATION_OWNER},
};

static bool
may_configure(const struct room *room, const struct stanza *iq, enum action action)
{
	struct permission_rules rules = room_config_rules(&room->config);

	return may(action, ROLE_NONE, affiliation_of(room, jid_bare_text(iq->from)), &rules);
}

static uint64_t
service_max(const struct room *room)
{
	return option_number(room_options(room), "max_occupants");
}

static void
add_list(struct arena *arena, struct element *x, const struct room *room, size_t i)
{
	struct element *field =
		form_add_field(arena, x, FIELD_JID_MULTI, lists[i].var, lists[i].label);
	uint32_t at = 0;
	void *value;
	size_t n = 0;

	while (map_next(&room->affiliates, &at, &value) && n < JIDS_MAX) {
		const struct affiliate *a = value;

		if (a->affiliation == lists[i].affiliation)
			field_add_value(arena, field, a->jid), n++;
	}
}

void
owner_get(struct room *room, struct stanza *iq)
{
	struct arena *arena;
	struct element *query, *x;

	if (!may_configure(room, iq, ACTION_CONFIGURE)) {
		room_refuse(room, iq, STANZA_FORBIDDEN, NULL);
		return;
	}
	arena = arena_new();
	query = element_new(arena, NS_MUC_OWNER, "query");
	x = form_new(arena, FORM_ASK, NS_MUC_ROOMCONFIG);
	form_set_title(arena, x,
		       arena_printf(arena, "Configuration of %.*s", STR_ARG(room->jid.text)));
	room_config_add_fields(arena, x, &room->config, service_max(room));
	for (size_t i = 0; i < COUNT(lists); i++)
		add_list(arena, x, room, i);
	element_append(query, x);
	room_reply(room, iq, query);
	arena_free(arena);
}

/* ---- what follows from a change ---- */

void
owner_announce(struct room *room, int code)
{
	struct stanza *message =
		stanza_new(STANZA_MESSAGE, MESSAGE_GROUPCHAT, room->jid, (struct jid){0});
	struct element *x = element_add(message->arena, message->el, NS_MUC_USER, "x");
	struct element *status = element_add(message->arena, x, NULL, "status");

	element_set(message->arena, status, "code", arena_printf(message->arena, "%d", code));
	room_broadcast(room, message, 0);
}

/* §10.2.1. */
static void
announce_changes(struct room *room, const struct room_config *old)
{
	const struct room_config *now = &room->config;
	struct arena *arena = arena_new();
	struct room_config same = *old;

	if (old->is_logged != now->is_logged)
		owner_announce(room, now->is_logged ? STATUS_LOGGED : STATUS_NOT_LOGGED);
	if (old->is_anonymous != now->is_anonymous)
		owner_announce(room,
			       now->is_anonymous ? STATUS_SEMI_ANONYMOUS : STATUS_NON_ANONYMOUS);
	same.is_logged = now->is_logged;
	same.is_anonymous = now->is_anonymous;
	if (!str_equal(room_config_text(arena, &same), room_config_text(arena, now)))
		owner_announce(room, STATUS_CONFIG_CHANGED);
	arena_free(arena);
}

/* §10.2: a room that is now members-only loses the others. */
static void
remove_strangers(struct room *room, struct store_request *request)
{
	struct permission_rules rules = room_config_rules(&room->config);
	struct occupant **found = xnew_array(struct occupant *, room->occupants.count + 1);
	size_t n = 0;
	uint32_t at = 0;
	void *value;

	while (map_next(&room->occupants, &at, &value)) {
		struct occupant *occupant = value;

		if (!may(ACTION_ENTER, ROLE_NONE, affiliation_of(room, occupant->bare), &rules))
			found[n++] = occupant;
	}
	for (size_t i = 0; i < n; i++)
		leave_removed(room, found[i], &(struct shown){.codes = {STATUS_MEMBERS_ONLY}},
			      request);
	free(found);
}

/* ---- submitting ---- */

struct submitted {
	struct room_config config; /* the new one */
	struct jid *jids[COUNT(lists)];
	size_t counts[COUNT(lists)];
	bool has_list[COUNT(lists)];
};

static bool
is_listed(const struct submitted *s, size_t i, struct str jid)
{
	for (size_t k = 0; k < s->counts[i]; k++)
		if (str_equal(jid_bare_text(s->jids[i][k]), jid))
			return true;
	return false;
}

/* Whether there will be an owner: of the list, or those that there are and that stay. */
static bool
has_owner(const struct room *room, const struct submitted *s)
{
	uint32_t at = 0;
	void *value;

	if (s->has_list[1])
		return s->counts[1] > 0;
	while (map_next(&room->affiliates, &at, &value)) {
		const struct affiliate *a = value;

		if (a->affiliation == AFFILIATION_OWNER &&
		    !(s->has_list[0] && is_listed(s, 0, a->jid)))
			return true;
	}
	return room->owner_count == 0;
}

static enum stanza_condition
read_lists(struct room *room, struct arena *arena, const struct form *form, struct submitted *s)
{
	const char *why;

	for (size_t i = 0; i < COUNT(lists); i++) {
		s->has_list[i] = form_field(form, lists[i].var) != NULL;
		if (form_jids(arena, form, lists[i].var, &s->jids[i], &s->counts[i], &why) < 0)
			return STANZA_NOT_ACCEPTABLE;
		if (s->counts[i] > JIDS_MAX)
			return STANZA_NOT_ACCEPTABLE;
	}
	return has_owner(room, s) ? STANZA_NO_ERROR : STANZA_CONFLICT;
}

static void
change_affiliation(struct room *room, struct str jid, enum affiliation to,
		   struct store_request *request)
{
	enum affiliation before = affiliation_of(room, jid);

	if (before == to || !affiliation_set(room, room->state == ROOM_OPEN ? request : NULL, jid,
					     to, STR_NONE, STR_NONE))
		return;
	admin_apply_affiliation(room, jid, before, STR_NONE, STR_NONE, request);
}

/* The lists are whole: who is not on one any more is a member. */
static void
apply_lists(struct room *room, const struct submitted *s, struct store_request *request)
{
	for (size_t i = 0; i < COUNT(lists); i++) {
		struct str *gone = xnew_array(struct str, room->affiliates.count + 1);
		size_t n = 0;
		uint32_t at = 0;
		void *value;

		while (s->has_list[i] && map_next(&room->affiliates, &at, &value)) {
			const struct affiliate *a = value;

			if (a->affiliation == lists[i].affiliation && !is_listed(s, i, a->jid))
				gone[n++] = a->jid;
		}
		for (size_t k = 0; k < s->counts[i]; k++)
			change_affiliation(room, jid_bare_text(s->jids[i][k]), lists[i].affiliation,
					   request);
		for (size_t k = 0; k < n; k++) {
			/* Unless another list has just made him something else. */
			const struct affiliate *a = affiliate_find(room, gone[k]);

			if (a != NULL && a->affiliation == lists[i].affiliation)
				change_affiliation(room, gone[k], AFFILIATION_MEMBER, request);
		}
		free(gone);
	}
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
apply(struct room *room, struct stanza *iq, struct submitted *s)
{
	struct store_request *request = room_request(room, iq, on_stored, NULL);
	struct room_config old = room->config;

	room->config = s->config;
	apply_lists(room, s, request);
	if (room->config.is_members_only && !old.is_members_only)
		remove_strangers(room, request);
	if (room->state == ROOM_LOCKED) {
		room_open(room, request);
	} else {
		room_store(room, request);
		announce_changes(room, &old);
	}
	store_submit(request);
	room_config_free(&old);
	room_check_empty(room);
}

static void
submit(struct room *room, struct stanza *iq, const struct element *x)
{
	struct arena *arena = arena_new();
	struct submitted s = {0};
	struct form form;
	enum stanza_condition condition;
	const char *why = NULL;

	if (form_parse(arena, x, &form, &why) < 0 ||
	    (form.field_count > 0 && !str_is(form.form_type, NS_MUC_ROOMCONFIG))) {
		room_refuse(room, iq, STANZA_BAD_REQUEST, why);
	} else if (room_config_read(&room->config, &form, service_max(room), &s.config, &why) < 0) {
		room_refuse(room, iq, STANZA_NOT_ACCEPTABLE, why);
	} else if ((condition = read_lists(room, arena, &form, &s)) != STANZA_NO_ERROR) {
		room_refuse(room, iq, condition, NULL);
		room_config_free(&s.config);
	} else {
		apply(room, iq, &s);
	}
	arena_free(arena);
}

/* §10.9. What was given is passed on, in the namespace that occupants know. */
static void
destroy(struct room *room, struct stanza *iq, const struct element *asked)
{
	struct arena *arena = arena_new();
	struct element *out = element_new(arena, NS_MUC_USER, "destroy");
	struct str venue = element_attr(asked, "jid");
	struct str password = element_child_text(arena, asked, NULL, "password");
	struct str reason = element_child_text(arena, asked, NULL, "reason");
	struct jid jid;
	const char *why;

	if (venue.len > 0 && jid_parse(arena, venue, &jid, &why) < 0) {
		room_refuse(room, iq, STANZA_JID_MALFORMED, NULL);
	} else {
		if (venue.len > 0)
			element_set(arena, out, "jid", jid.text);
		if (password.len > 0 && password.len <= REASON_MAX)
			element_add_leaf(arena, out, "password", password);
		if (reason.len > 0 && reason.len <= REASON_MAX)
			element_add_leaf(arena, out, "reason", reason);
		room_destroy(room, out);
		room_reply(room, iq, NULL);
	}
	arena_free(arena);
}

static void
cancel(struct room *room, struct stanza *iq)
{
	room_reply(room, iq, NULL);
	if (room->state == ROOM_LOCKED) /* §10.1.3 */
		room_destroy(room, NULL);
}

void
owner_set(struct room *room, struct stanza *iq)
{
	const struct element *query = element_child(iq->el, NULL, NULL);
	const struct element *asked = element_child(query, NS_MUC_OWNER, "destroy");
	const struct element *x = element_child(query, NS_FORMS, "x");

	if (!may_configure(room, iq, asked ? ACTION_DESTROY : ACTION_CONFIGURE))
		room_refuse(room, iq, STANZA_FORBIDDEN, NULL);
	else if (asked != NULL)
		destroy(room, iq, asked);
	else if (x != NULL && str_is(element_attr(x, "type"), "cancel"))
		cancel(room, iq);
	else if (x != NULL)
		submit(room, iq, x);
	else
		room_refuse(room, iq, STANZA_BAD_REQUEST, NULL);
}
