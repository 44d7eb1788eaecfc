/* SPDX-License-Identifier: MIT */
/* test_delay.c - stamps of delayed delivery (XEP-0203, SEC-50). */
#include "test.h"

#include "xmpp/xep/delay.h"
#include "xmpp/xml_reader.h"
#include "xmpp/xml_writer.h"

static const struct xml_limits limits = {1 << 20, 64, 64, 100000};

#define STAMP_US 1031699305000000ull /* 2002-09-10T23:08:25Z, XEP-0203 §4 */
#define DELAY "<delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='2002-09-10T23:08:25.000Z'/>"

TEST(delay_written_both_ways)
{
	struct element *message = element_new(t->arena, "jabber:client", "message");
	struct buf buf = {0};
	uint64_t wall_us = 0;

	delay_add(t->arena, message, STR("capulet.com"), STAMP_US);
	check_str(t, xml_text(t->arena, message, STR("jabber:client")),
		  "<message>" DELAY "</message>");
	delay_write(&buf, STR("capulet.com"), STAMP_US);
	check_str(t, buf_str(&buf), DELAY);
	buf_clear(&buf);
	delay_write(&buf, STR("o'neil&co"), STAMP_US);
	check(t, xml_parse(t->arena, buf_str(&buf), &limits, NULL) != NULL);
	buf_clear(&buf);
	delay_write(&buf, STR_NONE, STAMP_US);
	check_str(t, buf_str(&buf),
		  "<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25.000Z'/>");
	buf_free(&buf);

	check_int(t, delay_find(message, STR("capulet.com"), &wall_us), 0);
	check(t, wall_us == STAMP_US);
	check_int(t, delay_find(message, STR_NONE, &wall_us), 0);
	check_int(t, delay_find(message, STR("montague.com"), &wall_us), -1);
}

static const struct {
	const char *text;
	bool is_found;
} cases[] = {
	{"<m>" DELAY "</m>", true},
	{"<m><delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/></m>", true},
	{"<m><delay xmlns='urn:xmpp:delay' stamp='2002-09-11T01:08:25+02:00'/></m>", true},
	{"<m><delay xmlns='urn:xmpp:delay' stamp='20020910T23:08:25'/></m>", false}, /* XEP-0091 */
	{"<m><delay xmlns='urn:xmpp:delay'/></m>", false},
	{"<m><delay stamp='2002-09-10T23:08:25Z'/></m>", false},
	{"<m><x>" DELAY "</x></m>", false},
	{"<m/>", false},
};

TEST(delay_find)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct element *el = xml_parse(t->arena, str(cases[i].text), &limits, NULL);
		uint64_t wall_us = 0;

		test_row(t, cases[i].text);
		check_int(t, delay_find(el, STR_NONE, &wall_us), cases[i].is_found ? 0 : -1);
		if (cases[i].is_found)
			check(t, wall_us == STAMP_US);
	}
}

/* SEC-50: every forged stamp goes, wherever it stands; those of others stay. */
TEST(delay_remove)
{
	struct element *el = xml_parse(
		t->arena,
		STR("<m>" DELAY "<body>a</body>" DELAY DELAY
		    "<delay xmlns='urn:xmpp:delay' from='room@x' stamp='2002-09-10T23:08:25Z'/>"
		    "<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/>" DELAY "</m>"),
		&limits, NULL);

	delay_remove(el, STR("capulet.com"));
	check_str(t, xml_text(t->arena, el, STR("")),
		  "<m><body>a</body>"
		  "<delay xmlns='urn:xmpp:delay' from='room@x' stamp='2002-09-10T23:08:25Z'/>"
		  "<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/></m>");
}
