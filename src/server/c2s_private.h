/* SPDX-License-Identifier: MIT */
/* c2s_private.h - what the files of c2s share. */
#pragma once

#include "server/c2s.h"
#include "server/server.h"

struct legacy_auth; /* c2s_legacy.c */

struct c2s {
	struct link link; /* in worker->streams */
	struct worker *worker;
	struct conn *conn;
	struct stream stream;
	struct session *session; /* once bound */
	char *host;              /* prepared; NULL until the stream was opened */
	char *user;              /* prepared localpart, once authenticated */
	struct sasl_server *sasl;
	struct legacy_auth *legacy;
	struct stanza *bind; /* the iq that waits for the account */
	struct waiter waiter;
	struct timer timer;    /* until bound: the deadline; then: silence */
	struct timer refill;   /* reading goes on when the rate allows it */
	struct deferred later; /* what must not happen inside a handler: moving, ending */
	uint64_t heard_ms;
	uint64_t credentials_ms; /* when those it logs in with were looked up; time_mono_ms */
	uint64_t written;        /* bytes ever put into the output */
	size_t output_before;    /* what was in it when c2s_output was called */
	int64_t allowance;       /* bytes that may be read now; see rate_bytes */
	uint64_t allowance_ms;
	uint32_t offered;    /* mechanisms, a bit each */
	uint8_t holds;       /* asynchronous operations under way */
	uint8_t failures;    /* wrong passwords on this stream */
	uint8_t attempts;    /* to log in that failed for any reason */
	bool tried_password; /* the exchange under way got as far as credentials */
	uint8_t plaintext;   /* enum config_plaintext */
	bool is_direct_tls, require_tls;
	bool is_counted; /* among those that have not logged in */
	bool is_guest;
	bool is_moving, is_ending, is_throttled;
	bool is_closing; /* nothing more is read; the output may still be on its way */
	bool is_dead;    /* the connection is gone; freed when nothing is held */
};

/* Whether this connection may carry passwords: encrypted, or allowed without. */
bool c2s_may_send_password(const struct c2s *c2s);
/* Whether it may log in, by SCRAM at least, which shows no password. */
bool c2s_may_log_in(const struct c2s *c2s);

/* c2s_auth.c */
void c2s_write_mechanisms(struct c2s *c2s, struct buf *out);
void c2s_auth_event(struct c2s *c2s, const struct stream_event *event);
/* The bare JID of HOST's USER is this stream's from now on: on to its home worker. */
void c2s_authenticated(struct c2s *c2s, struct str user, bool is_guest);
void c2s_auth_failed(struct c2s *c2s, const char *why);

/* c2s_legacy.c: XEP-0078. Each takes the iq. */
void c2s_legacy_iq(struct c2s *c2s, struct stanza *iq);
void c2s_legacy_arrived(struct c2s *c2s);
struct str c2s_legacy_resource(const struct legacy_auth *legacy);
void c2s_legacy_free(struct legacy_auth *legacy); /* takes NULL */

/* c2s_bind.c: RFC 6120 §7. Takes the iq. */
void c2s_bind(struct c2s *c2s, struct stanza *iq);
