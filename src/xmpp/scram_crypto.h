/* SPDX-License-Identifier: MIT */
/*
 * scram_crypto.h - the primitives of SCRAM over OpenSSL: H, HMAC and Hi (RFC 5802 §2.2).
 *
 * Algorithms are looked up once per process: OpenSSL's own look-up costs more than the hash of a
 * short message. A failure here is a fault of the machine, and aborts.
 */
#pragma once

#include "xmpp/credentials.h"

#define SCRAM_KEY_MAX 64 /* bytes of the longest hash */

void scram_h(enum scram_hash hash, struct str in, unsigned char *out);
/* Of the COUNT PARTS, joined. KEY is not empty. */
void scram_hmac(enum scram_hash hash, struct str key, const struct str *parts, size_t count,
		unsigned char *out);
/* Hi: PBKDF2 with the hash's whole output. Slow. */
void scram_hi(enum scram_hash hash, struct str password, struct str salt, uint32_t iterations,
	      unsigned char *out);
/* INOUT ^= WITH, for proofs. */
void scram_xor(enum scram_hash hash, unsigned char *inout, const unsigned char *with);
/* In constant time. */
bool scram_equal(enum scram_hash hash, const unsigned char *a, const unsigned char *b);

/* ClientKey and ServerKey of a salted password (RFC 5802 §3). */
void scram_client_key(enum scram_hash hash, const unsigned char *salted, unsigned char *out);
void scram_server_key(enum scram_hash hash, const unsigned char *salted, unsigned char *out);
