/* SPDX-License-Identifier: MIT */
/*
 * interest.h - which sessions want to hear of a node: "+notify" in verified capabilities (XEP-0163
 * §4.3.2, XEP-0060 §9.2).
 *
 * What a client wants is known where its session is: a notification goes to a contact's home worker
 * and is given there to the sessions that want it. Of contacts elsewhere it is known from their
 * presence.
 */
#pragma once

#include "modules/xep0060_pubsub/pubsub.h"
#include "xmpp/xep/caps.h"

/*
 * MESSAGE (frozen, without `to`) of NODE of an account's SITE to TO, a bare JID: to each available
 * session that wants it; or, if none does and IS_SUBSCRIBED, to the bare JID.
 */
void interest_notify(struct site *site, struct stanza *message, struct str node, struct jid to,
		     bool is_subscribed);

/* POINT_SESSION_FEATURES: last items of its own account's nodes, and of contacts'. */
enum verdict interest_greet(struct event *ev);
/* Somebody may see ev->account's presence from now on: ev->contact. */
enum verdict interest_greet_contact(struct event *ev);

/* PEER, somewhere else, wants what FEATURES say; it did what BEFORE says (may be NULL). */
void interest_greet_peer(struct site *site, struct jid peer, struct caps_features *features,
			 struct caps_features *before);
