/* SPDX-License-Identifier: MIT */
/*
 * portable_roster.c - contacts, and those who ask to be one, on their way from server to server
 * (XEP-0227 §3.3, §3.7). No presence is sent for it: the contacts' servers know.
 */
#include "modules/roster.h"
#include "server/portable.h"

extern const struct portable roster_portables[];

static void
load(struct store_request *request, const struct account *account, struct str after UNUSED)
{
	(void)roster_load(request, account->jid.text);
}

static struct str
write_contacts(struct buf *out, const struct store_request *request,
	       const struct account *account UNUSED)
{
	struct roster *roster = roster_loaded(request, 0);
	struct element *query = element_new(request->arena, NS_ROSTER, "query");
	uint32_t at = 0;
	void *value;

	while (map_next(&roster->contacts, &at, &value)) {
		const struct contact *contact = value;

		if (contact->is_listed)
			xml_write(out, contact_item(request->arena, query, contact),
				  STR(NS_ROSTER));
	}
	roster_free(roster);
	return STR_NONE;
}

static struct str
write_requests(struct buf *out, const struct store_request *request,
	       const struct account *account UNUSED)
{
	struct roster *roster = roster_loaded(request, 0);
	uint32_t at = 0;
	void *value;

	while (map_next(&roster->contacts, &at, &value)) {
		const struct contact *contact = value;
		struct stanza *asked = NULL;

		if (contact->pending && contact->request.p != NULL)
			asked = stanza_parse(contact->request);
		if (asked != NULL)
			xml_write(out, asked->el, STR_NONE);
		stanza_unref(asked);
	}
	roster_free(roster);
	return STR_NONE;
}

static void
take_groups(struct arena *arena, struct contact *contact, const struct element *item)
{
	const struct element *group = element_child(item, NS_ROSTER, "group");
	size_t count = 0;

	for (; group != NULL; group = element_next(group, NS_ROSTER, "group"))
		count++;
	contact->groups = arena_array(contact->arena, struct str, count + 1);
	contact->group_count = 0;
	for (group = element_child(item, NS_ROSTER, "group"); group != NULL;
	     group = element_next(group, NS_ROSTER, "group")) {
		struct str name = element_text(arena, group); /* perhaps a view of it */

		if (name.len > 0)
			contact->groups[contact->group_count++] = arena_dup(contact->arena, name);
	}
}

static const char *
take_contact(struct import_item *import, const struct element *item)
{
	struct roster *roster = import->account->roster;
	struct str subscription = element_attr(item, "subscription");
	bool is_both = str_is(subscription, "both");
	struct contact *contact;
	struct jid jid;
	const char *why;

	if (jid_parse(import->arena, element_attr(item, "jid"), &jid, &why) < 0)
		return "its roster has something that is no address";
	if (str_is(subscription, "remove"))
		return NULL;
	contact = contact_edit(roster_find(roster, jid.text), jid.text);
	contact->is_listed = true;
	contact->name = arena_dup(contact->arena, element_attr(item, "name"));
	contact->to = is_both || str_is(subscription, "to");
	contact->from = is_both || str_is(subscription, "from");
	contact->asked = element_attr(item, "ask").p != NULL;
	contact->approved = str_is(element_attr(item, "approved"), "true") ||
			    str_is(element_attr(item, "approved"), "1");
	take_groups(import->arena, contact, item);
	roster_put(roster, contact, import->request, import->account->jid.text);
	return NULL;
}

static const char *
take_contacts(struct import_item *import)
{
	const struct element *item = element_child(import->el, NS_ROSTER, "item");
	const char *why = NULL;

	for (; item != NULL && why == NULL; item = element_next(item, NS_ROSTER, "item"))
		why = take_contact(import, item);
	return why;
}

static const char *
take_request(struct import_item *import)
{
	struct roster *roster = import->account->roster;
	struct contact *contact;
	struct stanza *asked;
	struct buf text = {0};
	struct jid from;
	const char *why;

	if (!str_is(element_attr(import->el, "type"), "subscribe"))
		return "a presence that is no request for a subscription";
	if (jid_parse(import->arena, element_attr(import->el, "from"), &from, &why) < 0)
		return "somebody without an address asks to be a contact";
	asked = stanza_parse(xml_text(import->arena, import->el, STR(NS_CLIENT)));
	if (asked == NULL)
		return "a request for a subscription that is malformed";
	stanza_set_to(asked, import->account->jid);
	from = jid_bare(from);
	contact = contact_edit(roster_find(roster, from.text), from.text);
	contact->pending = !contact->from;
	stanza_freeze(asked);
	stanza_write(&text, asked, NULL);
	contact->request = arena_dup(contact->arena, buf_str(&text));
	buf_free(&text);
	stanza_unref(asked);
	roster_put(roster, contact, import->request, import->account->jid.text);
	return NULL;
}

const struct portable roster_portables[] = {
	{NS_ROSTER, "query", true, load, write_contacts, take_contacts},
	{NS_CLIENT, "presence", false, load, write_requests, take_request},
	{0},
};
