/* SPDX-License-Identifier: MIT */
/* vcard4.c - a table of what corresponds, and of the parts of what has parts. */
#include "xmpp/xep/vcard4.h"

#define PARTS_MAX 6u

struct part {
	const char *temp, *card;
};

/*
 * A property is a text in an element of its own, or has parts. In vcard-temp a text may stand in
 * the element itself (TEXT.temp NULL).
 */
static const struct property {
	const char *temp, *card;
	struct part text;
	const char *scheme; /* of the text, a URI in vCard4 alone; or NULL */
	bool has_types;
	struct part parts[PARTS_MAX + 1];
} properties[] = {
	{"FN", "fn", {NULL, "text"}, NULL, false, {{0}}},
	{"N",
	 "n",
	 {0},
	 NULL,
	 false,
	 {{"FAMILY", "surname"},
	  {"GIVEN", "given"},
	  {"MIDDLE", "additional"},
	  {"PREFIX", "prefix"},
	  {"SUFFIX", "suffix"}}},
	{"NICKNAME", "nickname", {NULL, "text"}, NULL, false, {{0}}},
	{"BDAY", "bday", {NULL, "date"}, NULL, false, {{0}}},
	{"ADR",
	 "adr",
	 {0},
	 NULL,
	 true,
	 {{"EXTADD", "ext"},
	  {"STREET", "street"},
	  {"LOCALITY", "locality"},
	  {"REGION", "region"},
	  {"PCODE", "code"},
	  {"CTRY", "country"}}},
	{"TEL", "tel", {"NUMBER", "uri"}, "tel:", true, {{0}}},
	{"EMAIL", "email", {"USERID", "text"}, NULL, true, {{0}}},
	{"JABBERID", "impp", {NULL, "uri"}, "xmpp:", false, {{0}}},
	{"TITLE", "title", {NULL, "text"}, NULL, false, {{0}}},
	{"ROLE", "role", {NULL, "text"}, NULL, false, {{0}}},
	{"ORG", "org", {"ORGNAME", "text"}, NULL, false, {{0}}},
	{"URL", "url", {NULL, "uri"}, NULL, false, {{0}}},
	{"DESC", "note", {NULL, "text"}, NULL, false, {{0}}},
};

static const struct part types[] = {
	{"HOME", "home"}, {"WORK", "work"}, {"VOICE", "voice"},
	{"FAX", "fax"},   {"CELL", "cell"}, {"PAGER", "pager"},
};

static void
remove_all(struct element *parent, const char *ns, const char *name)
{
	struct element *el;

	while ((el = element_child(parent, ns, name)) != NULL)
		element_detach(el);
}

/* TYPES, which come first in both. */
static void
types_from_temp(struct arena *arena, const struct element *from, struct element *to)
{
	struct element *type = NULL;

	for (size_t i = 0; i < COUNT(types); i++) {
		if (element_child(from, NS_VCARD_TEMP, types[i].temp) == NULL)
			continue;
		if (type == NULL)
			type = element_add(arena, element_add(arena, to, NULL, "parameters"), NULL,
					   "type");
		element_add_leaf(arena, type, "text", str(types[i].card));
	}
}

static void
types_to_temp(struct arena *arena, const struct element *from, struct element *to)
{
	const struct element *el = element_child(from, NS_VCARD4, "parameters");

	el = el != NULL ? element_child(el, NS_VCARD4, "type") : NULL;
	el = el != NULL ? element_child(el, NS_VCARD4, "text") : NULL;
	for (; el != NULL; el = element_next(el, NS_VCARD4, "text"))
		for (size_t i = 0; i < COUNT(types); i++)
			if (str_is(element_text(arena, el), types[i].card) &&
			    element_child(to, NS_VCARD_TEMP, types[i].temp) == NULL)
				element_add(arena, to, NULL, types[i].temp);
}

static bool
has_parts(const struct property *p)
{
	return p->parts[0].temp != NULL;
}

static void
one_from_temp(struct arena *arena, const struct property *p, const struct element *from,
	      struct element *card)
{
	struct str text = has_parts(p) ? STR("")
			  : p->text.temp != NULL
				  ? element_child_text(arena, from, NS_VCARD_TEMP, p->text.temp)
				  : element_text(arena, from);
	struct element *to;

	if (!has_parts(p) && text.len == 0)
		return;
	to = element_add(arena, card, NULL, p->card);
	if (p->has_types)
		types_from_temp(arena, from, to);
	if (text.len > 0 && p->scheme != NULL && !str_starts(text, str(p->scheme)))
		text = arena_printf(arena, "%s%.*s", p->scheme, STR_ARG(text));
	if (text.len > 0)
		element_add_leaf(arena, to, p->text.card, text);
	for (const struct part *part = p->parts; part->temp != NULL; part++)
		element_add_leaf(arena, to, part->card,
				 element_child_text(arena, from, NS_VCARD_TEMP, part->temp));
}

static void
one_to_temp(struct arena *arena, const struct property *p, const struct element *from,
	    struct element *temp)
{
	struct str text = STR("");
	struct element *to;

	if (!has_parts(p)) {
		text = element_child_text(arena, from, NS_VCARD4, p->text.card);
		if (text.len == 0) /* numbers may be texts, and days times */
			text = element_child_text(arena, from, NS_VCARD4, "text");
		if (text.len == 0)
			return;
	}
	if (p->scheme != NULL && str_starts(text, str(p->scheme)))
		text = str_from(text, strlen(p->scheme));
	to = element_add(arena, temp, NULL, p->temp);
	if (p->has_types)
		types_to_temp(arena, from, to);
	if (text.len > 0 && p->text.temp != NULL)
		element_add_leaf(arena, to, p->text.temp, text);
	else if (text.len > 0)
		element_add_text(arena, to, text);
	for (const struct part *part = p->parts; part->temp != NULL; part++) {
		struct str value = element_child_text(arena, from, NS_VCARD4, part->card);

		if (value.len > 0)
			element_add_leaf(arena, to, part->temp, value);
	}
}

void
vcard4_from_temp(struct arena *arena, const struct element *temp, struct element *card)
{
	for (size_t i = 0; i < COUNT(properties); i++) {
		const struct property *p = &properties[i];

		remove_all(card, NS_VCARD4, p->card);
		for (const struct element *el = element_child(temp, NS_VCARD_TEMP, p->temp);
		     el != NULL; el = element_next(el, NS_VCARD_TEMP, p->temp))
			one_from_temp(arena, p, el, card);
	}
}

void
vcard4_to_temp(struct arena *arena, const struct element *card, struct element *temp)
{
	for (size_t i = 0; i < COUNT(properties); i++) {
		const struct property *p = &properties[i];

		remove_all(temp, NS_VCARD_TEMP, p->temp);
		for (const struct element *el = element_child(card, NS_VCARD4, p->card); el != NULL;
		     el = element_next(el, NS_VCARD4, p->card))
			one_to_temp(arena, p, el, temp);
	}
}
