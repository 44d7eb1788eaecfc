/* SPDX-License-Identifier: MIT */
/*
 * relay.h - iqs from occupant to occupant (XEP-0045 §17.4), and the one to oneself (XEP-0410).
 *
 * Neither side learns the other's address: the answer finds its way back by an id of ours.
 */
#pragma once

#include "modules/xep0045_muc/room.h"

/* An iq to an occupant's address, of any type. Borrows it. */
void relay_take(struct room *room, struct stanza *iq);
void relays_free(struct room *room);
