/* SPDX-License-Identifier: MIT */
/*
 * xml_work.h - the reader's own: what it holds while it is inside of one element.
 *
 * The bytes of the element are copied into its arena as they come, and are read there, so that
 * names and values can be views of them. When the copy must move to grow, all views move with it.
 */
#pragma once

#include "xmpp/xml_reader.h"

#define XML_NS "http://www.w3.org/XML/1998/namespace"
#define XML_NAME_MAX 1024u       /* bytes of a name with its prefix */
#define XML_DECLARATIONS_MAX 64u /* of namespaces that are in scope at one place */

enum { ELEMENT_SELF_CONTAINED = 1, ELEMENT_INNER = 2, ELEMENT_PREFIXED = 4, ELEMENT_OUTER = 8 };

struct xml_binding {
	struct str prefix; /* empty: the default namespace */
	struct str ns;
	uint16_t depth; /* of the element that declares it; 0: the stream */
};

/* What the root's start tag leaves behind for all that comes in it. */
struct xml_context {
	struct str root; /* its name with prefix, for the end tag */
	const struct xml_binding *bindings;
	uint16_t count;
	bool is_constant;                /* its texts are literals, the whole is never freed */
	const struct xml_context *outer; /* of the element around one that was entered */
};

enum xml_state {
	XML_AT_TOP, /* at the '<' of a first-level element, of the root, or of its end tag */
	XML_IN_CONTENT,
	XML_IN_CDATA,
	XML_IN_NAME,
	XML_IN_TAG, /* behind the name or a value */
	XML_IN_ATTR_NAME,
	XML_AT_EQUALS,
	XML_AT_QUOTE,
	XML_IN_VALUE,
	XML_AT_EMPTY_END, /* behind the '/' of an empty element */
	XML_IN_END_NAME,
	XML_AT_END_END, /* behind the name of an end tag */
	XML_AT_PI,
	XML_IN_DECLARATION,
};

enum xml_step {
	XML_STEP_ON,  /* there is more to read */
	XML_STEP_CUT, /* the input ends here */
	XML_STEP_WRONG,
	XML_STEP_HEADER, /* these four: the work is done */
	XML_STEP_ELEMENT,
	XML_STEP_END,
	XML_STEP_DECLARATION,
};

struct xml_work {
	struct arena *arena;
	char *base; /* the source so far; 8 zero bytes stand behind it */
	size_t len, size;
	const char *p, *end; /* what of it is still to be read */
	const char *mark;    /* where the name, value or text under way began */
	const struct xml_context *context;
	struct element *top, *open; /* first-level; innermost that is open */
	struct element *tag;        /* whose start tag is being read */
	struct attr *attr;          /* whose value is being read; NULL: that of a declaration */
	struct attr **attr_tail;
	struct str *context_ns; /* copies in the arena of the context's namespaces */
	struct xml_binding *bindings;
	uint32_t binding_count, binding_size;
	struct xml_limits limits;
	uint32_t nodes, attributes;
	uint32_t colon; /* of the name: bytes in front of it, 0 when there is none */
	uint16_t depth;
	uint8_t state, fault;
	char quote;
	bool (*enters)(const struct element *el, void *arg); /* or NULL */
	void *enters_arg;
	bool is_header;      /* the start tag to come is the root's */
	bool may_declare;    /* an XML declaration may stand here */
	bool has_root;       /* so an end tag may stand at the top */
	bool needs_decoding; /* the value or text under way is not what it says */
	const char *why;
	struct xml_binding first_bindings[4];
};

static inline enum xml_step
xml_fail(struct xml_work *w, enum xml_fault fault, const char *why)
{
	w->fault = (uint8_t)fault;
	w->why = why;
	return XML_STEP_WRONG;
}

/* xml_tokens.c: reads on until something is whole or the source ends. */
enum xml_step xml_tokens_read(struct xml_work *w);

/*
 * xml_tree.c: what a token does to the tree. Names and values end at w->p and began at w->mark.
 * They return XML_STEP_ON or XML_STEP_WRONG.
 */
enum xml_step xml_tree_name(struct xml_work *w);
enum xml_step xml_tree_attr_name(struct xml_work *w);
enum xml_step xml_tree_value(struct xml_work *w);
/* The start tag is whole: its namespaces are known. */
enum xml_step xml_tree_tag(struct xml_work *w);
/* The end tag of w->open begins at END_TAG and ends at w->p. Pass w->p for an empty element. */
void xml_tree_close(struct xml_work *w, const char *end_tag);
enum xml_step xml_tree_text(struct xml_work *w);
/* Room for SIZE bytes of source in all. */
void xml_tree_grow(struct xml_work *w, size_t size);

/* xml_decode.c: RAW was checked before. */
struct str xml_decode_text(struct arena *arena, struct str raw);
struct str xml_decode_value(struct arena *arena, struct str raw);
/* "<?xml ...?>" */
enum xml_step xml_declaration_read(struct xml_work *w, struct str text);

/* Views of a text that has moved. */
struct view_move {
	const char *from;
	size_t len;
	const char *to;
};

static inline bool
view_is_within(struct str view, const struct view_move *move)
{
	return (uintptr_t)view.p - (uintptr_t)move->from < move->len;
}

static inline void
view_follow(struct str *view, const struct view_move *move)
{
	if (view_is_within(*view, move))
		view->p = move->to + (view->p - move->from);
}

static inline struct str
view_moved_or_copied(struct arena *arena, struct str view, const struct view_move *move)
{
	if (!view_is_within(view, move))
		return arena_dup(arena, view);
	view_follow(&view, move);
	return view;
}

/* element.c, without regard to source texts. */
static inline void
element_link(struct element *parent, struct element *child)
{
	child->parent = parent;
	if (parent->last_child != NULL)
		parent->last_child->next = child;
	else
		parent->children = child;
	parent->last_child = child;
}
