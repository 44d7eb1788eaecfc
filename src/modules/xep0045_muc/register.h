/* SPDX-License-Identifier: MIT */
/* register.h - becoming a member on one's own (XEP-0045 §7.10, §9.9; XEP-0077). */
#pragma once

#include "modules/xep0045_muc/room.h"

/* <query xmlns='jabber:iq:register'/>. Answer IQ. */
void register_get(struct room *room, struct stanza *iq);
void register_set(struct room *room, struct stanza *iq);
/* MESSAGE of an admin has FORM, which approves somebody's request or not. */
void register_decide(struct room *room, struct stanza *message, const struct form *form);
