/* SPDX-License-Identifier: MIT */
/* caps_features.c - a verified answer to disco#info, packed for lookups. */
#include "xmpp/xep/caps.h"

#include "xmpp/xep/disco.h"

#include <stdatomic.h>
#include <stdlib.h>

#define SUFFIX STR("+notify")

struct caps_features {
	_Atomic unsigned references;
	size_t size; /* bytes */
	struct str category, type;
	size_t count;
	struct str items[]; /* sorted; their text stands behind them */
};

static int
by_text(const void *a, const void *b)
{
	return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static char *
put(char *at, struct str text, struct str *out)
{
	if (text.len > 0)
		memcpy(at, text.p, text.len);
	*out = str_of(at, text.len);
	return at + text.len;
}

struct caps_features *
caps_features_new(const struct element *query)
{
	const struct element *identity = element_child(query, NS_DISCO_INFO, "identity"), *el;
	struct str category = identity ? element_attr(identity, "category") : STR_NONE;
	struct str type = identity ? element_attr(identity, "type") : STR_NONE;
	size_t count = 0, bytes = category.len + type.len;
	struct caps_features *f;
	char *at;

	for (el = element_child(query, NS_DISCO_INFO, "feature"); el != NULL;
	     el = element_next(el, NS_DISCO_INFO, "feature")) {
		count++;
		bytes += element_attr(el, "var").len;
	}
	f = xalloc(sizeof(*f) + count * sizeof(f->items[0]) + bytes);
	f->size = sizeof(*f) + count * sizeof(f->items[0]) + bytes;
	atomic_init(&f->references, 1);
	at = (char *)&f->items[count];
	at = put(at, category, &f->category);
	at = put(at, type, &f->type);
	for (el = element_child(query, NS_DISCO_INFO, "feature"); el != NULL;
	     el = element_next(el, NS_DISCO_INFO, "feature"))
		at = put(at, element_attr(el, "var"), &f->items[f->count++]);
	qsort(f->items, f->count, sizeof(f->items[0]), by_text);
	return f;
}

struct caps_features *
caps_features_ref(struct caps_features *f)
{
	atomic_fetch_add_explicit(&f->references, 1, memory_order_relaxed);
	return f;
}

void
caps_features_unref(struct caps_features *f)
{
	if (f != NULL && atomic_fetch_sub_explicit(&f->references, 1, memory_order_acq_rel) == 1)
		free(f);
}

/* A then B, against the text X. */
static int
compare_joined(struct str x, struct str a, struct str b)
{
	int order = str_compare(str_first(x, a.len), a);

	return order != 0 ? order : str_compare(str_from(x, a.len), b);
}

static bool
has_joined(const struct caps_features *f, struct str a, struct str b)
{
	size_t low = 0, high = f != NULL ? f->count : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_joined(f->items[middle], a, b);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool
caps_features_has(const struct caps_features *f, struct str feature)
{
	return has_joined(f, feature, STR(""));
}

bool
caps_features_wants(const struct caps_features *f, struct str node)
{
	return has_joined(f, node, SUFFIX);
}

bool
caps_features_next_wanted(const struct caps_features *f, size_t *at, struct str *node)
{
	while (f != NULL && *at < f->count) {
		struct str item = f->items[(*at)++];

		if (item.len > SUFFIX.len &&
		    str_equal(str_from(item, item.len - SUFFIX.len), SUFFIX)) {
			*node = str_first(item, item.len - SUFFIX.len);
			return true;
		}
	}
	return false;
}

size_t
caps_features_size(const struct caps_features *f)
{
	return f->size;
}

struct str
caps_features_category(const struct caps_features *f)
{
	return f != NULL ? f->category : STR("");
}

struct str
caps_features_type(const struct caps_features *f)
{
	return f != NULL ? f->type : STR("");
}
