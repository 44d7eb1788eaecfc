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
	io->ciphers = record_ciphers_new();
}

void
conn_tls_io_end(struct conn_io *io)
{
	BIO_free(io->bio);
	record_ciphers_free(io->ciphers);
	buf_free(&io->gathered);
}

/*
 * What the kernel refuses waits in RAW. Our own output is encrypted only when RAW is empty, so what
 * makes it grow is TLS itself: answers to a peer that asks and asks, and reads none of them.
 */
void
conn_tls_push(struct conn *conn, struct conn_io *io)
{
	if (buf_len(&io->gathered) == 0)
		return;
	if (buf_len(&conn->raw) > 0 || !conn_send(conn, &io->gathered)) {
		buf_add(&conn->raw, buf_str(&io->gathered));
		conn_defer(conn);
		if (buf_len(&conn->raw) > RAW_WAITING_MAX)
			conn_end(conn, CONN_TLS, "the peer does not read what TLS answers");
	}
	buf_clear(&io->gathered);
}

/* Reading */

static void
take_by_openssl(struct conn *conn, struct conn_io *io)
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
	conn_tls_push(conn, io);
	if (len > 0 && !conn_offer(conn, str_of(io->plain, len)))
		return;
	if (error == SSL_ERROR_ZERO_RETURN)
		conn_read_eof(conn, "closed");
	else if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ)
		conn_end(conn, CONN_TLS, tls_error("a bad TLS record"));
}

void
conn_tls_take(struct conn *conn, struct str ciphertext)
{
	struct conn_io *io = conn_io(conn->loop);
	struct records *records = &conn->secured->records;
	enum record_result result;
	const char *why;
	unsigned char alert;
	size_t len;

	if (conn->ssl != NULL) {
		io->feed = ciphertext;
		take_by_openssl(conn, io);
		return;
	}
	result = records_open(records, io->ciphers, &ciphertext, io->plain, &len, &alert, &why);
	buf_free(&records->partial);
	if (result == RECORDS_OK) {
		buf_add(&records->partial, ciphertext);
	} else if (alert != 0) {
		records_alert(records, io->ciphers, alert, &io->gathered);
		conn_tls_push(conn, io);
	}
	if (len > 0 && !conn_offer(conn, str_of(io->plain, len)))
		return;
	if (result == RECORDS_CLOSED)
		conn_read_eof(conn, "closed");
	else if (result == RECORDS_BAD)
		conn_end(conn, CONN_TLS, why);
}

void
conn_tls_read(struct conn *conn)
{
	struct conn_io *io = conn_io(conn->loop);
	struct str kept = buf_str(&conn->secured->records.partial);
	size_t got = conn_receive(conn, io->raw + kept.len, READ_SIZE);

	if (got == 0)
		return;
	if (kept.len > 0)
		memcpy(io->raw, kept.p, kept.len);
	conn_tls_take(conn, str_of(io->raw, kept.len + got));
}

/* Writing */

/* Encrypts some of the output. */
static bool
encrypt(struct conn *conn, struct conn_io *io)
{
	struct str chunk = str_first(buf_str(&conn->out), ENCRYPT_AT_ONCE);
	size_t done = chunk.len;

	if (conn->ssl == NULL) {
		records_seal(&conn->secured->records, io->ciphers, chunk, &io->gathered);
	} else {
		ERR_clear_error();
		if (!SSL_write_ex(conn->ssl, chunk.p, chunk.len, &done)) {
			conn_end(conn, CONN_TLS, tls_error("cannot encrypt"));
			conn_tls_push(conn, io); /* what is gathered is the loop's: nobody else's */
			return false;
		}
	}
	buf_consume(&conn->out, done);
	return true;
}

bool
conn_tls_flush(struct conn *conn)
{
	struct conn_io *io = conn_io(conn->loop);

	while (conn_send(conn, &conn->raw) && buf_len(&conn->out) > 0 && conn->secured != NULL) {
		if (conn->is_broken)
			conn_give_up(conn, &conn->out);
		else if (!encrypt(conn, io))
			return false;
		else
			conn_tls_push(conn, io);
	}
	return conn_waiting(conn) == 0;
}

bool
conn_tls_close_notify(struct conn *conn)
{
	struct conn_io *io = conn_io(conn->loop);

	if (!conn->secured->has_said_goodbye) {
		conn->secured->has_said_goodbye = true;
		ERR_clear_error();
		if (conn->ssl == NULL)
			records_alert(&conn->secured->records, io->ciphers, 0, &io->gathered);
		else
			SSL_shutdown(conn->ssl);
		conn_tls_push(conn, io);
	}
	return buf_len(&conn->raw) == 0;
}

void
conn_tls_free(struct conn *conn)
{
	SSL_free(conn->ssl);
	conn->ssl = NULL;
	secured_free(conn->secured);
	conn->secured = NULL;
}
