/* SPDX-License-Identifier: MIT */
/*
 * sasl.c - the server's side of SASL: which call goes to which mechanism, and who the user is.
 */
#include "xmpp/sasl_server.h"

#include "base/utf8.h"
#include "xmpp/jid.h"
#include "xmpp/scram_crypto.h"

#include <openssl/crypto.h>

#define FAKE_SALT_SIZE 16u /* as long as a new account's (credentials.c) */

struct sasl_server *
sasl_server_new(const struct sasl_server_options *options)
{
	struct arena *arena = arena_new();
	struct sasl_server *server = arena_new_of(arena, struct sasl_server);
	struct sasl_server_options *own = &server->options;

	assert(options->unknown_user_key != NULL && options->fake_iterations > 0);
	server->arena = arena;
	server->username = STR("");
	*own = *options;
	own->host = arena_dup(arena, options->host);
	own->binding.exporter = arena_dup(arena, options->binding.exporter);
	own->binding.end_point = arena_dup(arena, options->binding.end_point);
	own->nonce = arena_dup(arena, options->nonce);
	own->offer = arena_dup(arena, options->offer);
	own->certificate_ids = arena_array(arena, struct str, options->certificate_id_count);
	for (size_t i = 0; i < options->certificate_id_count; i++)
		own->certificate_ids[i] = arena_dup(arena, options->certificate_ids[i]);
	return server;
}

void
sasl_server_free(struct sasl_server *server)
{
	if (server == NULL)
		return;
	OPENSSL_cleanse((char *)server->password.p, server->password.len);
	OPENSSL_cleanse(&server->keys, sizeof(server->keys));
	credentials_wipe(&server->credentials);
	arena_free(server->arena);
}

enum sasl_step
sasl_server_fail(struct sasl_server *server, enum sasl_failure failure, const char *why)
{
	server->state = SASL_ENDED;
	server->failure = failure;
	server->why = why;
	return SASL_FAILURE;
}

enum sasl_step
sasl_server_succeed(struct sasl_server *server, struct str data, struct str *out)
{
	server->state = SASL_ENDED;
	*out = data;
	return SASL_SUCCESS;
}

/*
 * The localpart of AUTHCID. Some clients send the bare JID where RFC 6120 §6.3.7 wants the
 * localpart; an "@" cannot stand in the latter, so there is no doubt which it is. A name that
 * nobody can have fails at once: that tells nothing about those that somebody may have.
 */
static int
take_authcid(struct sasl_server *server, struct str authcid)
{
	const char *why = NULL;
	struct jid jid;
	int rc;

	if (str_find(authcid, '@') < 0) {
		rc = jid_prepare_local(server->arena, authcid, &server->username, &why);
	} else {
		rc = jid_parse(server->arena, authcid, &jid, &why);
		if (rc == 0 && (!jid_is_bare(jid) || !str_equal(jid.domain, server->options.host)))
			rc = -1;
		if (rc == 0)
			server->username = jid.local;
	}
	if (rc < 0 || server->username.len == 0) {
		server->username = STR("");
		sasl_server_fail(server, SASL_NOT_AUTHORIZED, "no account can have that name");
		return -1;
	}
	return 0;
}

/* SEC-30: nobody acts for another account; there are no grants. */
static int
check_authzid(struct sasl_server *server, struct str authzid)
{
	const char *why = NULL;
	struct jid jid;

	if (authzid.len == 0)
		return 0;
	if (jid_parse(server->arena, authzid, &jid, &why) < 0 || !jid_is_bare(jid) ||
	    !str_equal(jid.domain, server->options.host) ||
	    !str_equal(jid.local, server->username)) {
		sasl_server_fail(server, SASL_INVALID_AUTHZID, "authzid is not the user's own");
		return -1;
	}
	return 0;
}

int
sasl_server_identify(struct sasl_server *server, struct str authcid, struct str authzid)
{
	if (take_authcid(server, authcid) < 0)
		return -1;
	return check_authzid(server, authzid);
}

/*
 * SEC-34. The salt differs by hash, as that of an account does. Nothing hashes to these keys but by
 * accident, and a fake account is refused even then.
 */
void
sasl_server_fake_keys(struct sasl_server *server, enum scram_hash hash, struct scram_keys *out)
{
	unsigned char mac[SCRAM_KEY_MAX];
	const char kind = (char)('0' + (int)hash);
	struct str parts[] = {
		str_of(&kind, 1),
		server->username,
		STR("@"),
		server->options.host,
	};

	scram_hmac(SCRAM_SHA_512, str_of(server->options.unknown_user_key, 32), parts, COUNT(parts),
		   mac);
	memset(out, 0, sizeof(*out));
	out->is_set = true;
	out->iterations = server->options.fake_iterations;
	out->salt = arena_dup(server->arena, str_of(mac, FAKE_SALT_SIZE));
	memcpy(out->stored_key, mac + FAKE_SALT_SIZE, 32);
	memcpy(out->server_key, mac + FAKE_SALT_SIZE, 32);
	OPENSSL_cleanse(mac, sizeof(mac));
}

static enum sasl_step
first_step(struct sasl_server *server, struct str in, struct str *out)
{
	enum scram_hash hash;
	bool is_plus;

	if (!(server->options.offered & SASL_BIT(server->options.mechanism)))
		return sasl_server_fail(server, SASL_INVALID_MECHANISM, "mechanism not offered");
	if (server->options.mechanism == SASL_ANONYMOUS) /* the trace (RFC 4505 §2) is of no use */
		return sasl_server_succeed(server, STR_NONE, out);
	if (in.p == NULL && !server->was_asked) { /* RFC 6120 §6.4.2: the client speaks first */
		server->was_asked = true;
		*out = STR("");
		return SASL_CHALLENGE;
	}
	if (sasl_is_scram(server->options.mechanism, &hash, &is_plus))
		return sasl_scram_step(server, in.p != NULL ? in : STR(""), out);
	if (server->options.mechanism == SASL_PLAIN)
		return sasl_plain_step(server, in);
	return sasl_external_step(server, in);
}

enum sasl_step
sasl_server_step(struct sasl_server *server, struct str in, struct str *out)
{
	assert(server->state == SASL_WANTS_FIRST || server->state == SASL_WANTS_FINAL);
	*out = STR_NONE;
	if (in.len > SASL_MESSAGE_MAX)
		return sasl_server_fail(server, SASL_MALFORMED_REQUEST, "message too long");
	if (in.p != NULL && !utf8_is_valid(in)) /* SEC-01: base64 hides bytes from the XML reader */
		return sasl_server_fail(server, SASL_MALFORMED_REQUEST, "message is not UTF-8");
	if (server->state == SASL_WANTS_FIRST)
		return first_step(server, in, out);
	return sasl_scram_step(server, in.p != NULL ? in : STR(""), out);
}

enum sasl_step
sasl_server_credentials(struct sasl_server *server, const struct credentials *credentials,
			struct str *out)
{
	assert(server->state == SASL_WANTS_CREDENTIALS);
	*out = STR_NONE;
	switch (server->options.mechanism) {
	case SASL_EXTERNAL:
		/* The certificate proved who it is; only its holder learns that the account is
		 * gone. */
		if (credentials == NULL)
			return sasl_server_fail(server, SASL_NOT_AUTHORIZED, "no such account");
		return sasl_server_succeed(server, STR_NONE, out);
	case SASL_PLAIN:
		return sasl_plain_credentials(server, credentials);
	default:
		return sasl_scram_credentials(server, credentials, out);
	}
}

struct str
sasl_server_username(const struct sasl_server *server)
{
	return server->username;
}

bool
sasl_server_used_password(const struct sasl_server *server)
{
	return server->options.mechanism != SASL_EXTERNAL &&
	       server->options.mechanism != SASL_ANONYMOUS;
}

enum sasl_failure
sasl_server_failure(const struct sasl_server *server, const char **why)
{
	*why = server->why;
	return server->failure;
}
