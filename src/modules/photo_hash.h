/* SPDX-License-Identifier: MIT */
/* photo_hash.h - the hash of a vCard's photo, which tells of a new one (XEP-0153). */
#pragma once

#include "xmpp/element.h"

/* §3.1: the SHA-1 of the image, in hexadecimal, in ARENA; empty when CARD has no image. */
struct str photo_hash(struct arena *arena, const struct element *card);
