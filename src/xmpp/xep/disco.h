/* SPDX-License-Identifier: MIT */
/* disco.h - service discovery: what an entity is, what it can do, what it contains (XEP-0030). */
#pragma once

#include "xmpp/element.h"

#define NS_DISCO_INFO "http://jabber.org/protocol/disco#info"
#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"

/* A <query/> of NS, which is one of the two, without parent. NODE is p NULL or the node asked for.
 */
struct element *disco_new(struct arena *arena, const char *ns, struct str node);

/* CATEGORY and TYPE as registered; LANG and NAME are p NULL when there is none. */
void disco_add_identity(struct arena *arena, struct element *query, struct str category,
			struct str type, struct str lang, struct str name);
void disco_add_feature(struct arena *arena, struct element *query, struct str feature);
/* JID as text; NODE and NAME are p NULL when there is none. */
void disco_add_item(struct arena *arena, struct element *query, struct str jid, struct str node,
		    struct str name);

bool disco_has_feature(const struct element *query, const char *feature);
/* TYPE NULL: any. */
bool disco_has_identity(const struct element *query, const char *category, const char *type);
/* The xml:lang of EL itself, or STR_NONE. */
struct str disco_lang(const struct element *el);
