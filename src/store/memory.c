/* SPDX-License-Identifier: MIT */
/*
 * memory.c - the driver that forgets: for tests and simulation.
 *
 * Everything stands in one ordered list. A journal of what each change replaced makes a batch
 * undoable, as a crash needs.
 */
#include "store/memory.h"

#include "store/ordered.h"

#include <stdlib.h>

struct change {
	char *key;
	size_t key_len;
	struct str old; /* p NULL: there was nothing */
};

static int
memory_open(const char *path UNUSED, void **state, struct arena *arena UNUSED,
	    struct str *why UNUSED)
{
	struct memory_store *st = xnew(struct memory_store);

	st->list = ordered_new();
	*state = st;
	return 0;
}

static void
memory_close(void *state)
{
	struct memory_store *st = state;

	assert(st->changes == 0);
	ordered_free(st->list);
	buf_free(&st->key);
	free(st->journal);
	free(st);
}

void
memory_set_full(void *state, bool is_full)
{
	struct memory_store *st = state;

	st->is_full = is_full;
}

void *
memory_copy(const void *state, bool is_whole)
{
	const struct memory_store *st = state;
	struct memory_store *copy = xnew(struct memory_store);
	const struct ordered_item *item = ordered_from(st->list, STR(""));

	copy->list = ordered_new();
	copy->last_id = st->last_id;
	for (; item != NULL; item = item->next[0])
		ordered_put(copy->list, item->key, item->value);
	for (size_t i = st->changes; i > 0 && !is_whole; i--) {
		const struct change *change = &st->journal[i - 1];
		struct str key = str_of(change->key, change->key_len), now;

		now = change->old.p != NULL ? ordered_put(copy->list, key, change->old)
					    : ordered_remove(copy->list, key);
		free((char *)now.p);
	}
	return copy;
}

static void
note(struct memory_store *st, struct str key, struct str old)
{
	if (st->changes == st->size) {
		st->size = st->size > 0 ? st->size * 2 : 64;
		st->journal = xrealloc(st->journal, st->size * sizeof(*st->journal));
	}
	st->journal[st->changes++] = (struct change){str_dupz(key), key.len, old};
}

void
memory_put(struct memory_store *st, struct str key, struct str value)
{
	note(st, key, ordered_put(st->list, key, value));
}

bool
memory_drop(struct memory_store *st, struct str key)
{
	const struct ordered_item *item = ordered_get(st->list, key);
	struct change *change;

	if (item == NULL)
		return false;
	note(st, key, STR_NONE);
	change = &st->journal[st->changes - 1];
	change->old = ordered_remove(st->list, str_of(change->key, change->key_len));
	return true;
}

static void
undo_to(struct memory_store *st, size_t mark)
{
	while (st->changes > mark) {
		struct change *change = &st->journal[--st->changes];
		struct str key = str_of(change->key, change->key_len), now;

		now = change->old.p != NULL ? ordered_put(st->list, key, change->old)
					    : ordered_remove(st->list, key);
		free((char *)now.p);
		free((char *)change->old.p);
		free(change->key);
	}
}

static void
memory_begin(void *state)
{
	struct memory_store *st = state;

	assert(st->changes == 0);
}

static int
memory_mark(void *state)
{
	struct memory_store *st = state;

	st->mark = st->changes;
	return 0;
}

static void
memory_undo(void *state)
{
	struct memory_store *st = state;

	undo_to(st, st->mark);
}

static void
memory_unmark(void *state UNUSED)
{
}

static void
memory_rollback(void *state)
{
	undo_to(state, 0);
}

static int
memory_commit(void *state)
{
	struct memory_store *st = state;

	if (st->is_full && st->changes > 0) {
		undo_to(st, 0);
		return -1;
	}
	while (st->changes > 0) {
		struct change *change = &st->journal[--st->changes];

		free((char *)change->old.p);
		free(change->key);
	}
	return 0;
}

static void
memory_rest(void *state UNUSED, bool is_idle UNUSED)
{
}

const struct store_driver memory_driver = {
	.name = "memory",
	.open = memory_open,
	.close = memory_close,
	.begin = memory_begin,
	.run = memory_run,
	.mark = memory_mark,
	.undo = memory_undo,
	.unmark = memory_unmark,
	.commit = memory_commit,
	.rollback = memory_rollback,
	.rest = memory_rest,
};
