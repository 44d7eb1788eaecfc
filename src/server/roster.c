/* SPDX-License-Identifier: MIT */
/* roster.c - contacts in memory, on the wire and in the store (RFC 6121 §2.1). */
#include "server/roster.h"

#include "base/log.h"
#include "xmpp/ns.h"
#include "xmpp/xml_reader.h"
#include "xmpp/xml_writer.h"

#include <stdlib.h>

#define SET_NAME "roster"
#define VERSION_DOC "roster-version"

struct roster *
roster_new(void)
{
	return xnew(struct roster);
}

void
contact_free(struct contact *contact)
{
	if (contact != NULL)
		arena_free(contact->arena);
}

void
roster_free(struct roster *roster)
{
	uint32_t at = 0;
	void *value;

	if (roster == NULL)
		return;
	while (map_next(&roster->contacts, &at, &value))
		contact_free(value);
	map_free(&roster->contacts);
	free(roster);
}

struct contact *
roster_find(const struct roster *roster, struct str jid)
{
	return map_get(&roster->contacts, jid);
}

struct contact *
contact_edit(const struct contact *old, struct str jid)
{
	struct arena *arena = arena_new();
	struct contact *contact = arena_new_of(arena, struct contact);

	if (old != NULL) {
		*contact = *old;
		contact->name = arena_dup(arena, old->name);
		contact->request = arena_dup(arena, old->request);
		contact->groups = arena_array(arena, struct str, old->group_count + 1);
		for (size_t i = 0; i < old->group_count; i++)
			contact->groups[i] = arena_dup(arena, old->groups[i]);
		jid = old->jid;
	}
	contact->arena = arena;
	contact->jid = arena_dup(arena, jid);
	return contact;
}

const char *
contact_subscription(const struct contact *contact)
{
	if (contact->to)
		return contact->from ? "both" : "to";
	return contact->from ? "from" : "none";
}

bool
contact_is_empty(const struct contact *c)
{
	return !c->is_listed && !c->to && !c->from && !c->asked && !c->pending && !c->approved;
}

static struct element *
item_element(struct arena *arena, struct element *el, const struct contact *contact)
{
	element_set(arena, el, "jid", contact->jid);
	element_set(arena, el, "name", contact->name);
	element_setz(arena, el, "subscription", contact_subscription(contact));
	if (contact->asked)
		element_setz(arena, el, "ask", "subscribe");
	if (contact->approved)
		element_setz(arena, el, "approved", "true");
	for (size_t i = 0; i < contact->group_count; i++)
		element_add_leaf(arena, el, "group", contact->groups[i]);
	return el;
}

struct element *
contact_item(struct arena *arena, struct element *query, const struct contact *contact)
{
	return item_element(arena, element_add(arena, query, NS_ROSTER, "item"), contact);
}

/* As stored: the client's item, with what it does not see. */
static struct str
encode(struct arena *arena, const struct contact *contact)
{
	struct element *el = item_element(arena, element_new(arena, NS_ROSTER, "item"), contact);

	if (contact->pending)
		element_setz(arena, el, "pending", "true");
	if (!contact->is_listed)
		element_setz(arena, el, "hidden", "true");
	element_set(arena, el, "ver",
		    arena_printf(arena, "%llu", (unsigned long long)contact->version));
	if (contact->request.p != NULL)
		element_add_leaf(arena, el, "request", contact->request);
	return xml_text(arena, el, STR_NONE);
}

static bool
is_true(const struct element *el, const char *name)
{
	return str_is(element_attr(el, name), "true");
}

static struct contact *
decode(struct str jid, struct str text)
{
	static const struct xml_limits limits = {
		.bytes = 16u << 20, .depth = 8, .attributes = 32, .nodes = 1u << 16};
	struct contact *contact = contact_edit(NULL, jid);
	struct arena *scratch = arena_new();
	struct element *el = xml_parse(scratch, text, &limits, NULL), *child;
	struct str subscription;

	if (el == NULL) {
		log_event(LOG_ERROR, "roster-item-unreadable", LOG_STR("contact", jid));
		arena_free(scratch);
		contact_free(contact);
		return NULL;
	}
	subscription = element_attr(el, "subscription");
	contact->name = arena_dup(contact->arena, element_attr(el, "name"));
	contact->to = str_is(subscription, "to") || str_is(subscription, "both");
	contact->from = str_is(subscription, "from") || str_is(subscription, "both");
	contact->asked = element_attr(el, "ask").p != NULL;
	contact->approved = is_true(el, "approved");
	contact->pending = is_true(el, "pending");
	contact->is_listed = !is_true(el, "hidden");
	if (str_to_u64(element_attr(el, "ver"), UINT64_MAX, &contact->version) < 0)
		contact->version = 0;
	contact->request =
		arena_dup(contact->arena, element_child_text(scratch, el, NULL, "request"));
	for (child = element_child(el, NULL, "group"); child != NULL;
	     child = element_next(child, NULL, "group"))
		contact->group_count++;
	contact->groups = arena_array(contact->arena, struct str, contact->group_count + 1);
	child = element_child(el, NULL, "group");
	for (size_t i = 0; child != NULL; child = element_next(child, NULL, "group"))
		contact->groups[i++] = arena_dup(contact->arena, element_text(scratch, child));
	arena_free(scratch);
	return contact;
}

static void
put_in_memory(struct roster *roster, struct contact *contact)
{
	struct contact *old = map_get(&roster->contacts, contact->jid);

	if (old != NULL)
		roster->listed -= old->is_listed;
	roster->listed += contact->is_listed;
	map_put(&roster->contacts, contact->jid, contact);
	contact_free(old);
}

static void
remove_contact(struct roster *roster, struct str jid, struct store_request *request,
	       struct str owner)
{
	struct contact *old = map_remove(&roster->contacts, jid);

	if (old == NULL)
		return;
	roster->listed -= old->is_listed;
	if (old->is_listed)
		roster->removed_at = roster->version;
	if (request != NULL)
		store_set_remove(request, owner, SET_NAME, jid);
	contact_free(old);
}

void
roster_put(struct roster *roster, struct contact *contact, struct store_request *request,
	   struct str owner)
{
	const struct contact *old = roster_find(roster, contact->jid);
	bool was_listed = old != NULL && old->is_listed;
	struct arena *arena = arena_new();

	contact->version = ++roster->version;
	if (was_listed && !contact->is_listed)
		roster->removed_at = roster->version;
	if (contact_is_empty(contact)) {
		remove_contact(roster, contact->jid, request, owner);
		contact_free(contact);
	} else {
		if (request != NULL)
			store_set_put(request, owner, SET_NAME, contact->jid,
				      encode(arena, contact));
		put_in_memory(roster, contact);
	}
	if (request != NULL)
		store_doc_put(request, owner, VERSION_DOC,
			      arena_printf(arena, "%llu %llu", (unsigned long long)roster->version,
					   (unsigned long long)roster->removed_at));
	arena_free(arena);
}

size_t
roster_load(struct store_request *request, struct str owner)
{
	size_t first = store_doc_get(request, owner, VERSION_DOC);

	store_set_list(request, owner, SET_NAME);
	return first;
}

struct roster *
roster_loaded(const struct store_request *request, size_t first)
{
	struct roster *roster = roster_new();
	struct str rest = request->results[first].value, field;

	if (str_split(&rest, ' ', &field) && str_to_u64(field, UINT64_MAX, &roster->version) == 0 &&
	    str_split(&rest, ' ', &field) && str_to_u64(field, UINT64_MAX, &roster->removed_at) < 0)
		roster->removed_at = roster->version;
	for (const struct store_item *item = request->results[first + 1].items; item != NULL;
	     item = item->next) {
		struct contact *contact = decode(item->key, item->value);

		if (contact != NULL)
			put_in_memory(roster, contact);
	}
	return roster;
}
