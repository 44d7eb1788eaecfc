/* SPDX-License-Identifier: MIT */
/* nick.h - which nicks one may have in a room (XEP-0045 §7.2.8, §7.6, §7.13). */
#pragma once

#include "modules/xep0045_muc/room.h"

enum nick_answer { NICK_FREE, NICK_REPLACED, NICK_REFUSED };

/*
 * Whether the sender of PRESENCE, who may enter, may have *NICK. *KEY is what it is told apart by,
 * in ARENA. Refuses PRESENCE when not; NICK_REPLACED: *NICK is another one now.
 */
enum nick_answer nick_check(struct room *room, struct stanza *presence, struct arena *arena,
			    struct str *nick, struct str *key);
/* SEAT's client wants the nick that PRESENCE, new words of his, is to. Answers it. */
void nick_change(struct room *room, struct seat *seat, struct stanza *presence);
