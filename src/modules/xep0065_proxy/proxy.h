/* SPDX-License-Identifier: MIT */
/*
 * proxy.h - the relay of XEP-0065: two connections that asked for the same name, joined when the
 * one who is entitled to it says so.
 */
#pragma once

#include "server/module.h"

#define PROXY_NAME_LEN 40u /* SHA-1 in hexadecimal: what both ask for (§5.3) */

struct proxy_limits {
	uint64_t bytes;   /* of one bytestream; 0: any */
	uint64_t streams; /* of one account, here; 0: any */
};

enum proxy_answer {
	PROXY_ACTIVE,
	PROXY_UNKNOWN,  /* nobody asked for that name, or it is in use (§5.3.6: not-authorized) */
	PROXY_HALF,     /* one of the two is not there */
	PROXY_TOO_MANY, /* the account has too many */
};

/* Relays. A worker's share of them; see module_state. */
struct proxy {
	struct link ends;    /* struct end, all connections */
	struct map pairs;    /* struct pair by name, on the name's home */
	struct map accounts; /* struct user by bare JID: who has how many streams */
};
void proxy_init(struct proxy *proxy);
void proxy_clear(void *proxy);

/* A connection to the proxy's port. */
void proxy_accept(struct worker *worker, int fd);
/* Joins the two that asked for NAME, for ACCOUNT. On the home of NAME. */
enum proxy_answer proxy_activate(struct worker *worker, struct str name, struct str account,
				 const struct proxy_limits *limits);

/* socks.c: the server's side of SOCKS5, as far as it is needed (RFC 1928, XEP-0065 §5.3). */
struct socks {
	bool has_greeted;
	char name[PROXY_NAME_LEN + 1]; /* once asked for */
};
enum socks_event { SOCKS_MORE, SOCKS_ASKED, SOCKS_WRONG };
/* Reads from *INPUT; what there is to say goes to OUT. After SOCKS_ASKED nothing more is read. */
enum socks_event socks_next(struct socks *socks, struct str *input, struct buf *out);
/* The answer to what was asked: granted. */
void socks_grant(const struct socks *socks, struct buf *out);

extern const struct module xep0065_proxy;
