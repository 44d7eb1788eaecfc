/* SPDX-License-Identifier: MIT */
/* disco.h - what a room says of itself (XEP-0045 §6.4, §6.5, §7.12, §17.5.2; XEP-0128). */
#pragma once

#include "modules/xep0045_muc/room.h"

/* Answer IQ. */
void disco_room_info(struct room *room, struct stanza *iq);
void disco_room_items(struct room *room, struct stanza *iq);
