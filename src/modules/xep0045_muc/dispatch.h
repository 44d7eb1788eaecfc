/* SPDX-License-Identifier: MIT */
/* dispatch.h - who in the module handles a stanza to a room. */
#pragma once

#include "modules/xep0045_muc/room.h"

/* STANZA is to ROOM, which is loaded, or to an occupant. Borrows it. */
void dispatch(struct room *room, struct stanza *stanza);
