/* SPDX-License-Identifier: MIT */
/*
 * legacy_auth.h - the digest of jabber:iq:auth (XEP-0078 §3), for clients from before SASL.
 *
 * It needs the password itself, so only hosts that keep it sealed can offer it (credentials.h).
 */
#pragma once

#include "base/arena.h"

/* SHA-1 of STREAM_ID and PASSWORD, joined, in 40 lower-case hexadecimal digits. */
struct str legacy_digest(struct arena *arena, struct str stream_id, struct str password);
/* Whether GIVEN is that digest. Constant time. */
bool legacy_digest_fits(struct str stream_id, struct str password, struct str given);
