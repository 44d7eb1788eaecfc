/* SPDX-License-Identifier: MIT */
/*
 * sasl_client.c - the client's side of SASL (RFC 4422, RFC 4616, RFC 5802). It trusts the server no
 * more than the server trusts it: nonce, iteration count and signature are checked.
 */
#include "xmpp/sasl_server.h"

#include "base/base64.h"
#include "base/rand.h"
#include "xmpp/jid.h"
#include "xmpp/sasl_offer.h"
#include "xmpp/scram_crypto.h"

#include <openssl/crypto.h>

#define NONCE_BITS 144u
#define ITERATIONS_MIN 4096u /* RFC 5802 §5.1, RFC 7677 §4: less was never allowed */
#define NONCE_MAX 1024u      /* bytes of both nonces together */

struct sasl_client {
	struct arena *arena; /* holds this struct and all that it points to */
	enum sasl_mechanism mechanism;
	struct str username, password, authzid, nonce;
	struct sasl_binding binding;
	struct str offer;              /* p NULL: not to be checked */
	struct sasl_client_keys *kept; /* the caller's, or NULL */
	unsigned steps;
	struct str gs2_header, cbind_data, first_bare;
	struct str plain;                       /* PLAIN's message */
	bool has_proved, is_verified;           /* our proof went out; the server's came in */
	unsigned char signature[SCRAM_KEY_MAX]; /* what the server must show */
};

struct sasl_client *
sasl_client_new(enum sasl_mechanism mechanism, struct str username, struct str password,
		struct str authzid, struct sasl_binding binding)
{
	struct arena *arena = arena_new();
	struct sasl_client *client = arena_new_of(arena, struct sasl_client);

	client->arena = arena;
	client->mechanism = mechanism;
	client->username = arena_dup(arena, username);
	client->password = arena_dup(arena, password);
	client->authzid = arena_dup(arena, authzid);
	client->binding.exporter = arena_dup(arena, binding.exporter);
	client->binding.end_point = arena_dup(arena, binding.end_point);
	return client;
}

void
sasl_client_free(struct sasl_client *client)
{
	if (client == NULL)
		return;
	OPENSSL_cleanse((char *)client->password.p, client->password.len);
	OPENSSL_cleanse((char *)client->plain.p, client->plain.len);
	OPENSSL_cleanse(client->signature, sizeof(client->signature));
	arena_free(client->arena);
}

void
sasl_client_set_nonce(struct sasl_client *client, struct str nonce)
{
	client->nonce = arena_dup(client->arena, nonce);
}

void
sasl_client_expect_offer(struct sasl_client *client, struct str offer)
{
	client->offer = arena_dup(client->arena, offer);
}

void
sasl_client_keep_keys(struct sasl_client *client, struct sasl_client_keys *keys)
{
	client->kept = keys;
}

static int
cheated(const char **why, const char *phrase)
{
	*why = phrase;
	return -1;
}

/* saslname (RFC 5802 §5.1). */
static struct str
encode_saslname(struct arena *arena, struct str text)
{
	char *p = arena_bytes(arena, text.len * 3), *at = p;

	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == ',' || text.p[i] == '=') {
			memcpy(at, text.p[i] == ',' ? "=2C" : "=3D", 3);
			at += 3;
		} else {
			*at++ = text.p[i];
		}
	}
	return str_of(p, (size_t)(at - p));
}

/* The strongest binding that the connection has; the exporter covers the whole handshake. */
static int
choose_binding(struct sasl_client *client, struct str *flag)
{
	enum scram_hash hash;
	bool is_plus, can_bind;

	sasl_is_scram(client->mechanism, &hash, &is_plus);
	can_bind = client->binding.exporter.len > 0 || client->binding.end_point.len > 0;
	if (!is_plus) {
		*flag = can_bind ? STR("y") : STR("n");
		return 0;
	}
	if (!can_bind)
		return -1;
	if (client->binding.exporter.len > 0) {
		*flag = STR("p=tls-exporter");
		client->cbind_data = client->binding.exporter;
	} else {
		*flag = STR("p=tls-server-end-point");
		client->cbind_data = client->binding.end_point;
	}
	return 0;
}

static int
scram_first(struct sasl_client *client, struct str *out, const char **why)
{
	struct arena *arena = client->arena;
	struct str flag, authzid = encode_saslname(arena, client->authzid);

	if (choose_binding(client, &flag) < 0)
		return cheated(why, "no channel binding on this connection");
	if (client->nonce.p == NULL)
		client->nonce = rand_token(arena, NONCE_BITS);
	client->gs2_header = arena_printf(arena, "%.*s,%s%.*s,", STR_ARG(flag),
					  authzid.len > 0 ? "a=" : "", STR_ARG(authzid));
	client->first_bare = arena_printf(arena, "n=%.*s,r=%.*s",
					  STR_ARG(encode_saslname(arena, client->username)),
					  STR_ARG(client->nonce));
	*out = arena_join(arena, client->gs2_header, client->first_bare);
	return 0;
}

/* XEP-0474 §5.2. EXTENSIONS: of the server's first message. A server need not know of it. */
static int
check_offer(struct sasl_client *client, enum scram_hash hash, struct str extensions,
	    const char **why)
{
	struct str field;

	while (client->offer.p != NULL && str_split(&extensions, ',', &field))
		if (str_starts(field, STR("h=")) &&
		    !str_equal(str_from(field, 2),
			       sasl_offer_hash(client->arena, hash, client->offer)))
			return cheated(why, "the list of mechanisms was changed on its way");
	return 0;
}

/* server-first-message = r=nonce , s=base64 , i=number [, extensions] (RFC 5802 §7). */
static int
parse_challenge(struct sasl_client *client, struct str in, struct str *nonce, struct str *salt,
		uint32_t *iterations, const char **why)
{
	struct str field, rest = in;
	enum scram_hash hash;
	uint64_t count;
	bool is_plus;

	if (!str_split(&rest, ',', nonce) || !str_starts(*nonce, STR("r=")) ||
	    nonce->len > NONCE_MAX)
		return cheated(why, "challenge without a nonce");
	*nonce = str_from(*nonce, 2);
	if (!str_starts(*nonce, client->nonce) || nonce->len == client->nonce.len)
		return cheated(why, "server's nonce does not go on from ours");
	if (!str_split(&rest, ',', &field) || !str_starts(field, STR("s=")) ||
	    base64_decode(client->arena, str_from(field, 2), salt) < 0 || salt->len == 0)
		return cheated(why, "challenge without a salt");
	if (!str_split(&rest, ',', &field) || !str_starts(field, STR("i=")) ||
	    str_to_u64(str_from(field, 2), UINT32_MAX, &count) < 0)
		return cheated(why, "challenge without an iteration count");
	if (count < ITERATIONS_MIN)
		return cheated(why, "iteration count too low: the password would be exposed");
	if (count > CREDENTIALS_ITERATIONS_MAX)
		return cheated(why, "iteration count too high");
	*iterations = (uint32_t)count;
	sasl_is_scram(client->mechanism, &hash, &is_plus);
	return check_offer(client, hash, rest, why);
}

static bool
is_kept(const struct sasl_client_keys *kept, enum scram_hash hash, struct str salt,
	uint32_t iterations)
{
	return kept->iterations == iterations && kept->hash == hash &&
	       str_equal(str_of(kept->salt, kept->salt_len), salt);
}

/* Slow. */
static int
derive_keys(struct sasl_client *client, enum scram_hash hash, struct str salt, uint32_t iterations,
	    struct sasl_client_keys *out, const char **why)
{
	unsigned char salted[SCRAM_KEY_MAX];
	struct str password;

	if (salt.len > sizeof(out->salt))
		return cheated(why, "salt too long");
	if (password_prepare(client->arena, client->password, &password, why) < 0)
		return -1;
	scram_hi(hash, password, salt, iterations, salted);
	OPENSSL_cleanse((char *)password.p, password.len);
	scram_client_key(hash, salted, out->client_key);
	scram_server_key(hash, salted, out->server_key);
	OPENSSL_cleanse(salted, sizeof(salted));
	out->hash = hash;
	out->iterations = iterations;
	out->salt_len = salt.len;
	memcpy(out->salt, salt.p, salt.len);
	return 0;
}

/* The proof, and the signature that the server must answer with (RFC 5802 §3). */
static void
sign(struct sasl_client *client, const struct sasl_client_keys *keys, struct str challenge,
     struct str without_proof, unsigned char *proof)
{
	struct str message[] = {client->first_bare, STR(","), challenge, STR(","), without_proof};
	unsigned char stored[SCRAM_KEY_MAX];
	size_t size = scram_hash_size(keys->hash);

	scram_h(keys->hash, str_of(keys->client_key, size), stored);
	scram_hmac(keys->hash, str_of(stored, size), message, COUNT(message), proof);
	scram_xor(keys->hash, proof, keys->client_key);
	scram_hmac(keys->hash, str_of(keys->server_key, size), message, COUNT(message),
		   client->signature);
	OPENSSL_cleanse(stored, sizeof(stored));
	client->has_proved = true;
}

static int
scram_prove(struct sasl_client *client, struct str challenge, struct str without_proof,
	    struct str salt, uint32_t iterations, unsigned char *proof, const char **why)
{
	struct sasl_client_keys own = {0}, *keys = client->kept != NULL ? client->kept : &own;
	enum scram_hash hash;
	bool is_plus;
	int rc = 0;

	sasl_is_scram(client->mechanism, &hash, &is_plus);
	if (!is_kept(keys, hash, salt, iterations))
		rc = derive_keys(client, hash, salt, iterations, keys, why);
	if (rc == 0)
		sign(client, keys, challenge, without_proof, proof);
	OPENSSL_cleanse(&own, sizeof(own));
	return rc;
}

static int
scram_final(struct sasl_client *client, struct str in, struct str *out, const char **why)
{
	struct arena *arena = client->arena;
	unsigned char proof[SCRAM_KEY_MAX];
	struct str nonce, salt, binding, without_proof;
	enum scram_hash hash;
	bool is_plus;
	uint32_t iterations;

	sasl_is_scram(client->mechanism, &hash, &is_plus);
	if (parse_challenge(client, in, &nonce, &salt, &iterations, why) < 0)
		return -1;
	binding = base64_encode(arena, arena_join(arena, client->gs2_header, client->cbind_data));
	without_proof = arena_printf(arena, "c=%.*s,r=%.*s", STR_ARG(binding), STR_ARG(nonce));
	if (scram_prove(client, in, without_proof, salt, iterations, proof, why) < 0)
		return -1;
	*out = arena_printf(arena, "%.*s,p=%.*s", STR_ARG(without_proof),
			    STR_ARG(base64_encode(arena, str_of(proof, scram_hash_size(hash)))));
	return 0;
}

static struct str
plain_message(struct sasl_client *client)
{
	struct arena *arena = client->arena;
	struct str names = arena_join(arena, client->authzid, STR("\0"));

	names = arena_join(arena, names, client->username);
	return arena_join(arena, arena_join(arena, names, STR("\0")), client->password);
}

/* All is said in one message; EXTERNAL's is the authzid, ANONYMOUS needs none. */
static int
single_message(struct sasl_client *client, struct str *out, const char **why)
{
	if (client->steps > 0)
		return cheated(why, "a challenge to a mechanism that has none");
	*out = STR_NONE;
	if (client->mechanism == SASL_PLAIN)
		*out = client->plain = plain_message(client);
	else if (client->mechanism == SASL_EXTERNAL)
		*out = client->authzid.len > 0 ? client->authzid : STR("");
	return 0;
}

/* server-final-message = v=base64 [, extensions] (RFC 5802 §7). */
static int
verify_server(struct sasl_client *client, struct str in, const char **why)
{
	struct str verifier, rest = in, signature;
	enum scram_hash hash;
	bool is_plus;

	sasl_is_scram(client->mechanism, &hash, &is_plus);
	if (!client->has_proved)
		return cheated(why, "success before we proved anything");
	if (!str_split(&rest, ',', &verifier) || !str_starts(verifier, STR("v=")) ||
	    base64_decode(client->arena, str_from(verifier, 2), &signature) < 0 ||
	    signature.len != scram_hash_size(hash) ||
	    !scram_equal(hash, (const unsigned char *)signature.p, client->signature))
		return cheated(why, "server does not know the password");
	client->is_verified = true;
	return 0;
}

int
sasl_client_step(struct sasl_client *client, struct str in, struct str *out, const char **why)
{
	enum scram_hash hash;
	bool is_plus;
	int rc;

	*out = STR_NONE;
	if (in.len > SASL_MESSAGE_MAX)
		return cheated(why, "challenge too long");
	if (!sasl_is_scram(client->mechanism, &hash, &is_plus))
		rc = single_message(client, out, why);
	else if (client->steps == 0)
		rc = scram_first(client, out, why);
	else if (client->steps == 1)
		rc = scram_final(client, in, out, why);
	else if (client->steps ==
		 2) /* some servers send it as a challenge, and await an empty answer */
		rc = verify_server(client, in, why);
	else
		rc = cheated(why, "one challenge too many");
	if (client->steps++ == 2)
		*out = STR("");
	return rc;
}

int
sasl_client_finish(struct sasl_client *client, struct str in, const char **why)
{
	enum scram_hash hash;
	bool is_plus;

	if (!sasl_is_scram(client->mechanism, &hash, &is_plus))
		return client->steps > 0 ? 0 : cheated(why, "success before we said anything");
	if (client->is_verified && in.len == 0)
		return 0;
	return verify_server(client, in, why);
}
