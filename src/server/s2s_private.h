/* SPDX-License-Identifier: MIT */
/* s2s_private.h - what the files of s2s share. */
#pragma once

#include "io/certificate.h"
#include "io/conn.h"
#include "io/dial.h"
#include "server/dialback.h"
#include "server/s2s.h"
#include "server/s2s_count.h"
#include "server/server.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"
#include "xmpp/xml_writer.h"

#include <stdio.h>

#define NS_BIDI "urn:xmpp:bidi"
#define NS_BIDI_FEATURE "urn:xmpp:features:bidi"
#define NS_DIALBACK_FEATURE "urn:xmpp:features:dialback"
#define NS_SM "urn:xmpp:sm:3"

#define S2S_PAIRS_MAX 100u /* domains of one incoming stream (SEC-43) */
#define S2S_SPOOL "spool"  /* the log of a pair's messages; its owner is the pair's key */

struct federation {
	struct worker *worker;
	struct dns *dns;
	struct map pairs;          /* struct s2s_pair by key */
	struct link streams;       /* struct s2s */
	struct link wanting;       /* pairs whose turn to dial has not come */
	unsigned dials;            /* under way */
	struct map callers, known; /* s2s_quota.c */
	struct map resumable;      /* s2s_sm.c */
	uint64_t next_serial;
	bool is_stopping;
};

/* One stanza on its way. It belongs to its pair, and stays until the store has answered too. */
struct s2s_item {
	struct link link; /* in pair->waiting or pair->sent */
	struct s2s_pair *pair;
	struct stanza *stanza;
	size_t bytes;
	uint64_t deadline_ms, spool_id;
	bool is_spooled; /* it is, or is about to be, in the log */
	bool has_id, is_written, is_done;
};

/* The traffic from one of our domains to a remote one. */
struct s2s_pair {
	struct federation *fed;
	struct link wanting;
	struct dial *dial;
	struct s2s *out; /* the stream for it: dialled, or (XEP-0288) accepted; or NULL */
	bool is_ready;   /* OUT carries stanzas */
	bool is_dialling;
	struct link waiting,
		sent; /* struct s2s_item: to be written; written, not known to be there */
	unsigned sent_count;
	size_t bytes;       /* of both */
	struct link checks; /* struct s2s_check: db:verify to be asked, or asked */
	unsigned appends;   /* that the store has not answered */
	uint64_t done_id, trimmed_id;
	uint64_t used_ms, retry_ms;
	unsigned failures;
	bool is_hopeless; /* until retry_ms */
	enum stanza_condition condition;
	char why[160];      /* the last failure, for people; empty: none */
	char last_why[160]; /* of one server of those that are tried */
	uint64_t dial_deadline_ms;
	struct timer timer;    /* the next attempt, and what waits too long */
	struct timer trim;     /* the spool */
	struct deferred flush; /* a request for acknowledgment at the end of the turn */
	uint32_t acked;        /* XEP-0198: what the peer has counted */
	unsigned uncounted;    /* of the first in `sent`, written before the counting began */
	char *resume_id;       /* or NULL */
	struct s2s_count *resume_count; /* of the stream to resume; or NULL */
	char ping[24];   /* the id of a ping under way that stands for one; empty: none */
	unsigned pinged; /* items of `sent` that were written before it */
	uint64_t pinged_ms, last_ping_ms; /* the first, and the last with that id */
	struct str key, local, remote;
	char text[];
};

/* A dialback key that came in, to be checked with the domain that it claims to be from. */
struct s2s_check {
	struct link link;
	struct worker *asker; /* the worker and the stream that it came on */
	uint64_t serial;
	char *local, *remote, *id, *key;
	bool is_asked;
	enum stanza_condition error; /* the answer */
	bool is_valid;
};

/* A pair whose stanzas may come in on a stream. */
struct s2s_auth {
	struct link link;
	bool is_pending; /* dialback is under way */
	struct str local, remote;
	char text[];
};

enum s2s_state { /* of a stream that we opened */
		 S2S_WANTS_HEADER,
		 S2S_WANTS_FEATURES,
		 S2S_WANTS_PROCEED,
		 S2S_WANTS_HANDSHAKE,
		 S2S_WANTS_SASL,
		 S2S_WANTS_RESULT, /* of dialback */
		 S2S_WANTS_RESUMED,
		 S2S_IS_READY,
};

struct s2s {
	struct link link; /* in fed->streams */
	struct federation *fed;
	uint64_t serial;
	struct conn *conn;
	struct stream stream;
	bool is_out;       /* we opened it */
	char *local;       /* our domain of its header; NULL until the header came */
	char *remote;      /* the other's; NULL until known */
	char *ascii;       /* the other's with A-labels */
	char *peer_id;     /* out: of the peer's header */
	bool is_certified; /* a good certificate that names the remote domain */
	bool is_bidi;
	bool has_sm_feature, has_failed_external, has_errors_feature;
	enum s2s_state state;
	struct s2s_pair *pair; /* that it is OUT of, or NULL */
	struct link auths;     /* struct s2s_auth */
	struct s2s_auth *last; /* the one of the last stanza */
	unsigned auth_count, pending_count, failures;
	struct timer timer;    /* the negotiation's deadline; then idleness and silence */
	struct deferred later; /* moving home */
	uint64_t heard_ms, used_ms, since_us;
	bool is_direct, is_plain_allowed;
	struct arena *pin_arena; /* out: what its certificate must be (RFC 7673); or NULL */
	const char *pin_base;
	struct tls_pin *pins;
	size_t pin_count;
	bool has_sm; /* counting, both ways */
	bool may_resume;
	bool awaits_ack; /* <r/> was sent */
	uint64_t asked_ms;
	struct s2s_count *count; /* of stanzas that came; has_sm */
	bool is_resuming, ends_when_safe, ends_when_acked;
	enum stream_condition last_condition;
	const char *last_why;
	char *sm_id;     /* in: to resume by */
	bool is_counted; /* by the admission */
	bool is_moving, is_closing, has_begun_tls;
	bool is_restarting; /* in: after SASL, until the new headers are there */
	bool is_dead;
};

static inline bool
timer_is_set(const struct timer *timer)
{
	return timer->index != 0;
}

/* s2s_stream.c: the connection, in both roles */
struct s2s *s2s_new(struct federation *fed, bool is_out);
void s2s_attach(struct s2s *s2s, struct conn *conn);
struct buf *s2s_output(struct s2s *s2s);
void s2s_wrote(struct s2s *s2s);
/* Ends it with an error (STREAM_NO_ERROR: none). WHY is for the log, and for the peer. */
void s2s_close(struct s2s *s2s, enum stream_condition condition, const char *why);
void s2s_start_tls(struct s2s *s2s);
/* Prepared. Whether its certificate names it is looked at here, and once TLS is there. */
void s2s_set_remote(struct s2s *s2s, struct str remote);
/* After SASL: larger stanzas. */
void s2s_raise_limits(struct s2s *s2s);
/* Authenticated, in either way. */
void s2s_established(struct s2s *s2s);
void s2s_send_element(struct s2s *s2s, const char *text);
void s2s_send_dialback(struct s2s *s2s, const struct dialback *dialback);
const struct conn_handlers *s2s_handlers(void);

/* s2s_stanza.c */
/* A stanza that came, from a peer that may send it or not. Takes the event's arena. */
void s2s_take_stanza(struct s2s *s2s, const struct stream_event *event);
struct s2s_auth *s2s_find_auth(struct s2s *s2s, struct str local, struct str remote);
struct s2s_auth *s2s_new_auth(struct s2s *s2s, struct str local, struct str remote);
void s2s_drop_auth(struct s2s *s2s, struct s2s_auth *auth);
void s2s_free_auths(struct s2s *s2s);

/* s2s_in.c */
void s2s_in_event(struct s2s *s2s, const struct stream_event *event, struct str rest);
/* REMOTE may send to LOCAL from now on. */
void s2s_in_authorize(struct s2s *s2s, struct str local, struct str remote, bool is_certified);
bool s2s_certificate_is_for(struct s2s *s2s, struct str remote);

/* s2s_out.c */
void s2s_out_begin(struct s2s_pair *pair, int fd, const struct dial_facts *facts);
void s2s_out_event(struct s2s *s2s, const struct stream_event *event, struct str rest);
void s2s_out_secured(struct s2s *s2s);
/* The answer to our db:result. */
void s2s_out_result(struct s2s *s2s, struct str type, struct str error);
/* Sends the pair's checks that were not sent; and whether they can be sent at this time. */
void s2s_out_ask(struct s2s *s2s);
bool s2s_out_may_ask(const struct s2s *s2s);

/* s2s_dialback.c: the elements as they come, in both roles. True: it was one. */
bool s2s_take_dialback(struct s2s *s2s, const struct element *el);
/* The answer to a check, on the asker's worker. Takes the struct s2s_check. */
void s2s_checked(struct worker *worker, void *check);

/* s2s_pair.c: queue and calls; by letter: pair_check */
struct worker *s2s_home(struct worker *worker, struct str local, struct str remote);
struct s2s_pair *pair_find(struct federation *fed, struct str local, struct str remote);
struct s2s_pair *pair_get(struct federation *fed, struct str local, struct str remote);
/* Takes ITEM in, to be sent in its turn. */
void pair_add(struct s2s_pair *pair, struct s2s_item *item);
/* Something waits: sees to it that there is a stream. */
void pair_want(struct s2s_pair *pair);
/* The other server was heard of: no need to wait longer. Takes NULL. */
void pair_nudge(struct s2s_pair *pair);
/* OUT is authenticated: it carries the pair's stanzas from now on. */
void pair_ready(struct s2s_pair *pair, struct s2s *out);
/* Writes what waits, as far as it is taken. */
void pair_flush(struct s2s_pair *pair);
void pair_write(struct s2s *out, const struct s2s_item *item);
/* There is no stream. IS_HOPELESS: what waits is refused with CONDITION at once. */
void pair_failed(struct s2s_pair *pair, bool is_hopeless, enum stanza_condition condition,
		 const char *why);
/* OUT has ended. */
void pair_lost(struct s2s_pair *pair, const char *why);
void pair_item_done(struct s2s_item *item);
void pair_refuse(struct s2s_item *item, enum stanza_condition condition, const char *why);
void pair_refuse_sent(struct s2s_pair *pair, const char *why);
/* The first N items of `sent` have arrived. */
void pair_arrived(struct s2s_pair *pair, unsigned n);
/* What was sent and has perhaps not arrived waits again. */
void pair_requeue(struct s2s_pair *pair);
void pair_free_all(struct federation *fed);
void pair_check(struct worker *worker, void *check);
void s2s_check_answer(struct s2s_check *check);
void s2s_check_free(struct s2s_check *check);

/* s2s_spool.c */
/* ITEM's append to the log of KEY, to be submitted; its answer goes to HOME. */
struct store_request *spool_append(struct worker *worker, struct worker *home,
				   struct s2s_item *item, struct str key);
/* The entry is not needed any more. */
void spool_done(struct s2s_pair *pair, uint64_t id);
void spool_trim(struct timer *timer);
void spool_trim_now(struct s2s_pair *pair);

/* s2s_quota.c: SEC-26. Whether FROM may make the server call another domain. */
bool quota_allows(struct federation *fed, struct jid from, struct str remote);
void quota_free(struct federation *fed);

/* s2s_policy.c */
bool policy_allows(const struct config *config, struct str remote);
bool policy_requires_certificate(const struct config *config, struct str remote);
bool policy_requires_tls(const struct config *config, struct str remote);
/* Whether DOMAIN is served here: a host, a module's service, a component; *HOST: whose it is. */
bool policy_is_ours(const struct worker *worker, struct str domain,
		    const struct config_host **host);

/* s2s_ack.c: XEP-0198, and pings in its place */
bool ack_take(struct s2s *s2s, const struct element *el); /* true: it was one of its elements */
void ack_begin(struct s2s *s2s);                          /* our stream is authenticated */
/* The stream before is not resumed: what was sent on it goes out on the next. */
void ack_forget(struct s2s_pair *pair);
void ack_request(struct s2s_pair *pair);
void ack_pong(struct worker *worker, struct str local, struct str remote, struct str id);
void ack_came(struct s2s *s2s, struct stanza *stanza); /* to be counted; NULL: done with */
/* Ends it when all that came is safe, and acknowledged. */
void ack_close(struct s2s *s2s, enum stream_condition condition, const char *why);
void ack_keep(struct s2s *s2s); /* the stream is lost: for resumption */
void ack_sweep(struct federation *fed);
void ack_free_all(struct federation *fed);

/* s2s_tls.c: new references */
struct tls_context *s2s_tls_in(struct server *server);
struct tls_context *s2s_tls_out(struct server *server, struct str host);
