/* SPDX-License-Identifier: MIT */
/*
 * credentials.h - what is stored of a password: salted SCRAM keys for each hash (RFC 5802 §3), and
 * their text form. The password itself is not among them, except encrypted on hosts whose operator
 * asked for legacy digest authentication (XEP-0078 §3).
 */
#pragma once

#include "base/arena.h"

enum scram_hash { SCRAM_SHA_1, SCRAM_SHA_256, SCRAM_SHA_512, SCRAM_HASH_COUNT };

#define CREDENTIALS_ITERATIONS 10000u       /* of new accounts: XEP-0438 §4.2; doc/decisions.md */
#define CREDENTIALS_ITERATIONS_MAX 2000000u /* more than that is a mistake or an attack */

struct scram_keys {
	bool is_set;
	uint32_t iterations;
	struct str salt;
	unsigned char stored_key[64], server_key[64]; /* as long as the hash */
};

struct credentials {
	struct scram_keys scram[SCRAM_HASH_COUNT];
	uint64_t epoch; /* changes with the password, and only then; 0: of before it was kept */
	struct str sealed_password; /* AES-256-GCM under the host's key: only for XEP-0078 digest;
				       else empty */
};

size_t scram_hash_size(enum scram_hash hash);

/* Slow: one hash's keys of PASSWORD (prepared). OUT->salt is SALT itself. */
void scram_keys_derive(enum scram_hash hash, struct str password, struct str salt,
		       uint32_t iterations, struct scram_keys *out);

/*
 * Slow (PBKDF2 for each hash). PASSWORD is prepared (password_prepare). Salts are new.
 * 0 < ITERATIONS <= CREDENTIALS_ITERATIONS_MAX.
 */
void credentials_derive(struct arena *arena, struct str password, uint32_t iterations,
			struct credentials *out);
/* Slow: whether PASSWORD (prepared) fits. Constant time in what matters. */
bool credentials_verify(const struct credentials *credentials, struct str password);
/* Slow: adds the hashes that are missing, once PASSWORD (prepared) is known to fit. False: none
 * was. */
bool credentials_complete(struct arena *arena, struct credentials *credentials, struct str password,
			  uint32_t iterations);
/* Overwrites the keys; the struct is as if zeroed. */
void credentials_wipe(struct credentials *credentials);

/*
 * One line of ASCII, versioned:
 * "v1;SHA-256:iterations:salt:stored:server;...;epoch:number;sealed:bytes", the bytes in base64.
 * "v1" alone is an account that no password opens.
 */
struct str credentials_format(struct arena *arena, const struct credentials *credentials);
MUST_CHECK int credentials_parse(struct arena *arena, struct str text, struct credentials *out);

/*
 * For legacy digest: seal and open a password with a 32-byte key. OWNER (the bare JID) is bound to
 * the result, so that one account's does not open as another's. Return 0 or -1. *PASSWORD should be
 * wiped after use (OPENSSL_cleanse).
 */
MUST_CHECK int credentials_seal(struct arena *arena, const unsigned char key[32], struct str owner,
				struct str password, struct str *out);
MUST_CHECK int credentials_unseal(struct arena *arena, const unsigned char key[32],
				  struct str owner, struct str sealed, struct str *password);
