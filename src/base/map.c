/* SPDX-License-Identifier: MIT */
/* map.c - open addressing with linear probing; removal shifts back, so there are no tombstones. */
#include "base/map.h"

#include "base/hash.h"

#include <stdlib.h>

void
map_free(struct map *map)
{
	free(map->slots);
	*map = (struct map){0};
}

/* The slot that holds KEY, or the free one where it would go. */
static uint32_t
find_slot(const struct map *map, struct str key, uint32_t hash)
{
	uint32_t mask = map->size - 1, i = hash & mask;

	while (map->slots[i].value != NULL) {
		if (map->slots[i].hash == hash && str_equal(map->slots[i].key, key))
			break;
		i = (i + 1) & mask;
	}
	return i;
}

void *
map_get(const struct map *map, struct str key)
{
	if (map->count == 0)
		return NULL;
	return map->slots[find_slot(map, key, (uint32_t)hash_str(key))].value;
}

static void
resize(struct map *map, uint32_t size)
{
	struct map old = *map;

	map->slots = xnew_array(struct map_slot, size);
	map->size = size;
	for (uint32_t i = 0; i < old.size; i++)
		if (old.slots[i].value != NULL)
			map->slots[find_slot(map, old.slots[i].key, old.slots[i].hash)] =
				old.slots[i];
	free(old.slots);
}

void *
map_put(struct map *map, struct str key, void *value)
{
	uint32_t hash = (uint32_t)hash_str(key), i;
	void *old;

	assert(value != NULL);
	if (map->count + 1 > map->size / 4 * 3)
		resize(map, map->size > 0 ? map->size * 2 : 8);
	i = find_slot(map, key, hash);
	old = map->slots[i].value;
	map->slots[i] = (struct map_slot){key, value, hash};
	map->count += old == NULL;
	return old;
}

void *
map_remove(struct map *map, struct str key)
{
	uint32_t mask = map->size - 1, hole, i;
	void *old;

	if (map->count == 0)
		return NULL;
	hole = find_slot(map, key, (uint32_t)hash_str(key));
	old = map->slots[hole].value;
	if (old == NULL)
		return NULL;
	for (i = (hole + 1) & mask; map->slots[i].value != NULL; i = (i + 1) & mask) {
		uint32_t home = map->slots[i].hash & mask;

		/* Moves into the hole unless its home lies between the hole and itself. */
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole] = (struct map_slot){0};
	map->count--;
	if (map->size > 64 && map->count < map->size / 8)
		resize(map, map->size / 2);
	return old;
}

bool
map_next(const struct map *map, uint32_t *at, void **value)
{
	while (*at < map->size) {
		*value = map->slots[(*at)++].value;
		if (*value != NULL)
			return true;
	}
	return false;
}
