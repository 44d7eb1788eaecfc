/* SPDX-License-Identifier: MIT */
/*
 * sanitize.h - what only a room may say, taken out of what it is sent (SEC-49, SEC-50).
 */
#pragma once

#include "modules/xep0045_muc/muc.h"

/* Whether EL, a child of a stanza to the room with address ROOM, claims what only that room can
 * state. */
bool is_rooms_own(const struct element *el, struct str room);
/* The room that a stanza is to: its bare `to`. */
struct str room_text_of(const struct stanza *stanza);
/*
 * STANZA, which is frozen, from FROM to nobody yet, without anything of is_rooms_own. One
 * reference, by stanza_resend.
 */
struct stanza *sanitized(struct stanza *stanza, struct jid from);
