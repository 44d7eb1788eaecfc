/* SPDX-License-Identifier: MIT */
/* archive_prefs.c - an account's archiving preferences as elements and as text (XEP-0441). */
#include "modules/archive_prefs.h"

#include "modules/mam_query.h"

#include <stdlib.h>

#define PREFS_MAX 1000u /* JIDs in the preferences */

static void
add_jids(struct arena *arena, struct element *prefs, const char *name, struct str text, char sign)
{
	struct element *list = element_add(arena, prefs, NULL, name);
	struct str line;

	(void)str_split(&text, '\n', &line);
	while (str_split(&text, '\n', &line))
		if (line.len > 1 && line.p[0] == sign)
			element_add_leaf(arena, list, "jid", str_from(line, 1));
}

struct element *
archive_prefs_element(struct arena *arena, struct str text)
{
	struct element *prefs = element_new(arena, NS_MAM, "prefs");
	struct str rest, preset = STR("");

	if (text.len == 0)
		text = STR("always");
	rest = text;
	(void)str_split(&rest, '\n', &preset);
	element_set(arena, prefs, "default", preset);
	add_jids(arena, prefs, "always", text, '+');
	add_jids(arena, prefs, "never", text, '-');
	return prefs;
}

static enum stanza_condition
read_jids(struct arena *arena, const struct element *list, char sign, struct buf *out,
	  size_t *count)
{
	const struct element *el = list ? element_child(list, NS_MAM, "jid") : NULL;

	for (; el != NULL; el = element_next(el, NS_MAM, "jid")) {
		struct jid jid;
		const char *why;

		if (jid_parse(arena, str_trim(element_text(arena, el)), &jid, &why) < 0)
			return STANZA_JID_MALFORMED;
		if (++*count > PREFS_MAX)
			return STANZA_POLICY_VIOLATION;
		buf_printf(out, "\n%c%.*s", sign, STR_ARG(jid.text));
	}
	return STANZA_NO_ERROR;
}

enum stanza_condition
archive_prefs_read(struct arena *arena, const struct element *prefs, struct str *out)
{
	struct str preset = element_attr(prefs, "default");
	enum stanza_condition condition;
	struct buf text = {0};
	size_t count = 0;

	if (!str_is(preset, "always") && !str_is(preset, "never") && !str_is(preset, "roster"))
		return STANZA_BAD_REQUEST;
	buf_add(&text, preset);
	condition = read_jids(arena, element_child(prefs, NS_MAM, "always"), '+', &text, &count);
	if (condition == STANZA_NO_ERROR)
		condition =
			read_jids(arena, element_child(prefs, NS_MAM, "never"), '-', &text, &count);
	*out = arena_dup(arena, buf_str(&text));
	buf_free(&text);
	return condition;
}

void
archive_prefs_set(struct account *account, struct str text)
{
	free(account->archive_prefs);
	account->archive_prefs = str_dupz(text);
}

/* From server to server */

static void
load(struct store_request *request, const struct account *account, struct str after UNUSED)
{
	store_doc_get(request, account->jid.text, ACCOUNT_PREFS_DOC);
}

static struct str
write_prefs(struct buf *out, const struct store_request *request,
	    const struct account *account UNUSED)
{
	const struct store_result *result = &request->results[0];

	if (result->status == STORE_OK)
		xml_write(out, archive_prefs_element(request->arena, result->value), STR_NONE);
	return STR_NONE;
}

static const char *
stored(struct import_item *item, const struct store_request *done)
{
	struct str text;

	if (done->status == STORE_OK &&
	    archive_prefs_read(item->arena, item->el, &text) == STANZA_NO_ERROR)
		archive_prefs_set(item->account, text);
	return NULL;
}

static const char *
take(struct import_item *item)
{
	struct str text;

	if (archive_prefs_read(item->arena, item->el, &text) != STANZA_NO_ERROR)
		return "its preferences of archiving are malformed";
	store_doc_put(item->request, item->account->jid.text, ACCOUNT_PREFS_DOC, text);
	item->then = stored;
	return NULL;
}

const struct portable archive_prefs_portables[] = {
	{NS_MAM, "prefs", false, load, write_prefs, take},
	{0},
};
