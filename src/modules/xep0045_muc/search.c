/* SPDX-License-Identifier: MIT */
/* search.c - keywords against names, descriptions and addresses of public rooms (XEP-0433). */
#include "modules/xep0045_muc/search.h"

#include "modules/xep0045_muc/directory.h"
#include "xmpp/xep/forms.h"
#include "xmpp/xep/rsm.h"

#include <stdlib.h>

#define NS_PARAMS "urn:xmpp:channel-search:0:search-params"
#define NS_ORDER "urn:xmpp:channel-search:0:order"
#define NS_ERROR "urn:xmpp:channel-search:0:error"
#define KEY_ADDRESS "{" NS_ORDER "}address"
#define KEY_USERS "{" NS_ORDER "}nusers"
#define PAGE_DEFAULT 20u
#define PAGE_MAX 100u
#define TERMS_MAX 8u

struct search {
	struct held_iq *held;
	struct str terms[TERMS_MAX];
	size_t term_count;
	bool all, in_name, in_description, in_address, takes_rooms, by_users;
	uint64_t min_users;
	struct rsm rsm;
};

static void
add_choice(struct arena *arena, struct element *field, const char *label, const char *value)
{
	field_add_option(arena, field, label, str(value));
}

static struct element *
the_form(struct arena *arena)
{
	struct element *search = element_new(arena, NS_SEARCH, "search"), *field;
	struct element *x = form_new(arena, FORM_ASK, NS_PARAMS);

	form_add_field(arena, x, FIELD_TEXT, "q", "Search for");
	form_add_bool(arena, x, "all", "Return all entries", false);
	form_add_bool(arena, x, "sinname", "Search in names", true);
	form_add_bool(arena, x, "sindescription", "Search in descriptions", true);
	form_add_bool(arena, x, "sinaddr", "Search in addresses", true);
	form_add_text(arena, x, FIELD_TEXT, "min_users", "Occupants at least", STR("0"));
	field = form_add_text(arena, x, FIELD_LIST_MULTI, "types", "Kinds of service",
			      STR("xep-0045"));
	add_choice(arena, field, "Multi-User Chat", "xep-0045");
	field = form_add_text(arena, x, FIELD_LIST, "key", "Order by", STR(KEY_ADDRESS));
	add_choice(arena, field, "Address", KEY_ADDRESS);
	add_choice(arena, field, "Number of occupants", KEY_USERS);
	element_append(search, x);
	return search;
}

/* ---- searching ---- */

static bool
contains(struct str text, struct str term)
{
	for (size_t i = 0; i + term.len <= text.len; i++)
		if (str_equal_nocase(str_of(text.p + i, term.len), term))
			return true;
	return false;
}

/* Each of the words somewhere. */
static bool
matches(const struct search *s, const struct listing *l)
{
	if (!l->is_public || l->occupants < s->min_users || !s->takes_rooms)
		return false;
	for (size_t i = 0; !s->all && i < s->term_count; i++)
		if (!(s->in_name && contains(l->name, s->terms[i])) &&
		    !(s->in_description && contains(l->description, s->terms[i])) &&
		    !(s->in_address && contains(l->local, s->terms[i])))
			return false;
	return true;
}

static int
by_users(const void *a, const void *b)
{
	const struct listing *const *x = a, *const *y = b;

	if ((*x)->occupants != (*y)->occupants)
		return (*x)->occupants > (*y)->occupants ? -1 : 1;
	return str_compare((*x)->local, (*y)->local);
}

static void
add_item(struct arena *arena, struct element *result, const struct listing *l, struct str domain)
{
	struct element *item = element_add(arena, result, NULL, "item");

	element_set(arena, item, "address", jid_make(arena, l->local, domain, STR("")).text);
	element_add_leaf(arena, item, "name", l->name.len > 0 ? l->name : l->local);
	if (l->description.len > 0)
		element_add_leaf(arena, item, "description", l->description);
	if (l->lang.len > 0)
		element_add_leaf(arena, item, "language", l->lang);
	element_add_leaf(arena, item, "nusers",
			 arena_printf(arena, "%llu", (unsigned long long)l->occupants));
	element_add_leaf(arena, item, "service-type", STR("xep-0045"));
	if (!l->is_members_only && !l->is_password_protected)
		element_add(arena, item, NULL, "is-open");
	element_add_leaf(arena, item, "anonymity-mode",
			 l->is_anonymous ? STR("muc_semianonymous")
					 : STR("{urn:xmpp:channel-search:0:anonymity}none"));
}

/* By address, where a page starts is an address; by users, the same, wherever it stands now. */
static size_t
find_after(const struct listing **found, size_t count, struct str after)
{
	for (size_t i = 0; after.len > 0 && i < count; i++)
		if (str_equal(found[i]->local, after))
			return i + 1;
	return 0;
}

static void
add_results(struct search *s, struct element *result, const struct listing **found, size_t count)
{
	struct arena *arena = s->held->arena;
	size_t max = s->rsm.max == RSM_NONE ? PAGE_DEFAULT : MIN(s->rsm.max, PAGE_MAX);
	size_t first = find_after(found, count, s->rsm.after), end = count;
	struct rsm_page page = {.first_index = RSM_NONE, .count = (uint32_t)count};

	if (s->rsm.before.len > 0)
		end = MAX(find_after(found, count, s->rsm.before), 1) - 1;
	if (s->rsm.before.p != NULL && end - MIN(first, end) > max)
		first = end - max;
	end = MIN(end, first + max);
	for (size_t i = first; i < end; i++)
		add_item(arena, result, found[i], s->held->iq->to.domain);
	if (end > first) {
		page.first = found[first]->local;
		page.last = found[end - 1]->local;
		page.first_index = (uint32_t)first;
	}
	rsm_add_page(arena, result, &page);
}

static void
on_listed(void *arg, const struct listings *l)
{
	struct search *s = arg;
	struct element *result;
	const struct listing **found;
	size_t n = 0;

	if (l == NULL) {
		held_drop(s->held);
		return;
	}
	result = element_new(s->held->arena, NS_SEARCH, "result");
	found = arena_array(s->held->arena, const struct listing *, l->count + 1);
	for (size_t i = 0; i < l->count; i++)
		if (matches(s, &l->items[i]))
			found[n++] = &l->items[i];
	if (s->by_users)
		qsort(found, n, sizeof(*found), by_users);
	add_results(s, result, found, n);
	held_reply(s->held, result); /* frees S, which stands in its arena */
}

/* ---- reading ---- */

/* §3.2.3: an error with a condition of its own. */
static void
refuse(struct held_iq *held, enum stanza_condition condition, const char *type, const char *own)
{
	struct stanza *reply = stanza_error_reply(held->iq, condition, NULL);
	struct element *error = element_child(reply->el, NS_CLIENT, "error");

	element_setz(reply->arena, error, "type", type);
	element_add(reply->arena, error, NS_ERROR, own);
	route(held->worker, reply);
	held_drop(held);
}

static void
read_terms(struct search *s, struct str q)
{
	struct str term;

	while (s->term_count < TERMS_MAX && str_split(&q, ' ', &term))
		if (term.len >= 2)
			s->terms[s->term_count++] = term;
}

static bool
takes_rooms(const struct form *form)
{
	const struct form_field *types = form_field(form, "types");

	for (size_t i = 0; types != NULL && i < types->value_count; i++)
		if (str_is(types->values[i], "xep-0045"))
			return true;
	return types == NULL;
}

static void
start(struct search *s, const struct form *form, struct worker *worker, struct str domain)
{
	struct str q = form_value(form, "q"), key = form_value(form, "key");

	s->in_name = s->in_description = s->in_address = true;
	read_terms(s, q);
	s->takes_rooms = takes_rooms(form);
	if (form_bool(form, "all", &s->all) < 0 || form_bool(form, "sinname", &s->in_name) < 0 ||
	    form_bool(form, "sindescription", &s->in_description) < 0 ||
	    form_bool(form, "sinaddr", &s->in_address) < 0 ||
	    form_bool(form, "sinaddress", &s->in_address) < 0 ||
	    (form_value(form, "min_users").len > 0 &&
	     str_to_u64(form_value(form, "min_users"), UINT32_MAX, &s->min_users) < 0)) {
		held_refuse(s->held, STANZA_BAD_REQUEST, NULL);
	} else if (key.len > 0 && !str_is(key, KEY_ADDRESS) && !str_is(key, KEY_USERS)) {
		refuse(s->held, STANZA_FEATURE_NOT_IMPLEMENTED, "modify", "invalid-sort-key");
	} else if (s->all && q.len > 0) {
		refuse(s->held, STANZA_BAD_REQUEST, "modify", "conflicting-fields");
	} else if (!s->all && q.len == 0) {
		refuse(s->held, STANZA_BAD_REQUEST, "modify", "no-search-conditions");
	} else if (!s->all && s->term_count == 0) {
		refuse(s->held, STANZA_BAD_REQUEST, "modify", "invalid-search-terms");
	} else {
		s->by_users = str_is(key, KEY_USERS);
		directory_ask(worker, domain, on_listed, s);
	}
}

enum verdict
search_take(struct event *ev)
{
	struct element *payload = event_payload(ev);
	struct held_iq *held;
	struct search *s;
	struct form form;
	const char *why;

	if (element_child(payload, NS_FORMS, "x") == NULL) {
		event_reply(ev, the_form(ev->arena));
		return DONE;
	}
	held = event_hold(ev);
	s = arena_new_of(held->arena, struct search);
	s->held = held;
	if (form_find(held->arena, payload, FORM_SUBMIT, NS_PARAMS, &form, &why) < 0 ||
	    rsm_parse(held->arena, payload, &s->rsm, &why) < 0)
		held_refuse(held, STANZA_BAD_REQUEST, why);
	else
		start(s, &form, ev->worker, ev->service->name);
	return DONE;
}
