/* SPDX-License-Identifier: MIT */
/* owner.h - configuring and destroying a room (XEP-0045 §10.1, §10.2, §10.9). */
#pragma once

#include "modules/xep0045_muc/room.h"

/* <query xmlns='...muc#owner'/>. Answer IQ. */
void owner_get(struct room *room, struct stanza *iq);
void owner_set(struct room *room, struct stanza *iq);

/* Tells all occupants of a status code (§10.2.1). */
void owner_announce(struct room *room, int code);
