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

static struct str
text_or_empty(const char *text)
{
	return text != NULL ? str(text) : STR("");
}

struct str
conn_tls_version(const struct conn *conn)
{
	if (conn->is_secured && conn->secured == NULL)
		return STR("simulated");
	return text_or_empty(conn->secured != NULL ? conn->secured->version : NULL);
}

struct str
conn_tls_cipher(const struct conn *conn)
{
	return text_or_empty(conn->secured != NULL ? conn->secured->cipher : NULL);
}

struct str
conn_sni(const struct conn *conn)
{
	return text_or_empty(conn->secured != NULL ? conn->secured->sni : NULL);
}

struct str
conn_alpn(const struct conn *conn)
{
	return text_or_empty(conn->secured != NULL ? conn->secured->alpn : NULL);
}

int
conn_channel_exporter(const struct conn *conn, unsigned char out[32])
{
	if (conn->secured == NULL || !conn->secured->has_exporter)
		return -1;
	memcpy(out, conn->secured->exporter, 32);
	return 0;
}

int
conn_channel_end_point(const struct conn *conn, unsigned char out[64])
{
	const X509 *certificate;

	if (conn->secured == NULL)
		return -1;
	certificate = conn->is_client ? conn->secured->peer : conn->secured->own;
	return certificate != NULL ? tls_end_point(certificate, out) : -1;
}

struct str
conn_peer_certificate(struct arena *arena, const struct conn *conn)
{
	X509 *certificate = conn->secured != NULL ? conn->secured->peer : NULL;
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
	return conn->secured != NULL && conn->secured->is_peer_verified;
}

bool
conn_peer_is_pinned(const struct conn *conn)
{
	return conn_peer_verified(conn) && conn->secured->is_pinned;
}

bool
conn_has_pins(const struct conn *conn)
{
	return conn->has_pins;
}
