/* SPDX-License-Identifier: MIT */
/*
 * dial.h - from a domain to a connected socket: SRV records (RFC 2782, XEP-0368), addresses, and
 * attempts that overlap (RFC 8305).
 */
#pragma once

#include "io/dns.h"

#include <sys/socket.h>

#define DIAL_TARGETS_MAX 8u    /* SRV targets that are looked at, the best ones (SEC-44) */
#define DIAL_ADDRESSES_MAX 16u /* attempts for one domain */
#define DIAL_PINS_MAX 16u      /* TLSA records of one target */

struct dial;

enum dial_failure {
	DIAL_NO_NAME,     /* the domain is not in the DNS, or has no address */
	DIAL_NO_SERVICE,  /* it says that it does not offer this: "." (RFC 2782) */
	DIAL_DNS_FAILED,  /* nobody knows at the moment */
	DIAL_FORBIDDEN,   /* only addresses that may not be called */
	DIAL_UNREACHABLE, /* nobody answers at any of its addresses */
};

union dial_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct dial_options {
	const char *domain;         /* A-labels */
	const char *service;        /* "_xmpp-server._tcp": STARTTLS */
	const char *direct_service; /* "_xmpps-server._tcp": TLS from the first byte */
	uint16_t port;          /* at the domain itself, when it has no SRV record; or of ADDRESS */
	const char *address;    /* numeric: no DNS at all; or NULL */
	bool is_direct;         /* ADDRESS takes TLS from the first byte */
	bool private_addresses; /* the DNS may lead to these */
};

struct dial_facts { /* of a connection that was made */
	union dial_address address;
	const char *target; /* the name that led there; as long as the dial */
	bool is_direct;     /* start TLS at once, and offer ALPN */
	bool is_secure;     /* DNSSEC vouches for the way from the domain to the target */
	/* What the target's certificate must be (RFC 7673); none: whatever is good otherwise. */
	const struct tls_pin *pins;
	size_t pin_count;
};

struct dial_handlers {
	/* FD, connected and non-blocking, is the owner's. May call dial_free, later dial_next. */
	void (*connected)(struct dial *dial, int fd, const struct dial_facts *facts);
	/* Nothing more will come: the owner calls dial_free, now or later. WHY is a constant. */
	void (*failed)(struct dial *dial, enum dial_failure failure, const char *why);
};

/* Starts; handlers are called from the loop, never at once. OPTIONS' texts are copied. */
struct dial *dial_new(struct loop *loop, struct dns *dns, const struct dial_options *options,
		      const struct dial_handlers *handlers, void *owner);
/* The connection that was made is of no use, such as one without TLS: another one. */
void dial_next(struct dial *dial);
/* Takes NULL. */
void dial_free(struct dial *dial);
void *dial_owner(const struct dial *dial);

/* One target with what is known of it. */
struct dial_target {
	uint16_t priority, weight, port;
	bool is_direct;
	char name[DNS_NAME_MAX + 1];
};
/* Puts TARGETS into the order of RFC 2782: priorities, and chance by weight within each. */
void dial_order(struct dial_target *targets, size_t count);
/* Whether ADDRESS is loopback, link-local, private, multicast or reserved (RFC 6890). */
bool dial_is_private(const union dial_address *address);
