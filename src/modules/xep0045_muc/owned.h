/* SPDX-License-Identifier: MIT */
/*
 * owned.h - how many rooms somebody owns, for the limit on making more: a set among what is stored
 * of the person, written with the affiliations.
 */
#pragma once

#include "modules/xep0045_muc/room.h"

/* BARE has become, or is no more, an owner of ROOM. REQUEST stores it. */
void owned_note(const struct room *room, struct store_request *request, struct str bare,
		bool is_owner);
/* The room is destroyed: all its owners have one less. */
void owned_end(const struct room *room, struct store_request *request);

enum owned_answer { OWNED_FEW, OWNED_MANY, OWNED_ASKED };
/*
 * Whether the sender of PRESENCE owns fewer than MAX rooms (0: any number). OWNED_ASKED: the room
 * waits for the store, and handles PRESENCE again.
 */
enum owned_answer owned_ask(struct room *room, struct stanza *presence, uint64_t max);
