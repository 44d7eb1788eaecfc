/* SPDX-License-Identifier: MIT */
/*
 * peers.h - contacts at other servers who are online, and what their clients want to be told, as
 * far as their presence says so (XEP-0060 §9.2).
 */
#pragma once

#include "modules/xep0060_pubsub/pubsub.h"

/* TO_ACCOUNT: takes note of presence from elsewhere. */
enum verdict peers_presence(struct event *ev);
/* MESSAGE to each resource of BARE that wants NODE. Returns how many. */
unsigned peers_notify(struct site *site, struct stanza *message, struct str node, struct str bare);
void peers_free(struct site *site);
