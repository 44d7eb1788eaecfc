/* SPDX-License-Identifier: MIT */
/*
 * occupant.h - who is in a room: a person under a nick, with one seat for each client.
 *
 * Seats are stored, so that they are still there when the server has started again.
 */
#pragma once

#include "modules/xep0045_muc/room.h"

#define OCCUPANTS_SET "occupants"

struct occupant *occupant_find(const struct room *room, struct str nick);
struct seat *seat_find(const struct room *room, struct str full);
/* The first occupant that BARE is, or NULL. Looks at all of them. */
struct occupant *occupant_of(const struct room *room, struct str bare);
unsigned occupant_seats(const struct occupant *occupant);
struct rank occupant_rank(const struct room *room, const struct occupant *occupant);

/* Without a seat yet; its nick is free. */
struct occupant *occupant_new(struct room *room, struct str nick, struct str key, struct str bare,
			      enum role role);
struct seat *seat_new(struct room *room, struct occupant *occupant, struct jid jid);
/* Frees it, and its occupant when it was the last one; whether it was. */
bool seat_remove(struct room *room, struct seat *seat);
/* Under another nick, which is free. Returns the occupant, which is another struct now. */
struct occupant *occupant_rename(struct room *room, struct occupant *occupant, struct str nick,
				 struct str key);
/* Moves SEAT to OCCUPANT, which is the same person's; frees the one that it leaves when it was the
 * last; whether it was. */
bool seat_move(struct room *room, struct seat *seat, struct occupant *occupant);
void occupant_set_role(struct room *room, struct occupant *occupant, enum role role);

/* TEXT, elements, is what the client says of itself from now on; copied. */
void seat_set_presence(struct seat *seat, struct str text);
/* The seat that others see: the one that spoke last. */
struct seat *occupant_shown(const struct occupant *occupant);

void seat_store(struct room *room, struct store_request *request, struct seat *seat);
void seat_forget(struct room *room, struct store_request *request, struct str full);
/* What ITEM, of the set, says. False when it makes no sense any more. */
bool seat_load(struct room *room, const struct store_item *item);
/* Its presence is to be stored some time soon. */
void seat_touch(struct room *room, struct seat *seat);
/* All that are so. */
void seats_store_dirty(struct room *room);
void occupants_free(struct room *room);

/* The id of BARE in ROOM (XEP-0421 §4.1): a keyed hash, in hexadecimal. */
void occupant_id_of(const struct room *room, struct str bare, char out[45]);
