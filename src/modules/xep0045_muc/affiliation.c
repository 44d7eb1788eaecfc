/* SPDX-License-Identifier: MIT */
/* affiliation.c - the list of affiliations, in memory and in the store. */
#include "modules/xep0045_muc/affiliation.h"

#include "modules/xep0045_muc/owned.h"
#include "xmpp/prep.h"

#include <stdlib.h>

#define SEPARATOR '\x1f'

struct affiliate *
affiliate_find(const struct room *room, struct str jid)
{
	return map_get(&room->affiliates, jid);
}

struct affiliate *
affiliate_of_nick(const struct room *room, struct str key)
{
	return map_get(&room->reserved, key);
}

/* §9.2: first the address, then its domain. A domain can only be banned. */
enum affiliation
affiliation_of(const struct room *room, struct str bare)
{
	const struct affiliate *a = affiliate_find(room, bare);
	const struct config_service *service = room_service(room);
	ptrdiff_t at = str_find(bare, '@');

	if (service != NULL && config_is_admin(service->host, bare))
		return AFFILIATION_OWNER;
	if (a != NULL && a->affiliation != AFFILIATION_NONE)
		return a->affiliation;
	a = at >= 0 ? affiliate_find(room, str_from(bare, (size_t)at + 1)) : NULL;
	return a != NULL && a->affiliation == AFFILIATION_OUTCAST ? AFFILIATION_OUTCAST
								  : AFFILIATION_NONE;
}

static void
set_text(struct str *slot, struct str text)
{
	if (text.p == NULL)
		return;
	free((char *)slot->p);
	*slot = text.len > 0 ? str_of(str_dupz(text), text.len) : STR_NONE;
}

static void
set_nick(struct room *room, struct affiliate *a, struct str nick)
{
	struct arena *arena;

	if (nick.p == NULL || str_equal(nick, a->nick))
		return;
	if (a->key.p != NULL && map_get(&room->reserved, a->key) == a)
		map_remove(&room->reserved, a->key);
	set_text(&a->nick, nick);
	arena = arena_new();
	set_text(&a->key, nick.len > 0 ? prep_nick_key(arena, nick) : STR(""));
	arena_free(arena);
	if (a->key.len > 0)
		map_put(&room->reserved, a->key, a);
}

static void
affiliate_free(struct room *room, struct affiliate *a)
{
	set_nick(room, a, STR(""));
	set_text(&a->reason, STR(""));
	set_text(&a->hats, STR(""));
	free((char *)a->key.p);
	free(a);
}

static struct affiliate *
need(struct room *room, struct str jid)
{
	struct affiliate *a = affiliate_find(room, jid);

	if (a != NULL || room->affiliates.count >= AFFILIATES_MAX)
		return a;
	a = xalloc(sizeof(*a) + jid.len);
	memcpy(a->text, jid.p, jid.len);
	a->jid = str_of(a->text, jid.len);
	a->affiliation = AFFILIATION_NONE;
	map_put(&room->affiliates, a->jid, a);
	return a;
}

static void
store(struct room *room, struct store_request *request, struct affiliate *a)
{
	struct str value;

	if (a->affiliation == AFFILIATION_NONE && a->nick.p == NULL && a->hats.p == NULL) {
		if (request != NULL)
			store_set_remove(request, room->jid.text, AFFILIATIONS_SET, a->jid);
		map_remove(&room->affiliates, a->jid);
		affiliate_free(room, a);
		return;
	}
	if (request == NULL)
		return;
	value = arena_printf(request->arena, "%s%c%.*s%c%.*s%c%.*s",
			     affiliation_name(a->affiliation), SEPARATOR, STR_ARG(a->nick),
			     SEPARATOR, STR_ARG(a->reason), SEPARATOR, STR_ARG(a->hats));
	store_set_put(request, room->jid.text, AFFILIATIONS_SET, a->jid, value);
}

static void
set_affiliation(struct room *room, struct affiliate *a, enum affiliation affiliation)
{
	room->owner_count -= a->affiliation == AFFILIATION_OWNER;
	room->owner_count += affiliation == AFFILIATION_OWNER;
	a->affiliation = affiliation;
}

bool
affiliation_set(struct room *room, struct store_request *request, struct str jid,
		enum affiliation affiliation, struct str nick, struct str reason)
{
	struct affiliate *a = need(room, jid);
	bool is_owner = affiliation == AFFILIATION_OWNER;

	if (a == NULL)
		return false;
	if (request != NULL && (a->affiliation == AFFILIATION_OWNER) != is_owner)
		owned_note(room, request, a->jid, is_owner);
	set_affiliation(room, a, affiliation);
	set_nick(room, a, nick);
	set_text(&a->reason, reason);
	store(room, request, a);
	return true;
}

bool
affiliation_set_hats(struct room *room, struct store_request *request, struct str jid,
		     struct str hats)
{
	struct affiliate *a = need(room, jid);

	if (a == NULL)
		return false;
	set_text(&a->hats, hats);
	store(room, request, a);
	return true;
}

void
affiliations_store(struct room *room, struct store_request *request)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&room->affiliates, &at, &value)) {
		struct affiliate *a = value;

		if (a->affiliation == AFFILIATION_OWNER)
			owned_note(room, request, a->jid, true);
		store(room, request, a);
	}
}

bool
affiliation_load(struct room *room, const struct store_item *item)
{
	struct str rest = item->value, name = STR_NONE, nick = STR_NONE, reason = STR_NONE;
	enum affiliation affiliation;
	struct affiliate *a;

	if (!str_split(&rest, SEPARATOR, &name) || affiliation_parse(name, &affiliation) < 0)
		return false;
	str_split(&rest, SEPARATOR, &nick);
	str_split(&rest, SEPARATOR, &reason);
	a = need(room, item->key);
	if (a == NULL)
		return false;
	set_affiliation(room, a, affiliation);
	set_nick(room, a, nick);
	set_text(&a->reason, reason);
	set_text(&a->hats, rest);
	return true;
}

void
affiliations_free(struct room *room)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&room->affiliates, &at, &value)) {
		struct affiliate *a = value;

		free((char *)a->nick.p);
		free((char *)a->key.p);
		free((char *)a->reason.p);
		free((char *)a->hats.p);
		free(a);
	}
	map_free(&room->affiliates);
	map_free(&room->reserved);
}
