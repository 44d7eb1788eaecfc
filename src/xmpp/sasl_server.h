/* SPDX-License-Identifier: MIT */
/*
 * sasl_server.h - what the mechanisms of the server's side share. Only sasl*.c include it.
 */
#pragma once

#include "xmpp/sasl.h"

enum sasl_server_state {
	SASL_WANTS_FIRST,       /* the initial response, or the first response */
	SASL_WANTS_CREDENTIALS, /* the caller looks them up */
	SASL_WANTS_CHECK,       /* PLAIN: the caller runs sasl_server_check */
	SASL_WANTS_FINAL,       /* SCRAM: the client's proof */
	SASL_ENDED,
};

struct sasl_server {
	struct arena *arena; /* holds this struct and all that it points to */
	struct sasl_server_options options;
	enum sasl_server_state state;
	bool was_asked; /* an empty challenge went out */
	struct str username;
	enum sasl_failure failure;
	const char *why;

	/* SCRAM */
	struct str gs2_header, cbind_data, client_first_bare, server_first, nonce;
	struct scram_keys keys;

	/* SCRAM and PLAIN. A fake account is one that does not exist, or lacks the hash (SEC-34).
	 */
	bool is_fake;

	/* PLAIN */
	struct str password; /* prepared */
	struct credentials credentials;
	bool fits, has_upgrade;
};

/* The one mechanism with several names. */
bool sasl_is_scram(enum sasl_mechanism mechanism, enum scram_hash *hash, bool *is_plus);

enum sasl_step sasl_server_fail(struct sasl_server *server, enum sasl_failure failure,
				const char *why);
enum sasl_step sasl_server_succeed(struct sasl_server *server, struct str data, struct str *out);
/*
 * Takes AUTHCID, a localpart or this host's bare JID, as the user, then AUTHZID, which must name
 * the same account or be empty (SEC-30). Returns -1 when the exchange has failed.
 */
MUST_CHECK int sasl_server_identify(struct sasl_server *server, struct str authcid,
				    struct str authzid);
/* The keys of HASH that an account which is not there would have: always the same for a name. */
void sasl_server_fake_keys(struct sasl_server *server, enum scram_hash hash,
			   struct scram_keys *out);

enum sasl_step sasl_scram_step(struct sasl_server *server, struct str in, struct str *out);
enum sasl_step sasl_scram_credentials(struct sasl_server *server,
				      const struct credentials *credentials, struct str *out);
enum sasl_step sasl_plain_step(struct sasl_server *server, struct str in);
enum sasl_step sasl_plain_credentials(struct sasl_server *server,
				      const struct credentials *credentials);
enum sasl_step sasl_external_step(struct sasl_server *server, struct str in);
