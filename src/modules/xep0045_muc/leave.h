/* SPDX-License-Identifier: MIT */
/* leave.h - how one leaves a room: of one's own, by others' will, or because the way is broken. */
#pragma once

#include "modules/xep0045_muc/presence.h"

/* SEAT's client left, saying PRESENCE (NULL: nothing). */
void leave(struct room *room, struct seat *seat, const struct stanza *presence);
/* SEAT cannot be reached any more: code 333 tells its client, should it still be there (§10.1.2).
 */
void leave_lost(struct room *room, struct seat *seat);
/*
 * Removes an occupant with all his seats. HOW has codes, reason, actor and affiliation. REQUEST
 * (NULL: one of its own) forgets them in the store. The room may be empty afterwards:
 * room_check_empty.
 */
void leave_removed(struct room *room, struct occupant *occupant, const struct shown *how,
		   struct store_request *request);
/* An error came back from SEAT's client or server. Removes it if that says that it is not there. */
void leave_on_error(struct room *room, struct seat *seat, const struct stanza *error);
