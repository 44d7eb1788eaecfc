/* SPDX-License-Identifier: MIT */
/* conn_facts.c - what is known of a connection: owner, peer, TLS, channel bindings. */
#include "io/conn_private.h"
#include "io/tls_private.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

void *
conn_owner(const struct conn *conn)
{
	return conn->owner;
}

void
conn_set_owner(struct conn *conn, const struct conn_handlers *handlers, void *owner)
{
	conn->handlers = handlers;
	conn->owner = owner;
}

struct loop *
conn_loop(const struct conn *conn)
{
	return conn->loop;
}

const struct sockaddr *
conn_peer(const struct conn *conn)
{
	return &conn->peer.any;
}

bool
conn_is_local(const struct conn *conn)
{
	switch (conn->peer.any.sa_family) {
	case AF_INET:
		return ntohl(conn->peer.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&conn->peer.v6.sin6_addr);
	default: /* a Unix socket, or simulated */
		return true;
	}
}

struct str
conn_peer_text(struct arena *arena, const struct conn *conn)
{
	const void *address = &conn->peer.v4.sin_addr;
	char text[INET6_ADDRSTRLEN];

	if (conn->peer.any.sa_family == AF_UNSPEC)
		return STR("local");
	if (conn->peer.any.sa_family == AF_INET6)
		address = &conn->peer.v6.sin6_addr;
	return arena_dup(arena,
			 str(inet_ntop(conn->peer.any.sa_family, address, text, sizeof(text))));
}

void
conn_set_user_timeout(struct conn *conn, unsigned ms)
{
	if (conn->watch.fd >= 0)
		setsockopt(conn->watch.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

bool
conn_is_secure(const struct conn *conn)
{
	return conn->is_secured;
}

struct str
conn_tls_version(const struct conn *conn)
{
	if (!conn->is_secured)
		return STR("");
	return conn->ssl != NULL ? str(SSL_get_version(conn->ssl)) : STR("simulated");
}

struct str
conn_tls_cipher(const struct conn *conn)
{
	return conn->is_secured && conn->ssl != NULL ? str(SSL_get_cipher_name(conn->ssl))
						     : STR("");
}

struct str
conn_sni(const struct conn *conn)
{
	const char *name = NULL;

	if (conn->ssl != NULL)
		name = SSL_get_servername(conn->ssl, TLSEXT_NAMETYPE_host_name);
	return name != NULL ? str(name) : STR("");
}

struct str
conn_alpn(const struct conn *conn)
{
	const unsigned char *name = NULL;
	unsigned len = 0;

	if (conn->ssl != NULL)
		SSL_get0_alpn_selected(conn->ssl, &name, &len);
	return len > 0 ? str_of(name, len) : STR("");
}

int
conn_channel_exporter(const struct conn *conn, unsigned char out[32])
{
	static const char label[] = "EXPORTER-Channel-Binding";

	if (conn->ssl == NULL || !conn->is_secured)
		return -1;
	/* RFC 9266 §2, RFC 7627: before TLS 1.3 unique only with an extended master secret. */
	if (SSL_version(conn->ssl) < TLS1_3_VERSION && SSL_get_extms_support(conn->ssl) != 1)
		return -1;
	/* The context is empty, which in TLS 1.2 is not the same as absent. */
	return SSL_export_keying_material(conn->ssl, out, 32, label, sizeof(label) - 1,
					  (const unsigned char *)"", 0, 1) == 1
		       ? 0
		       : -1;
}

int
conn_channel_end_point(const struct conn *conn, unsigned char out[64])
{
	const X509 *certificate;

	if (conn->ssl == NULL || !conn->is_secured)
		return -1;
	certificate = conn->is_client ? SSL_get0_peer_certificate(conn->ssl)
				      : SSL_get_certificate(conn->ssl);
	return certificate != NULL ? tls_end_point(certificate, out) : -1;
}

struct str
conn_peer_certificate(struct arena *arena, const struct conn *conn)
{
	X509 *certificate = conn->ssl != NULL ? SSL_get0_peer_certificate(conn->ssl) : NULL;
	unsigned char *p;
	struct str der;
	int len;

	if (certificate == NULL || (len = i2d_X509(certificate, NULL)) <= 0)
		return STR_NONE;
	p = (unsigned char *)arena_bytes(arena, (size_t)len);
	der = str_of(p, (size_t)len);
	i2d_X509(certificate, &p);
	return der;
}

bool
conn_peer_verified(const struct conn *conn)
{
	return conn->ssl != NULL && conn->is_secured &&
	       SSL_get0_peer_certificate(conn->ssl) != NULL &&
	       SSL_get_verify_result(conn->ssl) == X509_V_OK;
}
