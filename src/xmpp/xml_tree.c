/* SPDX-License-Identifier: MIT */
/* xml_tree.c - from tokens to elements: namespaces, duplicates, counts, source slices. */
#include "xmpp/xml_work.h"

#include "base/hash.h"
#include "xmpp/xml_scan.h"

#include <stdlib.h>

#define XMLNS_NS "http://www.w3.org/2000/xmlns/"
#define FEW_ATTRIBUTES 8u /* so many are compared each with each */
#define NONE UINT16_MAX   /* deeper than any element */

static enum xml_step
count_node(struct xml_work *w)
{
	if (++w->nodes > w->limits.nodes)
		return xml_fail(w, XML_TOO_LARGE, "too many elements and texts");
	return XML_STEP_ON;
}

/* The name that was just read. Until the tag is whole, *NS is its prefix. */
static void
take_name(struct xml_work *w, struct str *ns, struct str *name)
{
	size_t skip = w->colon > 0 ? w->colon + 1 : 0;

	*ns = str_of(w->mark, w->colon);
	*name = str_of(w->mark + skip, (size_t)(w->p - w->mark) - skip);
}

enum xml_step
xml_tree_name(struct xml_work *w)
{
	struct element *el;

	if (w->depth >= w->limits.depth && !w->is_header)
		return xml_fail(w, XML_TOO_LARGE, "elements nested too deeply");
	if (count_node(w) != XML_STEP_ON)
		return XML_STEP_WRONG;
	el = arena_new_of(w->arena, struct element);
	take_name(w, &el->ns, &el->name);
	el->source.p = w->mark - 1;
	el->qname_len = (uint16_t)(w->p - w->mark);
	el->prefix_depth = el->default_depth = NONE;
	if (w->open != NULL)
		element_link(w->open, el);
	else
		w->top = el;
	w->depth++;
	w->tag = el;
	w->attr_tail = &el->attrs;
	w->attributes = 0;
	return XML_STEP_ON;
}

static enum xml_step
add_binding(struct xml_work *w, struct str prefix)
{
	struct xml_binding *binding;
	uint32_t own = w->tag->declarations;

	if (w->binding_count == XML_DECLARATIONS_MAX)
		return xml_fail(w, XML_TOO_LARGE, "too many namespace declarations");
	for (uint32_t i = w->binding_count - own; i < w->binding_count; i++)
		if (str_equal(w->bindings[i].prefix, prefix))
			return xml_fail(w, XML_NOT_WELL_FORMED, "a prefix declared twice");
	if (str_is(prefix, "xmlns"))
		return xml_fail(w, XML_BAD_NAMESPACE, "the prefix xmlns declared");
	if (w->binding_count == w->binding_size) {
		w->bindings = (void *)memcpy(
			arena_array(w->arena, struct xml_binding, w->binding_size * 2), w->bindings,
			w->binding_size * sizeof(struct xml_binding));
		w->binding_size *= 2;
	}
	binding = &w->bindings[w->binding_count++];
	*binding = (struct xml_binding){prefix, STR_NONE, w->depth};
	w->tag->declarations++;
	return XML_STEP_ON;
}

enum xml_step
xml_tree_attr_name(struct xml_work *w)
{
	struct str prefix, name;
	struct attr *attr;

	if (++w->attributes > w->limits.attributes)
		return xml_fail(w, XML_TOO_LARGE, "too many attributes");
	take_name(w, &prefix, &name);
	w->attr = NULL;
	if (prefix.len == 5 && memcmp(prefix.p, "xmlns", 5) == 0)
		return add_binding(w, name);
	if (prefix.len == 0 && name.len == 5 && memcmp(name.p, "xmlns", 5) == 0)
		return add_binding(w, STR(""));
	attr = arena_new_of(w->arena, struct attr);
	attr->ns = prefix;
	attr->name = name;
	*w->attr_tail = w->attr = attr;
	w->attr_tail = &attr->next;
	return XML_STEP_ON;
}

/*
 * Characters that are in no URI are what parsers put between a namespace and a name when they join
 * the two, and some then refuse the whole stream: such a name must not get to anybody (SEC-02).
 */
static bool
is_namespace_name(struct str ns)
{
	for (size_t i = 0; i < ns.len; i++)
		if (!xml_byte_is(ns.p[i], XML_URI) && (unsigned char)ns.p[i] < 0x80)
			return false;
	return true;
}

/* Namespaces in XML 1.0 §3: who may be bound to whom. */
static enum xml_step
check_binding(struct xml_work *w, const struct xml_binding *binding)
{
	bool is_xml_prefix = str_is(binding->prefix, "xml");

	if (binding->prefix.len > 0 && binding->ns.len == 0)
		return xml_fail(w, XML_BAD_NAMESPACE, "a prefix declared without a namespace");
	if (is_xml_prefix != str_is(binding->ns, XML_NS) || str_is(binding->ns, XMLNS_NS))
		return xml_fail(w, XML_BAD_NAMESPACE, "a reserved prefix or namespace declared");
	if (!is_namespace_name(binding->ns))
		return xml_fail(w, XML_BAD_NAMESPACE, "a namespace that is not a URI");
	return XML_STEP_ON;
}

enum xml_step
xml_tree_value(struct xml_work *w)
{
	struct str value = str_of(w->mark, (size_t)(w->p - w->mark));
	struct xml_binding *binding;

	if (w->needs_decoding)
		value = xml_decode_value(w->arena, value);
	if (w->attr != NULL) {
		w->attr->value = value;
		return XML_STEP_ON;
	}
	binding = &w->bindings[w->binding_count - 1];
	binding->ns = value;
	return check_binding(w, binding);
}

/* The namespace of the stream's declaration I, as long-lived as the tree. */
static struct str
context_ns(struct xml_work *w, uint32_t i)
{
	const struct xml_context *context = w->context;

	if (context->is_constant)
		return context->bindings[i].ns;
	if (w->context_ns == NULL)
		w->context_ns = arena_array(w->arena, struct str, context->count);
	if (w->context_ns[i].p == NULL)
		w->context_ns[i] = arena_dup(w->arena, context->bindings[i].ns);
	return w->context_ns[i];
}

/*
 * What PREFIX means by the first COUNT declarations in scope, and at which depth that was declared;
 * false when it is not.
 */
static inline bool
look_up(struct xml_work *w, uint32_t count, struct str prefix, struct str *ns, uint16_t *depth)
{
	for (uint32_t i = count; i-- > 0;)
		if (str_equal(w->bindings[i].prefix, prefix)) {
			*ns = w->bindings[i].ns;
			*depth = w->bindings[i].depth;
			return true;
		}
	for (uint32_t i = 0; w->context != NULL && i < w->context->count; i++)
		if (str_equal(w->context->bindings[i].prefix, prefix)) {
			*ns = context_ns(w, i);
			*depth = 0;
			return true;
		}
	return false;
}

/* Takes note in TAG that a prefix declared at DEPTH was used in its start tag. */
static void
note_prefix(struct xml_work *w, struct element *tag, uint16_t depth)
{
	if (depth < w->depth)
		tag->notes |= ELEMENT_OUTER;
	if (tag->parent != NULL)
		tag->parent->prefix_depth = MIN(tag->parent->prefix_depth, depth);
}

/* *NS is a prefix that is not empty, and becomes its namespace. */
static enum xml_step
resolve_prefix(struct xml_work *w, struct str *ns)
{
	uint16_t depth;

	if (ns->len == 3 && memcmp(ns->p, "xml", 3) == 0) {
		*ns = STR(XML_NS);
		return XML_STEP_ON;
	}
	if (!look_up(w, w->binding_count, *ns, ns, &depth))
		return xml_fail(w, XML_BAD_NAMESPACE, "a prefix that is not declared");
	note_prefix(w, w->tag, depth);
	return XML_STEP_ON;
}

/*
 * A tag that declares once more the default namespace around it would, as source text, stay behind
 * in "jabber:client" when all around it becomes "jabber:server". So it counts as one that needs its
 * surroundings.
 */
static void
note_declarations(struct xml_work *w, struct element *tag)
{
	uint32_t outer = w->binding_count - tag->declarations;
	struct str ns = STR("");
	uint16_t depth = 0;

	if (tag->parent == NULL || !look_up(w, outer, STR(""), &ns, &depth))
		return;
	for (uint32_t i = outer; i < w->binding_count; i++)
		if (str_equal(w->bindings[i].ns, ns))
			tag->parent->prefix_depth = MIN(tag->parent->prefix_depth, depth);
}

static enum xml_step
resolve_element(struct xml_work *w, struct element *tag)
{
	uint16_t depth = 0;

	if (tag->ns.len > 0) {
		tag->notes |= ELEMENT_PREFIXED;
		return resolve_prefix(w, &tag->ns);
	}
	if (!look_up(w, w->binding_count, STR(""), &tag->ns, &depth))
		tag->ns = STR("");
	/* No namespace at all is something that another stream could not give it. */
	if (depth == 0 && tag->ns.len == 0)
		note_prefix(w, tag, 0);
	tag->default_depth = depth;
	return XML_STEP_ON;
}

static bool
is_same_attr(const struct attr *a, const struct attr *b)
{
	return str_equal(a->name, b->name) && str_equal(a->ns, b->ns);
}

/* With a keyed hash, so that no choice of names makes it slow (SEC-07, SEC-09). */
static bool
has_duplicate_of_many(const struct element *tag, uint32_t count)
{
	size_t size = 32;
	const struct attr **slots;
	bool is_found = false;

	while (size < (size_t)count * 2)
		size *= 2;
	slots = xnew_array(const struct attr *, size);
	for (const struct attr *attr = tag->attrs; attr != NULL && !is_found; attr = attr->next) {
		size_t at = (hash_str(attr->name) + 3 * hash_str(attr->ns)) & (size - 1);

		while (slots[at] != NULL && !is_same_attr(slots[at], attr))
			at = (at + 1) & (size - 1);
		is_found = slots[at] != NULL;
		slots[at] = attr;
	}
	free(slots);
	return is_found;
}

static bool
has_duplicate(const struct element *tag, uint32_t count)
{
	if (count > FEW_ATTRIBUTES)
		return has_duplicate_of_many(tag, count);
	for (const struct attr *a = tag->attrs; a != NULL; a = a->next)
		for (const struct attr *b = a->next; b != NULL; b = b->next)
			if (is_same_attr(a, b))
				return true;
	return false;
}

enum xml_step
xml_tree_tag(struct xml_work *w)
{
	struct element *tag = w->tag;

	*w->attr_tail = NULL;
	if (tag->declarations > 0)
		note_declarations(w, tag);
	if (resolve_element(w, tag) != XML_STEP_ON)
		return XML_STEP_WRONG;
	for (struct attr *attr = tag->attrs; attr != NULL; attr = attr->next)
		if (attr->ns.len > 0 && resolve_prefix(w, &attr->ns) != XML_STEP_ON)
			return XML_STEP_WRONG;
	if (has_duplicate(tag, w->attributes))
		return xml_fail(w, XML_NOT_WELL_FORMED, "an attribute twice");
	tag->inner.p = w->p;
	w->open = tag;
	return XML_STEP_ON;
}

/* DEPTH is EL's own. See xml_reader.h for what the two notes promise. */
static void
note_source(struct element *el, uint16_t depth)
{
	bool is_prefixed = (el->notes & ELEMENT_PREFIXED) != 0;
	bool is_default_outside = el->default_depth < depth;

	if (!is_prefixed && (el->notes & ELEMENT_OUTER) == 0 && el->prefix_depth >= depth &&
	    (!is_default_outside || el->default_depth == 0))
		el->notes |= ELEMENT_SELF_CONTAINED;
	if (el->prefix_depth > depth && (!is_prefixed || el->default_depth > depth))
		el->notes |= ELEMENT_INNER;
}

void
xml_tree_close(struct xml_work *w, const char *end_tag)
{
	struct element *el = w->open, *parent = el->parent;

	el->source.len = (size_t)(w->p - el->source.p);
	el->inner.len = (size_t)(end_tag - el->inner.p);
	if (el->inner.len == 0)
		el->inner.p = el->source.p; /* a place inside of the source, whatever comes */
	note_source(el, w->depth);
	w->binding_count -= el->declarations;
	w->depth--;
	w->open = parent;
	if (parent != NULL) {
		parent->prefix_depth = MIN(parent->prefix_depth, el->prefix_depth);
		parent->default_depth = MIN(parent->default_depth, el->default_depth);
	}
}

enum xml_step
xml_tree_text(struct xml_work *w)
{
	struct str text = str_of(w->mark, (size_t)(w->p - w->mark));
	struct element *node;

	if (w->needs_decoding)
		text = xml_decode_text(w->arena, text);
	if (text.len == 0)
		return XML_STEP_ON;
	if (count_node(w) != XML_STEP_ON)
		return XML_STEP_WRONG;
	node = arena_new_of(w->arena, struct element);
	node->text = text;
	element_link(w->open, node);
	return XML_STEP_ON;
}

static void
move_node(struct element *el, const struct view_move *move)
{
	view_follow(&el->name, move);
	view_follow(&el->ns, move);
	view_follow(&el->text, move);
	view_follow(&el->source, move);
	view_follow(&el->inner, move);
	for (struct attr *attr = el->attrs; attr != NULL; attr = attr->next) {
		view_follow(&attr->ns, move);
		view_follow(&attr->name, move);
		view_follow(&attr->value, move);
	}
}

static void
move_tree(struct element *top, const struct view_move *move)
{
	struct element *at = top;

	while (at != NULL) {
		move_node(at, move);
		if (at->children != NULL) {
			at = at->children;
			continue;
		}
		while (at != NULL && at->next == NULL)
			at = at->parent;
		if (at != NULL)
			at = at->next;
	}
}

void
xml_tree_grow(struct xml_work *w, size_t size)
{
	struct view_move move = {w->base, w->len + 1, NULL}; /* a view may stand at the end */
	char *base = arena_bytes(w->arena, size);

	move.to = base;
	memcpy(base, w->base, w->len);
	move_tree(w->top, &move);
	for (uint32_t i = 0; i < w->binding_count; i++) {
		view_follow(&w->bindings[i].prefix, &move);
		view_follow(&w->bindings[i].ns, &move);
	}
	w->p = base + (w->p - w->base);
	w->mark = w->mark ? base + (w->mark - w->base) : NULL;
	w->base = base;
	w->size = size;
}
