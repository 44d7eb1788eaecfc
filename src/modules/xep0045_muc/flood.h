/* SPDX-License-Identifier: MIT */
/*
 * flood.h - bounds on what rooms do for one person, and on what one room sends (SEC-22).
 *
 * What a person does in a room beyond a rate is refused. What a room would send beyond a rate, or
 * beyond what the workers have got through, waits: the room is slow, and others hardly notice.
 */
#pragma once

#include "modules/xep0045_muc/room.h"

/* Whether BARE may do something in ROOM that all occupants are told of. Counts it. */
bool flood_allows(struct room *room, struct str bare);
/* ROOM sends something to N. */
void flood_spend(struct room *room, size_t n);
/* How long until ROOM may send again, in ms; 0: it may. */
uint64_t flood_delay_ms(struct room *room);
