/* SPDX-License-Identifier: MIT */
/* rand.c - getrandom(2) in blocks; under simulation, SplitMix64 from a seed. */
#include "base/rand.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define POOL_SIZE 256u

static _Thread_local struct {
	unsigned char bytes[POOL_SIZE];
	size_t left;
} pool;
static _Thread_local bool is_simulated;
static _Thread_local uint64_t state;

/* A child must not repeat its parent's bytes (SEC-37). */
static void
forget_pool(void)
{
	pool.left = 0;
}

static void
watch_fork(void)
{
	pthread_atfork(NULL, NULL, forget_pool);
}

void
rand_system_bytes(void *out, size_t size)
{
	char *p = out;

	while (size > 0) {
		ssize_t got = getrandom(p, size, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			perror("recado: getrandom");
			abort();
		}
		p += got;
		size -= (size_t)got;
	}
}

static uint64_t
simulated_u64(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void
rand_seed_for_simulation(uint64_t seed)
{
	is_simulated = true;
	state = seed;
}

void
rand_bytes(void *out, size_t size)
{
	static pthread_once_t watched = PTHREAD_ONCE_INIT;
	unsigned char *p = out;

	if (is_simulated) {
		for (size_t i = 0; i < size; i++)
			p[i] = (unsigned char)simulated_u64();
		return;
	}
	if (size > POOL_SIZE) {
		rand_system_bytes(out, size);
		return;
	}
	pthread_once(&watched, watch_fork);
	if (pool.left < size) {
		rand_system_bytes(pool.bytes, POOL_SIZE);
		pool.left = POOL_SIZE;
	}
	memcpy(p, pool.bytes + POOL_SIZE - pool.left, size);
	memset(pool.bytes + POOL_SIZE - pool.left, 0, size);
	pool.left -= size;
}

uint64_t
rand_u64(void)
{
	uint64_t n;

	rand_bytes(&n, sizeof(n));
	return n;
}

uint64_t
rand_below(uint64_t bound)
{
	uint64_t limit, n;

	assert(bound > 0);
	limit = UINT64_MAX - UINT64_MAX % bound;
	do
		n = rand_u64();
	while (n >= limit);
	return n % bound;
}

struct str
rand_token(struct arena *arena, unsigned bits)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t len = (bits + 5) / 6;
	char *p = arena_bytes(arena, len + 1);

	rand_bytes(p, len);
	for (size_t i = 0; i < len; i++)
		p[i] = digits[(unsigned char)p[i] & 63];
	p[len] = '\0';
	return str_of(p, len);
}
