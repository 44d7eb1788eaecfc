/* SPDX-License-Identifier: MIT */
/* list.h - doubly linked lists whose links stand in the members. */
#pragma once

#include "base/base.h"

struct link {
	struct link *prev, *next;
};

/* A list is a link too; one that is zeroed counts as empty once list_init has been called. */
static inline void
list_init(struct link *list)
{
	list->prev = list->next = list;
}

static inline bool
list_is_empty(const struct link *list)
{
	return list->next == list;
}

static inline void
list_add_before(struct link *at, struct link *item)
{
	item->prev = at->prev;
	item->next = at;
	at->prev->next = item;
	at->prev = item;
}

/* At LIST's end. */
static inline void
list_add(struct link *list, struct link *item)
{
	list_add_before(list, item);
}

/* Harmless on an item that is zeroed, in no list, or was removed before. */
static inline void
list_remove(struct link *item)
{
	if (item->next == NULL)
		return;
	item->prev->next = item->next;
	item->next->prev = item->prev;
	item->prev = item->next = NULL;
}

static inline bool
link_is_listed(const struct link *item)
{
	return item->next != NULL;
}

#define LIST_FIRST(list, type, member)                                                             \
	(list_is_empty(list) ? NULL : CONTAINER((list)->next, type, member))

/* VAR may be removed from the list, or freed, inside the loop. */
#define LIST_EACH(list, type, member, var)                                                         \
	for (struct link *var##_at = (list)->next, *var##_next = var##_at->next;                   \
	     var##_at != (list); var##_at = var##_next, var##_next = var##_at->next)               \
		for (type *var = CONTAINER(var##_at, type, member); var != NULL; var = NULL)
