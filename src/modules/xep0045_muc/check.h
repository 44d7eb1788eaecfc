/* SPDX-License-Identifier: MIT */
/*
 * check.h - seats that a restart has left behind: whose clients did not come back are found out
 * some minutes after the start, and told that they are gone (XEP-0045 §18.1.2).
 */
#pragma once

#include "modules/xep0045_muc/room.h"

#define CHECK_ID "seat-check-" /* what the ids of its pings start with */

void check_start(struct rooms *rooms);
/* For room_when_loaded: asks for each of ROOM's seats whether its client is there; leave_lost
 * follows if not. */
void check_room(struct room *room, void *unused);
