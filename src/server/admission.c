/* SPDX-License-Identifier: MIT */
/* admission.c - counters per address prefix, behind one lock; it is not on the stanza path. */
#include "server/admission.h"

#include "base/time.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>

#define PREFIX_MAX 16u
#define SWEEP_EVERY 1024u /* calls between two looks for entries that can go */

struct prefix {
	char key[PREFIX_MAX];
	size_t key_len;
	unsigned waiting; /* connections that have not logged in */
	uint64_t minute, hour;
	unsigned failures, registrations;
};

struct admission {
	pthread_mutex_t lock;
	struct map prefixes;
	uint64_t waiting;
	unsigned calls;
};

struct admission *
admission_new(void)
{
	struct admission *a = xnew(struct admission);

	pthread_mutex_init(&a->lock, NULL);
	return a;
}

void
admission_free(struct admission *a)
{
	uint32_t at = 0;
	void *value;

	if (a == NULL)
		return;
	while (map_next(&a->prefixes, &at, &value))
		free(value);
	map_free(&a->prefixes);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static struct str
prefix_of(const struct sockaddr *peer, char out[PREFIX_MAX])
{
	if (peer->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)peer;

		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			memcpy(out, &in6->sin6_addr.s6_addr[12], 4);
			return str_of(out, 4);
		}
		memcpy(out, &in6->sin6_addr, 8);
		return str_of(out, 8);
	}
	if (peer->sa_family == AF_INET) {
		memcpy(out, &((const struct sockaddr_in *)peer)->sin_addr, 4);
		return str_of(out, 4);
	}
	return STR("-"); /* no address: a simulated peer */
}

static bool
is_spent(const struct prefix *p, uint64_t now_ms)
{
	return p->waiting == 0 && p->minute + 1 < now_ms / 60000 && p->hour + 1 < now_ms / 3600000;
}

static void
sweep(struct admission *a, uint64_t now_ms)
{
	struct prefix **spent = xnew_array(struct prefix *, a->prefixes.count);
	uint32_t at = 0;
	size_t n = 0;
	void *value;

	while (map_next(&a->prefixes, &at, &value))
		if (is_spent(value, now_ms))
			spent[n++] = value;
	for (size_t i = 0; i < n; i++) {
		map_remove(&a->prefixes, str_of(spent[i]->key, spent[i]->key_len));
		free(spent[i]);
	}
	free(spent);
}

static struct prefix *
find(struct admission *a, const struct sockaddr *peer)
{
	uint64_t now = time_mono_ms();
	char text[PREFIX_MAX];
	struct str key = prefix_of(peer, text);
	struct prefix *p;

	if (++a->calls % SWEEP_EVERY == 0)
		sweep(a, now);
	p = map_get(&a->prefixes, key);
	if (p == NULL) {
		p = xnew(struct prefix);
		memcpy(p->key, key.p, key.len);
		p->key_len = key.len;
		map_put(&a->prefixes, str_of(p->key, p->key_len), p);
	}
	if (p->minute != now / 60000) {
		p->minute = now / 60000;
		p->failures = 0;
	}
	if (p->hour != now / 3600000) {
		p->hour = now / 3600000;
		p->registrations = 0;
	}
	return p;
}

bool
admission_enter(struct admission *a, const struct config_limits *limits,
		const struct sockaddr *peer)
{
	struct prefix *p;
	bool is_in;

	pthread_mutex_lock(&a->lock);
	p = find(a, peer);
	is_in = (limits->unauthenticated == 0 || a->waiting < limits->unauthenticated) &&
		(limits->unauthenticated_per_address == 0 ||
		 p->waiting < limits->unauthenticated_per_address);
	if (is_in) {
		a->waiting++;
		p->waiting++;
	}
	pthread_mutex_unlock(&a->lock);
	return is_in;
}

void
admission_leave(struct admission *a, const struct sockaddr *peer)
{
	struct prefix *p;

	pthread_mutex_lock(&a->lock);
	p = find(a, peer);
	assert(p->waiting > 0 && a->waiting > 0);
	p->waiting--;
	a->waiting--;
	pthread_mutex_unlock(&a->lock);
}

bool
admission_login_failed(struct admission *a, const struct config_limits *limits,
		       const struct sockaddr *peer)
{
	bool is_over;

	pthread_mutex_lock(&a->lock);
	is_over = ++find(a, peer)->failures >= limits->login_failures_per_minute &&
		  limits->login_failures_per_minute > 0;
	pthread_mutex_unlock(&a->lock);
	return is_over;
}

bool
admission_login_is_throttled(struct admission *a, const struct config_limits *limits,
			     const struct sockaddr *peer)
{
	bool is_over;

	pthread_mutex_lock(&a->lock);
	is_over = limits->login_failures_per_minute > 0 &&
		  find(a, peer)->failures >= limits->login_failures_per_minute;
	pthread_mutex_unlock(&a->lock);
	return is_over;
}

bool
admission_register(struct admission *a, const struct config_limits *limits,
		   const struct sockaddr *peer)
{
	bool is_in;

	pthread_mutex_lock(&a->lock);
	is_in = limits->registrations_per_hour == 0 ||
		find(a, peer)->registrations++ < limits->registrations_per_hour;
	pthread_mutex_unlock(&a->lock);
	return is_in;
}
