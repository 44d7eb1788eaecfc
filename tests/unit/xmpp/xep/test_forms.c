/* SPDX-License-Identifier: MIT */
/* test_forms.c - data forms, built and read (XEP-0004, XEP-0068). */
#include "test.h"

#include "xmpp/xep/forms.h"
#include "xmpp/xml_reader.h"
#include "xmpp/xml_writer.h"

static const struct xml_limits limits = {1 << 20, 64, 64, 100000};

static struct element *
parse(struct test *t, const char *text)
{
	const char *why = NULL;
	struct element *el = xml_parse(t->arena, str(text), &limits, &why);

	if (!check(t, el != NULL))
		check_str(t, str(why), "no fault in the test's own XML");
	return el;
}

/* XEP-0004 §5.1, "User Submits Bot Creation Form". */
static const char submitted[] =
	"<x xmlns='jabber:x:data' type='submit'>"
	"<field type='hidden' var='FORM_TYPE'><value>jabber:bot</value></field>"
	"<field type='text-single' var='botname'><value>The Jabber Google Bot</value></field>"
	"<field type='text-multi' var='description'>"
	"<value>This bot enables you to send requests to</value>"
	"<value>Google and receive the search results right</value></field>"
	"<field type='boolean' var='public'><value>0</value></field>"
	"<field type='text-private' var='password'><value>v3r0na</value></field>"
	"<field type='list-multi' var='features'><value>news</value><value>search</value></field>"
	"<field type='list-single' var='maxsubs'><value>50</value></field>"
	"<field type='jid-multi' var='invitelist'><value>Juliet@capulet.com</value>"
	"<value>benvolio@montague.net</value><value>juliet@capulet.com</value></field>"
	"<field var='empty'/></x>";

TEST(form_parse)
{
	struct form form;
	const char *why = NULL;
	bool is_public = true;
	struct jid *jids;
	size_t count;

	check_int(t, form_parse(t->arena, parse(t, submitted), &form, &why), 0);
	check_int(t, form.kind, FORM_SUBMIT);
	check_str(t, form.form_type, "jabber:bot");
	check_int(t, (intmax_t)form.field_count, 9);
	check_str(t, form_value(&form, "botname"), "The Jabber Google Bot");
	check_str(t, form_text(t->arena, &form, "description"),
		  "This bot enables you to send requests to\n"
		  "Google and receive the search results right");
	check_int(t, form_bool(&form, "public", &is_public), 0);
	check(t, !is_public);
	check_int(t, (intmax_t)form_field(&form, "features")->value_count, 2);
	check_str(t, form_field(&form, "features")->values[1], "search");
	check_int(t, form_jids(t->arena, &form, "invitelist", &jids, &count, &why), 0);
	check_int(t, (intmax_t)count, 2); /* a repetition is ignored, §3.3 */
	check_str(t, jids[0].text, "juliet@capulet.com");
	check_str(t, jids[1].text, "benvolio@montague.net");
	check(t, form_value(&form, "empty").p != NULL && form_value(&form, "empty").len == 0);
	check(t, form_value(&form, "absent").p == NULL);
	check(t, form_text(t->arena, &form, "absent").p == NULL);
	check(t, form_field(&form, "absent") == NULL);
	check_int(t, form_jids(t->arena, &form, "absent", &jids, &count, &why), 0);
	check_int(t, (intmax_t)count, 0);
	check_int(t, form_jids(t->arena, &form, "description", &jids, &count, &why), -1);
	check_str(t, form_text(t->arena, &form, "maxsubs"), "50");
}

static const struct {
	const char *value;
	int rc;
	bool result;
} bools[] = {
	{"1", 0, true},  {"true", 0, true},  {"0", 0, false},     {"false", 0, false},
	{"", -1, false}, {"yes", -1, false}, {"TRUE", -1, false}, {"01", -1, false},
};

TEST(form_bool)
{
	bool absent = true;
	struct form none = {0};

	for (size_t i = 0; i < COUNT(bools); i++) {
		struct element *x = form_new(t->arena, FORM_SUBMIT, NULL);
		bool result = !bools[i].result;
		struct form form;
		const char *why;

		form_add_text(t->arena, x, FIELD_BOOL, "b", NULL, str(bools[i].value));
		test_row(t, bools[i].value);
		check_int(t, form_parse(t->arena, x, &form, &why), 0);
		check_int(t, form_bool(&form, "b", &result), bools[i].rc);
		if (bools[i].rc == 0)
			check(t, result == bools[i].result);
	}
	check_int(t, form_bool(&none, "b", &absent), 0);
	check(t, absent);
}

#define X(type, inner) "<x xmlns='jabber:x:data' type='" type "'>" inner "</x>"
#define FIELD(attrs, value) "<field " attrs "><value>" value "</value></field>"

static const struct {
	const char *text;
	int rc;
	const char *form_type;
} types[] = {
	{X("form", ""), 0, NULL},
	{X("cancel", ""), 0, NULL},
	{X("error", ""), -1, NULL},
	{X("", ""), -1, NULL},
	{"<x xmlns='jabber:x:data'/>", -1, NULL},
	/* XEP-0068 §3.4 */
	{X("form", FIELD("var='FORM_TYPE' type='hidden'", "f")), 0, "f"},
	{X("form", FIELD("var='FORM_TYPE'", "f")), 0, NULL},
	{X("result", FIELD("var='FORM_TYPE' type='text-single'", "f")), 0, NULL},
	{X("result", FIELD("var='FORM_TYPE' type='hidden'", "f")), 0, "f"},
	{X("submit", FIELD("var='FORM_TYPE'", "f")), 0, "f"},
	{X("submit", FIELD("var='FORM_TYPE' type='hidden'", "f")), 0, "f"},
	{X("submit", FIELD("var='FORM_TYPE' type='text-single'", "f")), 0, NULL},
	{X("submit", "<field var='FORM_TYPE'/>"), 0, NULL},
	/* A name twice: what reads the first and what reads the last would disagree. */
	{X("submit", "<field var='a'/><field var='a'/>"), -1, NULL},
	{X("form", "<field type='fixed'/><field type='fixed'/>"), 0, NULL},
	/* Fields of a table are not the form's own. */
	{X("result", "<reported><field var='a'/></reported><item><field var='a'/></item>"
		     "<item><field var='a'/></item>"),
	 0, NULL},
};

TEST(form_kinds_and_types)
{
	for (size_t i = 0; i < COUNT(types); i++) {
		const char *why = NULL;
		struct form form;
		int rc = form_parse(t->arena, parse(t, types[i].text), &form, &why);

		test_row(t, types[i].text);
		check_int(t, rc, types[i].rc);
		check(t, (why != NULL) == (rc < 0));
		if (rc == 0)
			check_strs(t, form.form_type, str(types[i].form_type));
	}
}

TEST(form_find)
{
	struct element *parent = parse(
		t, "<q xmlns='q'>" X("form", FIELD("var='FORM_TYPE' type='hidden'", "f"))
			   X("submit", FIELD("var='FORM_TYPE'", "g") FIELD("var='a'", "1")) "</q>");
	struct element *twins =
		parse(t, "<q xmlns='q'>" X("submit", "<field var='a'/><field var='a'/>") "</q>");
	const char *why = NULL;
	struct form form;

	check_int(t, form_find(t->arena, parent, FORM_SUBMIT, "g", &form, &why), 0);
	check_str(t, form_value(&form, "a"), "1");
	check_int(t, form_find(t->arena, parent, FORM_SUBMIT, "f", &form, &why), -1);
	check_str(t, str(why), "a form of another type");
	check_int(t, form_find(t->arena, parse(t, "<q/>"), FORM_SUBMIT, "f", &form, &why), -1);
	check_str(t, str(why), "no form");
	check_int(t, form_find(t->arena, twins, FORM_SUBMIT, "f", &form, &why), -1);
}

TEST(form_building)
{
	struct element *x = form_new(t->arena, FORM_ASK, "jabber:bot"), *field;

	form_set_title(t->arena, x, STR("Bot & Co"));
	form_add_instructions(t->arena, x, STR("Fill"));
	field = form_add_field(t->arena, x, FIELD_FIXED, NULL, NULL);
	field_add_value(t->arena, field, STR("Section 1"));
	field = form_add_field(t->arena, x, FIELD_TEXT_MULTI, "d", "Text");
	field_add_lines(t->arena, field, STR("one\ntwo\n"));
	field = form_add_bool(t->arena, x, "public", NULL, true);
	field_require(t->arena, field);
	field = form_add_text(t->arena, x, FIELD_LIST, "max", NULL, STR("20"));
	field_add_option(t->arena, field, "Ten", STR("10"));
	field_add_option(t->arena, field, NULL, STR("20"));
	check_str(t, xml_text(t->arena, x, STR("")),
		  "<x xmlns='jabber:x:data' type='form'>"
		  "<field type='hidden' var='FORM_TYPE'><value>jabber:bot</value></field>"
		  "<title>Bot &amp; Co</title><instructions>Fill</instructions>"
		  "<field type='fixed'><value>Section 1</value></field>"
		  "<field type='text-multi' var='d' label='Text'>"
		  "<value>one</value><value>two</value><value/></field>"
		  "<field type='boolean' var='public'><value>1</value><required/></field>"
		  "<field type='list-single' var='max'><value>20</value>"
		  "<option label='Ten'><value>10</value></option>"
		  "<option><value>20</value></option></field></x>");
}

/* Each type is read as it was written. */
TEST(form_field_types)
{
	static const char *const names[] = {
		"text-single", "text-multi", "text-private", "boolean", "list-single",
		"list-multi",  "jid-single", "jid-multi",    "hidden",  "fixed",
	};

	for (size_t i = 0; i < COUNT(names); i++) {
		struct element *x = form_new(t->arena, FORM_RESULT, NULL);
		const char *why;
		struct form form;

		form_add_text(t->arena, x, (enum field_type)i, "v", NULL, STR("w"));
		check_int(t, form_parse(t->arena, x, &form, &why), 0);
		check_int(t, form.kind, FORM_RESULT);
		check_str(t, form.fields[0].type, names[i]);
		check_str(t, form_value(&form, "v"), "w");
	}
}

/* Time and memory must grow with the form, not with its square (SEC-07). */
TEST(form_of_many_fields_and_values)
{
	struct element *x = form_new(t->arena, FORM_SUBMIT, NULL), *field;
	const char *why;
	struct form form;
	size_t before;

	field = form_add_field(t->arena, x, FIELD_TEXT_MULTI, "lines", NULL);
	for (int i = 0; i < 20000; i++)
		field_add_value(t->arena, field, STR("x"));
	for (int i = 0; i < 20000; i++)
		form_add_field(t->arena, x, FIELD_TEXT, arena_printf(t->arena, "v%d", i).p, NULL);
	before = arena_size(t->arena);
	check_int(t, form_parse(t->arena, x, &form, &why), 0);
	check_int(t, (intmax_t)form_text(t->arena, &form, "lines").len, 2 * 20000 - 1);
	check(t, arena_size(t->arena) - before < 8u << 20);
}
