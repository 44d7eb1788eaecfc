/* SPDX-License-Identifier: MIT */
/*
 * peer.h - for the tests of src/io: an owner of a connection that collects what it is told.
 */
#pragma once

#include "test.h"

#include "io/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
	struct conn *conn;
	struct buf got;
	size_t most;           /* takes at most so many bytes a call; 0: all */
	bool pauses;           /* after each call */
	bool frees;            /* the connection, in data() */
	const char *tls_after; /* starts TLS once this was read, and takes nothing behind it */
	struct tls_context *context;
	const char *server_name;
	const char *answer;     /* said to what comes, before it shuts down */
	const char *last_words; /* said once TLS is there, before it shuts down */
	unsigned calls, secured, drained, ended;
	enum conn_end end;
	size_t unacknowledged; /* at the end */
	char why[128];
};

static inline size_t
peer_data(struct conn *conn, struct str bytes)
{
	struct peer *peer = conn_owner(conn);
	size_t n = peer->most > 0 ? MIN(peer->most, bytes.len) : bytes.len;

	peer->calls++;
	if (peer->tls_after != NULL && str_starts(bytes, str(peer->tls_after))) {
		n = strlen(peer->tls_after);
		peer->tls_after = NULL;
		if (peer->server_name == NULL)
			conn_write(conn, STR("<proceed/>"));
		conn_start_tls(conn, peer->context, peer->server_name);
	}
	buf_add(&peer->got, str_first(bytes, n));
	if (peer->answer != NULL) {
		conn_write(conn, str(peer->answer));
		conn_shutdown(conn, 1000);
	}
	if (peer->pauses)
		conn_pause(conn);
	if (peer->frees) {
		conn_free(conn);
		peer->conn = NULL;
	}
	return n;
}

static inline void
peer_secured(struct conn *conn)
{
	struct peer *peer = conn_owner(conn);

	peer->secured++;
	if (peer->last_words != NULL) {
		conn_write(conn, str(peer->last_words));
		conn_shutdown(conn, 1000);
	}
}

static inline void
peer_drained(struct conn *conn)
{
	struct peer *peer = conn_owner(conn);

	peer->drained++;
}

static inline void
peer_ended(struct conn *conn, enum conn_end end, const char *why)
{
	struct peer *peer = conn_owner(conn);

	peer->ended++;
	peer->unacknowledged = conn_unacknowledged(conn);
	peer->end = end;
	snprintf(peer->why, sizeof(peer->why), "%s", why);
	conn_free(conn);
	peer->conn = NULL;
}

static const struct conn_handlers peer_handlers = {peer_data, peer_secured, peer_drained,
						   peer_ended};

/* Two connected stream sockets, not blocking. */
static inline void
peer_sockets(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0) {
		perror("socketpair");
		abort();
	}
}

static inline void
peer_free(struct peer *peer)
{
	conn_free(peer->conn);
	buf_free(&peer->got);
}

/* Turns until CLAIM is true, for two seconds at most. */
#define turn_until(loop, claim)                                                                    \
	do {                                                                                       \
		uint64_t end_ms_ = time_mono_ms() + 2000;                                          \
		while (!(claim) && time_mono_ms() < end_ms_)                                       \
			loop_turn(loop, 10);                                                       \
	} while (0)

/* Turns as long as there is something to do. */
#define turn_all(loop)                                                                             \
	do {                                                                                       \
	} while (loop_turn(loop, 0))
