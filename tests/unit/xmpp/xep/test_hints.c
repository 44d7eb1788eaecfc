/* SPDX-License-Identifier: MIT */
/* test_hints.c - message processing hints (XEP-0334). */
#include "test.h"

#include "xmpp/xep/hints.h"
#include "xmpp/xml_reader.h"

static const struct xml_limits limits = {1 << 20, 64, 64, 100000};

static const struct {
	const char *content;
	unsigned hints;
} cases[] = {
	{"<body>a</body>", 0},
	{"<no-store xmlns='urn:xmpp:hints'/>", HINT_NO_STORE},
	{"<body/><no-copy xmlns='urn:xmpp:hints'/><store xmlns='urn:xmpp:hints'/>",
	 HINT_NO_COPY | HINT_STORE},
	{"<no-permanent-store xmlns='urn:xmpp:hints'/><no-store xmlns='urn:xmpp:hints'/>",
	 HINT_NO_PERMANENT_STORE | HINT_NO_STORE},
	{"<no-store xmlns='other'/><x><no-store xmlns='urn:xmpp:hints'/></x>", 0},
	{"<unknown xmlns='urn:xmpp:hints'/>", 0},
};

TEST(hints)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = arena_printf(
			t->arena, "<message xmlns='jabber:client'>%s</message>", cases[i].content);
		const struct element *el = xml_parse(t->arena, text, &limits, NULL);

		test_row(t, cases[i].content);
		check(t, el != NULL);
		check_int(t, hints_of(el), cases[i].hints);
	}
}
