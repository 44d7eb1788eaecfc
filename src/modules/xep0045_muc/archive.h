/* SPDX-License-Identifier: MIT */
/*
 * archive.h - the archive of a room: a log of its own, which history is sent from too
 * (XEP-0313 §6.1.2).
 *
 * An entry's value is the message as occupants got it, without `to` and stanza-id; `with` is the
 * sender's full JID, `meta` his nick.
 */
#pragma once

#include "modules/xep0045_muc/room.h"

#define ARCHIVE_LOG "room"

enum {
	ARCHIVE_HISTORY = 1, /* has something to read: is sent to who enters */
	ARCHIVE_TOMBSTONE = 2,
};

/* Whether MESSAGE, a groupchat, is kept, and then with which flags. */
bool archive_takes(const struct room *room, const struct stanza *message, uint32_t *flags);
/* Adds MESSAGE, frozen, of the sender REAL under NICK. Its id is the result's. */
void archive_add(struct room *room, struct store_request *request, struct stanza *message,
		 struct jid real, struct str nick, uint32_t flags);
/* <stanza-id/> for that id, in ARENA. */
struct element *archive_id(struct arena *arena, const struct room *room, uint64_t id);
/* From time to time: what is too old, or too much, goes. */
void archive_prune(struct room *room, struct store_request *request);

/* iqs of XEP-0313 to the room. Answer IQ. */
void archive_query(struct room *room, struct stanza *iq);
void archive_form(struct room *room, struct stanza *iq);
void archive_metadata(struct room *room, struct stanza *iq);
