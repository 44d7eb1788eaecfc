/* SPDX-License-Identifier: MIT */
/*
 * session_queue.h - what a session was sent and has not acknowledged, and what it is yet to be
 * sent.
 *
 * With stream management (XEP-0198) every stanza has its number and stays here until the client's
 * <a/>; without, messages stay until the client's TCP has them. What is stored needs no copy here:
 * it is a position in the account's log.
 */
#pragma once

#include "server/message_log.h"

struct queued {
	struct queued *next;
	struct kept *kept;     /* a message; NULL: another stanza */
	struct stanza *stanza; /* stored, and held */
	char *text;            /* not stored: as it is written, with stream management or held */
	uint32_t len;     /* of text, or of what is stored, for the account of memory and bytes */
	uint32_t number;  /* with stream management */
	uint8_t form;     /* enum copy_form */
	bool is_untagged; /* its entry in the log does not tell of its number */
	bool is_numbered; /* as far as there are numbers: its place is settled */
	bool is_written;
	uint64_t end; /* of it in the bytes ever written to this client */
};

/*
 * STANZA, frozen, as the next that SESSION gets; KEPT NULL: not a message, or one that need not
 * arrive. Takes a reference of KEPT. *NUMBER is set when its number is settled, and returned is
 * whether it is.
 */
bool session_push(struct session *session, struct stanza *stanza, const struct overlay *overlay,
		  struct kept *kept, enum copy_form form, uint32_t *number);
/* Writes what is held and may go. */
void session_flush(struct session *session);
/* Numbers what is held behind a drain. Returns false when an append is still under way. */
bool session_number_held(struct session *session);

/* An entry of the log, as the next stanza, to be written with session_write_entries. Takes a
 * reference of KEPT. LEN: of its text. */
void session_add_entry(struct session *session, struct kept *kept, enum copy_form form, size_t len);
/* Writes those of ITEMS, by rising id, that were added and not yet written. */
void session_write_entries(struct session *session, const struct store_item *items);

/* XEP-0198: the client has handled all up to that number. */
void session_acknowledged(struct session *session, uint32_t number);
/* Without stream management, or when its client ended the stream: what its TCP has. */
void session_look_what_arrived(struct session *session);

/* The connection is gone, the session stays: nothing is held any more. */
void session_queue_detach(struct session *session);
/* After a resumption: all again, in order. ITEMS, by rising id, have the text of what is stored. */
void session_queue_resend(struct session *session, const struct store_item *items);
/* The process ends: only the memory is given back. */
void session_queue_discard(struct session *session);
/* All that did not arrive goes where it goes without this session. */
void session_queue_give_up(struct session *session);
