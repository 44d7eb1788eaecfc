/* SPDX-License-Identifier: MIT */
/* c2s_private.h - what the files of c2s share. */
#pragma once

#include "server/c2s.h"
#include "server/clients.h"
#include "server/login.h"
#include "server/server.h"
#include "xmpp/sasl2.h"
#include "xmpp/stanza_error.h"

#define NS_BIND2 "urn:xmpp:bind:0"

struct legacy_auth; /* c2s_legacy.c */
struct inline_call; /* c2s_login.c */

struct c2s {
	struct link link; /* in worker->streams */
	struct worker *worker;
	struct conn *conn;
	struct stream stream;
	struct session *session; /* once bound */
	char *host;              /* prepared; NULL until the stream was opened */
	char *user;              /* prepared localpart, once authenticated */
	char *claimed; /* the bare JID in the newest header's `from`, prepared; NULL: none */
	struct sasl_server *sasl;
	struct login *login; /* from <authenticate/> to <success/> or <failure/> (XEP-0388) */
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
	uint8_t proof;       /* enum session_proof */
	bool is_direct_tls, require_tls;
	bool is_counted; /* among those that have not logged in */
	bool is_guest;
	bool is_disabled; /* the account that it proves to be: said once it is proved */
	bool is_moving, is_ending, is_throttled;
	bool has_spoken; /* a stanza came since output last went */
	bool is_closing; /* nothing more is read; the output may still be on its way */
	bool is_dead;    /* the connection is gone; freed when nothing is held */
};

/* Whether this connection may carry passwords: encrypted, or allowed without. */
bool c2s_may_send_password(const struct c2s *c2s);
/* Whether it may log in, by SCRAM at least, which shows no password. */
bool c2s_may_log_in(const struct c2s *c2s);

/* The stream's features now (RFC 6120 §4.3.2). */
void c2s_write_features(struct c2s *c2s, struct buf *out);

/* c2s_auth.c */
void c2s_write_mechanisms(struct c2s *c2s, struct buf *out);
void c2s_auth_event(struct c2s *c2s, const struct stream_event *event);
/* The bare JID of HOST's USER is this stream's from now on: on to its home worker. */
void c2s_authenticated(struct c2s *c2s, struct str user, bool is_guest);
void c2s_auth_failed(struct c2s *c2s, const char *why);
bool c2s_is_disabled(const struct c2s *c2s, const char *mechanism);
/* Whether the peer's address has failed too often of late (SEC-35). */
bool c2s_is_throttled(const struct c2s *c2s);
void c2s_log_login(const struct c2s *c2s, struct str user);
/* Begins an exchange, of either profile; DATA as in sasl_server_step. */
void c2s_begin_sasl(struct c2s *c2s, struct str mechanism, struct str data, bool data_is_bad);
/* Ends the one under way with <failure/>. WHY is for the log. */
void c2s_fail_sasl(struct c2s *c2s, enum sasl_failure failure, const char *why);

/* c2s_sasl2.c: XEP-0388, until the client has proved who it is. */
void c2s_write_authentication(struct c2s *c2s, struct buf *out);
/* Whether EVENT may not come while a login by SASL2 is under way (§2.4). */
bool c2s_sasl2_is_disturbed(const struct c2s *c2s, const struct stream_event *event);
void c2s_sasl2_event(struct c2s *c2s, const struct stream_event *event);
/* The mechanism has succeeded, as USER; DATA goes with <success/>. */
void c2s_sasl2_succeeded(struct c2s *c2s, struct str user, bool is_guest, struct str data);

/* c2s_legacy.c: XEP-0078. Each takes the iq. */
void c2s_legacy_iq(struct c2s *c2s, struct stanza *iq);
void c2s_legacy_arrived(struct c2s *c2s);
struct str c2s_legacy_resource(const struct legacy_auth *legacy);
void c2s_legacy_free(struct legacy_auth *legacy); /* takes NULL */

/* After all tasks, or none: on to the home worker. */
void c2s_go_on_with_tasks(struct c2s *c2s);

/* c2s_tasks.c: XEP-0480. */
enum login_task { TASK_NONE, TASK_OFFERED, TASK_BEGUN };
void c2s_write_upgrades(struct c2s *c2s, struct buf *out);
/* Offers the next task of LOGIN; false: there is none left. */
bool c2s_next_task(struct login *login);
void c2s_task_event(struct c2s *c2s, const struct stream_event *event);

/* c2s_fast.c: XEP-0484. */
struct fast_login {
	bool is_asked, has_count, invalidates; /* <fast/> */
	uint64_t count;
	bool wants_token; /* <request-token/> */
	enum ht_binding wanted;
	bool is_mechanism; /* one of HT-SHA-256 is asked for */
	enum ht_binding binding;
	struct str binding_data, user, hash, answer;
	bool is_token; /* and a token has opened the account: the one with this nonce */
	char nonce[TOKEN_NONCE_SIZE + 1];
};
void c2s_write_fast(struct c2s *c2s, struct buf *out);
/* False, with *WHY: malformed. */
bool c2s_fast_read(struct login *login, const struct element *el, const char **why);
void c2s_fast_begin(struct c2s *c2s);
/*
 * On the home worker: the client is in its account's list, with what this login changes. False: the
 * login waits for the disk, or the stream has ended.
 */
bool c2s_enter_client(struct login *login);

/* c2s_login.c: the rest of it, on the account's home worker. */
struct login {
	struct c2s *c2s;
	struct arena *arena;
	struct element *request; /* <authenticate/>, without what is secret in it */
	struct sasl2_request asked;
	struct str data; /* for <success/>; p NULL: none */
	struct inline_call *calls, *call;
	size_t call_count;
	unsigned phase;
	struct element *answers, *bound; /* for <success/>; <bound/>, or NULL */
	struct account *account;         /* once it is in memory */
	struct str user;                 /* once proved */
	bool is_guest;
	bool knows_password; /* it was shown by SCRAM or PLAIN */
	uint8_t hashes;      /* a bit each: the account has its keys, or they were asked for */
	enum login_task task;
	enum scram_hash task_hash;
	struct str salt;
	struct str bare; /* that account's address, once the user is known */
	uint64_t epoch;  /* of its password (credentials.h) */
	struct fast_login fast;
	struct element *token; /* for <success/>, or NULL */
	bool is_resumed;
	bool is_in_call;            /* of a feature, which may let go on before it returns */
	bool is_changed, must_wait; /* what the store knows of the client; see c2s_fast.c */
	char client_id[CLIENT_ID_SIZE + 1]; /* empty: it has no <user-agent/> id */
};
struct login *login_new(struct c2s *c2s);
void login_free(struct login *login); /* takes NULL */
void c2s_login_arrived(struct c2s *c2s);
/* The children of SASL2's and of Bind 2's <inline/> (XEP-0388 §2.1, XEP-0386 §3.1). */
void c2s_write_inline(struct c2s *c2s, struct buf *out);

/* c2s_bind.c: RFC 6120 §7. Takes the iq. */
void c2s_bind(struct c2s *c2s, struct stanza *iq);
/* False: it is gone, or its password was changed since the login began (SEC-40), and the stream
 * has ended. */
bool c2s_may_use_account(struct c2s *c2s, const struct account *account);
/* Makes the session. STANZA_NO_ERROR, or why not; STANZA_NOT_AUTHORIZED: the stream has ended.
 * RESOURCE is prepared; empty: one is made here. *TEXT may be NULL. */
enum stanza_condition c2s_bind_resource(struct c2s *c2s, struct account *account,
					struct str resource, const char **text);
/* Ends OLD at once: two may not have one address. */
void c2s_replace(struct session *old);

/* c2s_bind2.c: XEP-0386. False: refused, and the stream has ended. */
bool c2s_bind2(struct login *login);
/* Sets what LOGIN's client, of the account LOGIN->bare, is known by to its user (XEP-0494): a keyed
 * hash of its <user-agent/> id. */
void c2s_make_client_id(struct login *login);
