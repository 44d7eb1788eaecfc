/* SPDX-License-Identifier: MIT */
/* test_sasl_ht.c - hashed tokens; the hashes were computed with another library. */
#include "test.h"

#include "base/base64.h"
#include "xmpp/sasl_ht.h"

TEST(names)
{
	static const struct {
		const char *name;
		int binding; /* -1: none */
	} rows[] = {
		{"HT-SHA-256-EXPR", HT_EXPR}, {"HT-SHA-256-ENDP", HT_ENDP},
		{"HT-SHA-256-NONE", HT_NONE}, {"HT-SHA-256-UNIQ", -1},
		{"HT-SHA-512-NONE", -1},      {"ht-sha-256-none", -1},
		{"HT-SHA-256-NONE ", -1},     {"", -1},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		enum ht_binding binding = HT_BINDING_COUNT;

		test_row(t, rows[i].name);
		check_int(t, ht_parse(str(rows[i].name), &binding), rows[i].binding < 0 ? -1 : 0);
		if (rows[i].binding >= 0)
			check_str(t, str(ht_name(binding)), rows[i].name);
	}
}

TEST(reading)
{
	static const struct {
		struct str in;
		bool is_good;
	} rows[] = {
		{STR("romeo\0"
		     "12345678901234567890123456789012"),
		 true},
		{STR("r\0"
		     "\00023456789012345678901234567890\0\0"),
		 true}, /* the hash may be any bytes */
		{STR("romeo\0"
		     "1234567890123456789012345678901"),
		 false},
		{STR("romeo\0"
		     "123456789012345678901234567890123"),
		 false},
		{STR("\0"
		     "12345678901234567890123456789012"),
		 false},
		{STR("\xc3\0"
		     "12345678901234567890123456789012"),
		 false}, /* SEC-01 */
		{STR("romeo"), false},
		{STR(""), false},
		{STR_NONE, false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ht_message message;

		test_row(t, rows[i].in.p);
		check_int(t, ht_read(rows[i].in, &message), rows[i].is_good ? 0 : -1);
	}
}

TEST(a_name_that_is_too_long)
{
	char in[1024 + 1 + HT_HASH_SIZE] = {0};
	struct ht_message message;

	memset(in, 'a', 1024);
	check_int(t, ht_read(str_of(in, sizeof(in)), &message), -1);
	check_int(t, ht_read(str_of(in + 1, sizeof(in) - 1), &message), 0);
}

TEST(hashes)
{
	struct str token = STR("secret-token:fast-5qqI");
	struct str sent = ht_ask(t->arena, STR("romeo"), token, STR(""));
	struct ht_message message;

	check_int(t, ht_read(sent, &message), 0);
	check_str(t, message.authcid, "romeo");
	check_str(t, hex_encode(t->arena, message.hash),
		  "fddb67b83e992ac83b0f824fc1ae7d208374e294c76dda82aa25f4e24814d4fa");
	check_str(t, hex_encode(t->arena, ht_answer(t->arena, token, STR("binding"))),
		  "7cb160363b4e4fd7be39306f6d25000fe38610d7a1f70805f6f85874524be625");
	check(t, ht_verify(token, STR(""), message.hash));
	check(t, !ht_verify(token, STR("binding"), message.hash));
	check(t, !ht_verify(STR("secret-token:fast-5qqJ"), STR(""), message.hash));
	check(t, !ht_verify(token, STR(""), str_first(message.hash, 31)));
	check(t, !ht_verify(token, STR(""), ht_answer(t->arena, token, STR(""))));
}
