/* SPDX-License-Identifier: MIT */
/* hints.c - message processing hints (XEP-0334). */
#include "xmpp/xep/hints.h"

unsigned
hints_of(const struct element *message)
{
	static const struct {
		const char *name;
		enum hint hint;
	} names[] = {
		{"no-permanent-store", HINT_NO_PERMANENT_STORE},
		{"no-store", HINT_NO_STORE},
		{"no-copy", HINT_NO_COPY},
		{"store", HINT_STORE},
	};
	unsigned hints = 0;

	for (const struct element *el = element_child(message, NS_HINTS, NULL); el != NULL;
	     el = element_next(el, NS_HINTS, NULL))
		for (size_t i = 0; i < COUNT(names); i++)
			if (str_is(el->name, names[i].name))
				hints |= names[i].hint;
	return hints;
}
