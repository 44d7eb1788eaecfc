/* SPDX-License-Identifier: MIT */
/*
 * s2s_quota.c - how many domains one account may make the server look for (SEC-26). Domains that
 * were talked to lately cost nobody anything.
 */
#include "server/s2s_private.h"

#include <stdlib.h>

#define HOUR_MS 3600000u
#define ENTRIES_MAX 20000u

struct caller { /* an account, or a domain that is known */
	uint64_t since_ms;
	uint64_t count;
	struct str key;
	char text[];
};

static struct caller *
find_or_add(struct map *map, struct str key, uint64_t now)
{
	struct caller *caller = map_get(map, key);

	if (caller != NULL)
		return caller;
	caller = xalloc(sizeof(*caller) + key.len);
	memcpy(caller->text, key.p, key.len);
	caller->key = str_of(caller->text, key.len);
	caller->since_ms = now;
	map_put(map, caller->key, caller);
	return caller;
}

static void
clear(struct map *map)
{
	uint32_t at = 0;
	void *value;

	while (map_next(map, &at, &value))
		free(value);
	map_free(map);
	*map = (struct map){0};
}

bool
quota_allows(struct federation *fed, struct jid from, struct str remote)
{
	uint64_t now = loop_now_ms(fed->worker->loop),
		 max = fed->worker->config->s2s.domains_per_hour;
	struct caller *known = map_get(&fed->known, remote), *caller;

	if (known != NULL) {
		known->since_ms = now;
		return true;
	}
	if (fed->callers.count >= ENTRIES_MAX)
		clear(&fed->callers);
	if (fed->known.count >= ENTRIES_MAX)
		clear(&fed->known);
	caller = find_or_add(&fed->callers, jid_bare_text(from), now);
	if (now - caller->since_ms >= HOUR_MS) {
		caller->since_ms = now;
		caller->count = 0;
	}
	if (max > 0 && from.local.len > 0 && caller->count >= max)
		return false;
	caller->count++;
	find_or_add(&fed->known, remote, now);
	return true;
}

void
quota_free(struct federation *fed)
{
	clear(&fed->callers);
	clear(&fed->known);
}
