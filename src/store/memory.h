/* SPDX-License-Identifier: MIT */
/* memory.h - what the files of the memory driver share, and what only that driver can do. */
#pragma once

#include "base/buf.h"
#include "store/driver.h"

struct memory_store {
	struct ordered *list;
	struct change *journal; /* of the batch under way */
	size_t changes, size;
	size_t mark;
	uint64_t last_id; /* of an entry; never goes back, whatever is undone */
	bool is_full;
	struct buf key; /* for building one */
};

/* From here on no batch that writes can be committed; or again each. STATE is the driver's. */
void memory_set_full(void *state, bool is_full);
/* A driver's state of its own with the same content, but for (unless IS_WHOLE) the batch under way.
 */
void *memory_copy(const void *state, bool is_whole);

/* Changes that the batch's end keeps or undoes. */
void memory_put(struct memory_store *st, struct str key, struct str value);
/* Returns whether it was there. KEY may be the item's own. */
bool memory_drop(struct memory_store *st, struct str key);

/* The driver's `run`: memory_shapes.c. */
int memory_run(void *state, const struct store_op *op, struct arena *arena,
	       struct store_result *result);
