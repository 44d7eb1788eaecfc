/* SPDX-License-Identifier: MIT */
/*
 * xep0055_search.c - a search for people of a host by what their vCards say (XEP-0055).
 *
 * All vCards of the host are looked at, some at a time, for there is no index: this is for hosts
 * that want to show who is there, which is why it is off unless it is switched on. One search is
 * under way at a time on each worker.
 */
#include "modules/fulltext.h"
#include "server/module.h"
#include "xmpp/xep/forms.h"
#include "xmpp/xml_reader.h"

#define NS_IQ_SEARCH "jabber:iq:search"
#define NS_VCARD "vcard-temp"
#define PAGE 20u
#define FOUND_MAX 100u

extern const struct module xep0055_search;

enum field { FIRST, LAST, NICK, EMAIL, FIELDS };

static const struct {
	const char *name, *label;
} fields[FIELDS] = {
	[FIRST] = {"first", "Given name"},
	[LAST] = {"last", "Family name"},
	[NICK] = {"nick", "Nickname"},
	[EMAIL] = {"email", "E-mail address"},
};

static const struct xml_limits limits = {
	.bytes = 16u << 20, .depth = 128, .attributes = 128, .nodes = 1u << 17};

struct search {
	struct held_iq *held;
	const struct fulltext *wanted[FIELDS];
	struct element *query; /* the answer */
	struct element *form;  /* in it, if it was asked by form; or NULL */
	struct str names[PAGE], after;
	size_t name_count, found;
	bool is_last;
};

struct state { /* of a worker */
	bool is_busy;
};

static struct str
cut_text(struct arena *arena, const struct element *el, const char *name)
{
	return el != NULL ? str_trim(element_child_text(arena, el, NS_VCARD, name)) : STR("");
}

/* What CARD says, and its owner's name. */
static void
read_card(struct arena *arena, const struct element *card, struct str out[FIELDS])
{
	const struct element *n = element_child(card, NS_VCARD, "N");
	const struct element *email = element_child(card, NS_VCARD, "EMAIL");

	out[FIRST] = cut_text(arena, n, "GIVEN");
	out[LAST] = cut_text(arena, n, "FAMILY");
	out[NICK] = cut_text(arena, card, "NICKNAME");
	out[EMAIL] = cut_text(arena, email, "USERID");
	if (out[FIRST].len == 0 && out[LAST].len == 0)
		out[FIRST] = cut_text(arena, card, "FN");
}

static bool
is_wanted(const struct search *s, struct arena *arena, const struct str has[FIELDS])
{
	for (size_t i = 0; i < FIELDS; i++)
		if (s->wanted[i] != NULL && !fulltext_holds(arena, s->wanted[i], has[i]))
			return false;
	return true;
}

static void
add_found(struct search *s, struct str jid, const struct str has[FIELDS])
{
	struct arena *arena = s->held->arena;
	struct element *item;

	s->found++;
	if (s->form == NULL) {
		item = element_add(arena, s->query, NS_IQ_SEARCH, "item");
		element_set(arena, item, "jid", arena_dup(arena, jid));
		for (size_t i = 0; i < FIELDS; i++)
			element_add_leaf(arena, item, fields[i].name, arena_dup(arena, has[i]));
		return;
	}
	item = element_add(arena, s->form, NS_FORMS, "item");
	for (size_t i = 0; i <= FIELDS; i++) {
		struct element *field = element_add(arena, item, NS_FORMS, "field");

		element_setz(arena, field, "var", i < FIELDS ? fields[i].name : "jid");
		element_add_leaf(arena, field, "value",
				 arena_dup(arena, i < FIELDS ? has[i] : jid));
	}
}

static void look_further(struct search *s);

static void
end(struct search *s)
{
	struct state *state = module_state(s->held->worker, &xep0055_search);

	state->is_busy = false;
	held_reply(s->held, s->query);
}

static void
on_cards(struct store_request *request)
{
	struct search *s = request->owner;

	for (size_t i = 0; i < s->name_count && s->found < FOUND_MAX; i++) {
		struct arena *arena = arena_new();
		struct str has[FIELDS], value = request->results[i].value;
		struct element *card =
			request->results[i].status == STORE_OK
				? xml_parse(arena, arena_dup(arena, value), &limits, NULL)
				: NULL;

		if (card != NULL) {
			read_card(arena, card, has);
			if (is_wanted(s, arena, has))
				add_found(s, s->names[i], has);
		}
		arena_free(arena);
	}
	store_request_free(request);
	if (s->is_last || s->found == FOUND_MAX)
		end(s);
	else
		look_further(s);
}

static void
on_accounts(struct store_request *request)
{
	struct search *s = request->owner;
	struct worker *worker = s->held->worker;
	struct store_request *cards = store_request_new(worker->store, worker->loop, on_cards, s);

	s->name_count = 0;
	for (struct store_item *item = request->results[0].items; item != NULL; item = item->next) {
		s->names[s->name_count] = arena_dup(s->held->arena, item->key);
		store_doc_get(cards, s->names[s->name_count++], "vcard");
	}
	store_request_free(request);
	s->is_last = s->name_count < PAGE;
	if (s->name_count == 0) {
		store_request_free(cards);
		end(s);
		return;
	}
	s->after = s->names[s->name_count - 1];
	store_submit(cards);
}

static void
look_further(struct search *s)
{
	struct worker *worker = s->held->worker;
	struct store_request *request =
		store_request_new(worker->store, worker->loop, on_accounts, s);

	store_auth_list(request,
			s->held->iq->to.text.len > 0 ? s->held->iq->to.domain
						     : s->held->iq->from.domain,
			s->after, PAGE);
	store_submit(request);
}

/* ---- what is asked ---- */

static bool
may_search(const struct event *ev)
{
	return worker_host(ev->worker, ev->stanza->from.domain) != NULL ||
	       option_bool(event_options(ev), "strangers");
}

static enum verdict
get(struct event *ev)
{
	struct element *query = element_new(ev->arena, NS_IQ_SEARCH, "query"), *x;

	if (!may_search(ev))
		return event_refuse(ev, STANZA_FORBIDDEN);
	element_add_leaf(ev->arena, query, "instructions",
			 STR("Fill in one or more fields to find people of this server; "
			     "parts of words will do."));
	for (size_t i = 0; i < FIELDS; i++)
		element_add(ev->arena, query, NS_IQ_SEARCH, fields[i].name);
	x = form_new(ev->arena, FORM_ASK, NS_IQ_SEARCH);
	form_set_title(ev->arena, x, STR("Search for people"));
	for (size_t i = 0; i < FIELDS; i++)
		form_add_field(ev->arena, x, FIELD_TEXT, fields[i].name, fields[i].label);
	element_append(query, x);
	event_reply(ev, query);
	return DONE;
}

/* A result's form, and what its fields are (XEP-0004 §3.4). */
static struct element *
result_form(struct arena *arena)
{
	struct element *x = form_new(arena, FORM_RESULT, NS_IQ_SEARCH);
	struct element *reported = element_add(arena, x, NS_FORMS, "reported");

	for (size_t i = 0; i < FIELDS; i++)
		form_add_field(arena, reported, FIELD_TEXT, fields[i].name, fields[i].label);
	form_add_field(arena, reported, FIELD_JID, "jid", "Address");
	return x;
}

/* Returns 0, or -1: a form that can't be read. *ASKED: how many fields say something. */
static int
read_wishes(struct search *s, struct arena *arena, const struct element *query, size_t *asked)
{
	const struct element *x = element_child(query, NS_FORMS, "x");
	struct form form;
	const char *why;

	*asked = 0;
	if (x != NULL && (form_parse(arena, x, &form, &why) < 0 || form.kind != FORM_SUBMIT))
		return -1;
	for (size_t i = 0; i < FIELDS; i++) {
		struct str text =
			x != NULL ? form_value(&form, fields[i].name)
				  : element_child_text(arena, query, NS_IQ_SEARCH, fields[i].name);

		s->wanted[i] = fulltext_new(arena, str_trim(text));
		*asked += s->wanted[i] != NULL;
	}
	if (x != NULL)
		s->form = result_form(arena);
	return 0;
}

static enum verdict
set(struct event *ev)
{
	struct state *state = module_state(ev->worker, ev->module);
	struct held_iq *held;
	struct search *s;
	size_t asked;

	if (!may_search(ev))
		return event_refuse(ev, STANZA_FORBIDDEN);
	if (state->is_busy)
		return event_refuse_text(ev, STANZA_RESOURCE_CONSTRAINT,
					 "another search is under way");
	held = event_hold(ev);
	s = arena_new_of(held->arena, struct search);
	s->held = held;
	s->after = STR("");
	s->query = element_new(held->arena, NS_IQ_SEARCH, "query");
	if (read_wishes(s, held->arena, element_child(held->iq->el, NS_IQ_SEARCH, "query"),
			&asked) < 0) {
		held_refuse(held, STANZA_BAD_REQUEST, NULL);
	} else if (asked == 0) {
		held_refuse(held, STANZA_NOT_ACCEPTABLE, "fill in at least one field");
	} else {
		if (s->form != NULL)
			element_append(s->query, s->form);
		state->is_busy = true;
		look_further(s);
	}
	return DONE;
}

const struct module xep0055_search = {
	.name = "search",
	.specs = SPECS({"XEP-0055", "1.3", SPEC_COMPLETE, "people of a host, by their vCards"}),
	.features = FEATURES(NS_IQ_SEARCH),
	.options = OPTIONS({"strangers", OPTION_BOOL, "false",
			    "whether people of other servers may search, too"}),
	.iqs = IQS({IQ_GET, TO_SERVER, NS_IQ_SEARCH, "query", get},
		   {IQ_SET, TO_SERVER, NS_IQ_SEARCH, "query", set}),
	.state_size = sizeof(struct state),
	.is_off_by_default = true,
};
