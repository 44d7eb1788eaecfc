/* SPDX-License-Identifier: MIT */
/* test_jid.c - addresses: parsing, comparing, names of new accounts (RFC 7622, SEC-01, SEC-56). */
#include "test.h"

#include "xmpp/jid.h"
#include "xmpp/prep.h"

static const struct {
	const char *text, *bare, *resource; /* bare NULL: refused */
} cases[] = {
	/* RFC 7622 §3.5, table 1. */
	{"juliet@example.com", "juliet@example.com", ""},
	{"juliet@example.com/foo", "juliet@example.com", "foo"},
	{"juliet@example.com/foo bar", "juliet@example.com", "foo bar"},
	{"juliet@example.com/foo@bar", "juliet@example.com", "foo@bar"},
	{"foo\\20bar@example.com", "foo\\20bar@example.com", ""},
	{"fussball@example.com", "fussball@example.com", ""},
	{"fußball@example.com", "fußball@example.com", ""},
	{"π@example.com", "π@example.com", ""},
	{"Σ@example.com/foo", "σ@example.com", "foo"},
	{"σ@example.com/foo", "σ@example.com", "foo"},
	{"ς@example.com/foo", "ς@example.com", "foo"},
	{"king@example.com/♚", "king@example.com", "♚"},
	{"example.com", "example.com", ""},
	{"example.com/foobar", "example.com", "foobar"},
	{"a.example.com/b@example.net", "a.example.com", "b@example.net"},
	/* Table 2. */
	{"\"juliet\"@example.com", NULL, NULL},
	{"foo bar@example.com", NULL, NULL},
	/* Called illegal there, but OpaqueString, which rules (§3.4.1), has nothing against it. */
	{"juliet@example.com/ foo", "juliet@example.com", " foo"},
	{"@example.com/", NULL, NULL},
	{"henry\u2163@example.com", NULL, NULL},
	{"♚@example.com", NULL, NULL},
	{"juliet@", NULL, NULL},
	{"/foobar", NULL, NULL},

	/* Where the parts end: §3.1. */
	{"Juliet@Example.COM/Balcony", "juliet@example.com", "Balcony"},
	{"juliet@example.com/", NULL, NULL},
	{"example.com/", NULL, NULL},
	{"@example.com", NULL, NULL},
	{"@", NULL, NULL},
	{"/", NULL, NULL},
	{"", NULL, NULL},
	{"a@b@example.com", NULL, NULL},
	{"a@b@example.com/x", NULL, NULL},
	{"example.com//", "example.com", "/"},
	{"example.com/@", "example.com", "@"},
	{"a@example.com/b/c@d/", "a@example.com", "b/c@d/"},
	{"a@/b", NULL, NULL},

	/* Localparts: §3.3.1. */
	{"a!#$%*+,-.;=?[\\]^_`{|}~@x", "a!#$%*+,-.;=?[\\]^_`{|}~@x", ""},
	{"a&b@x", NULL, NULL},
	{"a'b@x", NULL, NULL},
	{"a:b@x", NULL, NULL},
	{"a<b@x", NULL, NULL},
	{"a>b@x", NULL, NULL},
	{"ａ＆b@x", NULL, NULL}, /* forbidden after the mapping too */
	{"ab＠c@x", NULL, NULL},
	{"ａＢ@x", "ab@x", ""},
	{"a\tb@x", NULL, NULL},
	{"a\x7f@x", NULL, NULL},
	{"a\u00a0b@x", NULL, NULL},
	{"a\u3000b@x", NULL, NULL},
	{"a\u00adb@x", NULL, NULL}, /* soft hyphen: Nodeprep drops it, PRECIS refuses it */
	{"ju\u200bliet@x", NULL, NULL},
	{"e\u0301@x", "é@x", ""},
	{"\u212bngstrom@x", "ångstrom@x", ""},

	/* Resources: case and spaces kept, controls refused. */
	{"x/A  b ", "x", "A  b "},
	{"x/a\u00a0b", "x", "a b"},
	{"x/e\u0301", "x", "é"},
	{"x/\u2163", "x", "\u2163"},
	{"x/a\tb", NULL, NULL},
	{"x/a\nb", NULL, NULL},
	{"x/a\u200bb", NULL, NULL},

	/* Domains: §3.2. */
	{"a@EXAMPLE.com.", "a@example.com", ""},
	{"example.com./x", "example.com", "x"},
	{"example.com..", NULL, NULL},
	{"example.com.。", NULL, NULL},
	{"bücher.example.", "bücher.example", ""},
	{".", NULL, NULL},
	{".example.com", NULL, NULL},
	{"a..b", NULL, NULL},
	{"localhost", "localhost", ""},
	{"127.0.0.1", "127.0.0.1", ""},
	{"a@[::1]", "a@[::1]", ""},
	{"[2001:DB8:0::1]/x", "[2001:db8::1]", "x"},
	{"[::1", NULL, NULL},
	{"[]", NULL, NULL},
	{"[::1].", NULL, NULL},
	{"[127.0.0.1]", NULL, NULL},
	{"[fe80::1%eth0]", NULL, NULL},
	{"-a.com", NULL, NULL},
	{"a-.com", NULL, NULL},
	{"a--b.com", "a--b.com", ""},
	{"ab--c.com", NULL, NULL}, /* reserved: RFC 5890 §2.3.1 */
	{"a_b.com", NULL, NULL},
	{"a b.com", NULL, NULL},
	{"a:5222", NULL, NULL},
	{"Bücher.Example", "bücher.example", ""},
	{"xn--bcher-kva.example", "bücher.example", ""},
	{"XN--BCHER-KVA.example", "bücher.example", ""},
	{"bu\u0308cher.example", "bücher.example", ""},
	{"faß.de", "faß.de", ""},
	{"FA\u1e9e.de", "faß.de", ""},
	{"ｅｘ。com", "ex.com", ""}, /* ideographic full stop */
	{"xn--", NULL, NULL},
	{"xn--a.com", NULL, NULL},
	{"xn--abc-.com", NULL, NULL}, /* punycode of plain ASCII */
	{"xn--bcher-KVA\u00e9.com", NULL, NULL},
	{"☺.com", NULL, NULL}, /* valid in UTS 46, not in IDNA 2008 */
	{"xn--74h.com", NULL, NULL},
	{"\u200d.com", NULL, NULL},
	{"אב.example", "אב.example", ""},
	{"1א.example", NULL, NULL},
};

TEST(jid_parse)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *why = NULL;
		struct jid jid;
		int rc = jid_parse(t->arena, str(cases[i].text), &jid, &why);

		test_row(t, cases[i].text);
		check_int(t, rc, cases[i].bare == NULL ? -1 : 0);
		check(t, (why != NULL) == (rc < 0));
		if (rc == 0) {
			check_str(t, jid_bare(jid).text, cases[i].bare);
			check_str(t, jid.resource, cases[i].resource);
		}
	}
}

/* What came out of a parse is its own prepared form, and its parts are what the text says. */
TEST(jid_parse_again)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct jid jid, again, made;
		const char *why;

		test_row(t, cases[i].text);
		if (jid_parse(t->arena, str(cases[i].text), &jid, &why) < 0)
			continue;
		check_int(t, jid_parse(t->arena, jid.text, &again, &why), 0);
		check_strs(t, again.text, jid.text);
		made = jid_make(t->arena, jid.local, jid.domain, jid.resource);
		check(t, jid_equal(made, jid));
		check_strs(t, made.local, jid.local);
		check_strs(t, made.domain, jid.domain);
		check_strs(t, made.resource, jid.resource);
		check(t, jid_is_bare(jid) == (jid.resource.len == 0));
		check(t, jid_is_bare(jid_bare(jid)));
		check_strs(t, jid_bare_text(jid), jid_bare(jid).text);
	}
}

/* SEC-01: what is not UTF-8 is refused in every part. */
TEST(jid_refuses_bad_utf8)
{
	static const char *const bad[] = {
		"\x80",
		"\xff",
		"\xc3",
		"\xc0\xaf",
		"\xe0\x80\xaf",
		"\xed\xa0\x80",
		"\xf4\x90\x80\x80",
		"\xf0\x9f\x98",
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct str forms[] = {
			arena_printf(t->arena, "a%sb@example.com", bad[i]),
			arena_printf(t->arena, "a@ex%sample.com", bad[i]),
			arena_printf(t->arena, "a@example.com/x%sy", bad[i]),
		};

		for (size_t k = 0; k < COUNT(forms); k++) {
			const char *why = NULL;
			struct jid jid;

			check_int(t, jid_parse(t->arena, forms[k], &jid, &why), -1);
			check_str(t, str(why), "not valid UTF-8");
		}
	}
}

TEST(jid_refuses_nul)
{
	static const struct str texts[] = {
		STR("a\0b@example.com"),
		STR("a@example\0.com"),
		STR("a@example.com/b\0"),
		STR("a@[::1\0]"),
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *why;
		struct jid jid;

		check_int(t, jid_parse(t->arena, texts[i], &jid, &why), -1);
	}
}

/* N times the text UNIT. */
static struct str
repeat(struct arena *arena, const char *unit, size_t n)
{
	size_t len = strlen(unit);
	char *p = arena_bytes(arena, n * len + 1);

	for (size_t i = 0; i < n; i++)
		memcpy(p + i * len, unit, len);
	return str_of(p, n * len);
}

static const struct {
	const char *unit;
	size_t most; /* how many of them a localpart may have */
} long_cases[] = {
	{"a", 1023},         {"A", 1023},
	{"é", 511},          {"漢", 341},
	{"ａ", 1023}, /* 3 bytes that become 1: the limit is on the result, §3.3.1 */
	{"e\u0301", 511},    {"\u1100\u1161\u11a8", 341},
	{"\U00020000", 255},
};

TEST(jid_parts_end_at_1023_bytes)
{
	for (size_t i = 0; i < COUNT(long_cases); i++) {
		struct str most = repeat(t->arena, long_cases[i].unit, long_cases[i].most);
		struct str more = repeat(t->arena, long_cases[i].unit, long_cases[i].most + 1);
		const char *why = NULL;
		struct str out;
		struct jid jid;

		test_row(t, long_cases[i].unit);
		check_int(t, jid_prepare_local(t->arena, most, &out, &why), 0);
		check(t, out.len <= JID_PART_MAX && out.len > JID_PART_MAX - 4);
		check_int(t, jid_prepare_local(t->arena, more, &out, &why), -1);
		check_str(t, str(why), "too long");
		check_int(t,
			  jid_prepare_resource(t->arena, repeat(t->arena, "a", 1024), &out, &why),
			  -1);
		check_int(t,
			  jid_parse(t->arena,
				    arena_join(t->arena, arena_join(t->arena, most, STR("@x/")),
					       repeat(t->arena, "b", 1023)),
				    &jid, &why),
			  0);
	}
}

TEST(jid_domain_limits_are_those_of_dns)
{
	struct str label = repeat(t->arena, "a", 63), dot = STR("."), name, out;
	const char *why;

	name = arena_join(t->arena, label, dot);
	name = arena_join(t->arena, arena_join(t->arena, name, name),
			  arena_join(t->arena, name, repeat(t->arena, "b", 61)));
	check_int(t, (intmax_t)name.len, 253);
	check_int(t, jid_prepare_domain(t->arena, name, &out, &why), 0);
	check_int(t, jid_prepare_domain(t->arena, arena_join(t->arena, name, dot), &out, &why), 0);
	check_int(t, jid_prepare_domain(t->arena, arena_join(t->arena, name, STR("b")), &out, &why),
		  -1);
	check_int(t,
		  jid_prepare_domain(t->arena, arena_join(t->arena, label, STR("a")), &out, &why),
		  -1);
	check_int(t, jid_prepare_domain(t->arena, repeat(t->arena, "ü", 57), &out, &why), 0);
	check_int(t, jid_prepare_domain(t->arena, repeat(t->arena, "ü", 90), &out, &why), -1);
	check_int(t, jid_prepare_domain(t->arena, repeat(t->arena, "a.", 2000), &out, &why), -1);
}

/* The table of jid.c against the profiles themselves, for each ASCII character. */
TEST(jid_fast_path_agrees_with_the_profiles)
{
	for (int c = 0; c < 128; c++) {
		char text[4] = {'a', (char)c, 'b', '\0'};
		struct str in = str_of(text, 3), fast, slow;
		const char *why;
		int rc;

		test_row(t, arena_printf(t->arena, "character %d", c).p);
		rc = jid_prepare_resource(t->arena, in, &fast, &why);
		check_int(t, rc, prep_opaque(t->arena, in, &slow, &why));
		if (rc == 0)
			check_strs(t, fast, slow);
		rc = jid_prepare_local(t->arena, in, &fast, &why);
		if (c != 0 && strchr("\"&'/:<>@", c) != NULL)
			check_int(t, rc, -1);
		else
			check_int(t, rc, prep_username(t->arena, in, &slow, &why));
		if (rc == 0)
			check_strs(t, fast, slow);
		rc = jid_prepare_domain(t->arena, in, &fast, &why);
		check_int(t, rc, prep_domain(t->arena, in, &slow, &why));
		if (rc == 0)
			check_strs(t, fast, slow);
	}
}

static const struct {
	const char *local;
	bool is_good;
} accounts[] = {
	{"juliet", true},
	{"juliet.capulet+spam_2", true},
	{"jürgen", true},
	{"иван", true},
	{"ιωάννησ", true},
	{"ゆうこ山田", true}, /* kana and Han belong together */
	{"שלום", true},
	{"Juliet", false}, /* not prepared */
	{"", false},
	{"a b", false},
	/* Nodeprep (RFC 6122 appendix A) makes something else of these. */
	{"fußball", false}, /* fussball */
	{"ιωάννης", false}, /* final sigma becomes σ */
	{"\uab71", false},  /* Cherokee, in lower case since Unicode 8 only */
	/* It refuses these. */
	{"\u0221", false}, /* assigned in Unicode 4: unassigned to stringprep (RFC 3454 A.1) */
	{"א1", false},     /* its bidi rule, which is stricter at the end */
	/* Mimicry: UTS 39. */
	{"p\u0430ypal", false},              /* a Cyrillic а */
	{"\u0430", false},                   /* Cyrillic, but looks like ASCII throughout */
	{"\u0440\u043e\u0441\u0441", false}, /* Cyrillic росс: looks like pocc */
	{"\u0440\u043e\u0441\u0441\u0438\u044f", true},
	{"\u03bf\u03bd", false},  /* Greek ον, looks like ov */
	{"12\u0663", false},      /* digits of two systems */
	{"a\u0301\u0301", false}, /* the second mark can't be seen */
};

TEST(jid_check_new_account)
{
	for (size_t i = 0; i < COUNT(accounts); i++) {
		const char *why = NULL;
		int rc = jid_check_new_account(t->arena, str(accounts[i].local), &why);

		test_row(t, accounts[i].local);
		check_int(t, rc, accounts[i].is_good ? 0 : -1);
		check(t, (why != NULL) == (rc < 0));
	}
}

TEST(skeletons_of_twins_are_equal)
{
	static const char *const twins[][2] = {
		{"paypal", "p\u0430ypal"},
		{"modern", "rnodem"},
		{"l1", "1l"},
		{"ov", "\u03bf\u03bd"},
	};

	for (size_t i = 0; i < COUNT(twins); i++)
		check_strs(t, prep_skeleton(t->arena, str(twins[i][0])),
			   prep_skeleton(t->arena, str(twins[i][1])));
	check(t, !str_equal(prep_skeleton(t->arena, STR("romeo")),
			    prep_skeleton(t->arena, STR("juliet"))));
	check(t, strlen(prep_unicode_version()) >= 3);
}
