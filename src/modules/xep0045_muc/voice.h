/* SPDX-License-Identifier: MIT */
/* voice.h - visitors ask for voice, moderators grant it (XEP-0045 §7.13, §8.6); and the like for
 * membership (§9.9). */
#pragma once

#include "modules/xep0045_muc/room.h"

/* Whether MESSAGE, to the room, has one of those forms; then answers it. */
bool voice_take(struct room *room, const struct seat *seat, struct stanza *message);
/* A form for moderators to fill in. Takes X's copy. */
void voice_ask_moderators(struct room *room, struct element *x, bool admins_only);
