/* SPDX-License-Identifier: MIT */
/* options.h - what recado-bench is told on its command line, and how it tells what it found. */
#pragma once

#include "base/base.h"
#include "bench/peer.h"

#include <stdio.h>

enum bench_tls {
	BENCH_DIRECT_TLS, /* XEP-0368 */
	BENCH_STARTTLS,   /* RFC 6120 §5 */
	BENCH_PLAIN,      /* no TLS: loopback only */
};

enum bench_auth {
	BENCH_SCRAM_SHA_1,
	BENCH_SCRAM_SHA_256,
	BENCH_SASL_PLAIN,
	BENCH_LEGACY, /* jabber:iq:auth, XEP-0078 */
};

struct options {
	const char *mode;
	const char *address, *port; /* where to connect */
	const char *host;           /* the XMPP domain */
	const char *service;        /* room: of rooms, below the domain */
	const char *user_pattern;   /* with one %d */
	const char *password;
	unsigned first_user;
	enum bench_tls tls;
	enum bench_auth auth;
	bool is_relay;                      /* the server is recado-relay: TLS and bytes, no XMPP */
	bool to_bare;                       /* chat: address bare JIDs */
	bool is_gathering;                  /* several stanzas may share a TLS record */
	bool with_acks, with_carbons;       /* XEP-0198, XEP-0280: in every session */
	bool is_disco;                      /* iq: disco#info instead of ping */
	unsigned sessions, threads, logins; /* LOGINS: under way at once */
	unsigned window;                    /* requests or messages outstanding per session */
	unsigned rate;                      /* room: messages a second; 0: WINDOW outstanding */
	unsigned contacts;
	unsigned body;               /* bytes of a message's body */
	unsigned long count;         /* per session; in mode login: in all */
	unsigned seconds;            /* at most, for the measured part */
	unsigned timeout_s;          /* at most, for everything */
	unsigned settle_ms;          /* idle: wait before memory is measured */
	unsigned linger_s;           /* idle: stay that long afterwards */
	const char *flush_directory; /* mobile: measure flushes there, too; or NULL */
	struct peer peer;
	bool is_json;
};

/* Results in the order in which they came, written as one JSON object or as lines of text. */
struct report {
	FILE *out;
	bool is_json, is_begun;
};

void report_begin(struct report *report, const struct options *options, FILE *out);
void report_text(struct report *report, const char *key, const char *value);
void report_number(struct report *report, const char *key, double value, const char *unit);
void report_end(struct report *report);

/* Fills OPTIONS. Returns 0, 1 when help was asked for and printed, or -1 after a message. */
MUST_CHECK int options_parse(struct options *options, int argc, char **argv);
