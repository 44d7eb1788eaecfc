/* SPDX-License-Identifier: MIT */
/*
 * tls.c - TLS contexts on OpenSSL: versions, ciphers, SNI, ALPN, verification.
 *
 * Ciphers and groups are those of RFC 9325: forward secrecy and AEAD only. There are no session
 * tickets and no session cache: XMPP connections live for days, and each would keep the state.
 */
#include "io/tls.h"

#include "io/tls_private.h"

#include "base/time.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define CIPHERS_TLS13 "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"
#define CIPHERS_TLS12 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define GROUPS "X25519:P-256"

struct tls_context {
	atomic_uint references;
	SSL_CTX **contexts; /* one for each host, and one for a client */
	struct str *names;
	size_t count;
	bool names_server;   /* client: the certificate must be of the name that is wanted */
	unsigned char *alpn; /* as on the wire: its length first */
	size_t alpn_len;
};

const char *
tls_error(const char *otherwise)
{
	unsigned long error = ERR_peek_last_error();
	const char *why = error != 0 ? ERR_reason_error_string(error) : NULL;

	ERR_clear_error();
	return why != NULL ? why : otherwise;
}

static struct tls_context *
new_context(size_t count, const char *alpn)
{
	struct tls_context *context = xnew(struct tls_context);

	atomic_init(&context->references, 1);
	context->contexts = xnew_array(SSL_CTX *, count);
	context->names = xnew_array(struct str, count);
	context->count = count;
	if (alpn != NULL) {
		context->alpn_len = strlen(alpn) + 1;
		assert(context->alpn_len <= 256);
		context->alpn = xalloc(context->alpn_len);
		context->alpn[0] = (unsigned char)(context->alpn_len - 1);
		memcpy(context->alpn + 1, alpn, context->alpn_len - 1);
	}
	return context;
}

struct tls_context *
tls_ref(struct tls_context *context)
{
	atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
	return context;
}

void
tls_unref(struct tls_context *context)
{
	if (context == NULL || atomic_fetch_sub(&context->references, 1) > 1)
		return;
	for (size_t i = 0; i < context->count; i++) {
		SSL_CTX_free(context->contexts[i]);
		free((char *)context->names[i].p);
	}
	free(context->contexts);
	free(context->names);
	free(context->alpn);
	free(context);
}

/* What server and client have in common. */
static SSL_CTX *
new_ssl_ctx(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
	    !SSL_CTX_set_ciphersuites(ctx, CIPHERS_TLS13) ||
	    !SSL_CTX_set_cipher_list(ctx, CIPHERS_TLS12) || !SSL_CTX_set1_groups_list(ctx, GROUPS))
		abort(); /* constants: OpenSSL itself is broken */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

#define TRUST_KEEP_MS 10000u /* contexts of many hosts are made at once: what they trust, once */

/* The certificates of CA_PATH, or the system's, with a reference of the caller's; or NULL. */
static X509_STORE *
trusted(const char *ca_path)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static X509_STORE *kept;
	static char *kept_path;
	static uint64_t kept_ms;
	const char *path = ca_path ? ca_path : "";
	X509_STORE *store = NULL;

	pthread_mutex_lock(&mutex);
	if (kept == NULL || strcmp(kept_path, path) != 0 ||
	    time_mono_ms() - kept_ms > TRUST_KEEP_MS) {
		store = X509_STORE_new();
		if (ca_path != NULL ? X509_STORE_load_file(store, ca_path)
				    : X509_STORE_set_default_paths(store)) {
			X509_STORE_free(kept);
			free(kept_path);
			kept = store;
			kept_path = str_dupz(str(path));
			kept_ms = time_mono_ms();
		} else {
			X509_STORE_free(store);
			pthread_mutex_unlock(&mutex);
			return NULL;
		}
	}
	store = kept;
	X509_STORE_up_ref(store);
	pthread_mutex_unlock(&mutex);
	return store;
}

static int
set_trust(SSL_CTX *ctx, const char *ca_path, struct arena *arena, struct str *why)
{
	X509_STORE *store = trusted(ca_path);

	if (store == NULL) {
		*why = arena_printf(arena, "%s: %s", ca_path != NULL ? ca_path : "system",
				    tls_error("cannot read the trusted certificates"));
		return -1;
	}
	SSL_CTX_set_cert_store(ctx, store);
	return 0;
}

/* Server */

/* A bad certificate is for the layers above to judge: conn_peer_verified tells. */
static int
accept_any(int is_good UNUSED, X509_STORE_CTX *store UNUSED)
{
	return 1;
}

static int
select_host(SSL *ssl, int *alert UNUSED, void *arg)
{
	struct tls_context *context = arg;
	struct str name = str(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));

	for (size_t i = 0; i < context->count; i++) {
		if (name.len > 0 && str_equal_nocase(name, context->names[i])) {
			SSL_set_SSL_CTX(ssl, context->contexts[i]);
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_NOACK;
}

/* RFC 7301 §3.2; after STARTTLS the protocol is known, and what a client offers is of no interest.
 */
static int
select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	    const unsigned char *offers, unsigned len, void *arg)
{
	struct tls_context *context = arg;

	if (!conn_bio_is_direct_tls(SSL_get_rbio(ssl)))
		return SSL_TLSEXT_ERR_NOACK;
	for (unsigned at = 0; at < len; at += offers[at] + 1u) {
		if (offers[at] + 1u == context->alpn_len && context->alpn_len <= len - at &&
		    memcmp(offers + at, context->alpn, context->alpn_len) == 0) {
			*out = offers + at + 1;
			*out_len = offers[at];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* The keys of the records are taken over from here, see records.h. They go nowhere else. */
static void
take_secret(const SSL *ssl, const char *line)
{
	conn_bio_keylog(SSL_get_rbio(ssl), line);
}

static int
load_certificate(SSL_CTX *ctx, const struct tls_host *host, struct arena *arena, struct str *why)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, host->certificate_path) != 1) {
		*why = arena_printf(arena, "%s: %s", host->certificate_path,
				    tls_error("not a certificate"));
		return -1;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, host->key_path, SSL_FILETYPE_PEM) != 1) {
		*why = arena_printf(arena, "%s: %s", host->key_path, tls_error("not a key"));
		return -1;
	}
	return 0;
}

static int
load_host(struct tls_context *context, size_t index, const struct tls_options *options,
	  struct arena *arena, struct str *why)
{
	const struct tls_host *host = &options->hosts[index];
	SSL_CTX *ctx = context->contexts[index] = new_ssl_ctx(TLS_server_method());

	context->names[index] = str_of(str_dupz(host->name), host->name.len);
	if (load_certificate(ctx, host, arena, why) < 0)
		return -1;
	SSL_CTX_set_keylog_callback(ctx, take_secret);
	SSL_CTX_set_tlsext_servername_callback(ctx, select_host);
	SSL_CTX_set_tlsext_servername_arg(ctx, context);
	if (context->alpn != NULL)
		SSL_CTX_set_alpn_select_cb(ctx, select_alpn, context);
	if (!options->ask_client_certificate)
		return 0;
	/* Servers that connect as clients often have a certificate for servers only. */
	SSL_CTX_set_purpose(ctx, X509_PURPOSE_ANY);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, accept_any);
	return set_trust(ctx, options->ca_path, arena, why);
}

int
tls_server_new(const struct tls_options *options, struct tls_context **out, struct arena *arena,
	       struct str *why)
{
	struct tls_context *context = new_context(options->host_count, options->alpn);

	assert(options->host_count > 0);
	for (size_t i = 0; i < options->host_count; i++) {
		if (load_host(context, i, options, arena, why) < 0) {
			tls_unref(context);
			return -1;
		}
		if (options->is_tls13_only)
			SSL_CTX_set_min_proto_version(context->contexts[i], TLS1_3_VERSION);
	}
	*out = context;
	return 0;
}

/* Client */

int
tls_client_new(const char *ca_path, bool verify, const char *alpn, struct tls_context **out,
	       struct arena *arena, struct str *why)
{
	struct tls_context *context = new_context(1, alpn);
	SSL_CTX *ctx = context->contexts[0] = new_ssl_ctx(TLS_client_method());

	context->names_server = true;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, verify ? NULL : accept_any);
	if (set_trust(ctx, ca_path, arena, why) < 0) {
		tls_unref(context);
		return -1;
	}
	*out = context;
	return 0;
}

int
tls_peer_new(const struct tls_host *own, const char *ca_path, const char *alpn,
	     struct tls_context **out, struct arena *arena, struct str *why)
{
	struct tls_context *context = new_context(1, alpn);
	SSL_CTX *ctx = context->contexts[0] = new_ssl_ctx(TLS_client_method());

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, accept_any);
	SSL_CTX_set_purpose(ctx, X509_PURPOSE_ANY);
	if (SSL_CTX_dane_enable(ctx) <= 0)
		abort();
	if (set_trust(ctx, ca_path, arena, why) < 0 ||
	    (own != NULL && load_certificate(ctx, own, arena, why) < 0)) {
		tls_unref(context);
		return -1;
	}
	*out = context;
	return 0;
}

static bool
is_address(const char *name)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

SSL *
tls_session_new(struct tls_context *context, const char *server_name, bool is_direct)
{
	SSL *ssl = SSL_new(context->contexts[0]);

	if (ssl == NULL)
		abort(); /* memory */
	if (server_name == NULL) {
		SSL_set_accept_state(ssl);
		return ssl;
	}
	SSL_set_connect_state(ssl);
	if (context->alpn != NULL && is_direct)
		SSL_set_alpn_protos(ssl, context->alpn, (unsigned)context->alpn_len);
	if (server_name[0] == '\0')
		return ssl;
	if (is_address(server_name)) { /* RFC 6066 §3: none in SNI */
		if (context->names_server)
			X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name);
	} else {
		SSL_set_tlsext_host_name(ssl, server_name);
		if (context->names_server)
			SSL_set1_host(ssl, server_name);
	}
	return ssl;
}

bool
tls_session_pin(SSL *ssl, const char *base, const char *domain, const struct tls_pin *pins,
		size_t count)
{
	bool is_of_use = false;

	if (SSL_dane_enable(ssl, base) <= 0) {
		ERR_clear_error();
		return false;
	}
	for (size_t i = 0; i < count; i++)
		is_of_use |= SSL_dane_tlsa_add(
				     ssl, pins[i].usage, pins[i].selector, pins[i].matching,
				     (const unsigned char *)pins[i].data.p, pins[i].data.len) > 0;
	ERR_clear_error();
	SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS); /* RFC 7671 §5.1 */
	if (is_of_use)
		SSL_add1_host(ssl, domain); /* RFC 7673 §4 */
	else
		SSL_set1_host(ssl, NULL);
	return is_of_use;
}
