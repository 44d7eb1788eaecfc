/* SPDX-License-Identifier: MIT */
/*
 * map.h - a hash table from text to pointers, under the process's key (SEC-09).
 *
 * Keys are borrowed: they must live as long as their entry, usually inside the value.
 * A zeroed struct map is empty and holds no memory.
 */
#pragma once

#include "base/str.h"

struct map_slot {
	struct str key;
	void *value; /* NULL: free */
	uint32_t hash;
};

struct map {
	struct map_slot *slots;
	uint32_t size; /* a power of two, or 0 */
	uint32_t count;
};

void map_free(struct map *map);

/* NULL when KEY is not there. */
void *map_get(const struct map *map, struct str key);
/* VALUE is not NULL. Returns the value that stood there before (its key is replaced too), or NULL.
 */
void *map_put(struct map *map, struct str key, void *value);
/* Returns the value that was taken out, or NULL. */
void *map_remove(struct map *map, struct str key);

/* Start with *AT = 0; false at the end. MAP must not change meanwhile. */
bool map_next(const struct map *map, uint32_t *at, void **value);
