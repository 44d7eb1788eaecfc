/* SPDX-License-Identifier: MIT */
/* enter.h - presence to a room: entering it, being there, changing the nick (XEP-0045 §7.2, §7.6,
 * §7.7). */
#pragma once

#include "modules/xep0045_muc/room.h"

/* Presence to the room or an occupant's address. Borrows it. */
void enter_take(struct room *room, struct stanza *presence);
