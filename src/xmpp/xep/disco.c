/* SPDX-License-Identifier: MIT */
/* disco.c - builds and searches answers to disco#info and disco#items. */
#include "xmpp/xep/disco.h"

#include "xmpp/ns.h"

struct element *
disco_new(struct arena *arena, const char *ns, struct str node)
{
	struct element *query = element_new(arena, ns, "query");

	element_set(arena, query, "node", node);
	return query;
}

static void
set_lang(struct arena *arena, struct element *el, struct str lang)
{
	struct attr *attr = arena_new_of(arena, struct attr);

	attr->ns = STR(NS_XML);
	attr->name = STR("lang");
	attr->value = arena_dup(arena, lang);
	attr->next = el->attrs;
	el->attrs = attr;
}

void
disco_add_identity(struct arena *arena, struct element *query, struct str category, struct str type,
		   struct str lang, struct str name)
{
	struct element *identity = element_add(arena, query, NULL, "identity");

	element_set(arena, identity, "category", category);
	element_set(arena, identity, "type", type);
	element_set(arena, identity, "name", name);
	if (lang.p != NULL)
		set_lang(arena, identity, lang);
}

void
disco_add_feature(struct arena *arena, struct element *query, struct str feature)
{
	element_set(arena, element_add(arena, query, NULL, "feature"), "var", feature);
}

void
disco_add_item(struct arena *arena, struct element *query, struct str jid, struct str node,
	       struct str name)
{
	struct element *item = element_add(arena, query, NULL, "item");

	element_set(arena, item, "jid", jid);
	element_set(arena, item, "node", node);
	element_set(arena, item, "name", name);
}

bool
disco_has_feature(const struct element *query, const char *feature)
{
	const struct element *el = element_child(query, NS_DISCO_INFO, "feature");

	while (el != NULL && !str_is(element_attr(el, "var"), feature))
		el = element_next(el, NS_DISCO_INFO, "feature");
	return el != NULL;
}

bool
disco_has_identity(const struct element *query, const char *category, const char *type)
{
	const struct element *el = element_child(query, NS_DISCO_INFO, "identity");

	for (; el != NULL; el = element_next(el, NS_DISCO_INFO, "identity"))
		if (str_is(element_attr(el, "category"), category) &&
		    (type == NULL || str_is(element_attr(el, "type"), type)))
			return true;
	return false;
}

struct str
disco_lang(const struct element *el)
{
	for (const struct attr *attr = el->attrs; attr != NULL; attr = attr->next)
		if (str_is(attr->name, "lang") && str_is(attr->ns, NS_XML))
			return attr->value;
	return STR_NONE;
}
