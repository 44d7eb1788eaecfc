/* SPDX-License-Identifier: MIT */
/* rsm.c - reads and writes <set/>. */
#include "xmpp/xep/rsm.h"

struct rsm
rsm_any(void)
{
	return (struct rsm){.max = RSM_NONE, .index = RSM_NONE};
}

/* RSM_NONE when TEXT is absent. A number too large to count to is the largest there is. */
static int
read_number(struct str text, uint32_t *out)
{
	uint64_t number = RSM_NONE;

	text = str_trim(text);
	if (text.p != NULL && str_to_u64(text, UINT64_MAX, &number) < 0)
		return -1;
	*out = text.p == NULL ? RSM_NONE : (uint32_t)MIN(number, RSM_NONE - 1);
	return 0;
}

static int
read_child_number(struct arena *arena, const struct element *set, const char *name, uint32_t *out)
{
	return read_number(element_child_text(arena, set, NS_RSM, name), out);
}

int
rsm_parse(struct arena *arena, const struct element *parent, struct rsm *out, const char **why)
{
	const struct element *set = element_child(parent, NS_RSM, "set");

	*out = rsm_any();
	if (set == NULL)
		return 0;
	if (read_child_number(arena, set, "max", &out->max) < 0 ||
	    read_child_number(arena, set, "index", &out->index) < 0) {
		*why = "a page size or index that is no number";
		return -1;
	}
	out->after = element_child_text(arena, set, NS_RSM, "after");
	out->before = element_child_text(arena, set, NS_RSM, "before");
	if (out->index != RSM_NONE && (out->after.p != NULL || out->before.p != NULL)) {
		*why = "a page asked for by index and by id"; /* §2.5: only if no id is known */
		return -1;
	}
	return 0;
}

int
rsm_parse_page(struct arena *arena, const struct element *parent, struct rsm_page *out,
	       const char **why)
{
	const struct element *set = element_child(parent, NS_RSM, "set");
	const struct element *first = set ? element_child(set, NS_RSM, "first") : NULL;

	*out = (struct rsm_page){.first_index = RSM_NONE, .count = RSM_NONE};
	if (set == NULL)
		return 0;
	if (read_child_number(arena, set, "count", &out->count) < 0 ||
	    (first != NULL && read_number(element_attr(first, "index"), &out->first_index) < 0)) {
		*why = "a count or index that is no number";
		return -1;
	}
	out->first = element_child_text(arena, set, NS_RSM, "first");
	out->last = element_child_text(arena, set, NS_RSM, "last");
	if ((out->first.p == NULL) != (out->last.p == NULL)) { /* §2.2 */
		*why = "a page with only one of its ends";
		return -1;
	}
	return 0;
}

static void
add_number(struct arena *arena, struct element *set, const char *name, uint32_t number)
{
	if (number != RSM_NONE)
		element_add_leaf(arena, set, name, arena_printf(arena, "%u", number));
}

void
rsm_add(struct arena *arena, struct element *parent, const struct rsm *rsm)
{
	struct element *set = element_add(arena, parent, NS_RSM, "set");

	add_number(arena, set, "max", rsm->max);
	add_number(arena, set, "index", rsm->index);
	if (rsm->after.p != NULL)
		element_add_leaf(arena, set, "after", rsm->after);
	if (rsm->before.p != NULL)
		element_add_leaf(arena, set, "before", rsm->before);
}

void
rsm_add_page(struct arena *arena, struct element *parent, const struct rsm_page *page)
{
	struct element *set = element_add(arena, parent, NS_RSM, "set"), *first;

	assert((page->first.p == NULL) == (page->last.p == NULL));
	if (page->first.p != NULL) {
		first = element_add_leaf(arena, set, "first", page->first);
		if (page->first_index != RSM_NONE)
			element_set(arena, first, "index",
				    arena_printf(arena, "%u", page->first_index));
		element_add_leaf(arena, set, "last", page->last);
	}
	add_number(arena, set, "count", page->count);
}
