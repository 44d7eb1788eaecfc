/* SPDX-License-Identifier: MIT */
/* hash.c - SipHash-1-3 (Aumasson and Bernstein, 2012). */
#include "base/hash.h"

#include "base/rand.h"

#include <pthread.h>

static struct hash_key process_key;
static pthread_once_t drawn = PTHREAD_ONCE_INIT;

static void
draw(void)
{
	if (process_key.a == 0 && process_key.b == 0)
		rand_system_bytes(&process_key, sizeof(process_key));
}

struct hash_key
hash_process_key(void)
{
	pthread_once(&drawn, draw);
	return process_key;
}

void
hash_set_process_key(struct hash_key key)
{
	process_key = key;
}

static inline uint64_t
rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

#define ROUND                                                                                      \
	do {                                                                                       \
		v0 += v1;                                                                          \
		v1 = rotate(v1, 13) ^ v0;                                                          \
		v0 = rotate(v0, 32);                                                               \
		v2 += v3;                                                                          \
		v3 = rotate(v3, 16) ^ v2;                                                          \
		v0 += v3;                                                                          \
		v3 = rotate(v3, 21) ^ v0;                                                          \
		v2 += v1;                                                                          \
		v1 = rotate(v1, 17) ^ v2;                                                          \
		v2 = rotate(v2, 32);                                                               \
	} while (0)

uint64_t
hash_bytes(struct hash_key key, struct str bytes)
{
	uint64_t v0 = key.a ^ 0x736f6d6570736575u, v1 = key.b ^ 0x646f72616e646f6du;
	uint64_t v2 = key.a ^ 0x6c7967656e657261u, v3 = key.b ^ 0x7465646279746573u;
	const char *p = bytes.p;
	size_t left = bytes.len;
	uint64_t word;

	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		v3 ^= word;
		ROUND;
		v0 ^= word;
	}
	word = (uint64_t)bytes.len << 56;
	for (size_t i = 0; i < left; i++)
		word |= (uint64_t)(unsigned char)p[i] << (8 * i);
	v3 ^= word;
	ROUND;
	v0 ^= word;
	v2 ^= 0xff;
	ROUND;
	ROUND;
	ROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

uint64_t
hash_str(struct str bytes)
{
	return hash_bytes(hash_process_key(), bytes);
}
