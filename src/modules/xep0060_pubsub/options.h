/* SPDX-License-Identifier: MIT */
/* options.h - subscriptions: their form, and pieces that several requests share (XEP-0060 §6). */
#pragma once

#include "modules/xep0060_pubsub/pubsub.h"

#define FORM_SUBSCRIBE_OPTIONS "http://jabber.org/protocol/pubsub#subscribe_options"

struct element *options_form(struct arena *arena, enum form_kind kind, bool deliver);
/* The form in PARENT. -1 when it is missing, or has a value that does not do. */
MUST_CHECK int options_read(struct arena *arena, const struct element *parent, bool *deliver);

/* <subscription/>; NODE p NULL: without one. */
struct element *subscription_add(struct arena *arena, struct element *parent, struct str node,
				 const struct person *person);
bool read_own_jid(struct request *request, enum stanza_condition mismatch, const char *specific,
		  struct jid *out);
/* What follows when a new subscription is on the disk: the last item, or a question to owners. */
void subscribe_then(struct commit *commit, const struct node *node, const struct person *person);
/* PERSON may be gone afterwards. */
void end_subscription(struct node *node, struct commit *commit, struct person *person);
