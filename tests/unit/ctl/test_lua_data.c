/* SPDX-License-Identifier: MIT */
/* test_lua_data.c - tables in Lua: what is read of them, and what is refused. */
#include "test.h"

#include "base/buf.h"
#include "ctl/lua_data.h"

/* As one line: {key=value,...}, strings in quotes. */
static void
show(struct buf *out, const struct lua_value *value)
{
	switch (value->type) {
	case LUA_NIL:
		buf_addz(out, "nil");
		break;
	case LUA_STRING:
		buf_printf(out, "'%.*s'", STR_ARG(value->text));
		break;
	case LUA_TABLE:
		buf_add_char(out, '{');
		for (const struct lua_entry *e = value->entries; e != NULL; e = e->next) {
			show(out, &e->key);
			buf_add_char(out, '=');
			show(out, &e->value);
			if (e->next != NULL)
				buf_add_char(out, ',');
		}
		buf_add_char(out, '}');
		break;
	default:
		buf_add(out, value->text);
	}
}

static const struct {
	const char *text, *shown; /* shown NULL: refused */
} returns[] = {
	{"return {};", "{}"},
	{"return { [\"a b\"] = 1; b = 'x'; }", "{'a b'=1,'b'='x'}"},
	{"return {\n\t[false] = {\n\t\t[\"version\"] = 2;\n\t};\n};\n\n", "{false={'version'=2}}"},
	{"return {{\"text\"; [\"name\"] = \"nick\"},true,nil,-1.5e+3}",
	 "{1={1='text','name'='nick'},2=true,3=nil,4=-1.5e+3}"},
	{"return { [1] = \"\\9\\065\\x42\\n\\\\\\\"\\\n\" }", "{1='\tAB\n\\\"\n'}"},
	{"-- made by hand\nreturn {} -- the end", "{}"},
	{"return \"x\"", "'x'"},
	{"", NULL},
	{"{}", NULL},
	{"return", NULL},
	{"return {", NULL},
	{"return { a = }", NULL},
	{"return { [1 = 2 }", NULL},
	{"return { 1 2 }", NULL},
	{"return \"no end", NULL},
	{"return \"no\nend\"", NULL},
	{"return \"\\256\"", NULL},
	{"return \"\\xg0\"", NULL},
	{"return \"\\q\"", NULL},
	{"return os.exit()", NULL},
	{"return {} os.exit()", NULL},
	{"return function() end", NULL},
};

TEST(lua_return)
{
	for (size_t i = 0; i < COUNT(returns); i++) {
		struct lua_value value;
		struct buf out = {0};
		const char *why = NULL;
		int rc = lua_read_return(t->arena, str(returns[i].text), &value, &why);

		test_row(t, returns[i].text);
		check_int(t, rc, returns[i].shown == NULL ? -1 : 0);
		if (rc == 0) {
			show(&out, &value);
			check_str(t, buf_str(&out), returns[i].shown);
		} else {
			check(t, why != NULL);
		}
		buf_free(&out);
	}
}

TEST(lua_nesting_is_bounded)
{
	struct lua_value value;
	struct buf text = {0};
	const char *why = NULL;

	buf_addz(&text, "return ");
	for (unsigned i = 0; i < 100000; i++)
		buf_add_char(&text, '{');
	check_int(t, lua_read_return(t->arena, buf_str(&text), &value, &why), -1);
	check_str(t, str(why), "tables that are nested too deeply");
	buf_free(&text);
}

TEST(lua_items)
{
	struct str rest = STR("item({ [\"a\"] = \"1\"; });\nitem( { a = '2' } )\nitem(nothing);");
	struct lua_value value;
	const char *why = NULL;

	check_int(t, lua_read_item(t->arena, &rest, &value, &why), 1);
	check_str(t, lua_text(&value, "a"), "1");
	check_int(t, lua_read_item(t->arena, &rest, &value, &why), 1);
	check_str(t, lua_text(&value, "a"), "2");
	check_int(t, lua_read_item(t->arena, &rest, &value, &why), -1);
	rest = STR(" \n");
	check_int(t, lua_read_item(t->arena, &rest, &value, &why), 0);
}
