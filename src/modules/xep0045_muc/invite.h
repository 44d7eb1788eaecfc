/* SPDX-License-Identifier: MIT */
/* invite.h - invitations through a room, and their refusal (XEP-0045 §7.8.2). */
#pragma once

#include "modules/xep0045_muc/room.h"

struct seat;

/* Whether MESSAGE, to the room, from SEAT's client (NULL: from outside), is one; then answers it.
 */
bool invite_take(struct room *room, const struct seat *seat, struct stanza *message);
/* An invitation of the room's own accord, in INVITER's name. */
void invite_send(struct room *room, struct str to_bare, struct jid inviter, struct str reason);
