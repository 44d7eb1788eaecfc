/* SPDX-License-Identifier: MIT */
/*
 * portable.c - block lists on their way from server to server. XEP-0227 has a place for privacy
 * lists only: what such a list denies to one address, and to all that it sends, becomes blocked.
 */
#include "modules/xep0191_blocking/private.h"

#define NS_PRIVACY "jabber:iq:privacy"

static void
load(struct store_request *request, const struct account *account, struct str after UNUSED)
{
	store_set_list(request, account->jid.text, BLOCKLIST_SET);
}

static struct str
write(struct buf *out, const struct store_request *request, const struct account *account UNUSED)
{
	for (const struct store_item *item = request->results[0].items; item != NULL;
	     item = item->next) {
		buf_addz(out, "<item");
		xml_write_attr(out, "jid", item->key);
		buf_addz(out, "/>");
	}
	return STR_NONE;
}

static const char *
block(struct import_item *import, struct str text)
{
	struct jid jid;
	const char *why;

	if (jid_parse(import->arena, text, &jid, &why) < 0)
		return "its block list has something that is no address";
	list_add_jid(list_make(import->account), jid.text);
	store_set_put(import->request, import->account->jid.text, BLOCKLIST_SET, jid.text, STR(""));
	return NULL;
}

static const char *
take(struct import_item *import)
{
	const struct element *item = element_child(import->el, NS_BLOCKING, "item");
	const char *why = NULL;

	for (; item != NULL && why == NULL; item = element_next(item, NS_BLOCKING, "item"))
		why = block(import, element_attr(item, "jid"));
	return why;
}

/* XEP-0016 §2.1: with no children, it is about stanzas of all kinds. */
static const char *
take_privacy(struct import_item *import)
{
	const struct element *chosen = element_child(import->el, NS_PRIVACY, "default");
	const struct element *list = element_child(import->el, NS_PRIVACY, "list");
	const char *why = NULL;

	if (chosen == NULL)
		return "its privacy lists are not in use, and are left out";
	while (list != NULL && !str_equal(element_attr(list, "name"), element_attr(chosen, "name")))
		list = element_next(list, NS_PRIVACY, "list");
	if (list == NULL)
		return "its default privacy list is missing";
	for (const struct element *item = element_child(list, NS_PRIVACY, "item");
	     item != NULL && why == NULL; item = element_next(item, NS_PRIVACY, "item"))
		if (str_is(element_attr(item, "type"), "jid") &&
		    str_is(element_attr(item, "action"), "deny") &&
		    element_child(item, NULL, NULL) == NULL)
			why = block(import, element_attr(item, "value"));
	return why;
}

const struct portable blocking_portables[] = {
	{NS_BLOCKING, "blocklist", true, load, write, take},
	{NS_PRIVACY, "query", true, NULL, NULL, take_privacy},
	{0},
};
