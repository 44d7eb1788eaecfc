/* SPDX-License-Identifier: MIT */
/* base64.h - RFC 4648 §4, strict: no line ends, no characters from outside of the alphabet. */
#pragma once

#include "base/arena.h"

struct str base64_encode(struct arena *arena, struct str bytes);
/* Padding is required and its unused bits must be 0. Returns 0 or -1. */
MUST_CHECK int base64_decode(struct arena *arena, struct str text, struct str *out);

/* Two lower-case digits a byte. */
struct str hex_encode(struct arena *arena, struct str bytes);
