/* SPDX-License-Identifier: MIT */
/*
 * scram.h - the client's side of SCRAM (RFC 5802, RFC 7677) for many logins with few passwords.
 *
 * Salted passwords are kept per salt, so that thousands of logins don't each cost the machine that
 * is being measured a key derivation. Channel binding is not offered.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"

struct scram_cache { /* zeroed: empty. Belongs to one thread */
	struct map by_salt;
};
void scram_cache_free(struct scram_cache *cache);

struct scram {
	bool is_sha1;
	char first_bare[160]; /* "n=user,r=nonce" */
	unsigned char server_signature[32];
};

/* Starts an exchange; returns the client's first message in ARENA, not yet in base64. */
struct str scram_first(struct scram *scram, struct arena *arena, bool is_sha1, const char *user,
		       struct str nonce);
/* The client's final message for the server's first. Returns 0, or -1 with *WHY. */
MUST_CHECK int scram_final(struct scram *scram, struct arena *arena, struct scram_cache *cache,
			   const char *password, struct str server_first, struct str *out,
			   const char **why);
/* Whether the server's final message proves that it knows the password too. */
bool scram_check(const struct scram *scram, struct arena *arena, struct str server_final);
