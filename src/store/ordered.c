/* SPDX-License-Identifier: MIT */
/* ordered.c - a skip list (W. Pugh, 1990) with a way back on the lowest level. */
#include "store/ordered.h"

#include <stdlib.h>

#define LEVELS 16u /* a quarter of the items of one level stand on the next: enough for 4^16 */

struct ordered {
	uint64_t seed;
	struct ordered_item *head; /* holds no key; has all levels */
};

static struct ordered_item *
item_new(unsigned levels, struct str key)
{
	struct ordered_item *item =
		xalloc(sizeof(*item) + levels * sizeof(item->next[0]) + key.len);
	char *copy = (char *)&item->next[levels];

	if (key.len > 0)
		memcpy(copy, key.p, key.len);
	item->key = str_of(copy, key.len);
	return item;
}

struct ordered *
ordered_new(void)
{
	struct ordered *list = xnew(struct ordered);

	list->seed = UINT64_C(0x9e3779b97f4a7c15);
	list->head = item_new(LEVELS, STR(""));
	return list;
}

void
ordered_free(struct ordered *list)
{
	struct ordered_item *item = list ? list->head : NULL;

	while (item != NULL) {
		struct ordered_item *next = item->next[0];

		free((char *)item->value.p);
		free(item);
		item = next;
	}
	free(list);
}

/* The last item before KEY, which may be the head; the way there on each level in PATH. */
static struct ordered_item *
seek(const struct ordered *list, struct str key, struct ordered_item *path[LEVELS])
{
	struct ordered_item *item = list->head;

	for (unsigned level = LEVELS; level-- > 0;) {
		while (item->next[level] != NULL && str_compare(item->next[level]->key, key) < 0)
			item = item->next[level];
		path[level] = item;
	}
	return item;
}

const struct ordered_item *
ordered_from(const struct ordered *list, struct str key)
{
	struct ordered_item *path[LEVELS];

	return seek(list, key, path)->next[0];
}

const struct ordered_item *
ordered_before(const struct ordered *list, struct str key)
{
	struct ordered_item *path[LEVELS], *item = seek(list, key, path);

	return item == list->head ? NULL : item;
}

const struct ordered_item *
ordered_get(const struct ordered *list, struct str key)
{
	const struct ordered_item *item = ordered_from(list, key);

	return item != NULL && str_equal(item->key, key) ? item : NULL;
}

/* How many levels a new item takes part in: each with a quarter of the chance of the one below. */
static unsigned
draw_levels(struct ordered *list)
{
	unsigned levels = 1;

	list->seed ^= list->seed << 13;
	list->seed ^= list->seed >> 7;
	list->seed ^= list->seed << 17;
	for (uint64_t bits = list->seed; levels < LEVELS && (bits & 3) == 0; bits >>= 2)
		levels++;
	return levels;
}

static struct str
own(struct str value)
{
	char *copy = xalloc(value.len + 1);

	if (value.len > 0)
		memcpy(copy, value.p, value.len);
	return str_of(copy, value.len);
}

struct str
ordered_put(struct ordered *list, struct str key, struct str value)
{
	struct ordered_item *path[LEVELS], *item = seek(list, key, path)->next[0];
	struct str old = STR_NONE;
	unsigned levels;

	if (item != NULL && str_equal(item->key, key)) {
		old = item->value;
		item->value = own(value);
		return old;
	}
	levels = draw_levels(list);
	item = item_new(levels, key);
	item->value = own(value);
	for (unsigned level = 0; level < levels; level++) {
		item->next[level] = path[level]->next[level];
		path[level]->next[level] = item;
	}
	item->prev = path[0];
	if (item->next[0] != NULL)
		item->next[0]->prev = item;
	return old;
}

struct str
ordered_remove(struct ordered *list, struct str key)
{
	struct ordered_item *path[LEVELS], *item = seek(list, key, path)->next[0];
	struct str old;

	if (item == NULL || !str_equal(item->key, key))
		return STR_NONE;
	for (unsigned level = 0; level < LEVELS && path[level]->next[level] == item; level++)
		path[level]->next[level] = item->next[level];
	if (item->next[0] != NULL)
		item->next[0]->prev = path[0];
	old = item->value;
	free(item);
	return old;
}
