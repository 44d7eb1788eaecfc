/* SPDX-License-Identifier: MIT */
/* room.h - what the modes with a room share (XEP-0045). */
#pragma once

#include "bench/fleet.h"

struct room_address {
	char text[128];
};

/* Of a room that only this run has. */
struct room_address room_address(const struct options *options);
void room_enter(struct client *client, const struct room_address *room, const char *nick);
/* §10.1.2: the room that CLIENT made lets others in; the iq has the id "open". */
void room_open(struct client *client, const struct room_address *room);
