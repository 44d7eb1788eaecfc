/* SPDX-License-Identifier: MIT */
/*
 * sasl_plain.c - PLAIN (RFC 4616), the server's side. The password is checked against SCRAM keys;
 * keys that are missing, because the account came from elsewhere, are made at that opportunity.
 */
#include "xmpp/sasl_server.h"

#include "xmpp/jid.h"

/* message = [authzid] NUL authcid NUL passwd (RFC 4616 §2). */
enum sasl_step
sasl_plain_step(struct sasl_server *server, struct str in)
{
	struct str authzid, authcid, password, rest = in;
	const char *why = NULL;

	if (!str_split(&rest, '\0', &authzid) || !str_split(&rest, '\0', &authcid) ||
	    !str_split(&rest, '\0', &password) || rest.p != NULL)
		return sasl_server_fail(server, SASL_MALFORMED_REQUEST, "not three fields");
	if (authcid.len == 0 || password.len == 0)
		return sasl_server_fail(server, SASL_MALFORMED_REQUEST, "empty name or password");
	if (sasl_server_identify(server, authcid, authzid) < 0)
		return SASL_FAILURE;
	if (password_prepare(server->arena, password, &server->password, &why) < 0)
		return sasl_server_fail(server, SASL_NOT_AUTHORIZED, why);
	server->state = SASL_WANTS_CREDENTIALS;
	return SASL_LOOK_UP;
}

static bool
has_keys(const struct credentials *credentials)
{
	for (size_t i = 0; i < SCRAM_HASH_COUNT; i++)
		if (credentials->scram[i].is_set)
			return true;
	return false;
}

static void
copy_credentials(struct sasl_server *server, const struct credentials *credentials)
{
	struct credentials *own = &server->credentials;

	*own = *credentials;
	for (size_t i = 0; i < SCRAM_HASH_COUNT; i++)
		own->scram[i].salt = arena_dup(server->arena, credentials->scram[i].salt);
	own->sealed_password = arena_dup(server->arena, credentials->sealed_password);
}

enum sasl_step
sasl_plain_credentials(struct sasl_server *server, const struct credentials *credentials)
{
	struct scram_keys fake;

	/* Made for everyone, so that it takes the same time for everyone (SEC-34). */
	sasl_server_fake_keys(server, SCRAM_SHA_256, &fake);
	server->is_fake = credentials == NULL || !has_keys(credentials);
	if (server->is_fake)
		server->credentials.scram[SCRAM_SHA_256] = fake;
	else
		copy_credentials(server, credentials);
	server->state = SASL_WANTS_CHECK;
	return SASL_CHECK;
}

void
sasl_server_check(struct sasl_server *server)
{
	assert(server->state == SASL_WANTS_CHECK);
	server->fits = credentials_verify(&server->credentials, server->password);
	if (server->fits && !server->is_fake)
		server->has_upgrade =
			credentials_complete(server->arena, &server->credentials, server->password,
					     server->options.fake_iterations);
}

enum sasl_step
sasl_server_checked(struct sasl_server *server, struct str *out)
{
	assert(server->state == SASL_WANTS_CHECK);
	*out = STR_NONE;
	if (!server->fits || server->is_fake)
		return sasl_server_fail(server, SASL_NOT_AUTHORIZED, "wrong name or password");
	return sasl_server_succeed(server, STR_NONE, out);
}

const struct credentials *
sasl_server_upgrade(const struct sasl_server *server)
{
	return server->has_upgrade ? &server->credentials : NULL;
}
