/* SPDX-License-Identifier: MIT */
/* legacy_auth.c - the digest of jabber:iq:auth. */
#include "xmpp/legacy_auth.h"

#include "base/base64.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define SHA_1_SIZE 20u

struct str
legacy_digest(struct arena *arena, struct str stream_id, struct str password)
{
	unsigned char hash[SHA_1_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, stream_id.p, stream_id.len) != 1 ||
	    EVP_DigestUpdate(ctx, password.p, password.len) != 1 ||
	    EVP_DigestFinal_ex(ctx, hash, NULL) != 1)
		assert(!"SHA-1 is there");
	EVP_MD_CTX_free(ctx);
	return hex_encode(arena, str_of(hash, sizeof(hash)));
}

bool
legacy_digest_fits(struct str stream_id, struct str password, struct str given)
{
	struct arena *arena = arena_new();
	struct str want = legacy_digest(arena, stream_id, password);
	bool fits = given.len == want.len && CRYPTO_memcmp(given.p, want.p, want.len) == 0;

	OPENSSL_cleanse((char *)want.p, want.len);
	arena_free(arena);
	return fits;
}
