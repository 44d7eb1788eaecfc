/* SPDX-License-Identifier: MIT */
/* avatar.h - avatars as nodes (XEP-0084) and as a photo in the vCard are one (XEP-0398). */
#pragma once

#include "modules/xep0060_pubsub/pubsub.h"

#define NODE_AVATAR_DATA "urn:xmpp:avatar:data"
#define NODE_AVATAR_METADATA "urn:xmpp:avatar:metadata"

/* METADATA was published at an account's node, by COMMIT: the photo follows. */
void avatar_published(struct node *node, struct commit *commit, struct str metadata);
/*
 * A vCard has been stored: its photo is BASE64 (in one piece; empty: none) of that TYPE, BYTES and
 * SHA-1, HASH (in hexadecimal). It is published, unless it is what is there.
 */
void avatar_from_vcard(struct account *account, struct str type, struct str base64, size_t bytes,
		       struct str hash);
