/* SPDX-License-Identifier: MIT */
/*
 * conn.h - one byte stream: a socket, with or without TLS, on one loop.
 *
 * A connection belongs to the loop it was made on until conn_detach; conn_attach on another loop
 * moves it there with its TLS state and all bytes not yet read. An idle connection holds no
 * buffers. Calls to the handlers come from the loop only, never from inside a call of this file.
 */
#pragma once

#include "base/buf.h"
#include "io/loop.h"
#include "io/tls.h"

#include <sys/socket.h>

struct conn;

enum conn_end {
	CONN_EOF,   /* the peer closed, in order */
	CONN_RESET, /* the transport failed: reset, timed out */
	CONN_TLS,   /* a TLS failure */
};

struct conn_handlers {
	/*
	 * Bytes came. Returns how many were taken; what was not taken is kept and offered again,
	 * with more, after conn_resume or when more comes. May pause, start TLS or free CONN.
	 */
	size_t (*data)(struct conn *conn, struct str bytes);
	/* The TLS handshake is done. May be NULL. */
	void (*secured)(struct conn *conn);
	/* All that was written has been handed to the kernel. May be NULL. */
	void (*drained)(struct conn *conn);
	/* The connection is over; nothing more is called, and the owner calls conn_free. */
	void (*ended)(struct conn *conn, enum conn_end end, const char *why);
};

/* Takes over FD, a connected non-blocking stream socket. OWNER is the caller's, see conn_owner. */
struct conn *conn_new(struct loop *loop, int fd, const struct conn_handlers *handlers, void *owner);
/* Two connections joined in memory, for simulation, each on any loop of one thread. */
void conn_new_pair(struct loop *loop_a, const struct conn_handlers *handlers_a, void *owner_a,
		   struct loop *loop_b, const struct conn_handlers *handlers_b, void *owner_b,
		   struct conn **a, struct conn **b);
/* Ends it at once, without flushing; takes NULL. May be called from inside a handler. */
void conn_free(struct conn *conn);

void *conn_owner(const struct conn *conn);
/* Both change who is called, as when a stream becomes a session's. */
void conn_set_owner(struct conn *conn, const struct conn_handlers *handlers, void *owner);
struct loop *conn_loop(const struct conn *conn);

/* Appends to the output, which goes out at the end of the turn in as few records as possible. */
void conn_write(struct conn *conn, struct str bytes);
/* The output itself, for writing in place: append with buf_*, then call conn_wrote. */
struct buf *conn_output(struct conn *conn);
void conn_wrote(struct conn *conn);
/*
 * The same for what many get, and is in no hurry: where something went out less than CONN_GATHER_MS
 * ago, it waits for more, at most that long, so that a flood costs no more than so many writes.
 */
#define CONN_GATHER_MS 10u
void conn_wrote_to_many(struct conn *conn);
/* Output waits in this process until conn_release_output, or the end. Reading goes on. */
void conn_hold_output(struct conn *conn);
void conn_release_output(struct conn *conn);
/* Bytes that wait in this process. */
size_t conn_waiting(const struct conn *conn);
/* Those, and what the peer's TCP has not acknowledged (of ciphertext). */
size_t conn_unacknowledged(const struct conn *conn);

/* Stops, or goes on with, reading: back-pressure. Kept bytes are offered again on the next turn. */
void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);

/*
 * TLS from the next byte on, after what was written so far has gone out in the clear. Bytes that
 * were read and not taken would be plaintext in a place where there may be none: they are dropped
 * and the connection ends with CONN_TLS (SEC-28). As server, or (SERVER_NAME not NULL) as client.
 * On a connection that has read nothing before, this is direct TLS (XEP-0368), and ALPN counts.
 */
void conn_start_tls(struct conn *conn, struct tls_context *context, const char *server_name);

/*
 * After conn_start_tls as a client: the server's certificate must be one of PINS, which are copied,
 * or conn_peer_verified will be false. BASE is the name that they are of.
 */
void conn_pin_tls(struct conn *conn, const char *base, const struct tls_pin *pins, size_t count);

/*
 * No more data(); flushes, sends close_notify and FIN, waits for the peer to close too (so that no
 * reset overtakes our last words) and calls ended(CONN_EOF), all within TIMEOUT_MS.
 */
void conn_shutdown(struct conn *conn, unsigned timeout_ms);

/*
 * Off its loop; from then on one thread at a time may hold it. Not from inside a handler (what
 * data() took is not known yet), but in deferred work, a task or a timer.
 */
void conn_detach(struct conn *conn);
void conn_attach(struct conn *conn, struct loop *loop);

/* Facts. Views live as long as CONN. */
bool conn_is_secure(const struct conn *conn);
bool conn_is_local(const struct conn *conn); /* the peer's address is loopback */
/* AF_INET or AF_INET6 (IPv4 in IPv6 is undone), or AF_UNSPEC for anything else. */
const struct sockaddr *conn_peer(const struct conn *conn);
struct str conn_peer_text(struct arena *arena, const struct conn *conn); /* "192.0.2.1" */
struct str conn_tls_version(const struct conn *conn);                    /* "TLSv1.3", or empty */
struct str conn_tls_cipher(const struct conn *conn);
struct str conn_sni(const struct conn *conn); /* empty when there was none */
struct str conn_alpn(const struct conn *conn);
/* RFC 9266 tls-exporter, 32 bytes; TLS 1.3 (and 1.2 with extended master secret) only, else -1. */
MUST_CHECK int conn_channel_exporter(const struct conn *conn, unsigned char out[32]);
/* RFC 5929 tls-server-end-point: the hash of the server's certificate. Its length, or -1. */
MUST_CHECK int conn_channel_end_point(const struct conn *conn, unsigned char out[64]);
/* The peer's certificate in DER, and whether its chain was good. STR_NONE without one. */
struct str conn_peer_certificate(struct arena *arena, const struct conn *conn);
bool conn_peer_verified(const struct conn *conn);
/* There were pins of use, and it is one of them; then it need not name anybody. */
bool conn_peer_is_pinned(const struct conn *conn);
bool conn_has_pins(const struct conn *conn);

/* TCP_USER_TIMEOUT: unacknowledged data older than MS ends the connection. */
void conn_set_user_timeout(struct conn *conn, unsigned ms);
