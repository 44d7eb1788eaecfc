/* SPDX-License-Identifier: MIT */
/*
 * session.h - one bound resource (RFC 6120 §7), on its account's home worker.
 */
#pragma once

#include "base/map.h"
#include "server/account.h"
#include "xmpp/stream_error.h"

struct c2s;
struct ask;
struct kept;
struct queued;
struct sm;
struct csi;

enum copy_form { COPY_DIRECT, COPY_RECEIVED, COPY_SENT }; /* as it is, or as a carbon (XEP-0280) */

#define CLIENT_ID_SIZE 16u

/* How its client has shown who it is. */
enum session_proof { PROOF_PASSWORD, PROOF_TOKEN, PROOF_CERTIFICATE, PROOF_NONE };

struct session {
	struct link link; /* in account->sessions */
	struct account *account;
	struct worker *worker;
	struct c2s *c2s; /* its transport; NULL while it waits for the client to resume */
	struct sm *sm;   /* stream management (XEP-0198); NULL: not enabled */
	struct jid jid;  /* full; one allocation with the session */
	struct wire
		*presence; /* the last available presence without `to`, as it was sent; or NULL */
	struct caps_features *features; /* what its client can do, verified (XEP-0115), or NULL */
	struct caps_features *greeted;  /* those that it was sent last items for (XEP-0163) */
	struct map *directed; /* addresses that got directed presence (RFC 6121 §4.6); NULL: none */
	struct ask *asks;     /* iqs from the server to this client that wait for an answer */
	unsigned ask_count;
	struct link outgoing; /* struct outgoing: messages of its client that are under way */
	struct queued *unacked, *unacked_last; /* written, and not known to have arrived */
	struct queued *held, *held_last;       /* to be written when an earlier one is durable */
	size_t unacked_bytes;
	uint32_t unacked_count;
	uint32_t held_others; /* of those held, not stored: later ones of any kind stay behind */
	uint32_t reserved;    /* of those held, how many have their number and let nothing pass */
	uint64_t bound_at_us, last_active_ms;
	uint64_t archive_until; /* before it was available it could read the archive up to this
				   entry (XEP-0313 §5.1.1); 0: it did not */
	char client_id[CLIENT_ID_SIZE + 1]; /* of the device (XEP-0494); empty: not told */
	uint8_t proof;                      /* enum session_proof */
	int8_t priority;                    /* of the last available presence */
	bool is_interested;                 /* asked for its roster (RFC 6121 §2.2) */
	bool wants_blocklist; /* asked for it (XEP-0191 §3.2), so that it hears of changes */
	struct csi *csi; /* XEP-0352: what waits while its client is inactive; NULL: it is active */
	bool is_closing;
	bool has_unwritten; /* unacked ends with some that have a number and are yet to be written
			     */
	bool is_left;       /* its client ended the stream */
	bool is_draining;   /* older messages come first: message_drain */
	bool wants_carbons; /* XEP-0280 */
	void (*on_drained)(struct session *session, void *arg); /* see session_when_drained */
	void *drained_arg;
	char text[]; /* of jid */
};

/* Bound: enters the account's list. C2S is its transport. */
struct session *session_new(struct account *account, struct str resource, struct c2s *c2s);
/*
 * It takes nothing more from now on, and messages that have not arrived go where messages go
 * without it, in order; session_end follows, not later than at the end of the turn.
 */
void session_begin_closing(struct session *session);
/*
 * The end of a session, whatever the reason: unavailable presence is sent for it if it did not do
 * so.
 */
void session_end(struct session *session);

/* The process ends: frees it, and leaves what is stored of it as it is. */
void session_discard(struct session *session);

/* A stanza from the client: stamps `from`, and sends it on its way. Takes one reference. */
void session_take(struct session *session, struct stanza *stanza);
/*
 * Whether its client, which is inactive, does not get STANZA now (POINT_TO_SESSION). Whatever
 * writes to a session asks this first; it may write what waited, which comes before.
 */
bool session_holds_back(struct session *session, struct stanza *stanza,
			const struct overlay *overlay);
/* Writes a frozen stanza to the client. Borrows it. OVERLAY may be NULL. */
void session_deliver(struct session *session, struct stanza *stanza, const struct overlay *overlay);

/* The same of what is kept in one piece. */
void session_deliver_wire(struct session *session, const struct wire *wire,
			  const struct overlay *overlay);

/*
 * To each session of ACCOUNT that TAKES it, a message that is not stored, and has arrived when one
 * of them has it. Returns how many.
 */
unsigned session_deliver_copies(struct account *account, struct stanza *stanza,
				bool (*takes)(const struct session *session));

/*
 * Calls RUN once when all that was written has left this process, for what has more to write than
 * may wait; or with SESSION NULL when the session ends before. One at a time.
 */
void session_when_drained(struct session *session, void (*run)(struct session *session, void *arg),
			  void *arg);
/* c2s.c: that moment. */
void session_drained(struct session *session);

/* Bytes that wait for its client to read them. */
size_t session_waiting(const struct session *session);

/* Ends the stream with that error (STREAM_NO_ERROR: just closes); session_end follows. */
void session_close(struct session *session, enum stream_condition condition, const char *text);

static inline bool
session_is_available(const struct session *session)
{
	return session->presence != NULL;
}

/*
 * Asks the client something in the server's name. ON_REPLY gets the answer, or NULL when none came
 * within TIMEOUT_MS or the session ended; ARG is handed on. PAYLOAD is copied.
 */
void session_ask(struct session *session, enum stanza_type type, const struct element *payload,
		 uint64_t timeout_ms,
		 void (*on_reply)(struct session *session, const struct stanza *reply, void *arg),
		 void *arg);

/* Bytes came: messages that its TCP has acknowledged count as arrived. */
void session_heard(struct session *session);
