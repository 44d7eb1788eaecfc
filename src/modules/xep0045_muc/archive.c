/* SPDX-License-Identifier: MIT */
/* archive.c - what is kept of a room, and who may read it (see archive.h, SEC-52). */
#include "modules/xep0045_muc/archive.h"

#include "modules/mam_query.h"
#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/post.h"

#include <stdlib.h>

#define PRUNE_AT_ONCE 1000u

/* ---- writing ---- */

static bool
has(const struct stanza *message, const char *ns, const char *name)
{
	return element_child(message->el, ns, name) != NULL;
}

/* Chat states, receipts and markers are about the moment. */
static bool
is_of_the_moment(const struct element *el)
{
	static const char *const namespaces[] = {"http://jabber.org/protocol/chatstates",
						 "urn:xmpp:receipts",
						 "urn:xmpp:chat-markers:0",
						 NS_HINTS,
						 "urn:xmpp:sid:0",
						 NS_OCCUPANT_ID};

	for (size_t i = 0; i < COUNT(namespaces); i++)
		if (str_is(el->ns, namespaces[i]))
			return true;
	return str_is(el->name, "thread");
}

bool
archive_takes(const struct room *room, const struct stanza *message, uint32_t *flags)
{
	const struct element *el = element_child(message->el, NULL, NULL);

	*flags = 0;
	if (stanza_child(message, "body") != NULL || has(message, NULL, "encrypted"))
		*flags = ARCHIVE_HISTORY;
	/* XEP-0334 §4.1, §4.2. */
	if (!room->config.is_archived || has(message, NS_HINTS, "no-store") ||
	    has(message, NS_HINTS, "no-permanent-store"))
		return false;
	if (*flags != 0 || has(message, NS_HINTS, "store"))
		return true;
	while (el != NULL && is_of_the_moment(el))
		el = element_next(el, NULL, NULL);
	return el != NULL;
}

void
archive_add(struct room *room, struct store_request *request, struct stanza *message,
	    struct jid real, struct str nick, uint32_t flags)
{
	struct buf text = {0};

	stanza_write(&text, message, NULL);
	store_log_add(request, room->jid.text, ARCHIVE_LOG,
		      &(struct store_entry){.at_us = time_wall_us(),
					    .with = real.text,
					    .value = buf_str(&text),
					    .flags = flags,
					    .meta = nick});
	buf_free(&text);
}

struct element *
archive_id(struct arena *arena, const struct room *room, uint64_t id)
{
	struct element *el = element_new(arena, NS_SID, "stanza-id");
	char text[MAM_ID_SIZE];

	element_set(arena, el, "by", room->jid.text);
	element_set(arena, el, "id", mam_id_text(text, id));
	return el;
}

void
archive_prune(struct room *room, struct store_request *request)
{
	const struct option_values *options = room_options(room);
	uint64_t keep_ms = options ? option_ms(options, "archive_for") : 0;
	uint64_t bytes = options ? option_bytes(options, "archive_bytes") : 0;
	uint64_t now = time_wall_us();

	if (keep_ms > 0 || bytes > 0)
		store_log_prune(request, room->jid.text, ARCHIVE_LOG,
				keep_ms > 0 && keep_ms * 1000 < now ? now - keep_ms * 1000 : 0,
				bytes, PRUNE_AT_ONCE);
}

/* ---- reading ---- */

/*
 * §6.1.2: who may enter the room now. A password that only occupants are known to know lets in who
 * is there, and who belongs to it.
 */
static bool
may_read(const struct room *room, struct jid who)
{
	struct permission_rules rules = room_config_rules(&room->config);
	enum affiliation affiliation = affiliation_of(room, jid_bare_text(who));

	if (!may(ACTION_READ_ARCHIVE, ROLE_NONE, affiliation, &rules))
		return false;
	return !room->config.is_password_protected || affiliation >= AFFILIATION_MEMBER ||
	       seat_find(room, who.text) != NULL;
}

static bool
may_see_jids(const struct room *room, struct jid who)
{
	struct permission_rules rules = room_config_rules(&room->config);
	const struct seat *seat = seat_find(room, who.text);
	enum affiliation affiliation = affiliation_of(room, jid_bare_text(who));
	enum role role = seat ? seat->occupant->role : role_kept(affiliation);

	return may(ACTION_SEE_JIDS, role, affiliation, &rules);
}

struct reading {
	bool sees_jids;
};

/* SEC-52: muc#user was taken out when it came; only the room says who it was. */
static bool
write_entry(void *arg, const struct store_item *item, struct buf *out)
{
	const struct reading *reading = arg;
	struct buf front = {0};

	if (reading->sees_jids && item->with.len > 0) {
		buf_addz(&front, "<x xmlns='" NS_MUC_USER "'><item");
		xml_write_attr(&front, "jid", item->with);
		buf_addz(&front, "/></x>");
	}
	mam_write_message(out, item->value, buf_str(&front));
	buf_free(&front);
	return true;
}

struct by_nick { /* beside what was asked for already */
	struct str nick;
	bool (*match)(const struct store_item *item, const void *arg);
	const void *match_arg;
};

/* §4.1.1, for an occupant's address: by the nick. Runs on a store thread. */
static bool
is_of_nick(const struct store_item *item, const void *arg)
{
	const struct by_nick *by = arg;

	return str_equal(item->meta, by->nick) &&
	       (by->match == NULL || by->match(item, by->match_arg));
}

/* `with`: an occupant's address for everybody, a real one for who may know it. False: refused. */
static bool
narrow(struct room *room, struct stanza *iq, struct arena *arena, struct mam_query *query)
{
	struct jid with;
	const char *why;

	if (query->page.with.len == 0)
		return true;
	if (jid_parse(arena, query->page.with, &with, &why) == 0 &&
	    str_equal(jid_bare_text(with), room->jid.text)) {
		struct by_nick *by = arena_new_of(arena, struct by_nick);

		*by = (struct by_nick){with.resource, query->page.match, query->page.match_arg};
		query->page.with = STR_NONE;
		query->page.match = is_of_nick;
		query->page.match_arg = by;
		return true;
	}
	if (may_see_jids(room, iq->from))
		return true;
	room_refuse(room, iq, STANZA_FORBIDDEN, "addresses are hidden in this room");
	return false;
}

static struct held_iq *
hold(struct room *room, struct stanza *iq)
{
	struct event ev = {.worker = room->worker, .stanza = iq};

	return event_hold(&ev);
}

static struct mam_archive
archive_of(struct room *room, struct stanza *iq)
{
	struct reading *reading = xnew(struct reading);

	reading->sees_jids = may_see_jids(room, iq->from);
	return (struct mam_archive){.owner = room->jid.text,
				    .log = ARCHIVE_LOG,
				    .write = write_entry,
				    .free = free,
				    .arg = reading};
}

void
archive_query(struct room *room, struct stanza *iq)
{
	struct held_iq *held;
	struct mam_query query;
	struct mam_archive archive;
	enum stanza_condition condition;

	if (!may_read(room, iq->from)) {
		room_refuse(room, iq, STANZA_FORBIDDEN, NULL);
		return;
	}
	held = hold(room, iq);
	condition =
		mam_query_parse(held->arena, element_child(iq->el, NS_MAM, "query"), false, &query);
	if (condition != STANZA_NO_ERROR) {
		room_refuse(room, iq, condition, NULL);
		held_drop(held);
		return;
	}
	if (!narrow(room, iq, held->arena, &query)) {
		held_drop(held);
		return;
	}
	archive = archive_of(room, iq);
	mam_query_run(held, &query, &archive);
}

void
archive_form(struct room *room, struct stanza *iq)
{
	struct arena *arena = arena_new();

	room_reply(room, iq, mam_form(arena, false));
	arena_free(arena);
}

void
archive_metadata(struct room *room, struct stanza *iq)
{
	struct mam_archive archive;

	if (!may_read(room, iq->from)) {
		room_refuse(room, iq, STANZA_FORBIDDEN, NULL);
		return;
	}
	archive = archive_of(room, iq);
	mam_metadata_run(hold(room, iq), &archive);
}
