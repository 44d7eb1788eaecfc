/* SPDX-License-Identifier: MIT */
/*
 * fleet.h - many XMPP clients on few threads.
 *
 * A fleet has engines, an engine one epoll descriptor and its share of the clients. Work goes in
 * phases: in each, every engine runs on a thread of its own until it says that it is done, and
 * between phases nothing runs, so that the main thread can measure. Anything unexpected fails the
 * whole run.
 */
#pragma once

#include "base/buf.h"
#include "bench/acks.h"
#include "bench/options.h"
#include "bench/scan.h"
#include "bench/scram.h"

#include <openssl/ssl.h>

struct client;
struct engine;
struct fleet;

enum client_state {
	CLIENT_OFF,
	CLIENT_CONNECTING,
	CLIENT_HANDSHAKE,
	CLIENT_NEGOTIATING, /* header to roster: see login.c */
	CLIENT_ONLINE,
	CLIENT_CLOSING, /* </stream:stream> is on its way */
};

struct client {
	struct engine *engine;
	struct client *next_dirty;
	SSL *ssl;
	struct buf in;     /* an item that is not whole */
	struct buf out;    /* text that goes out at the end of the turn */
	struct buf sealed; /* the same, in TLS records */
	struct scan scan;
	int fd;
	unsigned number; /* of the account */
	enum client_state state;
	unsigned step; /* of login.c */
	bool is_dirty, is_blocked;
	char *jid; /* full, once bound */
	struct scram *scram;
	struct acks acks;
	unsigned device; /* 0, or of another one of the same account */
	uint64_t began_ns;
	void *job; /* the mode's */
};

/* What a mode does with its clients. All run on the engine's thread. */
struct job_handlers {
	void (*online)(struct client *client);
	/* A stanza after login; with is_relay, whatever the other side sent. */
	void (*stanza)(struct client *client, struct str stanza);
	/* The stream was closed in order after client_close. */
	void (*closed)(struct client *client);
	/* Every 100 ms. May be NULL. */
	void (*tick)(struct engine *engine);
	/* The server has acknowledged COUNT more stanzas (XEP-0198 §4). May be NULL. */
	void (*acked)(struct client *client, uint32_t count);
	/* The connection is gone, and given up by now. NULL: that fails the run. */
	void (*lost)(struct client *client);
};

struct engine {
	struct fleet *fleet;
	const struct options *options;
	const struct job_handlers *handlers;
	SSL_CTX *tls;
	BIO *sealed;            /* where OpenSSL writes records, for one client at a time */
	struct client *clients; /* all of them, online or not */
	unsigned client_count;
	int epoll;
	char *input; /* what was read last */
	struct client *dirty;
	struct arena *arena; /* of this turn */
	struct scram_cache salted;
	struct client *next_login; /* NULL: all have been begun */
	unsigned logging_in;
	unsigned starts; /* connections so far */
	uint64_t now_ns, tick_ns;
	uint64_t rest_until_ns; /* not 0: the phase ends then */
	unsigned leaving;       /* sessions that are being logged out */
	uint64_t leave_by_ns;
	bool is_done; /* the phase is over for this engine */
	void *job;    /* the mode's */
	char failure[256];
};

struct fleet {
	const struct options *options;
	struct engine *engines;
	unsigned engine_count;
	struct client *clients;
	unsigned client_count;
	uint64_t end_ns; /* of everything */
};

/* COUNT clients, the accounts from first_user on; client i belongs to engine i * threads / COUNT.
 */
MUST_CHECK int fleet_open(struct fleet *fleet, const struct options *options, unsigned count,
			  const struct job_handlers *handlers);
/* Logs everybody out, in order when nothing failed, and frees all. */
void fleet_close(struct fleet *fleet);

/*
 * One phase: START (may be NULL) and then the loop on each engine, until all are done. Returns 0,
 * or -1 after printing what failed or that the time is up.
 */
MUST_CHECK int fleet_run(struct fleet *fleet, void (*start)(struct engine *engine));
/* A phase that logs every client in and ends when all are online. */
MUST_CHECK int fleet_login(struct fleet *fleet);
/* A phase of MS milliseconds in which stanzas are taken and nothing is begun. */
MUST_CHECK int fleet_rest(struct fleet *fleet, unsigned ms);

/* Ends the run, with this client's account in the message. */
void client_fail(struct client *client, const char *format, ...) PRINTF_LIKE(2, 3);
void engine_fail(struct engine *engine, const char *format, ...) PRINTF_LIKE(2, 3);

/* Connects and begins to log in. */
void client_start(struct client *client);
/* After appending a stanza to client->out. */
void client_wrote(struct client *client);
void client_send(struct client *client, struct str bytes);
/* Gives up the connection without a word; what belongs to stream management stays. */
void client_stop(struct client *client);
/* Sends </stream:stream> and waits for the server's. */
void client_close(struct client *client);
/* For login.c: what was negotiated lets TLS start, or the stream be online. */
void client_start_tls(struct client *client);
void client_online(struct client *client);
/* A new stream on this connection (RFC 6120 §4.3.3). */
void client_restart(struct client *client);

/* login.c: */
void login_begin(struct client *client);
void login_item(struct client *client, enum scan_item what, struct str item);
/* "user12" */
struct str login_user(struct arena *arena, const struct options *options, unsigned number);
