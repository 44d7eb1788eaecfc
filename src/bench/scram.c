/* SPDX-License-Identifier: MIT */
/* scram.c - SCRAM without channel binding, and a cache of salted passwords. */
#include "bench/scram.h"

#include "base/base64.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

struct salted {
	char *key; /* "hash,salt,iterations,password" */
	unsigned char bytes[32];
};

void
scram_cache_free(struct scram_cache *cache)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&cache->by_salt, &at, &value)) {
		struct salted *salted = value;

		free(salted->key);
		free(salted);
	}
	map_free(&cache->by_salt);
}

static const EVP_MD *
hash_of(const struct scram *scram)
{
	return scram->is_sha1 ? EVP_sha1() : EVP_sha256();
}

static size_t
size_of(const struct scram *scram)
{
	return scram->is_sha1 ? 20 : 32;
}

static void
mac(const struct scram *scram, const unsigned char *key, struct str text, unsigned char *out)
{
	HMAC(hash_of(scram), key, (int)size_of(scram), (const unsigned char *)text.p, text.len, out,
	     NULL);
}

struct str
scram_first(struct scram *scram, struct arena *arena, bool is_sha1, const char *user,
	    struct str nonce)
{
	scram->is_sha1 = is_sha1;
	snprintf(scram->first_bare, sizeof(scram->first_bare), "n=%s,r=%.*s", user, STR_ARG(nonce));
	return arena_printf(arena, "n,,%s", scram->first_bare);
}

/* The value of the attribute LETTER of a SCRAM message; STR_NONE without one. */
static struct str
field(struct str message, char letter)
{
	struct str part;

	while (str_split(&message, ',', &part))
		if (part.len >= 2 && part.p[0] == letter && part.p[1] == '=')
			return str_from(part, 2);
	return STR_NONE;
}

static const unsigned char *
salted_password(const struct scram *scram, struct arena *arena, struct scram_cache *cache,
		const char *password, struct str salt, uint64_t iterations)
{
	struct str key = arena_printf(arena, "%d,%.*s,%llu,%s", scram->is_sha1,
				      STR_ARG(hex_encode(arena, salt)),
				      (unsigned long long)iterations, password);
	struct salted *salted = map_get(&cache->by_salt, key);

	if (salted == NULL) {
		salted = xnew(struct salted);
		salted->key = str_dupz(key);
		PKCS5_PBKDF2_HMAC(password, -1, (const unsigned char *)salt.p, (int)salt.len,
				  (int)iterations, hash_of(scram), (int)size_of(scram),
				  salted->bytes);
		map_put(&cache->by_salt, str(salted->key), salted);
	}
	return salted->bytes;
}

int
scram_final(struct scram *scram, struct arena *arena, struct scram_cache *cache,
	    const char *password, struct str server_first, struct str *out, const char **why)
{
	unsigned char client_key[32], stored_key[32], server_key[32], proof[32];
	struct str nonce = field(server_first, 'r'), salt, own = str(scram->first_bare);
	struct str without_proof, auth;
	const unsigned char *salted;
	uint64_t iterations;

	own = str_from(own, (size_t)(strstr(scram->first_bare, ",r=") + 3 - scram->first_bare));
	if (nonce.len <= own.len || !str_starts(nonce, own)) {
		*why = "the server's nonce does not start with ours";
		return -1;
	}
	if (base64_decode(arena, field(server_first, 's'), &salt) < 0 ||
	    str_to_u64(field(server_first, 'i'), 10000000, &iterations) < 0 || iterations == 0) {
		*why = "the server's first message has no salt or iteration count";
		return -1;
	}
	salted = salted_password(scram, arena, cache, password, salt, iterations);
	without_proof = arena_printf(arena, "c=biws,r=%.*s", STR_ARG(nonce));
	auth = arena_printf(arena, "%s,%.*s,%.*s", scram->first_bare, STR_ARG(server_first),
			    STR_ARG(without_proof));
	mac(scram, salted, STR("Client Key"), client_key);
	EVP_Digest(client_key, size_of(scram), stored_key, NULL, hash_of(scram), NULL);
	mac(scram, stored_key, auth, proof);
	for (size_t i = 0; i < size_of(scram); i++)
		proof[i] ^= client_key[i];
	mac(scram, salted, STR("Server Key"), server_key);
	mac(scram, server_key, auth, scram->server_signature);
	*out = arena_printf(arena, "%.*s,p=%.*s", STR_ARG(without_proof),
			    STR_ARG(base64_encode(arena, str_of(proof, size_of(scram)))));
	return 0;
}

bool
scram_check(const struct scram *scram, struct arena *arena, struct str server_final)
{
	struct str signature;

	return base64_decode(arena, field(server_final, 'v'), &signature) == 0 &&
	       str_equal(signature, str_of(scram->server_signature, size_of(scram)));
}
