/* SPDX-License-Identifier: MIT */
/* test_rsm.c - result set management (XEP-0059), its examples first. */
#include "test.h"

#include "xmpp/xep/rsm.h"
#include "xmpp/xml_reader.h"
#include "xmpp/xml_writer.h"

static const struct xml_limits limits = {1 << 20, 64, 64, 100000};

#define SET(inner) "<query xmlns='q'><set xmlns='" NS_RSM "'>" inner "</set></query>"

static const struct {
	const char *text;
	int rc;
	uint32_t max, index;
	const char *after, *before;
} requests[] = {
	{SET("<max>10</max>"), 0, 10, RSM_NONE, NULL, NULL}, /* §2.1 */
	{SET("<max>10</max><after>peterpan@neverland.lit</after>"), 0, 10, RSM_NONE,
	 "peterpan@neverland.lit", NULL}, /* §2.2 */
	{SET("<max>10</max><before>peter@pixyland.org</before>"), 0, 10, RSM_NONE, NULL,
	 "peter@pixyland.org"},                                           /* §2.3 */
	{SET("<max>10</max><before/>"), 0, 10, RSM_NONE, NULL, ""},       /* §2.4 */
	{SET("<max>10</max><index>371</index>"), 0, 10, 371, NULL, NULL}, /* §2.5 */
	{SET("<max>0</max>"), 0, 0, RSM_NONE, NULL, NULL},                /* §2.6 */
	{SET("<after>a</after><before>b</before>"), 0, RSM_NONE, RSM_NONE, "a", "b"},
	{SET("<max> 10\n</max>"), 0, 10, RSM_NONE, NULL, NULL},
	{SET(""), 0, RSM_NONE, RSM_NONE, NULL, NULL},
	{"<query xmlns='q'/>", 0, RSM_NONE, RSM_NONE, NULL, NULL},
	{"<query xmlns='q'><set><max>1</max></set></query>", 0, RSM_NONE, RSM_NONE, NULL, NULL},
	{SET("<max>4294967295</max>"), 0, RSM_NONE - 1, RSM_NONE, NULL, NULL},
	{SET("<max>99999999999999999</max>"), 0, RSM_NONE - 1, RSM_NONE, NULL, NULL},
	{SET("<max>-1</max>"), -1, 0, 0, NULL, NULL},
	{SET("<max>ten</max>"), -1, 0, 0, NULL, NULL},
	{SET("<max>1 0</max>"), -1, 0, 0, NULL, NULL},
	{SET("<max/>"), -1, 0, 0, NULL, NULL},
	{SET("<index>1.5</index>"), -1, 0, 0, NULL, NULL},
	{SET("<index>1</index><after>a</after>"), -1, 0, 0, NULL, NULL},
	{SET("<index>1</index><before/>"), -1, 0, 0, NULL, NULL},
};

TEST(rsm_parse)
{
	for (size_t i = 0; i < COUNT(requests); i++) {
		struct element *el = xml_parse(t->arena, str(requests[i].text), &limits, NULL);
		const char *why = NULL;
		struct rsm rsm;
		int rc = rsm_parse(t->arena, el, &rsm, &why);

		test_row(t, requests[i].text);
		check_int(t, rc, requests[i].rc);
		check(t, (why != NULL) == (rc < 0));
		if (rc < 0)
			continue;
		check_int(t, rsm.max, requests[i].max);
		check_int(t, rsm.index, requests[i].index);
		check(t, (rsm.after.p == NULL) == (requests[i].after == NULL));
		check_strs(t, rsm.after, str(requests[i].after));
		check(t, (rsm.before.p == NULL) == (requests[i].before == NULL));
		check_strs(t, rsm.before, str(requests[i].before));
	}
}

TEST(rsm_add)
{
	struct element *el = element_new(t->arena, "q", "query");
	struct rsm rsm = rsm_any(), again;
	const char *why;

	rsm.max = 10;
	rsm.before = STR("");
	rsm_add(t->arena, el, &rsm);
	check_str(t, xml_text(t->arena, el, STR("q")),
		  "<query><set xmlns='http://jabber.org/protocol/rsm'>"
		  "<max>10</max><before/></set></query>");
	check_int(t, rsm_parse(t->arena, el, &again, &why), 0);
	check(t, again.max == 10 && again.index == RSM_NONE && again.after.p == NULL);
	check(t, again.before.p != NULL && again.before.len == 0);
}

static const struct {
	struct rsm_page page;
	const char *text;
} pages[] = {
	{{{"stpeter", 7}, {"pan", 3}, 0, 800},
	 "<first index='0'>stpeter</first><last>pan</last><count>800</count>"},
	{{{"a", 1}, {"a", 1}, RSM_NONE, RSM_NONE}, "<first>a</first><last>a</last>"},
	{{{NULL, 0}, {NULL, 0}, RSM_NONE, 790}, "<count>790</count>"}, /* an empty page, §2.2 */
};

TEST(rsm_pages)
{
	for (size_t i = 0; i < COUNT(pages); i++) {
		struct element *el = element_new(t->arena, "q", "query");
		const char *why;
		struct rsm_page got;

		test_row(t, pages[i].text);
		rsm_add_page(t->arena, el, &pages[i].page);
		check_strs(t, xml_text(t->arena, el, STR("q")),
			   arena_printf(t->arena, "<query><set xmlns='%s'>%s</set></query>", NS_RSM,
					pages[i].text));
		check_int(t, rsm_parse_page(t->arena, el, &got, &why), 0);
		check_strs(t, got.first, pages[i].page.first);
		check_strs(t, got.last, pages[i].page.last);
		check_int(t, got.first_index, pages[i].page.first_index);
		check_int(t, got.count, pages[i].page.count);
	}
}

TEST(rsm_bad_pages)
{
	static const char *const bad[] = {
		SET("<count>many</count>"),
		SET("<first index='x'>a</first><last>a</last>"),
		SET("<first>a</first>"),
		SET("<last>a</last>"),
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct element *el = xml_parse(t->arena, str(bad[i]), &limits, NULL);
		const char *why;
		struct rsm_page page;

		test_row(t, bad[i]);
		check_int(t, rsm_parse_page(t->arena, el, &page, &why), -1);
	}
}
