/* SPDX-License-Identifier: MIT */
/* credentials.c - deriving, checking and writing down SCRAM keys. */
#include "xmpp/credentials.h"

#include "base/base64.h"
#include "base/rand.h"
#include "xmpp/scram_crypto.h"

#include <openssl/crypto.h>

#define SALT_SIZE 16u /* RFC 5802 §5.1 leaves it open; 128 bits never meet again */
#define SALT_MAX 256u /* of accounts that were brought from elsewhere */

static const char *const hash_names[SCRAM_HASH_COUNT] = {
	[SCRAM_SHA_1] = "SHA-1",
	[SCRAM_SHA_256] = "SHA-256",
	[SCRAM_SHA_512] = "SHA-512",
};

void
scram_keys_derive(enum scram_hash hash, struct str password, struct str salt, uint32_t iterations,
		  struct scram_keys *out)
{
	unsigned char salted[SCRAM_KEY_MAX], client_key[SCRAM_KEY_MAX];

	memset(out, 0, sizeof(*out));
	out->is_set = true;
	out->iterations = iterations;
	out->salt = salt;
	scram_hi(hash, password, salt, iterations, salted);
	scram_client_key(hash, salted, client_key);
	scram_h(hash, str_of(client_key, scram_hash_size(hash)), out->stored_key);
	scram_server_key(hash, salted, out->server_key);
	OPENSSL_cleanse(salted, sizeof(salted));
	OPENSSL_cleanse(client_key, sizeof(client_key));
}

bool
credentials_complete(struct arena *arena, struct credentials *credentials, struct str password,
		     uint32_t iterations)
{
	bool is_new = false;

	for (size_t i = 0; i < SCRAM_HASH_COUNT; i++) {
		char *salt;

		if (credentials->scram[i].is_set)
			continue;
		salt = arena_bytes(arena, SALT_SIZE);
		rand_bytes(salt, SALT_SIZE);
		scram_keys_derive((enum scram_hash)i, password, str_of(salt, SALT_SIZE), iterations,
				  &credentials->scram[i]);
		is_new = true;
	}
	return is_new;
}

void
credentials_derive(struct arena *arena, struct str password, uint32_t iterations,
		   struct credentials *out)
{
	memset(out, 0, sizeof(*out));
	credentials_complete(arena, out, password, iterations);
}

/* The hash to check a password against: the first set of these. SHA-256 is the fastest strong one.
 */
static const struct scram_keys *
keys_to_verify(const struct credentials *credentials, enum scram_hash *hash)
{
	static const enum scram_hash order[] = {SCRAM_SHA_256, SCRAM_SHA_512, SCRAM_SHA_1};

	for (size_t i = 0; i < COUNT(order); i++) {
		*hash = order[i];
		if (credentials->scram[*hash].is_set)
			return &credentials->scram[*hash];
	}
	return NULL;
}

bool
credentials_verify(const struct credentials *credentials, struct str password)
{
	enum scram_hash hash;
	const struct scram_keys *want = keys_to_verify(credentials, &hash);
	struct scram_keys got;
	bool fits;

	if (want == NULL)
		return false;
	scram_keys_derive(hash, password, want->salt, want->iterations, &got);
	fits = scram_equal(hash, got.stored_key, want->stored_key);
	OPENSSL_cleanse(&got, sizeof(got));
	return fits;
}

void
credentials_wipe(struct credentials *credentials)
{
	OPENSSL_cleanse(credentials, sizeof(*credentials));
}

struct str
credentials_format(struct arena *arena, const struct credentials *credentials)
{
	struct str line = STR("v1");

	for (size_t i = 0; i < SCRAM_HASH_COUNT; i++) {
		const struct scram_keys *keys = &credentials->scram[i];
		size_t size = scram_hash_size((enum scram_hash)i);

		if (!keys->is_set)
			continue;
		line = arena_printf(arena, "%.*s;%s:%u:%.*s:%.*s:%.*s", STR_ARG(line),
				    hash_names[i], keys->iterations,
				    STR_ARG(base64_encode(arena, keys->salt)),
				    STR_ARG(base64_encode(arena, str_of(keys->stored_key, size))),
				    STR_ARG(base64_encode(arena, str_of(keys->server_key, size))));
	}
	if (credentials->epoch > 0)
		line = arena_printf(arena, "%.*s;epoch:%llu", STR_ARG(line),
				    (unsigned long long)credentials->epoch);
	if (credentials->sealed_password.len > 0)
		line = arena_printf(arena, "%.*s;sealed:%.*s", STR_ARG(line),
				    STR_ARG(base64_encode(arena, credentials->sealed_password)));
	return line;
}

static int
parse_key(struct arena *arena, struct str *rest, size_t size, unsigned char *out)
{
	struct str field, bytes;

	if (!str_split(rest, ':', &field) || base64_decode(arena, field, &bytes) < 0 ||
	    bytes.len != size)
		return -1;
	memcpy(out, bytes.p, size);
	return 0;
}

/* REST is "iterations:salt:stored:server". */
static int
parse_keys(struct arena *arena, enum scram_hash hash, struct str rest, struct scram_keys *out)
{
	size_t size = scram_hash_size(hash);
	struct str field;
	uint64_t iterations;

	if (out->is_set) /* twice the same hash */
		return -1;
	/* As credentials_format writes it: a positive number, without zeros in front. */
	if (!str_split(&rest, ':', &field) || field.len == 0 || field.p[0] == '0' ||
	    str_to_u64(field, CREDENTIALS_ITERATIONS_MAX, &iterations) < 0)
		return -1;
	if (!str_split(&rest, ':', &field) || base64_decode(arena, field, &out->salt) < 0 ||
	    out->salt.len == 0 || out->salt.len > SALT_MAX)
		return -1;
	if (parse_key(arena, &rest, size, out->stored_key) < 0 ||
	    parse_key(arena, &rest, size, out->server_key) < 0 || rest.p != NULL)
		return -1;
	out->iterations = (uint32_t)iterations;
	out->is_set = true;
	return 0;
}

/* A positive number, once, written as credentials_format does. */
static int
parse_epoch(struct str field, uint64_t *out)
{
	if (*out > 0 || field.len == 0 || field.p[0] == '0')
		return -1;
	return str_to_u64(field, UINT64_MAX, out);
}

static int
parse_field(struct arena *arena, struct str field, struct credentials *out)
{
	struct str name;

	if (!str_split(&field, ':', &name) || field.p == NULL)
		return -1;
	if (str_is(name, "epoch"))
		return parse_epoch(field, &out->epoch);
	if (str_is(name, "sealed")) {
		if (out->sealed_password.p != NULL ||
		    base64_decode(arena, field, &out->sealed_password) < 0)
			return -1;
		return out->sealed_password.len > 0 ? 0 : -1;
	}
	for (size_t i = 0; i < SCRAM_HASH_COUNT; i++)
		if (str_is(name, hash_names[i]))
			return parse_keys(arena, (enum scram_hash)i, field, &out->scram[i]);
	return -1;
}

int
credentials_parse(struct arena *arena, struct str text, struct credentials *out)
{
	struct str field;

	memset(out, 0, sizeof(*out));
	if (!str_split(&text, ';', &field) || !str_is(field, "v1"))
		return -1;
	while (str_split(&text, ';', &field)) {
		if (parse_field(arena, field, out) < 0) {
			credentials_wipe(out);
			return -1;
		}
	}
	return 0;
}
