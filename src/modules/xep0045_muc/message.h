/* SPDX-License-Identifier: MIT */
/* message.h - messages to a room and to its occupants (XEP-0045 §7.4, §7.5, §8.1). */
#pragma once

#include "modules/xep0045_muc/room.h"

/* A message to the room or an occupant. Borrows it. */
void message_take(struct room *room, struct stanza *message);
/*
 * MESSAGE, frozen and without `to`, from the room or one in it, to all, once it is in the archive
 * if it is of the kind. CAUSE (NULL: none) is refused when the disk is full.
 */
void message_publish(struct room *room, struct stanza *message, struct jid real, struct str nick,
		     struct stanza *cause);
