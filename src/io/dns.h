/* SPDX-License-Identifier: MIT */
/*
 * dns.h - questions to the DNS, answered on a loop; libunbound does the work on a thread of its
 * own.
 */
#pragma once

#include "base/arena.h"
#include "io/loop.h"
#include "io/tls.h"

#include <netinet/in.h>

struct dns;
struct dns_query;

enum dns_type { DNS_A = 1, DNS_AAAA = 28, DNS_SRV = 33, DNS_TLSA = 52 };

enum dns_status {
	DNS_OK,      /* there are records */
	DNS_NONE,    /* the name is there, records of that type are not */
	DNS_NO_NAME, /* the name is not there */
	DNS_FAILED,  /* no server answered, or what came can't be trusted */
};

#define DNS_RECORDS_MAX 64u /* more of one answer are not looked at (SEC-44) */
#define DNS_NAME_MAX 253u   /* bytes of a name in text, without its last dot: RFC 1035 §2.3.4 */

struct dns_record {
	struct in_addr v4;               /* A */
	struct in6_addr v6;              /* AAAA */
	uint16_t priority, weight, port; /* SRV, RFC 2782 */
	char target[DNS_NAME_MAX + 1];   /* SRV: without its last dot, so empty for "." */
	struct tls_pin pin;              /* TLSA; its data as long as the answer */
};

struct dns_result {
	enum dns_status status;
	bool is_secure; /* DNSSEC says that this is the zone's own answer, records or none */
	struct dns_record *records;
	size_t count;
	const char *why; /* DNS_FAILED: for people; as long as the call */
};

/*
 * SERVER is a numeric address, perhaps with "@port", that answers all; NULL: whom the system asks.
 * TRUST_ANCHOR is a file for DNSSEC; NULL: nothing is secure. Never NULL: what is wrong with
 * either shows when something is asked.
 */
struct dns *dns_new(struct loop *loop, const char *server, const char *trust_anchor);
/* Nobody is told of what is still under way. Takes NULL. */
void dns_free(struct dns *dns);

/* Asks for NAME (A-labels), and calls DONE from the loop, never at once; RESULT lives as long. */
struct dns_query *dns_ask(struct dns *dns, const char *name, enum dns_type type,
			  void (*done)(void *arg, const struct dns_result *result), void *arg);
/* DONE will not be called. Takes NULL. */
void dns_cancel(struct dns_query *query);

/* One record's data as in RFC 1035 §3.3, RFC 3596, RFC 2782, RFC 6698. Returns 0, or -1 for what is
 * none. */
MUST_CHECK int dns_read_record(enum dns_type type, struct str data, struct dns_record *out);
