/* SPDX-License-Identifier: MIT */
/*
 * tls.h - TLS contexts: protocol versions, certificates, SNI and ALPN (RFC 7590, XEP-0368).
 *
 * A context serves several hosts, each with its own certificate. It is immutable once it is in use:
 * a reload makes a new one, and connections keep theirs by reference.
 */
#pragma once

#include "base/arena.h"

struct tls_context;

struct tls_host {
	struct str name;              /* as in SNI (A-labels, RFC 5890); not its sub-domains */
	const char *certificate_path; /* PEM chain, the host's own first */
	const char *key_path;
};

/*
 * A server's context. HOSTS[0]'s certificate is for clients that send no SNI. With
 * ASK_CLIENT_CERTIFICATE, clients may present one; it is checked against CA_PATH (a PEM file; NULL:
 * the system's) but a bad one does not end the handshake (see conn_peer_verified). ALPN is the one
 * protocol that direct TLS connections may negotiate, such as "xmpp-client".
 * Returns 0, or -1 with *WHY in ARENA: file, and what is wrong with it.
 */
struct tls_options {
	const struct tls_host *hosts;
	size_t host_count;
	bool ask_client_certificate;
	const char *ca_path;
	const char *alpn;
	bool is_tls13_only; /* else TLS 1.2 too */
};
MUST_CHECK int tls_server_new(const struct tls_options *options, struct tls_context **out,
			      struct arena *arena, struct str *why);
/* A client's context, for tools and tests. VERIFY false: any certificate will do. */
MUST_CHECK int tls_client_new(const char *ca_path, bool verify, const char *alpn,
			      struct tls_context **out, struct arena *arena, struct str *why);
/*
 * A context to connect to other servers with. OWN (NULL: none) is the certificate that is shown to
 * those who ask. Any certificate will do for the handshake: conn_peer_verified tells of its chain,
 * and certificate_is_for (io/certificate.h) whom it names.
 */
MUST_CHECK int tls_peer_new(const struct tls_host *own, const char *ca_path, const char *alpn,
			    struct tls_context **out, struct arena *arena, struct str *why);
/* What the DNS says of a server's certificate: a TLSA record (RFC 6698 §2.1). */
struct tls_pin {
	uint8_t usage, selector, matching;
	struct str data;
};
/* References are counted across threads. */
struct tls_context *tls_ref(struct tls_context *context);
void tls_unref(struct tls_context *context); /* takes NULL */

/* Facts about a certificate file, for warnings and `recadoctl check`. */
struct tls_certificate_facts {
	struct str subject, issuer;
	uint64_t not_before_s, not_after_s; /* since 1970 */
	bool is_self_signed;
	struct str *names; /* DNS names of the subject alternative name */
	size_t name_count;
};
MUST_CHECK int tls_certificate_facts(struct arena *arena, const char *path,
				     struct tls_certificate_facts *out, struct str *why);
/* Writes a new self-signed P-256 certificate for NAME, valid for DAYS, key file with mode 0600. */
MUST_CHECK int tls_make_self_signed(struct arena *arena, struct str name, unsigned days,
				    const char *certificate_path, const char *key_path,
				    struct str *why);
