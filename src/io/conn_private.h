/* SPDX-License-Identifier: MIT */
/*
 * conn_private.h - what conn.c (the socket), conn_tls.c (records) and conn_pair.c (simulation)
 * share.
 *
 * Idle connections are what a server has most of, so a field here costs as often: what is needed
 * only for a while stands behind a pointer.
 */
#pragma once

#include "io/conn.h"
#include "io/loop_local.h"
#include "io/records.h"

#include <netinet/in.h>
#include <openssl/ssl.h>

/* What is read at once; with it stands the beginning of a record, kept from before. */
#define READ_SIZE (32u * 1024)
#define RAW_SIZE (READ_SIZE + RECORD_MAX)
#define PLAIN_SIZE (64u * 1024)               /* no less than what RAW_SIZE can become */
#define ENCRYPT_AT_ONCE (64u * 1024)          /* plaintext for one write(2) */
#define SPARES 64                             /* empty output buffers kept for the next turn */
#define SPARE_MAX (16u * 1024)                /* the largest of them */
#define RAW_WAITING_MAX (2 * ENCRYPT_AT_ONCE) /* ciphertext that the kernel refused */
#define PAIR_WINDOW (64u * 1024)              /* what a paused end of a pair accepts */

/* What the connections of one loop share: none is in use between two turns. */
struct conn_io {
	struct loop_local local;
	char raw[RAW_SIZE];
	char plain[PLAIN_SIZE];
	struct buf gathered; /* encrypted, for one write */
	struct buf spares[SPARES];
	unsigned spare_count;
	struct record_ciphers *ciphers;
	/* Every SSL of the loop has this BIO; it reads from FEED and writes to GATHERED. */
	BIO *bio;
	struct str feed;
	struct handshake *handshake; /* the one under way */
	struct link gathering;       /* of struct conn, by work: see conn_wrote_to_many */
	struct timer gathered_enough;
};

enum conn_state {
	STATE_OPEN,
	STATE_FLUSHING,  /* shutting down, output to go first */
	STATE_LINGERING, /* FIN sent, the peer's awaited */
	STATE_ENDED,     /* or about to be: the owner hears of it next */
};

/* Present from conn_start_tls until the handshake is done. */
struct handshake {
	struct deferred step;
	struct conn *conn;
	struct tls_context *context;
	char *server_name;       /* of a client */
	struct arena *pin_arena; /* NULL: no pins */
	const char *pin_base;
	struct tls_pin *pins;
	size_t pin_count;
	bool is_unchecked; /* started in data(), which has not told yet what it took */
	bool is_direct;    /* not STARTTLS: ALPN counts */
	bool has_secret[2];
	unsigned char secrets[2][RECORD_SECRET_MAX]; /* TLS 1.3: the client's, the server's */
};

/* What is known after the handshake, and the keys once they are not OpenSSL's any more. */
struct secured {
	struct records records; /* used when conn->ssl is NULL */
	const char *version, *cipher;
	char *sni, *alpn; /* or NULL */
	X509 *own, *peer; /* certificates, or NULL */
	bool is_peer_verified, is_pinned, has_exporter, has_said_goodbye;
	unsigned char exporter[32];
};

/* Present from the beginning of the end. */
struct farewell {
	struct timer timer;
	struct conn *conn;
	enum conn_end end;
	const char *why;
};

struct conn {
	struct loop *loop; /* NULL: detached */
	const struct conn_handlers *handlers;
	void *owner;
	struct watch watch;      /* fd -1: one of a pair */
	struct deferred work;    /* what is to be done at the end of the turn */
	struct buf in;           /* read, not taken */
	struct buf out;          /* written by the owner; with TLS not yet encrypted */
	struct buf raw;          /* with TLS: encrypted, refused by the kernel */
	SSL *ssl;                /* of the handshake; later of TLS 1.2, and of clients */
	struct secured *secured; /* once the handshake is done */
	struct handshake *handshake;
	struct farewell *farewell;
	struct conn *twin; /* the other end of a pair, while it is there */
	size_t lost;       /* bytes that were written, and given up since: they never arrive */
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} peer;
	uint32_t drained_ms; /* when output last went, in the low bits of the loop's time */
	unsigned char state; /* enum conn_state */
	bool is_calling : 1; /* a handler is on the stack */
	bool is_freed : 1;   /* by its owner, inside a handler */
	bool is_paused : 1;
	bool is_blocked : 1; /* the kernel takes no more */
	bool is_broken : 1;  /* the kernel will never take more */
	bool has_read : 1;   /* plaintext, so that TLS after it is STARTTLS */
	bool has_kept : 1;   /* IN is to be offered again */
	bool has_eof : 1;    /* read while paused, or already told */
	bool must_drain : 1; /* drained() is due when all is out */
	bool is_secured : 1; /* or so it is in a pair */
	bool is_client : 1;  /* of TLS */
	bool is_told : 1;    /* of the end */
	bool is_gathering : 1;
	bool is_holding : 1; /* the output */
	bool has_pins : 1;
};

struct conn_io *conn_io(struct loop *loop);
/* Runs conn_work at the end of the turn; when detached, after conn_attach. */
void conn_defer(struct conn *conn);
/* Sets what is watched, from the flags. */
void conn_rewatch(struct conn *conn);
/* Gives BYTES, behind what was kept, to the owner. False: CONN is gone. */
bool conn_offer(struct conn *conn, struct str bytes);
/* Calls secured(). False: CONN is gone. */
bool conn_tell_secured(struct conn *conn);
/* The end: the owner is told at the end of the turn. Only the first call counts. */
void conn_end(struct conn *conn, enum conn_end end, const char *why);
/* The peer sends no more. */
void conn_read_eof(struct conn *conn, const char *why);
/* Reads at most SIZE bytes. 0: nothing there, or the end came. */
size_t conn_receive(struct conn *conn, char *to, size_t size);
/* Drops BUF, output that will not go out. */
void conn_give_up(struct conn *conn, struct buf *buf);
/* Sends as much of BUF as the kernel takes. Whether that was all. */
bool conn_send(struct conn *conn, struct buf *buf);

/* conn_tls.c */
void conn_tls_read(struct conn *conn);
bool conn_tls_flush(struct conn *conn);        /* whether all is out */
bool conn_tls_close_notify(struct conn *conn); /* whether all is out */
void conn_tls_free(struct conn *conn);

/* conn_handshake.c */
void conn_handshake_free(struct conn *conn);
void conn_handshake_detach(struct conn *conn);
void conn_handshake_attach(struct conn *conn);

/* conn_tls.c, for conn_handshake.c */
void conn_tls_io_init(struct conn_io *io);
void conn_tls_io_end(struct conn_io *io);
void conn_tls_push(struct conn *conn, struct conn_io *io);    /* sends what was gathered */
void conn_tls_take(struct conn *conn, struct str ciphertext); /* decrypts and offers it */

/* conn_secured.c */
struct secured *secured_new(SSL *ssl, bool is_client);
void secured_free(struct secured *secured);

/* conn_pair.c */
bool conn_pair_flush(struct conn *conn); /* whether all is out */
void conn_pair_start_tls(struct conn *conn);
void conn_pair_secure(struct conn *conn); /* if both ends are ready for it */
void conn_pair_resume(struct conn *conn);
void conn_pair_close(struct conn *conn); /* the twin reads the end */
size_t conn_pair_unacknowledged(const struct conn *conn);
