/* SPDX-License-Identifier: MIT */
/* vcard4.h - vCards as a node (XEP-0292) and as vcard-temp say the same. */
#pragma once

#include "modules/xep0060_pubsub/pubsub.h"

#define NODE_VCARD4 "urn:xmpp:vcard4"

/* CARD was published at an account's node, by COMMIT: vcard-temp follows. */
void vcard4_published(struct node *node, struct commit *commit, struct str card);
/* TEMP, a vcard-temp, has been stored: the node follows, unless it is not for everybody. */
void vcard4_from_vcard(struct account *account, const struct element *temp);
