/* SPDX-License-Identifier: MIT */
/* tls_private.h - for src/io alone: what a TLS context gives to connections. */
#pragma once

#include "io/tls.h"

#include <openssl/ssl.h>

/*
 * A session of CONTEXT, without BIOs. SERVER_NAME: whom the client wants; NULL for a server. A
 * client offers ALPN when it IS_DIRECT (XEP-0368), not after STARTTLS.
 */
SSL *tls_session_new(struct tls_context *context, const char *server_name, bool is_direct);

/*
 * The server's certificate must be one of PINS (RFC 7671); where names count, it is for BASE, which
 * they are of, or for DOMAIN. Returns whether any of them is of use: else all is as without them.
 */
bool tls_session_pin(SSL *ssl, const char *base, const char *domain, const struct tls_pin *pins,
		     size_t count);

/* RFC 5929 §4.1: the hash of the certificate's signature, or a better one. Its length, or -1. */
int tls_end_point(const X509 *certificate, unsigned char out[64]);

/* Of the handshake under way on BIO: whether ALPN counts, and a line of the key log for it. */
bool conn_bio_is_direct_tls(BIO *bio);
void conn_bio_keylog(BIO *bio, const char *line);

/* What the last failure of OpenSSL was: a constant phrase. Empties its queue. */
const char *tls_error(const char *otherwise);
