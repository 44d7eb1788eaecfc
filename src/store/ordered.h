/* SPDX-License-Identifier: MIT */
/*
 * ordered.h - byte strings by byte-string keys, in the keys' order: a skip list.
 *
 * Repeatable: the same calls make the same structure.
 */
#pragma once

#include "base/str.h"

struct ordered;

struct ordered_item {
	struct str key, value; /* the list's */
	struct ordered_item *prev;
	struct ordered_item *next[]; /* next[0]: the following item */
};

struct ordered *ordered_new(void);
/* Takes NULL. */
void ordered_free(struct ordered *list);

/* The item of KEY, or NULL. */
const struct ordered_item *ordered_get(const struct ordered *list, struct str key);
/* The first item whose key is not less than KEY, or NULL; the last one whose key is, or NULL. */
const struct ordered_item *ordered_from(const struct ordered *list, struct str key);
const struct ordered_item *ordered_before(const struct ordered *list, struct str key);

/*
 * Sets KEY to a copy of VALUE. Returns what stood there, which the caller frees with free(), its p
 * NULL when there was nothing.
 */
struct str ordered_put(struct ordered *list, struct str key, struct str value);
/* Likewise. */
struct str ordered_remove(struct ordered *list, struct str key);
