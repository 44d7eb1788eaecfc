/* SPDX-License-Identifier: MIT */
/*
 * sasl_scram.c - SCRAM-SHA-1, -256 and -512, with and without -PLUS (RFC 5802, RFC 7677), the
 * server's side.
 *
 * A user who does not exist goes the same way as one who does, up to the check of the proof: the
 * same messages, the same hashes, the same answer to each mistake (SEC-34).
 */
#include "xmpp/sasl_server.h"

#include "base/base64.h"
#include "base/rand.h"
#include "xmpp/sasl_offer.h"
#include "xmpp/scram_crypto.h"

#define NONCE_BITS 144u /* 24 characters of ours */
#define NONCE_MAX 512u  /* bytes of the client's; RFC 5802 knows no bound */
#define PLUS_BITS                                                                                  \
	(SASL_BIT(SASL_SCRAM_SHA_512_PLUS) | SASL_BIT(SASL_SCRAM_SHA_256_PLUS) |                   \
	 SASL_BIT(SASL_SCRAM_SHA_1_PLUS))

static enum sasl_step
malformed(struct sasl_server *server, const char *why)
{
	return sasl_server_fail(server, SASL_MALFORMED_REQUEST, why);
}

/* The value of the next attribute of *REST, which must be NAME. */
static int
take_attribute(struct str *rest, char name, struct str *value)
{
	struct str field;

	if (!str_split(rest, ',', &field) || field.len < 2 || field.p[0] != name ||
	    field.p[1] != '=')
		return -1;
	*value = str_from(field, 2);
	return 0;
}

/* RFC 5802 §5.1: unknown extensions are passed over, "m" is one that must be understood. */
static int
pass_extensions(struct str rest)
{
	struct str field;

	while (str_split(&rest, ',', &field)) {
		bool is_letter = field.len > 0 && ((field.p[0] >= 'a' && field.p[0] <= 'z') ||
						   (field.p[0] >= 'A' && field.p[0] <= 'Z'));

		if (!is_letter || field.len < 3 || field.p[1] != '=' || field.p[0] == 'm')
			return -1;
	}
	return 0;
}

/* saslname: "=2C" is a comma, "=3D" an equals sign, no other "=" may stand (RFC 5802 §5.1). */
static int
decode_saslname(struct arena *arena, struct str text, struct str *out)
{
	char *p;
	size_t len = 0;

	if (text.len == 0)
		return -1;
	p = arena_bytes(arena, text.len);
	for (size_t i = 0; i < text.len; i++) {
		p[len] = text.p[i];
		if (text.p[i] == '=') {
			struct str code = str_first(str_from(text, i + 1), 2);

			if (str_is(code, "2C"))
				p[len] = ',';
			else if (!str_is(code, "3D"))
				return -1;
			i += 2;
		}
		len++;
	}
	*out = str_of(p, len);
	return 0;
}

static bool
is_nonce(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] < 0x21 || text.p[i] > 0x7e || text.p[i] == ',')
			return false;
	return text.len > 0 && text.len <= NONCE_MAX;
}

/*
 * gs2-cbind-flag (RFC 5802 §5.1, §6). A client that says "y" saw no -PLUS offered: where we offered
 * one, somebody took it off the list (SEC-33). XEP-0440 leaves no honest reason for "y" either,
 * because tls-server-end-point is always among the bindings that we offer.
 */
static enum sasl_step
take_binding_flag(struct sasl_server *server, struct str flag)
{
	const struct sasl_server_options *options = &server->options;
	enum scram_hash hash;
	bool is_plus;

	sasl_is_scram(options->mechanism, &hash, &is_plus);
	if (str_is(flag, "n") || str_is(flag, "y")) {
		if (is_plus)
			return malformed(server, "-PLUS without a channel binding");
		if (str_is(flag, "y") && (options->offered & PLUS_BITS))
			return sasl_server_fail(server, SASL_NOT_AUTHORIZED,
						"client was not shown the -PLUS mechanisms");
		return SASL_CHALLENGE;
	}
	if (!str_starts(flag, STR("p=")))
		return malformed(server, "bad channel binding flag");
	if (!is_plus)
		return malformed(server, "channel binding without -PLUS");
	if (str_is(flag, "p=tls-exporter"))
		server->cbind_data = options->binding.exporter;
	else if (str_is(flag, "p=tls-server-end-point"))
		server->cbind_data = options->binding.end_point;
	if (server->cbind_data.len == 0)
		return malformed(server, "channel binding type not available");
	return SASL_CHALLENGE;
}

/* client-first-message = gs2-header [m=,] n=saslname , r=nonce [, extensions] (RFC 5802 §7). */
static enum sasl_step
take_first(struct sasl_server *server, struct str in)
{
	struct str flag, authzid, name, nonce, rest = in;

	if (str_find(in, '\0') >= 0)
		return malformed(server, "NUL in the message");
	if (!str_split(&rest, ',', &flag) || !str_split(&rest, ',', &authzid) || rest.p == NULL)
		return malformed(server, "no gs2 header");
	if (take_binding_flag(server, flag) == SASL_FAILURE)
		return SASL_FAILURE;
	server->gs2_header = arena_dup(server->arena, str_first(in, in.len - rest.len));
	server->client_first_bare = arena_dup(server->arena, rest);
	if (authzid.len > 0 && (!str_starts(authzid, STR("a=")) ||
				decode_saslname(server->arena, str_from(authzid, 2), &authzid) < 0))
		return malformed(server, "bad authzid");
	if (take_attribute(&rest, 'n', &name) < 0 ||
	    decode_saslname(server->arena, name, &name) < 0)
		return malformed(server, "bad user name, or an extension we do not know");
	if (take_attribute(&rest, 'r', &nonce) < 0 || !is_nonce(nonce))
		return malformed(server, "bad nonce");
	if (pass_extensions(rest) < 0)
		return malformed(server, "bad extension");
	if (sasl_server_identify(server, name, authzid) < 0)
		return SASL_FAILURE;
	if (server->options.nonce.p == NULL)
		server->options.nonce = rand_token(server->arena, NONCE_BITS);
	server->nonce = arena_join(server->arena, nonce, server->options.nonce);
	server->state = SASL_WANTS_CREDENTIALS;
	return SASL_LOOK_UP;
}

/* server-first-message (RFC 5802 §7). */
enum sasl_step
sasl_scram_credentials(struct sasl_server *server, const struct credentials *credentials,
		       struct str *out)
{
	enum scram_hash hash;
	bool is_plus;

	sasl_is_scram(server->options.mechanism, &hash, &is_plus);
	/* Made for everyone, so that it takes the same time for everyone (SEC-34). */
	sasl_server_fake_keys(server, hash, &server->keys);
	server->is_fake = credentials == NULL || !credentials->scram[hash].is_set;
	if (!server->is_fake) {
		server->keys = credentials->scram[hash];
		server->keys.salt = arena_dup(server->arena, server->keys.salt);
	}
	server->server_first = arena_printf(
		server->arena, "r=%.*s,s=%.*s,i=%u", STR_ARG(server->nonce),
		STR_ARG(base64_encode(server->arena, server->keys.salt)), server->keys.iterations);
	if (server->options.offer.p != NULL) /* XEP-0474 §5.1: an optional attribute */
		server->server_first = arena_printf(
			server->arena, "%.*s,h=%.*s", STR_ARG(server->server_first),
			STR_ARG(sasl_offer_hash(server->arena, hash, server->options.offer)));
	server->state = SASL_WANTS_FINAL;
	*out = server->server_first;
	return SASL_CHALLENGE;
}

/* Whether PROOF is ClientKey XOR HMAC(StoredKey, AuthMessage) (RFC 5802 §3). */
static bool
is_proof(const struct sasl_server *server, enum scram_hash hash, const struct str *auth_message,
	 size_t parts, struct str proof)
{
	unsigned char key[SCRAM_KEY_MAX], stored[SCRAM_KEY_MAX];
	size_t size = scram_hash_size(hash);

	scram_hmac(hash, str_of(server->keys.stored_key, size), auth_message, parts, key);
	scram_xor(hash, key, (const unsigned char *)proof.p);
	scram_h(hash, str_of(key, size), stored);
	return scram_equal(hash, stored, server->keys.stored_key) && !server->is_fake;
}

/* Checks the proof, and answers with server-final-message. WITHOUT_PROOF ends before ",p=". */
static enum sasl_step
check_proof(struct sasl_server *server, struct str without_proof, struct str proof, struct str *out)
{
	unsigned char signature[SCRAM_KEY_MAX];
	enum scram_hash hash;
	bool is_plus;
	struct str auth_message[] = {server->client_first_bare, STR(","), server->server_first,
				     STR(","), without_proof};
	size_t size;

	sasl_is_scram(server->options.mechanism, &hash, &is_plus);
	size = scram_hash_size(hash);
	if (proof.len != size)
		return malformed(server, "proof of another length than the hash");
	scram_hmac(hash, str_of(server->keys.server_key, size), auth_message, COUNT(auth_message),
		   signature);
	if (!is_proof(server, hash, auth_message, COUNT(auth_message), proof))
		return sasl_server_fail(server, SASL_NOT_AUTHORIZED, "wrong name or password");
	return sasl_server_succeed(
		server,
		arena_join(server->arena, STR("v="),
			   base64_encode(server->arena, str_of(signature, size))),
		out);
}

/* client-final-message = c=base64 , r=nonce [, extensions] , p=base64 (RFC 5802 §7). */
static enum sasl_step
take_final(struct sasl_server *server, struct str in, struct str *out)
{
	struct str rest = in, binding, nonce, proof, decoded, want;
	size_t proof_at = in.len;

	while (proof_at > 0 && in.p[proof_at - 1] != ',')
		proof_at--;
	proof = str_from(in, proof_at);
	if (proof_at == 0 || str_find(in, '\0') >= 0 || !str_starts(proof, STR("p=")) ||
	    base64_decode(server->arena, str_from(proof, 2), &proof) < 0)
		return malformed(server, "no proof at the end");
	rest = str_first(in, proof_at - 1);
	if (take_attribute(&rest, 'c', &binding) < 0 ||
	    base64_decode(server->arena, binding, &decoded) < 0)
		return malformed(server, "bad channel binding");
	if (take_attribute(&rest, 'r', &nonce) < 0 || pass_extensions(rest) < 0)
		return malformed(server, "bad nonce or extension");
	want = arena_join(server->arena, server->gs2_header, server->cbind_data);
	if (!str_equal(decoded, want)) /* public on this connection: no need for constant time */
		return sasl_server_fail(server, SASL_NOT_AUTHORIZED, "wrong channel binding");
	if (!str_equal(nonce, server->nonce))
		return sasl_server_fail(server, SASL_NOT_AUTHORIZED, "wrong nonce");
	return check_proof(server, str_first(in, proof_at - 1), proof, out);
}

enum sasl_step
sasl_scram_step(struct sasl_server *server, struct str in, struct str *out)
{
	if (server->state == SASL_WANTS_FIRST)
		return take_first(server, in);
	return take_final(server, in, out);
}
