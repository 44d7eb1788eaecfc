/* SPDX-License-Identifier: MIT */
/* content_ns.c - renaming elements that came from a server, and finding those that can't go to one.
 */
#include "xmpp/content_ns.h"

#include "xmpp/ns.h"
#include "xmpp/xml_writer.h"

/* The next node below TOP, in order of the document. */
static struct element *
next_node(struct element *node, const struct element *top)
{
	if (node->children != NULL)
		return node->children;
	while (node != top && node->next == NULL)
		node = node->parent;
	return node == top ? NULL : node->next;
}

static void
forget_source(struct element *el, const struct element *top)
{
	for (;; el = el->parent) {
		el->source = el->inner = STR_NONE;
		el->notes = 0;
		if (el == top)
			break;
	}
}

void
content_from_server(struct element *top)
{
	for (struct element *el = top; el != NULL; el = next_node(el, top)) {
		if (element_is_text(el) || !str_is(el->ns, NS_SERVER))
			continue;
		el->ns = STR(NS_CLIENT);
		if (el != top && el->declarations > 0) /* perhaps of that very namespace */
			forget_source(el, top);
	}
}

/* A child that declares "jabber:client", which its parent's namespace would have given it. */
static bool
says_client(const struct stanza *stanza)
{
	for (const struct element *el = stanza->el->children; el != NULL; el = el->next)
		if (!element_is_text(el) && el->declarations > 0 && str_is(el->ns, NS_CLIENT))
			return true;
	return false;
}

void
content_to_server(struct buf *out, const struct stanza *stanza)
{
	struct stanza copy = {.kind = stanza->kind,
			      .from = stanza->from,
			      .to = stanza->to,
			      .rest = stanza->rest,
			      .is_frozen = true};
	struct buf inner = {0};

	if (!says_client(stanza)) {
		stanza_write(out, stanza, NULL);
		return;
	}
	for (const struct element *el = stanza->el->children; el != NULL; el = el->next)
		xml_write(&inner, el, STR(NS_CLIENT));
	copy.inner = buf_str(&inner);
	stanza_write(out, &copy, NULL);
	buf_free(&inner);
}
