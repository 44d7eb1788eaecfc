/* SPDX-License-Identifier: MIT */
/*
 * moderation.h - messages taken back by who sent them (XEP-0424) or by a moderator (XEP-0425),
 * which leaves a tombstone in the archive.
 */
#pragma once

#include "modules/xep0045_muc/room.h"

/* If MESSAGE, a groupchat of SEAT, takes an earlier one of the same person back: the archive loses
 * that. */
void moderation_retract_own(struct room *room, const struct seat *seat,
			    const struct stanza *message);
/* <moderate/>, or <apply-to/> of version 0. Answers IQ. */
void moderation_take(struct room *room, struct stanza *iq);
