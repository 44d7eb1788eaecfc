/* SPDX-License-Identifier: MIT */
/*
 * sasl_talk.h - what the tests of SASL share: a host with one account, and an exchange with it.
 */
#pragma once

#include "test.h"
#include "xmpp/sasl.h"

#define HOST "example.net"
#define USER "romeo"
#define PASSWORD "R0m30,=myr0m30"
#define ALL_MECHANISMS ((1u << SASL_MECHANISM_COUNT) - 1)
#define EXPORTER STR("0123456789abcdef0123456789abcdef")
#define END_POINT STR("\x01\x02\x03\x00\xff of the certificate ~~~~~~~")
#define BOTH ((struct sasl_binding){EXPORTER, END_POINT})
#define NO_BINDING ((struct sasl_binding){STR_NONE, STR_NONE})

static const unsigned char installation_key[32] = "a key that tests may know, of 32";

struct outcome {
	enum sasl_step end; /* SASL_SUCCESS or SASL_FAILURE */
	enum sasl_failure failure;
	const char *why;
	struct str username;
	int client; /* 0: the client was content too */
	unsigned challenges;
	bool has_upgrade;
};

static inline struct sasl_server_options
server_options(enum sasl_mechanism mechanism)
{
	return (struct sasl_server_options){
		.mechanism = mechanism,
		.host = STR(HOST),
		.binding = BOTH,
		.offered = ALL_MECHANISMS,
		.unknown_user_key = installation_key,
		.fake_iterations = 4096,
	};
}

static inline bool
is_plus(enum sasl_mechanism mechanism)
{
	return mechanism <= SASL_SCRAM_SHA_1_PLUS;
}

static inline struct sasl_client *
client_of(enum sasl_mechanism mechanism, const char *user, const char *password,
	  const char *authzid)
{
	return sasl_client_new(mechanism, str(user), str(password), str(authzid),
			       is_plus(mechanism) ? BOTH : NO_BINDING);
}

static inline void
make_account(struct test *t, struct credentials *out)
{
	credentials_derive(t->arena, STR(PASSWORD), 4096, out);
}

/* Answers what the server wants from its own side; returns what it wants from the client. */
static inline enum sasl_step
serve(struct sasl_server *server, enum sasl_step step, const struct credentials *account,
      struct str *out)
{
	if (step == SASL_LOOK_UP)
		step = sasl_server_credentials(server, account, out);
	if (step == SASL_CHECK) {
		sasl_server_check(server);
		step = sasl_server_checked(server, out);
	}
	return step;
}

/* A whole exchange; frees both. ACCOUNT NULL: there is none. */
static inline struct outcome
talk(struct test *t, struct sasl_client *client, const struct sasl_server_options *options,
     const struct credentials *account)
{
	struct sasl_server *server = sasl_server_new(options);
	struct outcome o = {.client = -1};
	struct str from_client = STR_NONE, from_server = STR_NONE;
	const char *why = "";
	int rc = sasl_client_step(client, STR_NONE, &from_client, &why);

	o.end = SASL_CHALLENGE;
	while (rc == 0 && o.end == SASL_CHALLENGE) {
		o.end = serve(server, sasl_server_step(server, from_client, &from_server), account,
			      &from_server);
		if (o.end == SASL_CHALLENGE) {
			o.challenges++;
			rc = sasl_client_step(client, from_server, &from_client, &why);
		}
	}
	if (o.end == SASL_SUCCESS)
		o.client = sasl_client_finish(client, from_server, &why);
	if (o.end == SASL_FAILURE)
		o.failure = sasl_server_failure(server, &o.why);
	o.username = arena_dup(t->arena, sasl_server_username(server));
	o.has_upgrade = sasl_server_upgrade(server) != NULL;
	sasl_client_free(client);
	sasl_server_free(server);
	return o;
}
