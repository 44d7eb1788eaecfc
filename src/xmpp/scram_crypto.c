/* SPDX-License-Identifier: MIT */
/* scram_crypto.c - H, HMAC and Hi with algorithms that are fetched once. */
#include "xmpp/scram_crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *name; /* OpenSSL's */
	size_t size;
} hashes[SCRAM_HASH_COUNT] = {
	[SCRAM_SHA_1] = {"SHA1", 20},
	[SCRAM_SHA_256] = {"SHA256", 32},
	[SCRAM_SHA_512] = {"SHA512", 64},
};

/* Written once, then read by all threads. A context is made by copying its hash's HMAC. */
static struct {
	EVP_MD *md[SCRAM_HASH_COUNT];
	EVP_MAC_CTX *hmac[SCRAM_HASH_COUNT];
} fetched;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void
need(bool worked)
{
	if (!worked) {
		fputs("recado: OpenSSL lacks SHA-1, SHA-2, HMAC or PBKDF2, or memory ran out\n",
		      stderr);
		abort();
	}
}

static void
fetch_all(void)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	need(mac != NULL);
	for (size_t i = 0; i < SCRAM_HASH_COUNT; i++) {
		OSSL_PARAM params[] = {
			OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
							 (char *)hashes[i].name, 0),
			OSSL_PARAM_construct_end(),
		};

		fetched.md[i] = EVP_MD_fetch(NULL, hashes[i].name, NULL);
		fetched.hmac[i] = EVP_MAC_CTX_new(mac);
		need(fetched.md[i] != NULL && fetched.hmac[i] != NULL &&
		     EVP_MAC_CTX_set_params(fetched.hmac[i], params) == 1);
	}
	EVP_MAC_free(mac); /* the contexts hold it */
}

static void
fetch(void)
{
	need(pthread_once(&fetch_once, fetch_all) == 0);
}

size_t
scram_hash_size(enum scram_hash hash)
{
	return hashes[hash].size;
}

void
scram_h(enum scram_hash hash, struct str in, unsigned char *out)
{
	fetch();
	need(EVP_Digest(in.p, in.len, out, NULL, fetched.md[hash], NULL) == 1);
}

void
scram_hmac(enum scram_hash hash, struct str key, const struct str *parts, size_t count,
	   unsigned char *out)
{
	EVP_MAC_CTX *ctx;
	size_t size;

	assert(key.len > 0);
	fetch();
	ctx = EVP_MAC_CTX_dup(fetched.hmac[hash]);
	need(ctx != NULL && EVP_MAC_init(ctx, (const unsigned char *)key.p, key.len, NULL) == 1);
	for (size_t i = 0; i < count; i++)
		need(EVP_MAC_update(ctx, (const unsigned char *)parts[i].p, parts[i].len) == 1);
	need(EVP_MAC_final(ctx, out, &size, hashes[hash].size) == 1);
	assert(size == hashes[hash].size);
	EVP_MAC_CTX_free(ctx);
}

void
scram_hi(enum scram_hash hash, struct str password, struct str salt, uint32_t iterations,
	 unsigned char *out)
{
	assert(iterations > 0 && iterations <= INT32_MAX);
	fetch();
	need(PKCS5_PBKDF2_HMAC(password.p, (int)password.len, (const unsigned char *)salt.p,
			       (int)salt.len, (int)iterations, fetched.md[hash],
			       (int)hashes[hash].size, out) == 1);
}

void
scram_xor(enum scram_hash hash, unsigned char *inout, const unsigned char *with)
{
	for (size_t i = 0; i < hashes[hash].size; i++)
		inout[i] ^= with[i];
}

bool
scram_equal(enum scram_hash hash, const unsigned char *a, const unsigned char *b)
{
	return CRYPTO_memcmp(a, b, hashes[hash].size) == 0;
}

void
scram_client_key(enum scram_hash hash, const unsigned char *salted, unsigned char *out)
{
	scram_hmac(hash, str_of(salted, hashes[hash].size), &STR("Client Key"), 1, out);
}

void
scram_server_key(enum scram_hash hash, const unsigned char *salted, unsigned char *out)
{
	scram_hmac(hash, str_of(salted, hashes[hash].size), &STR("Server Key"), 1, out);
}
