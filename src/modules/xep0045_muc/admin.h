/* SPDX-License-Identifier: MIT */
/* admin.h - lists of roles and affiliations, and changes to them (XEP-0045 §8, §9, §10.3 to
 * §10.8). */
#pragma once

#include "modules/xep0045_muc/room.h"

/* <query xmlns='...muc#admin'/>. Answer IQ. */
void admin_get(struct room *room, struct stanza *iq);
void admin_set(struct room *room, struct stanza *iq);

/*
 * After WHO's affiliation has become what it is: his role follows (§5.1.3), or he is removed with a
 * code, and the others hear of it. REASON and ACTOR may be p NULL. REQUEST stores it.
 */
void admin_apply_affiliation(struct room *room, struct str who, enum affiliation before,
			     struct str reason, struct str actor, struct store_request *request);
/* §9.5, last but one: who is made a member of a members-only room is invited. */
void admin_invite_member(struct room *room, struct str who, struct jid inviter, struct str reason);
