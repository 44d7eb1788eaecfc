/* SPDX-License-Identifier: MIT */
/*
 * fulltext.c - looks through messages for words (XEP-0431).
 *
 * There is no index: it would cost every message, and few are looked for. A search reads the
 * account's own archive, a bounded part of it with each request.
 */
#include "modules/fulltext.h"

#include "xmpp/element.h"
#include "xmpp/ns.h"
#include "xmpp/stanza.h"

#include <stdlib.h>
#include <unicode/uchar.h>
#include <unicode/ustring.h>

#define WORDS_MAX 16u

struct fulltext {
	size_t count;
	struct {
		const UChar *text;
		int32_t len;
	} words[WORDS_MAX];
};

/* Case-folded; NULL for what is too large. */
static UChar *
fold(struct arena *arena, struct str text, int32_t *len)
{
	int32_t size = (int32_t)text.len + 1, wide_len = 0;
	UErrorCode error = U_ZERO_ERROR;
	UChar *wide, *folded;

	if (text.len > INT32_MAX / 8)
		return NULL;
	wide = arena_array(arena, UChar, (size_t)size);
	u_strFromUTF8(wide, size, &wide_len, text.p, (int32_t)text.len, &error);
	folded = arena_array(arena, UChar, (size_t)wide_len * 3 + 1);
	*len = u_strFoldCase(folded, wide_len * 3 + 1, wide, wide_len, U_FOLD_CASE_DEFAULT, &error);
	return U_SUCCESS(error) ? folded : NULL;
}

const struct fulltext *
fulltext_new(struct arena *arena, struct str text)
{
	struct fulltext *f = arena_new_of(arena, struct fulltext);
	struct str word;

	while (f->count < WORDS_MAX && str_split(&text, ' ', &word)) {
		UChar *folded;

		word = str_trim(word);
		if (word.len == 0)
			continue;
		folded = fold(arena, word, &f->words[f->count].len);
		if (folded != NULL)
			f->words[f->count++].text = folded;
	}
	return f->count > 0 ? f : NULL;
}

bool
fulltext_holds(struct arena *arena, const struct fulltext *f, struct str text)
{
	int32_t len;
	const UChar *folded = fold(arena, text, &len);

	for (size_t i = 0; folded != NULL && i < f->count; i++)
		if (u_strFindFirst(folded, len, f->words[i].text, f->words[i].len) == NULL)
			return false;
	return folded != NULL;
}

bool
fulltext_match(const struct store_item *item, const void *arg)
{
	static const char *const names[] = {"body", "subject"};
	struct stanza *message = stanza_parse(item->value);
	bool is_match = false;

	if (message == NULL)
		return false;
	for (size_t i = 0; i < COUNT(names) && !is_match; i++) {
		const struct element *el = element_child(message->el, NS_CLIENT, names[i]);

		for (; el != NULL && !is_match; el = element_next(el, NS_CLIENT, names[i]))
			is_match = fulltext_holds(message->arena, arg,
						  element_text(message->arena, el));
	}
	stanza_unref(message);
	return is_match;
}
