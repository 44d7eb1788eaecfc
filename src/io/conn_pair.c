/* SPDX-License-Identifier: MIT */
/*
 * conn_pair.c - two connections joined in memory: the network of the simulation.
 *
 * Bytes pass from one end's output to the other's input at the end of the writer's turn, and are
 * offered at the end of the reader's. Both loops stand in one thread. What the reader's owner has
 * not taken counts as not acknowledged: it is still on its way, and lost if that end goes.
 */
#include "io/conn_private.h"

#include <stdlib.h>

bool
conn_pair_flush(struct conn *conn)
{
	struct conn *twin = conn->twin;

	if (conn->handshake != NULL)
		return buf_len(&conn->out) == 0;
	if (twin == NULL || twin->state != STATE_OPEN || twin->has_eof) {
		conn->lost += buf_len(&conn->out); /* sent to a peer that has gone */
		buf_clear(&conn->out);
		return true;
	}
	if (buf_len(&conn->out) == 0)
		return true;
	if (twin->handshake != NULL) {
		buf_clear(&conn->out);
		conn_end(twin, CONN_TLS, "plaintext instead of TLS");
		return true;
	}
	if (buf_len(&twin->in) >= PAIR_WINDOW)
		return false; /* conn_pair_resume comes back */
	buf_add(&twin->in, buf_str(&conn->out));
	buf_clear(&conn->out);
	twin->has_kept = true;
	conn_defer(twin);
	return true;
}

/* The reader goes on, so perhaps the writer can. */
void
conn_pair_resume(struct conn *conn)
{
	if (conn->twin != NULL && buf_len(&conn->twin->out) > 0)
		conn_defer(conn->twin);
}

/* No cryptography: both ends must have asked for TLS, then both have it. */
void
conn_pair_secure(struct conn *conn)
{
	struct conn *twin = conn->twin;

	if (conn->handshake == NULL || twin == NULL || twin->handshake == NULL ||
	    conn->loop == NULL || twin->loop == NULL)
		return;
	loop_defer(conn->loop, &conn->handshake->step);
	loop_defer(twin->loop, &twin->handshake->step);
}

static void
secure(struct deferred *deferred)
{
	struct conn *conn = CONTAINER(deferred, struct handshake, step)->conn;

	free(conn->handshake);
	conn->handshake = NULL;
	conn_defer(conn);
	conn_tell_secured(conn);
}

void
conn_pair_start_tls(struct conn *conn)
{
	struct conn *twin = conn->twin;

	if (twin != NULL && buf_len(&conn->out) > 0) {
		buf_add(&twin->in, buf_str(&conn->out));
		twin->has_kept = true;
		conn_defer(twin);
	}
	buf_clear(&conn->out);
	conn->handshake->step.run = secure;
	conn_pair_secure(conn);
}

void
conn_pair_close(struct conn *conn)
{
	struct conn *twin = conn->twin;

	if (twin == NULL)
		return;
	/* Neither end will hear whether the rest arrived. */
	conn->lost += buf_len(&twin->in);
	twin->lost += buf_len(&conn->in);
	conn->twin = NULL;
	twin->twin = NULL;
	twin->has_eof = true; /* behind what is still to be offered */
	conn_defer(twin);
}

size_t
conn_pair_unacknowledged(const struct conn *conn)
{
	return buf_len(&conn->out) + conn->lost + (conn->twin ? buf_len(&conn->twin->in) : 0);
}
