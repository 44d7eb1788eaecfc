/* SPDX-License-Identifier: MIT */
/* test_erl_data.c - terms in Erlang as ejabberd writes them. */
#include "ctl/erl_data.h"

#include "base/buf.h"
#include "test.h"

static void
show(struct buf *out, const struct erl_value *value)
{
	static const char *const open[] = {"a:", "n:", "b:", "s:", "[", "{", "?"};

	buf_addz(out, open[value->type]);
	buf_add(out, value->text);
	for (const struct erl_value *item = value->items; item != NULL; item = item->next) {
		show(out, item);
		if (item->next != NULL)
			buf_addz(out, " ");
	}
	if (value->type == ERL_LIST || value->type == ERL_TUPLE)
		buf_addz(out, value->type == ERL_LIST ? "]" : "}");
}

static const struct {
	const char *text, *shown; /* NULL: refused */
} cases[] = {
	{"{passwd,{<<\"a\">>,<<\"b\">>},<<\"p\">>}.", "{a:passwd {b:a b:b} b:p}"},
	{"[].", "[]"},
	{"{} .", "{}"},
	{"<<>>.", "b:"},
	{"<<97,98,\n  99>>.", "b:abc"},
	{"<<\"a\"\n\"b\">>.", "b:ab"},
	{"<<\"\\x{e9}\\x{263a}\"/utf8>>.", "b:\xc3\xa9\xe2\x98\xba"},
	{"<<\"\xe9\"/utf8>>.", "b:\xc3\xa9"},     /* a file in Latin-1 */
	{"<<\"\xc3\xa9\"/utf8>>.", "b:\xc3\xa9"}, /* and in UTF-8 */
	{"<<\"\xc3\xa9\">>.", "b:\xc3\xa9"},      /* bytes are bytes */
	{"<<\"\\\"\\\\\\n\\t\\101\\x41\">>.", "b:\"\\\n\tAA"},
	{"\"list of \\\"chars\\\"\".", "s:list of \"chars\""},
	{"'an atom'.", "a:an atom"},
	{"ok@host_1.", "a:ok@host_1"},
	{"-12.", "n:-12"},
	{"1.5e-3.", "n:1.5e-3"},
	{"{1795,583623,315816}.", "{n:1795 n:583623 n:315816}"},
	{"[a|b].", "[a:a a:b]"},
	{"{x,#{a => 1, b := [2]}}.", "{a:x ?a:a n:1 a:b [n:2]}"},
	{"{<0.85.0>,#Ref<0.1.2>,#Fun<m.0.1>}.", "{? ? ?}"},
	{"% a comment\n a.", "a:a"},
	{"{a,b", NULL},
	{"{a b}.", NULL},
	{"a", NULL},
	{"<<\"a>>.", NULL},
	{"<<256>>.", NULL},
	{"<<\"\\x{110000}\"/utf8>>.", NULL},
	{"<<\"\\x{263a}\">>.", NULL},
	{"#x.", NULL},
};

TEST(terms)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str rest = str(cases[i].text);
		const char *why = NULL;
		struct erl_value value;
		struct buf shown = {0};
		int rc = erl_read_term(t->arena, &rest, &value, &why);

		test_row(t, cases[i].text);
		check_int(t, rc, cases[i].shown != NULL ? 1 : -1);
		check(t, (why == NULL) == (rc >= 0));
		if (rc > 0 && cases[i].shown != NULL) {
			show(&shown, &value);
			check_str(t, buf_str(&shown), cases[i].shown);
			check_int(t, (intmax_t)rest.len, 0);
		}
		buf_free(&shown);
	}
}

TEST(one_after_the_other)
{
	struct str rest = STR("a.\n{b,1}.\n\n");
	const char *why;
	struct erl_value value;
	uint64_t n = 0;

	check_int(t, erl_read_term(t->arena, &rest, &value, &why), 1);
	check(t, erl_is_atom(&value, "a"));
	check_int(t, erl_read_term(t->arena, &rest, &value, &why), 1);
	check(t, erl_is_record(&value, "b", 2) && !erl_is_record(&value, "b", 3));
	check_int(t, erl_number(erl_at(&value, 1), 9, &n), 0);
	check_int(t, (intmax_t)n, 1);
	check(t, erl_at(&value, 2) == NULL && erl_text(erl_at(&value, 2)).p == NULL);
	check_int(t, erl_read_term(t->arena, &rest, &value, &why), 0);
}

TEST(depth_is_bounded)
{
	struct buf text = {0};
	const char *why = NULL;
	struct erl_value value;
	struct str rest;

	for (size_t i = 0; i < 100000; i++)
		buf_addz(&text, "[{");
	rest = buf_str(&text);
	check_int(t, erl_read_term(t->arena, &rest, &value, &why), -1);
	check_str(t, str(why), "nested too deeply");
	buf_free(&text);
}
