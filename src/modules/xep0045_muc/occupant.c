/* SPDX-License-Identifier: MIT */
/* occupant.c - seats and occupants, in memory and in the store. */
#include "modules/xep0045_muc/occupant.h"

#include "base/base64.h"
#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/post.h"
#include "xmpp/prep.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#define ID_BYTES 16u
#define SEPARATOR '\x1f' /* cannot stand in XML, so in none of the parts */
#define TOUCH_MS 5000u

struct occupant *
occupant_find(const struct room *room, struct str nick)
{
	return map_get(&room->occupants, nick);
}

struct seat *
seat_find(const struct room *room, struct str full)
{
	return map_get(&room->seats, full);
}

struct occupant *
occupant_of(const struct room *room, struct str bare)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&room->occupants, &at, &value)) {
		struct occupant *occupant = value;

		if (str_equal(occupant->bare, bare))
			return occupant;
	}
	return NULL;
}

unsigned
occupant_seats(const struct occupant *occupant)
{
	unsigned n = 0;

	LIST_EACH(&occupant->seats, struct seat, link, seat)
	{
		n++;
	}
	return n;
}

struct rank
occupant_rank(const struct room *room, const struct occupant *occupant)
{
	return (struct rank){occupant->role, affiliation_of(room, occupant->bare)};
}

void
occupant_id_of(const struct room *room, struct str bare, char out[45])
{
	struct arena *arena = arena_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	struct str hex;

	HMAC(EVP_sha256(), room->secret, ROOM_SECRET_SIZE, (const unsigned char *)bare.p, bare.len,
	     digest, &size);
	assert(size >= ID_BYTES);
	hex = hex_encode(arena, str_of(digest, ID_BYTES));
	memcpy(out, hex.p, hex.len);
	out[hex.len] = '\0';
	arena_free(arena);
}

static struct str
put(char **at, struct str text)
{
	struct str copy = str_of(*at, text.len);

	memcpy(*at, text.p, text.len);
	*at += text.len;
	return copy;
}

static struct occupant *
make(struct room *room, struct str nick, struct str key, struct str bare, enum role role)
{
	struct occupant *o = xalloc(sizeof(*o) + nick.len + key.len + bare.len);
	char *at = o->text;

	o->nick = put(&at, nick);
	o->key = put(&at, key);
	o->bare = put(&at, bare);
	o->role = role;
	list_init(&o->seats);
	map_put(&room->occupants, o->nick, o);
	map_put(&room->keys, o->key, o);
	return o;
}

struct occupant *
occupant_new(struct room *room, struct str nick, struct str key, struct str bare, enum role role)
{
	struct occupant *o = make(room, nick, key, bare, role);

	o->tag = ++room->next_tag;
	occupant_id_of(room, bare, o->id);
	return o;
}

static void
take_out(struct room *room, struct occupant *o)
{
	map_remove(&room->occupants, o->nick);
	if (map_get(&room->keys, o->key) == o)
		map_remove(&room->keys, o->key);
}

struct occupant *
occupant_rename(struct room *room, struct occupant *old, struct str nick, struct str key)
{
	struct occupant *o;

	take_out(room, old);
	o = make(room, nick, key, old->bare, old->role);
	o->tag = old->tag;
	o->relaying = old->relaying;
	memcpy(o->id, old->id, sizeof(o->id));
	LIST_EACH(&old->seats, struct seat, link, seat)
	{
		list_remove(&seat->link);
		list_add(&o->seats, &seat->link);
		seat->occupant = o;
		seat_touch(room, seat);
	}
	free(old);
	return o;
}

struct seat *
seat_new(struct room *room, struct occupant *occupant, struct jid jid)
{
	struct seat *seat = xalloc(sizeof(*seat) + jid.text.len);

	memcpy(seat->text, jid.text.p, jid.text.len);
	seat->jid.text = str_of(seat->text, jid.text.len);
	if (jid.local.len > 0)
		seat->jid.local = str_of(seat->text + (jid.local.p - jid.text.p), jid.local.len);
	seat->jid.domain = str_of(seat->text + (jid.domain.p - jid.text.p), jid.domain.len);
	if (jid.resource.len > 0)
		seat->jid.resource =
			str_of(seat->text + (jid.resource.p - jid.text.p), jid.resource.len);
	seat->occupant = occupant;
	list_add_before(occupant->seats.next, &seat->link);
	map_put(&room->seats, seat->jid.text, seat);
	room_audience_changed(room);
	return seat;
}

static bool
leave_occupant(struct room *room, struct seat *seat)
{
	struct occupant *o = seat->occupant;

	list_remove(&seat->link);
	seat->occupant = NULL;
	if (!list_is_empty(&o->seats))
		return false;
	take_out(room, o);
	free(o);
	return true;
}

bool
seat_remove(struct room *room, struct seat *seat)
{
	bool was_last = leave_occupant(room, seat);

	map_remove(&room->seats, seat->jid.text);
	room_audience_changed(room);
	free((char *)seat->presence.p);
	free(seat);
	return was_last;
}

bool
seat_move(struct room *room, struct seat *seat, struct occupant *occupant)
{
	bool was_last = leave_occupant(room, seat);

	seat->occupant = occupant;
	list_add_before(occupant->seats.next, &seat->link);
	room_audience_changed(room);
	seat_touch(room, seat);
	return was_last;
}

void
occupant_set_role(struct room *room, struct occupant *occupant, enum role role)
{
	if (occupant->role == role)
		return;
	occupant->role = role;
	room_audience_changed(room);
}

void
seat_set_presence(struct seat *seat, struct str text)
{
	free((char *)seat->presence.p);
	seat->presence = text.len > 0 ? str_of(str_dupz(text), text.len) : STR_NONE;
	list_remove(&seat->link);
	list_add_before(seat->occupant->seats.next, &seat->link);
}

struct seat *
occupant_shown(const struct occupant *occupant)
{
	return CONTAINER(occupant->seats.next, struct seat, link);
}

void
seat_store(struct room *room, struct store_request *request, struct seat *seat)
{
	struct str value = arena_printf(
		request->arena, "%.*s%c%s%c%.*s", STR_ARG(seat->occupant->nick), SEPARATOR,
		role_name(seat->occupant->role), SEPARATOR, STR_ARG(seat->presence));

	store_set_put(request, room->jid.text, OCCUPANTS_SET, seat->jid.text, value);
	seat->is_stored = true;
	seat->is_dirty = false;
}

void
seat_forget(struct room *room, struct store_request *request, struct str full)
{
	store_set_remove(request, room->jid.text, OCCUPANTS_SET, full);
}

bool
seat_load(struct room *room, const struct store_item *item)
{
	struct arena *arena = arena_new();
	struct str rest = item->value, nick, role_text, key;
	enum role role = ROLE_NONE;
	struct occupant *o;
	struct seat *seat;
	const char *why;
	struct jid jid;
	bool is_good;

	is_good = str_split(&rest, SEPARATOR, &nick) && str_split(&rest, SEPARATOR, &role_text) &&
		  nick.len > 0 && role_parse(role_text, &role) == 0 && role != ROLE_NONE &&
		  jid_parse(arena, item->key, &jid, &why) == 0;
	if (is_good) {
		key = prep_nick_key(arena, nick);
		o = occupant_find(room, nick);
		if (o == NULL)
			o = occupant_new(room, nick, key, jid_bare_text(jid), role);
		seat = seat_new(room, o, jid);
		seat_set_presence(seat, rest);
		seat->is_stored = true;
	}
	arena_free(arena);
	return is_good;
}

void
seat_touch(struct room *room, struct seat *seat)
{
	if (!seat->is_stored || seat->is_dirty)
		return;
	seat->is_dirty = true;
	room->has_dirty_seats = true;
	if (room->timer.index == 0)
		timer_set(room->worker->loop, &room->timer,
			  loop_now_ms(room->worker->loop) + TOUCH_MS);
}

void
seats_store_dirty(struct room *room)
{
	struct store_request *request;
	uint32_t at = 0;
	void *value;

	if (!room->has_dirty_seats || room->state != ROOM_OPEN)
		return;
	room->has_dirty_seats = false;
	request = room_request_aside(room, NULL, NULL, NULL);
	while (map_next(&room->seats, &at, &value)) {
		struct seat *seat = value;

		if (seat->is_dirty)
			seat_store(room, request, seat);
	}
	store_submit(request);
}

void
occupants_free(struct room *room)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&room->seats, &at, &value)) {
		struct seat *seat = value;

		free((char *)seat->presence.p);
		free(seat);
	}
	for (at = 0; map_next(&room->occupants, &at, &value);)
		free(value);
	map_free(&room->seats);
	map_free(&room->occupants);
	map_free(&room->keys);
}
