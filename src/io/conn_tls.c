/* SPDX-License-Identifier: MIT */
/*
 * conn_tls.c - TLS on a connection: one read(2) and one write(2) however many records pass.
 *
 * OpenSSL never sees the descriptor. What was read is handed to it as FEED of the loop's conn_io,
 * what it writes is gathered there and sent at once. Everything that came is decrypted at once, so
 * between two turns a connection holds no ciphertext but the beginning of a record.
 */
#include "io/conn_private.h"
#include "io/tls_private.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>

/* The BIO between OpenSSL and conn_io */

static int
bio_read(BIO *bio, char *to, size_t size, size_t *got)
{
	struct conn_io *io = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (io->feed.len == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	*got = MIN(size, io->feed.len);
	memcpy(to, io->feed.p, *got);
	io->feed = str_from(io->feed, *got);
	return 1;
}

static int
bio_write(BIO *bio, const char *bytes, size_t size, size_t *put)
{
	struct conn_io *io = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	buf_add(&io->gathered, str_of(bytes, size));
	*put = size;
	return 1;
}

static long
bio_ctrl(BIO *bio UNUSED, int what, long arg UNUSED, void *pointer UNUSED)
{
	return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

static void
make_bio_method(void)
{
	bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "recado");
	BIO_meth_set_read_ex(bio_method, bio_read);
	BIO_meth_set_write_ex(bio_method, bio_write);
	BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

void
conn_tls_io_init(struct conn_io *io)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_bio_method);
	io->bio = BIO_new(bio_method);
	BIO_set_data(io->bio, io);
	BIO_set_init(io->bio, 1);
}

bool
conn_bio_is_direct_tls(BIO *bio)
{
	struct conn_io *io = BIO_get_data(bio);

	return io->is_direct_tls;
}

/* Sends what was gathered; what the kernel refuses waits in RAW. */
static void
push(struct conn *conn, struct conn_io *io)
{
	if (buf_len(&io->gathered) == 0)
		return;
	if (buf_len(&conn->raw) > 0 || !conn_send(conn, &io->gathered)) {
		buf_add(&conn->raw, buf_str(&io->gathered));
		conn_defer(conn);
	}
	buf_clear(&io->gathered);
}

/* The handshake */

void
conn_start_tls(struct conn *conn, struct tls_context *context, const char *server_name)
{
	assert(conn->handshake == NULL && !conn->is_secured);
	if (conn->state != STATE_OPEN)
		return;
	conn->handshake = xnew(struct handshake);
	conn->handshake->conn = conn;
	conn->handshake->is_unchecked = conn->is_calling;
	conn->handshake->step.run = conn_tls_step;
	conn->is_client = server_name != NULL;
	if (!conn->is_calling && buf_len(&conn->in) > 0) {
		conn_end(conn, CONN_TLS, "bytes between the request for TLS and TLS");
	} else if (conn->watch.fd < 0) {
		conn_pair_start_tls(conn);
	} else {
		conn->handshake->context = tls_ref(context);
		conn->raw = conn->out; /* still in the clear */
		conn->out = (struct buf){0};
		conn->ssl = tls_session_new(context, server_name);
		if (conn->loop != NULL)
			conn_tls_attach(conn);
	}
}

static void
free_handshake(struct conn *conn)
{
	if (conn->handshake == NULL)
		return;
	loop_defer_cancel(&conn->handshake->step);
	tls_unref(conn->handshake->context);
	free(conn->handshake);
	conn->handshake = NULL;
}

/* Decrypts all of FEED and offers it at once. */
static void
take_records(struct conn *conn, struct conn_io *io)
{
	size_t len = 0, got = 0;
	int error = SSL_ERROR_NONE;

	ERR_clear_error();
	while (SSL_read_ex(conn->ssl, io->plain + len, PLAIN_SIZE - len, &got)) {
		len += got;
		/* Asking once more would only find nothing. */
		if (io->feed.len == 0 && SSL_pending(conn->ssl) == 0)
			break;
		got = 0;
	}
	if (got == 0)
		error = SSL_get_error(conn->ssl, 0);
	push(conn, io);
	if (len > 0 && !conn_offer(conn, str_of(io->plain, len)))
		return;
	if (error == SSL_ERROR_ZERO_RETURN)
		conn_read_eof(conn, "closed");
	else if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ)
		conn_end(conn, CONN_TLS, tls_error("a bad TLS record"));
}

void
conn_tls_step(struct deferred *deferred)
{
	struct conn *conn = CONTAINER(deferred, struct handshake, step)->conn;
	struct conn_io *io = conn_io(conn->loop);
	int rc;

	if (conn->state != STATE_OPEN)
		return;
	io->feed = str_of(io->raw, conn_receive(conn, io->raw, RAW_SIZE));
	if (conn->state != STATE_OPEN)
		return;
	io->is_direct_tls = !conn->has_read;
	ERR_clear_error();
	rc = SSL_do_handshake(conn->ssl);
	if (rc != 1)
		rc = -SSL_get_error(conn->ssl, rc);
	push(conn, io);
	if (rc == 1) {
		free_handshake(conn);
		conn_defer(conn);
		if (conn_tell_secured(conn) && io->feed.len > 0)
			take_records(conn, io);
	} else if (rc == -SSL_ERROR_WANT_READ) {
		conn_rewatch(conn);
	} else {
		conn_end(conn, CONN_TLS, tls_error("the TLS handshake failed"));
	}
}

/* Records */

void
conn_tls_read(struct conn *conn)
{
	struct conn_io *io = conn_io(conn->loop);

	io->feed = str_of(io->raw, conn_receive(conn, io->raw, RAW_SIZE));
	if (io->feed.len > 0)
		take_records(conn, io);
}

bool
conn_tls_flush(struct conn *conn)
{
	struct conn_io *io = conn_io(conn->loop);

	while (conn_send(conn, &conn->raw) && buf_len(&conn->out) > 0 && conn->handshake == NULL) {
		struct str chunk = str_first(buf_str(&conn->out), ENCRYPT_AT_ONCE);
		size_t done;

		if (conn->is_broken) {
			buf_clear(&conn->out);
			break;
		}
		ERR_clear_error();
		if (!SSL_write_ex(conn->ssl, chunk.p, chunk.len, &done)) {
			conn_end(conn, CONN_TLS, tls_error("cannot encrypt"));
			return false;
		}
		buf_consume(&conn->out, done);
		push(conn, io);
	}
	return conn_waiting(conn) == 0;
}

bool
conn_tls_close_notify(struct conn *conn)
{
	struct conn_io *io = conn_io(conn->loop);

	if (conn->handshake == NULL && !(SSL_get_shutdown(conn->ssl) & SSL_SENT_SHUTDOWN)) {
		ERR_clear_error();
		SSL_shutdown(conn->ssl);
		push(conn, io);
	}
	return buf_len(&conn->raw) == 0;
}

void
conn_tls_free(struct conn *conn)
{
	free_handshake(conn);
	SSL_free(conn->ssl);
	conn->ssl = NULL;
}

/* Moving: the BIO is the loop's, all the rest the connection's own. */

void
conn_tls_detach(struct conn *conn)
{
	if (conn->handshake != NULL)
		loop_defer_cancel(&conn->handshake->step);
	if (conn->ssl != NULL)
		SSL_set_bio(conn->ssl, NULL, NULL);
}

void
conn_tls_attach(struct conn *conn)
{
	if (conn->ssl != NULL) {
		struct conn_io *io = conn_io(conn->loop);

		BIO_up_ref(io->bio);
		SSL_set_bio(conn->ssl, io->bio, io->bio);
		if (conn->handshake != NULL)
			loop_defer_heavy(conn->loop, &conn->handshake->step);
		conn_defer(conn);
	} else {
		conn_pair_secure(conn);
	}
}
