/* SPDX-License-Identifier: MIT */
/*
 * outgoing.h - messages of a client that are on their way.
 *
 * When whom it is for has told the store of a message, it comes back to its sender's worker, in the
 * order of sending, and only then is it logged for the sender and copied to his other devices
 * (POINT_MESSAGE_SENT). The store commits in order, so whatever is durable on the sender's side is
 * durable on the other.
 */
#pragma once

#include "server/session.h"

/* A message of SESSION, about to be routed. */
void outgoing_begin(struct session *session, struct stanza *stanza);
/* The number of the last stanza of SESSION's stream before which all is with whom it is for. */
uint32_t outgoing_handled(const struct session *session, uint32_t received);
/* The session ends: what is under way comes back to its account. */
void outgoing_orphan(struct session *session);
