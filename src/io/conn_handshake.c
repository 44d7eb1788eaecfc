/* SPDX-License-Identifier: MIT */
/*
 * conn_handshake.c - from plaintext to TLS, by OpenSSL, a step at a time.
 *
 * Steps are heavy work, of which a loop does little in a turn (SEC-17). When a server's TLS 1.3
 * handshake is done, its keys are taken over and OpenSSL's session is freed, see records.h.
 */
#include "io/conn_private.h"
#include "io/tls_private.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>

bool
conn_bio_is_direct_tls(BIO *bio)
{
	const struct conn_io *io = BIO_get_data(bio);

	return io->handshake != NULL && io->handshake->is_direct;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One secret, of a length that some suite has. */
static bool
parse_hex(struct str text, unsigned char *out, size_t size)
{
	if (text.len == 0 || text.len % 2 != 0 || text.len / 2 > size)
		return false;
	for (size_t i = 0; i < text.len; i += 2) {
		int high = digit(text.p[i]), low = digit(text.p[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* "LABEL CLIENT_RANDOM SECRET", the format of SSLKEYLOGFILE. */
void
conn_bio_keylog(BIO *bio, const char *line)
{
	static const char *const labels[] = {"CLIENT_TRAFFIC_SECRET_0 ",
					     "SERVER_TRAFFIC_SECRET_0 "};
	struct conn_io *io = BIO_get_data(bio);
	const char *secret = strrchr(line, ' ');

	for (size_t i = 0; i < COUNT(labels) && io->handshake != NULL && secret != NULL; i++)
		if (strncmp(line, labels[i], strlen(labels[i])) == 0)
			io->handshake->has_secret[i] = parse_hex(
				str(secret + 1), io->handshake->secrets[i], RECORD_SECRET_MAX);
}

void
conn_handshake_free(struct conn *conn)
{
	if (conn->handshake == NULL)
		return;
	loop_defer_cancel(&conn->handshake->step);
	tls_unref(conn->handshake->context);
	free(conn->handshake->server_name);
	if (conn->handshake->pin_arena != NULL)
		arena_free(conn->handshake->pin_arena);
	OPENSSL_cleanse(conn->handshake, sizeof(*conn->handshake));
	free(conn->handshake);
	conn->handshake = NULL;
}

/*
 * Nothing was sent or read yet with the new keys (there are no tickets, and OpenSSL reads no
 * further than it must), so both directions begin at record 0. Where this can't be, OpenSSL goes
 * on.
 */
static void
take_over_keys(struct conn *conn)
{
	const struct handshake *handshake = conn->handshake;

	if (conn->is_client || SSL_version(conn->ssl) != TLS1_3_VERSION ||
	    !handshake->has_secret[0] || !handshake->has_secret[1] || SSL_has_pending(conn->ssl) ||
	    records_init(&conn->secured->records, conn_io(conn->loop)->ciphers,
			 SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(conn->ssl)),
			 handshake->secrets[0], handshake->secrets[1]) < 0)
		return;
	SSL_free(conn->ssl);
	conn->ssl = NULL;
}

/* Not before it has something to do: a client that says nothing costs no session. */
static void
make_session(struct conn *conn, struct conn_io *io)
{
	const struct handshake *h = conn->handshake;

	conn->ssl = tls_session_new(h->context, h->server_name, h->is_direct);
	if (h->pin_count > 0)
		conn->has_pins = tls_session_pin(conn->ssl, h->pin_base, h->server_name, h->pins,
						 h->pin_count);
	BIO_up_ref(io->bio);
	SSL_set_bio(conn->ssl, io->bio, io->bio);
}

static void
step(struct deferred *deferred)
{
	struct conn *conn = CONTAINER(deferred, struct handshake, step)->conn;
	struct conn_io *io = conn_io(conn->loop);
	int rc;

	if (conn->state != STATE_OPEN)
		return;
	io->feed = str_of(io->raw, conn_receive(conn, io->raw, READ_SIZE));
	if (conn->state != STATE_OPEN)
		return;
	if (conn->ssl == NULL && io->feed.len == 0 && !conn->is_client) {
		conn_rewatch(conn);
		return;
	}
	if (conn->ssl == NULL)
		make_session(conn, io);
	io->handshake = conn->handshake;
	ERR_clear_error();
	rc = SSL_do_handshake(conn->ssl);
	if (rc != 1)
		rc = -SSL_get_error(conn->ssl, rc);
	io->handshake = NULL;
	conn_tls_push(conn, io);
	if (rc == 1) {
		conn->secured = secured_new(conn->ssl, conn->is_client);
		take_over_keys(conn);
		conn_handshake_free(conn);
		conn_defer(conn);
		if (conn_tell_secured(conn) && io->feed.len > 0)
			conn_tls_take(conn, io->feed);
	} else if (rc == -SSL_ERROR_WANT_READ) {
		conn_rewatch(conn);
	} else {
		conn_end(conn, CONN_TLS, tls_error("the TLS handshake failed"));
	}
}

void
conn_start_tls(struct conn *conn, struct tls_context *context, const char *server_name)
{
	assert(conn->handshake == NULL && !conn->is_secured);
	if (conn->state != STATE_OPEN)
		return;
	conn->handshake = xnew(struct handshake);
	conn->handshake->conn = conn;
	conn->handshake->is_unchecked = conn->is_calling;
	conn->handshake->is_direct = !conn->has_read;
	conn->handshake->step.run = step;
	conn->is_client = server_name != NULL;
	if (!conn->is_calling && buf_len(&conn->in) > 0) {
		conn_end(conn, CONN_TLS, "bytes between the request for TLS and TLS");
	} else if (conn->watch.fd < 0) {
		conn_pair_start_tls(conn);
	} else {
		conn->handshake->context = tls_ref(context);
		if (server_name != NULL)
			conn->handshake->server_name = xstrdup(server_name);
		conn->raw = conn->out; /* still in the clear */
		conn->out = (struct buf){0};
		if (conn->loop != NULL)
			conn_handshake_attach(conn);
	}
}

void
conn_pin_tls(struct conn *conn, const char *base, const struct tls_pin *pins, size_t count)
{
	struct handshake *h = conn->handshake;

	if (h == NULL || count == 0)
		return; /* it has ended */
	assert(conn->is_client && h->pin_arena == NULL && conn->ssl == NULL);
	h->pin_arena = arena_new();
	h->pin_base = arena_dup(h->pin_arena, str(base)).p;
	h->pins = arena_array(h->pin_arena, struct tls_pin, count);
	h->pin_count = count;
	for (size_t i = 0; i < count; i++) {
		h->pins[i] = pins[i];
		h->pins[i].data = arena_dup(h->pin_arena, pins[i].data);
	}
}

/* Moving: the BIO is the loop's, all the rest the connection's own. */

void
conn_handshake_detach(struct conn *conn)
{
	if (conn->handshake != NULL)
		loop_defer_cancel(&conn->handshake->step);
	if (conn->ssl != NULL)
		SSL_set_bio(conn->ssl, NULL, NULL);
}

void
conn_handshake_attach(struct conn *conn)
{
	if (conn->ssl != NULL) {
		struct conn_io *io = conn_io(conn->loop);

		BIO_up_ref(io->bio);
		SSL_set_bio(conn->ssl, io->bio, io->bio);
	}
	if (conn->handshake != NULL && conn->watch.fd < 0)
		conn_pair_secure(conn);
	else if (conn->handshake != NULL && conn->is_client) /* it speaks first */
		loop_defer_heavy(conn->loop, &conn->handshake->step, false);
	conn_defer(conn);
}
