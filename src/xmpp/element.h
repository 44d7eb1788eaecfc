/* SPDX-License-Identifier: MIT */
/*
 * element.h - a tree of XML elements in an arena.
 *
 * Names and namespaces are views that live as long as the arena. What a reader made also knows its
 * own source text, so that it can be passed on without being written anew.
 */
#pragma once

#include "base/arena.h"

struct attr {
	struct str ns; /* empty for an attribute without prefix */
	struct str name;
	struct str value; /* references resolved, white space normalised (XML 1.0 §3.3.3) */
	struct attr *next;
};

/* An element, or (name.p == NULL) a run of character data. */
struct element {
	struct str name; /* local name; p NULL: this node is text */
	struct str ns;   /* namespace name; empty: none */
	struct str text; /* of a text node: references and CDATA resolved, line ends normalised */
	struct attr *attrs; /* in order; namespace declarations are not among them */
	struct element *parent, *next, *children, *last_child;
	struct str source; /* whole source text, "<name ...>...</name>"; p NULL when built or
			      changed */

	/* The reader's own notes; 0 in what is built. See element_inner_source in xml_reader.h. */
	struct str inner;       /* source text between the tags */
	uint16_t prefix_depth;  /* the outermost declaration of a prefix that is used inside */
	uint16_t default_depth; /* the outermost default namespace that is used here or inside */
	uint16_t qname_len;     /* of the name with its prefix */
	uint8_t declarations;   /* of namespaces, here */
	uint8_t notes;
};

static inline bool
element_is_text(const struct element *node)
{
	return node->name.p == NULL;
}

/* Building. NS and NAME are constants or live in ARENA; texts are copied. */
struct element *element_new(struct arena *arena, const char *ns, const char *name);
/* A new last child of PARENT; NS NULL means the parent's. */
struct element *element_add(struct arena *arena, struct element *parent, const char *ns,
			    const char *name);
/* Appends TEXT to PARENT. Returns PARENT. */
struct element *element_add_text(struct arena *arena, struct element *parent, struct str text);
/* <name>text</name> in the parent's namespace. */
struct element *element_add_leaf(struct arena *arena, struct element *parent, const char *name,
				 struct str text);
/*
 * Changing what was read takes the source text away from the element and all around it, except that
 * a change of attributes leaves the inner source text as it was.
 */
/* Sets or replaces an attribute without prefix; VALUE with p NULL removes it. Copies VALUE. */
void element_set(struct arena *arena, struct element *el, const char *name, struct str value);
void element_setz(struct arena *arena, struct element *el, const char *name, const char *value);
/* Makes CHILD (which has no parent) the last child. */
void element_append(struct element *parent, struct element *child);
/* Makes CHILD (which has no parent) the first child. */
void element_prepend(struct element *parent, struct element *child);
/* Takes CHILD out of its parent. */
void element_detach(struct element *child);
/* A deep copy in ARENA, source text included. */
struct element *element_copy(struct arena *arena, const struct element *el);

/* Reading. */
bool element_is(const struct element *el, const char *ns, const char *name);
/* The value, or STR_NONE. Attributes without prefix only. */
struct str element_attr(const struct element *el, const char *name);
/* The first child element with that name; NS NULL: any namespace; NAME NULL: any name. NULL if
 * none. */
struct element *element_child(const struct element *el, const char *ns, const char *name);
/* The next sibling after EL under the same rule. */
struct element *element_next(const struct element *el, const char *ns, const char *name);
/* All character data directly in EL, joined; empty when there is none. */
struct str element_text(struct arena *arena, const struct element *el);
/* The text of the first such child, or STR_NONE when there is no such child. */
struct str element_child_text(struct arena *arena, const struct element *el, const char *ns,
			      const char *name);
