/* SPDX-License-Identifier: MIT */
/*
 * sm.h - stream management on clients' streams (XEP-0198): acknowledgements and resumption.
 *
 * `h` is a watermark: the number of stanzas, from the first on, whose effects are durable. A
 * session that may be resumed outlives its connection, and the server: its record is in the store,
 * and what it has not acknowledged is positions in the account's log, which tell its numbers.
 */
#pragma once

#include "server/session.h"
#include "store/store.h"
#include "xmpp/element.h"

#define NS_SM "urn:xmpp:sm:3"

/* In the notes of a log's entry: whose stanza it is, and which. */
enum sm_tag_kind {
	/* enum copy_form: it was sent to that session */
	SM_TAG_IN = 'i', /* that session sent it */
};

struct sm {
	struct session *session;
	uint64_t tag; /* names it in the log; never 0 */
	char secret[23];
	uint32_t in;         /* stanzas received */
	uint32_t submitted;  /* the store was told of all of these, and of our number */
	uint32_t durable;    /* and has written it */
	uint32_t wanted;     /* the client asked when it had sent that many */
	uint32_t out;        /* number of the last stanza that was sent */
	uint32_t acked;      /* of these, the client has handled */
	uint32_t told;       /* a durable record tells of those up to it whose entries do not */
	uint64_t max_ms;     /* how long it waits to be resumed */
	uint64_t expires_us; /* wall clock, while it waits */
	uint64_t position;   /* entries up to it do not tell of it, or its record does */
	struct timer ack_timer, expiry;
	bool is_resumable;
	bool wants_ack;
	bool is_telling;  /* a record that will is under way */
	bool is_outdated; /* a record is under way that lacks some directed presence */
	uint32_t records; /* under way */
	bool is_asking;   /* an <r/> is not answered yet */
	bool is_restored; /* read from the store, and not resumed since */
	bool is_renumbered;
	bool is_back; /* attached, and sm_go_on not yet called */
	bool is_resuming;
	const struct store_item *resend; /* between sm_resume's `done` and sm_go_on */
};

/* An element of NS_SM on C2S's stream. */
void sm_element(struct c2s *c2s, const struct element *el);
/*
 * Switches it on for SESSION, which has none: RESUME if it is to be resumable, MAX_S the client's
 * wish in seconds (0: none). Returns the <enabled/>, in ARENA. Where it says that the session can
 * be resumed (§3), the stream's output waits until the record is durable: so it can, after a crash
 * too.
 */
struct element *sm_enable(struct session *session, bool resume, uint64_t max_s,
			  struct arena *arena);
/* Reads <enable/>. Returns 0, or -1 when it is wrong. */
MUST_CHECK int sm_read_enable(const struct element *el, bool *resume, uint64_t *max_s);
/* Reads <resume/>. Likewise. */
MUST_CHECK int sm_read_resume(const struct element *el, struct str *previd, uint32_t *h);

struct sm_failure {
	enum stanza_condition condition;
	bool is_too_high; /* the client has H, and only SENT were sent */
	uint32_t h, sent;
};
/*
 * Makes ACCOUNT's session PREVID, whose client has handled H stanzas, ready to go on. DONE is
 * called in the end, at once or later: with the session, without connection; in DONE, sm_attach
 * gives it one, then come the <resumed/> and sm_go_on. Or with NULL and why.
 */
void sm_resume(struct account *account, struct str previd, uint32_t h,
	       void (*done)(struct session *session, const struct sm_failure *failure, void *arg),
	       void *arg);
void sm_attach(struct session *session, struct c2s *c2s);
struct element *sm_resumed(struct session *session, struct arena *arena);
struct element *sm_failed(struct arena *arena, enum stanza_condition condition);
/* Writes what was not acknowledged, and goes on. */
void sm_go_on(struct session *session);

/* The stream error of a number that was never sent (§8). */
void sm_close_too_high(struct c2s *c2s, uint32_t h, uint32_t sent);
/* The state of a session that has none yet. */
struct sm *sm_new(struct session *session);

/* 0 without stream management. */
uint64_t sm_tag(const struct session *session);
struct session *sm_find(const struct account *account, uint64_t tag);
uint32_t sm_next_number(struct session *session);
/* A stanza came; then: how many did. */
void sm_count(struct session *session);
uint32_t sm_received(const struct session *session);
/* Stanza NUMBER, a message, is with whom it is for; IS_LOGGED: its entry tells of our number. */
void sm_handled(struct session *session, uint32_t number, bool is_logged);
/* The entry that tells of NUMBER is durable, or could not be written. */
void sm_durable(struct account *account, uint64_t tag, uint32_t number, bool is_written);
/* Whether a record tells of stanza NUMBER, whose entry does not, so that it may be written: else
 * session_flush is called when one does. */
bool sm_tells(struct session *session, uint32_t number);
/* Asks for an <a/> if something is not acknowledged and none is asked for. */
void sm_ask(struct session *session);
/* Too much is not acknowledged: the session ends, and what is stored goes elsewhere. */
void sm_overflow(struct session *session);

/* Whether SESSION can go on without its connection; then that it does. */
bool sm_may_detach(const struct session *session);
void sm_detach(struct session *session);
/* A session without connection ends at the next turn. */
void sm_expire_soon(struct session *session);
/* The process ends: its record stays. */
void sm_discard(struct session *session);
/* The session ends: its record is removed. Takes one without stream management. */
void sm_free(struct session *session);

/* sm_record.c */
/* Writes what is to outlive the server. DONE, if not NULL, is called when it is durable. */
void sm_record(struct session *session, void (*done)(void *arg), void *arg);
/* The same as an operation of another request. */
void sm_record_put(struct session *session, struct store_request *request);
/* Somebody else, such as a room, got directed presence, or its end: that is to outlive it, too. */
void sm_directed_changed(struct session *session);
void sm_record_remove(const struct session *session);
void sm_write_tag(struct buf *meta, uint64_t tag, uint32_t number, unsigned kind);
/* Restores all recorded sessions, from any of SERVER's loops; at its start. */
void sm_restore_all(struct worker *worker);
/* The one named TAG, of ACCOUNT, then RUN(ARG). */
void sm_restore_one(struct account *account, uint64_t tag, void (*run)(void *arg), void *arg);
/* The process ends: sessions that wait to be resumed are only forgotten. */
void sm_discard_all(struct worker *worker);
