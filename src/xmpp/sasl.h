/* SPDX-License-Identifier: MIT */
/*
 * sasl.h - SASL mechanisms without I/O, both sides (RFC 4422; RFC 5802, 7677 SCRAM; RFC 4616 PLAIN;
 * RFC 4505 ANONYMOUS; XEP-0178 EXTERNAL). Bytes here are decoded: base64 is the stream's business.
 */
#pragma once

#include "base/arena.h"
#include "xmpp/credentials.h"

enum sasl_mechanism {
	SASL_SCRAM_SHA_512_PLUS,
	SASL_SCRAM_SHA_256_PLUS,
	SASL_SCRAM_SHA_1_PLUS,
	SASL_SCRAM_SHA_512,
	SASL_SCRAM_SHA_256,
	SASL_SCRAM_SHA_1,
	SASL_EXTERNAL,
	SASL_PLAIN,
	SASL_ANONYMOUS,
	SASL_MECHANISM_COUNT, /* in order of preference */
};
#define SASL_BIT(mechanism) (1u << (mechanism))
const char *sasl_mechanism_name(enum sasl_mechanism mechanism);
/* Exactly as registered, case included. Returns 0 or -1. */
MUST_CHECK int sasl_mechanism_parse(struct str name, enum sasl_mechanism *out);

/* Conditions of RFC 6120 §6.5. */
enum sasl_failure {
	SASL_ABORTED,
	SASL_ACCOUNT_DISABLED,
	SASL_CREDENTIALS_EXPIRED,
	SASL_ENCRYPTION_REQUIRED,
	SASL_INCORRECT_ENCODING,
	SASL_INVALID_AUTHZID,
	SASL_INVALID_MECHANISM,
	SASL_MALFORMED_REQUEST,
	SASL_MECHANISM_TOO_WEAK,
	SASL_NOT_AUTHORIZED,
	SASL_TEMPORARY_AUTH_FAILURE,
};
const char *sasl_failure_name(enum sasl_failure failure);

#define SASL_MESSAGE_MAX 4096u /* bytes of one decoded message; a longer one is malformed */

struct sasl_binding { /* what the connection offers for channel binding; p NULL: not available */
	struct str exporter;  /* tls-exporter, RFC 9266 */
	struct str end_point; /* tls-server-end-point, RFC 5929 */
};

/* What the server side needs next. */
enum sasl_step {
	SASL_CHALLENGE, /* send *OUT, and give the response to sasl_server_step */
	/* find the credentials of sasl_server_username, then sasl_server_credentials; with EXTERNAL
	 * only to learn whether the account is still there */
	SASL_LOOK_UP,
	SASL_CHECK,   /* PLAIN: run sasl_server_check on a store thread, then sasl_server_checked */
	SASL_SUCCESS, /* send *OUT (may be empty) with <success/> */
	SASL_FAILURE, /* see sasl_server_failure */
};

struct sasl_server;

struct sasl_server_options {
	enum sasl_mechanism mechanism;
	struct str host; /* prepared domain of the stream */
	struct sasl_binding binding;
	/* SASL_BIT of each that was announced: no other works (SEC-32), and the `y` flag is judged
	 * by it (RFC 5802 §6) */
	uint32_t offered;
	/* SCRAM: sasl_offer_text of what was announced, for the client to check (XEP-0474); p NULL:
	 * not told */
	struct str offer;
	/* 32 secret bytes per installation: stable fake salts (SEC-34) */
	const unsigned char *unknown_user_key;
	uint32_t fake_iterations; /* what a fake challenge shows: that of new accounts */
	struct str nonce; /* p NULL: random. Else the server's part, for published vectors */
	/* EXTERNAL: bare JIDs that the certificate names; those of other hosts do not count */
	struct str *certificate_ids;
	size_t certificate_id_count;
};
/* Everything is copied, except unknown_user_key, which must outlive the server. */
struct sasl_server *sasl_server_new(const struct sasl_server_options *options);
void sasl_server_free(struct sasl_server *server); /* takes NULL; wipes secrets */

/*
 * IN is the initial response or a response; p NULL: there was no initial response. *OUT lives as
 * long as SERVER or until its next call; with SASL_SUCCESS p NULL means that nothing is to be sent.
 * IN may hold a password: wipe it after the call, if you copied it.
 */
enum sasl_step sasl_server_step(struct sasl_server *server, struct str in, struct str *out);
/* The answer to SASL_LOOK_UP; CREDENTIALS NULL: no such account, which the peer must not find out.
 */
enum sasl_step sasl_server_credentials(struct sasl_server *server,
				       const struct credentials *credentials, struct str *out);
/* Slow: derives keys from the password. Touches only SERVER, from any one thread. */
void sasl_server_check(struct sasl_server *server);
enum sasl_step sasl_server_checked(struct sasl_server *server, struct str *out);

/* The prepared localpart; after SASL_SUCCESS the identity (ANONYMOUS: empty, the server makes one
 * up). */
struct str sasl_server_username(const struct sasl_server *server);
enum sasl_failure sasl_server_failure(const struct sasl_server *server, const char **why);
/* After success by PLAIN: credentials to store instead, with hashes that were missing; else NULL.
 */
const struct credentials *sasl_server_upgrade(const struct sasl_server *server);

/* Whether it was a password that was proved: by SCRAM or PLAIN. */
bool sasl_server_used_password(const struct sasl_server *server);

/*
 * The client's side, for tools and tests. BINDING with a mechanism that is not -PLUS tells that we
 * could bind but the server announced no -PLUS: the `y` flag. Give none for the `n` flag. USERNAME
 * is the prepared localpart, PASSWORD is as typed, AUTHZID is usually empty. All is copied.
 */
struct sasl_client;
struct sasl_client *sasl_client_new(enum sasl_mechanism mechanism, struct str username,
				    struct str password, struct str authzid,
				    struct sasl_binding binding);
void sasl_client_free(struct sasl_client *client); /* takes NULL; wipes secrets */
/* Before the first step: the client's nonce, for published vectors. Copied. */
void sasl_client_set_nonce(struct sasl_client *client, struct str nonce);
/* Before the first step: sasl_offer_text of what we saw. A server that tells otherwise cheats, or
 * somebody between us does. Copied. */
void sasl_client_expect_offer(struct sasl_client *client, struct str offer);
/*
 * The keys of one password, for one salt: deriving them is slow, and RFC 5802 §5.1 lets a client
 * keep them. A zeroed struct is empty. It is as secret as the password; wipe it in the end.
 */
struct sasl_client_keys {
	enum scram_hash hash;
	uint32_t iterations; /* 0: empty */
	size_t salt_len;
	unsigned char salt[64], client_key[64], server_key[64];
};
/* Takes the keys from KEYS where they fit the challenge, else derives and puts them there. */
void sasl_client_keep_keys(struct sasl_client *client, struct sasl_client_keys *keys);
/*
 * The first message (IN is ignored), then one for each challenge. *OUT p NULL at first: no initial
 * response. Returns 0, or -1 with *WHY when the server cheats. SCRAM's second step is slow
 * (PBKDF2).
 */
MUST_CHECK int sasl_client_step(struct sasl_client *client, struct str in, struct str *out,
				const char **why);
/* Checks what came with <success/>; p NULL: nothing did. */
MUST_CHECK int sasl_client_finish(struct sasl_client *client, struct str in, const char **why);
