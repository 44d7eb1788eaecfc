/* SPDX-License-Identifier: MIT */
/* forward.h - stanzas inside of messages (XEP-0297): carbons (XEP-0280). */
#pragma once

#include "xmpp/stanza.h"

#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_CARBONS "urn:xmpp:carbons:2"

/*
 * What stands before and after the copy of MESSAGE that BARE's session FULL gets (XEP-0280 §7, §8).
 * DELAYED_US: when it was accepted, if it comes late; else 0.
 */
void forward_open_carbon(struct buf *out, struct str bare, struct str full,
			 const struct stanza *message, bool is_sent, uint64_t delayed_us);
void forward_close_carbon(struct buf *out, bool is_sent);
