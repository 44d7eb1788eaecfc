/* SPDX-License-Identifier: MIT */
/*
 * post.h - what a room sends, in order.
 *
 * A post that is held keeps back all that come after it, until the store has answered; then it is
 * opened, and what waited goes.
 */
#pragma once

#include "modules/xep0045_muc/room.h"

/* To STANZA's own address. Takes the reference. */
void room_send(struct room *room, struct stanza *stanza);
/* To the occupants of now but those tagged SKIP (0: to all). Takes the reference. STANZA's `to` is
 * empty. */
void room_broadcast(struct room *room, struct stanza *stanza, uint64_t skip);
/* The same to moderators, or to the others. */
void room_broadcast_to(struct room *room, struct stanza *stanza, bool moderators, uint64_t skip);

/* A place for what is sent later. */
struct post *post_hold(struct room *room);
struct room *post_room(const struct post *hold);
/* The same two at that place, after what was put there before. */
void post_send(struct post *hold, struct stanza *stanza);
/* Holds nothing back any more. Frees HOLD. */
void post_open(struct room *room, struct post *hold);

/* To be called when somebody came, went or changed his role. */
void room_audience_changed(struct room *room);

/* A groupchat that waits at HOLD: to whom it goes is settled now, what it is when it is opened. */
struct post *post_hold_broadcast(struct room *room);
void post_set(struct post *hold, struct stanza *stanza);

/* The error that answers STANZA (RFC 6120 §8.3), as XEP-0045's examples have it. TYPE NULL: the
 * condition's own. */
void room_refuse_as(struct room *room, const struct stanza *stanza, enum stanza_condition condition,
		    const char *type, const char *text);
void room_refuse(struct room *room, const struct stanza *stanza, enum stanza_condition condition,
		 const char *text);
/* The result of IQ; PAYLOAD (NULL: empty) is copied. */
void room_reply(struct room *room, const struct stanza *iq, struct element *payload);
void post_reply(struct post *hold, const struct stanza *iq, struct element *payload);
void post_refuse(struct post *hold, const struct stanza *stanza, enum stanza_condition condition,
		 const char *text);

void posts_free(struct room *room);
