/* SPDX-License-Identifier: MIT */
/* vcard.h - a room's vCard, for its avatar (XEP-0486, XEP-0054, XEP-0153). */
#pragma once

#include "modules/xep0045_muc/room.h"

/* <vCard/>. Answer IQ. */
void vcard_get(struct room *room, struct stanza *iq);
void vcard_set(struct room *room, struct stanza *iq);
