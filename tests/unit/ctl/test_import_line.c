/* SPDX-License-Identifier: MIT */
/* test_import_line.c - lines of accounts: tabs, commas with quotes, JSON. */
#include "test.h"

#include "ctl/import_line.h"

#define QUOTE "a quote is missing, or in the wrong place"
#define SHAPE "expected an address, a tab or comma, and a password"
#define OBJECT "expected an object with the strings \"account\" and \"password\" or \"credentials\""

static const struct {
	const char *text, *account, *password; /* password NULL: refused, because of account */
} lines[] = {
	{"romeo@a.example\tmont ague", "romeo@a.example", "mont ague"},
	{"romeo@a.example\t\"a\",b\tc", "romeo@a.example", "\"a\",b\tc"},
	{"romeo@a.example,montague", "romeo@a.example", "montague"},
	{"romeo@a.example,a,b", "romeo@a.example", "a,b"},
	{"romeo@a.example,a\"b", "romeo@a.example", "a\"b"},
	{"\"romeo@a.example\",\"a,\"\"b\"\"\"", "romeo@a.example", "a,\"b\""},
	{"{\"account\":\"romeo@a.example\",\"password\":\"\\u00e9\\t\"}", "romeo@a.example",
	 "\xc3\xa9\t"},
	{"{\"account\":\"romeo@a.example\",\"credentials\":\"v1\"}", "romeo@a.example", "keys:v1"},
	{"{\"account\":\"a\",\"credentials\":\"v1\",\"password\":\"x\"}", OBJECT, NULL},
	{"romeo@a.example", SHAPE, NULL},
	{"romeo@a.example,", "the password is empty", NULL},
	{"romeo@a.example,\"\"", "the password is empty", NULL},
	{"romeo@a.example\t", "the password is empty", NULL},
	{",x", "the address is empty", NULL},
	{"\tx", "the address is empty", NULL},
	{"\"romeo@a.example,x", QUOTE, NULL},
	{"\"romeo\"@a.example,x", QUOTE, NULL},
	{"romeo@a.example,\"x", QUOTE, NULL},
	{"romeo@a.example,\"x\"y", QUOTE, NULL},
	{"{\"account\":\"a\"", "the line is not JSON", NULL},
	{"{\"account\":\"a\"}", OBJECT, NULL},
	{"{\"account\":\"a\",\"password\":5}", OBJECT, NULL},
	{"{\"account\":\"a\",\"password\":\"x\",\"admin\":true}", OBJECT, NULL},
	{"{\"account\":\"a\",\"password\":\"x\",\"password\":\"y\"}", "the line is not JSON", NULL},
	{"{\"account\":\"a\",\"password\":\"x\\u0000y\"}", "the line is not JSON", NULL},
};

TEST(import_lines)
{
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct import_line line = {0};
		const char *why = NULL;
		int rc = import_line_parse(t->arena, str(lines[i].text), &line, &why);

		test_row(t, lines[i].text);
		check_int(t, rc, lines[i].password == NULL ? -1 : 0);
		if (rc < 0) {
			check_str(t, str(why), lines[i].account);
		} else {
			check_str(t, str(line.account), lines[i].account);
			if (line.credentials != NULL)
				check_strs(t, arena_printf(t->arena, "keys:%s", line.credentials),
					   str(lines[i].password));
			else
				check_str(t, str(line.password), lines[i].password);
		}
	}
}
