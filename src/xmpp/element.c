/* SPDX-License-Identifier: MIT */
/* element.c - building, changing and searching trees of XML elements. */
#include "xmpp/element.h"

#include "xmpp/xml_work.h"

/* EL and what stands around it no longer are what their source says. */
static void
forget_source(struct element *el)
{
	for (; el != NULL; el = el->parent) {
		el->source = STR_NONE;
		el->inner = STR_NONE;
		el->notes = 0;
	}
}

struct element *
element_new(struct arena *arena, const char *ns, const char *name)
{
	struct element *el = arena_new_of(arena, struct element);

	el->ns = ns ? str(ns) : STR("");
	el->name = str(name);
	return el;
}

void
element_append(struct element *parent, struct element *child)
{
	assert(child->parent == NULL);
	forget_source(parent);
	element_link(parent, child);
}

struct element *
element_add(struct arena *arena, struct element *parent, const char *ns, const char *name)
{
	struct element *el = element_new(arena, ns, name);

	if (ns == NULL)
		el->ns = parent->ns;
	element_append(parent, el);
	return el;
}

struct element *
element_add_text(struct arena *arena, struct element *parent, struct str text)
{
	if (text.len > 0) {
		struct element *node = arena_new_of(arena, struct element);

		node->text = arena_dup(arena, text);
		element_append(parent, node);
	}
	return parent;
}

struct element *
element_add_leaf(struct arena *arena, struct element *parent, const char *name, struct str text)
{
	return element_add_text(arena, element_add(arena, parent, NULL, name), text);
}

void
element_set(struct arena *arena, struct element *el, const char *name, struct str value)
{
	struct str wanted = str(name);
	struct attr **at = &el->attrs;

	el->source = STR_NONE;
	el->notes &= (uint8_t)~ELEMENT_SELF_CONTAINED;
	forget_source(el->parent);
	while (*at != NULL && !((*at)->ns.len == 0 && str_equal((*at)->name, wanted)))
		at = &(*at)->next;
	if (value.p == NULL) {
		if (*at != NULL)
			*at = (*at)->next;
		return;
	}
	if (*at == NULL) {
		*at = arena_new_of(arena, struct attr);
		(*at)->name = wanted;
	}
	(*at)->value = arena_dup(arena, value);
}

void
element_setz(struct arena *arena, struct element *el, const char *name, const char *value)
{
	element_set(arena, el, name, str(value));
}

void
element_prepend(struct element *parent, struct element *child)
{
	assert(child->parent == NULL);
	forget_source(parent);
	child->parent = parent;
	child->next = parent->children;
	parent->children = child;
	if (parent->last_child == NULL)
		parent->last_child = child;
}

void
element_detach(struct element *child)
{
	struct element *parent = child->parent, *before = NULL;

	if (parent == NULL)
		return;
	forget_source(parent);
	for (struct element *at = parent->children; at != child; at = at->next)
		before = at;
	if (before != NULL)
		before->next = child->next;
	else
		parent->children = child->next;
	if (parent->last_child == child)
		parent->last_child = before;
	child->parent = child->next = NULL;
}

/* A copy of one node without its children. MOVE tells where the copied source text stands. */
static struct element *
copy_node(struct arena *arena, const struct element *el, const struct view_move *move)
{
	struct element *copy = arena_new_of(arena, struct element);
	struct attr **tail = &copy->attrs;

	*copy = *el;
	copy->parent = copy->next = copy->children = copy->last_child = NULL;
	copy->name = view_moved_or_copied(arena, el->name, move);
	copy->ns = view_moved_or_copied(arena, el->ns, move);
	copy->text = view_moved_or_copied(arena, el->text, move);
	copy->source = view_moved_or_copied(arena, el->source, move);
	copy->inner = view_moved_or_copied(arena, el->inner, move);
	for (const struct attr *attr = el->attrs; attr != NULL; attr = attr->next) {
		*tail = arena_new_of(arena, struct attr);
		(*tail)->ns = view_moved_or_copied(arena, attr->ns, move);
		(*tail)->name = view_moved_or_copied(arena, attr->name, move);
		(*tail)->value = view_moved_or_copied(arena, attr->value, move);
		tail = &(*tail)->next;
	}
	*tail = NULL;
	return copy;
}

struct element *
element_copy(struct arena *arena, const struct element *el)
{
	struct str source = arena_dup(arena, el->source);
	struct view_move move = {el->source.p, el->source.len, source.p};
	struct element *top = copy_node(arena, el, &move), *parent = top;
	const struct element *at = el;

	/* Document order without recursion: depth is the peer's choice (SEC-06). */
	for (;;) {
		if (at->children != NULL) {
			at = at->children;
		} else {
			while (at != el && at->next == NULL) {
				at = at->parent;
				parent = parent->parent;
			}
			if (at == el)
				return top;
			at = at->next;
			parent = parent->parent;
		}
		element_link(parent, copy_node(arena, at, &move));
		parent = parent->last_child;
	}
}

bool
element_is(const struct element *el, const char *ns, const char *name)
{
	return !element_is_text(el) && str_is(el->name, name) && str_is(el->ns, ns);
}

struct str
element_attr(const struct element *el, const char *name)
{
	struct str wanted = str(name);

	for (const struct attr *attr = el->attrs; attr != NULL; attr = attr->next)
		if (attr->ns.len == 0 && str_equal(attr->name, wanted))
			return attr->value;
	return STR_NONE;
}

static struct element *
first_match(struct element *el, const char *ns, const char *name)
{
	for (; el != NULL; el = el->next)
		if (!element_is_text(el) && (name == NULL || str_is(el->name, name)) &&
		    (ns == NULL || str_is(el->ns, ns)))
			break;
	return el;
}

struct element *
element_child(const struct element *el, const char *ns, const char *name)
{
	return first_match(el->children, ns, name);
}

struct element *
element_next(const struct element *el, const char *ns, const char *name)
{
	return first_match(el->next, ns, name);
}

struct str
element_text(struct arena *arena, const struct element *el)
{
	const struct element *only = NULL;
	size_t len = 0, count = 0;
	char *p;

	for (const struct element *at = el->children; at != NULL; at = at->next)
		if (element_is_text(at)) {
			only = at;
			len += at->text.len;
			count++;
		}
	if (count == 0)
		return STR("");
	if (count == 1)
		return only->text;
	p = arena_bytes(arena, len);
	len = 0;
	for (const struct element *at = el->children; at != NULL; at = at->next)
		if (element_is_text(at)) {
			memcpy(p + len, at->text.p, at->text.len);
			len += at->text.len;
		}
	return str_of(p, len);
}

struct str
element_child_text(struct arena *arena, const struct element *el, const char *ns, const char *name)
{
	const struct element *child = element_child(el, ns, name);

	return child ? element_text(arena, child) : STR_NONE;
}
