/* SPDX-License-Identifier: MIT */
/*
 * conn_secured.c - what is kept of a handshake: facts for the layers above, and channel bindings.
 *
 * All is read at once, because OpenSSL's session is given up when its keys are taken over.
 */
#include "io/conn_private.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

/* RFC 9266 §2 and RFC 7627: before TLS 1.3 unique only with an extended master secret. */
static bool
export_binding(SSL *ssl, unsigned char out[32])
{
	static const char label[] = "EXPORTER-Channel-Binding";

	if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1)
		return false;
	/* The context is empty, which in TLS 1.2 is not the same as absent. */
	return SSL_export_keying_material(ssl, out, 32, label, sizeof(label) - 1,
					  (const unsigned char *)"", 0, 1) == 1;
}

/* RFC 5280 §4.2.1.12: a certificate that says what it is for, such as signing code, is for nothing
 * else. Servers that connect often have one for servers only, so either side of TLS will do. */
static bool
is_for_tls(X509 *certificate)
{
	uint32_t usage =
		X509_get_extended_key_usage(certificate); /* all bits when it says nothing */

	return (usage & (XKU_SSL_SERVER | XKU_SSL_CLIENT | XKU_ANYEKU)) != 0;
}

struct secured *
secured_new(SSL *ssl, bool is_client)
{
	struct secured *secured = xnew(struct secured);
	const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const unsigned char *alpn = NULL;
	unsigned alpn_len = 0;

	secured->version = SSL_get_version(ssl);
	secured->cipher = SSL_get_cipher_name(ssl);
	SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
	if (alpn_len > 0)
		secured->alpn = str_dupz(str_of(alpn, alpn_len));
	if (sni != NULL)
		secured->sni = xstrdup(sni);
	if (!is_client && (secured->own = SSL_get_certificate(ssl)) != NULL)
		X509_up_ref(secured->own);
	secured->peer = SSL_get1_peer_certificate(ssl);
	secured->is_pinned = SSL_get0_dane_authority(ssl, NULL, NULL) >= 0;
	secured->is_peer_verified = secured->peer != NULL &&
				    SSL_get_verify_result(ssl) == X509_V_OK &&
				    (secured->is_pinned || is_for_tls(secured->peer));
	secured->has_exporter = export_binding(ssl, secured->exporter);
	return secured;
}

void
secured_free(struct secured *secured)
{
	if (secured == NULL)
		return;
	records_end(&secured->records);
	X509_free(secured->own);
	X509_free(secured->peer);
	free(secured->sni);
	free(secured->alpn);
	free(secured);
}
