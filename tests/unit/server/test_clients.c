/* SPDX-License-Identifier: MIT */
/* test_clients.c - what is stored of a device, and its tokens. */
#include "test.h"

#include "server/clients.h"

static const unsigned char key[32] = "a key of this installation only.";

static struct client
full(void)
{
	static char software[] = "Awesome; XMPP", device[] = "Kiva's \xc3\xa9";
	struct client client = {.id = "0123456789abcdef",
				.first_us = 1,
				.last_us = UINT64_MAX,
				.knows_password = true,
				.software = software,
				.device = device};

	token_issue(&client, HT_ENDP, 1000, 5000, 77);
	client.tokens[TOKEN_CURRENT] = client.tokens[TOKEN_NEW];
	client.tokens[TOKEN_CURRENT].count = 12;
	token_issue(&client, HT_NONE, 2000, 5000, 78);
	return client;
}

TEST(round_trip)
{
	struct client client = full(), got;
	struct str text = client_format(t->arena, &client);

	check_int(t, client_parse(t->arena, str(client.id), text, &got), 0);
	check_strs(t, client_format(t->arena, &got), text);
	check_str(t, str(got.software), client.software);
	check_str(t, str(got.device), client.device);
	check_int(t, got.knows_password, true);
	check_int(t, got.tokens[TOKEN_CURRENT].binding, HT_ENDP);
	check_int(t, (intmax_t)got.tokens[TOKEN_CURRENT].count, 12);
	check_int(t, (intmax_t)got.tokens[TOKEN_NEW].expires_us, 7000);
	check_int(t, (intmax_t)got.tokens[TOKEN_NEW].epoch, 78);
}

TEST(nothing_else_is_read)
{
	static const char *const rows[] = {
		"",
		"v1",
		"v2;1;2;-;;;-;-",
		"v1;1;2;-;;;-",
		"v1;1;2;-;;;-;-;",
		"v1;x;2;-;;;-;-",
		"v1;1;2;-;!;;-;-",
		"v1;1;2;-;AA==;;-;-", /* a NUL */
		"v1;1;2;-;;;HT-SHA-256-NONE:short:1:2:3:4;-",
		"v1;1;2;-;;;HT-SHA-256-UNIQ:01234567890123456789012345678901:1:2:3:4;-",
		"v1;1;2;-;;;HT-SHA-256-NONE:01234567890123456789012345678901:1:2:3;-",
		"v1;1;2;-;;;HT-SHA-256-NONE:01234567890123456789012345678901:1:2:3:4:5;-",
	};
	struct client got;

	for (size_t i = 0; i < COUNT(rows); i++) {
		test_row(t, rows[i]);
		check_int(t, client_parse(t->arena, STR("0123456789abcdef"), str(rows[i]), &got),
			  -1);
	}
	check_int(t, client_parse(t->arena, STR("short"), STR("v1;1;2;-;;;-;-"), &got), -1);
	check_int(t, client_parse(t->arena, STR("0123456789abcdef"), STR("v1;1;2;-;;;-;-"), &got),
		  0);
}

/* A token is good for one account, client, mechanism and installation (XEP-0484 §3.4). */
TEST(tokens_differ)
{
	static const unsigned char other[32] = "another";
	struct client client = full();
	const char *nonce = client.tokens[TOKEN_NEW].nonce;
	struct str a = token_text(t->arena, key, STR("a@x"), client.id, HT_NONE, nonce);
	struct str different[] = {
		token_text(t->arena, other, STR("a@x"), client.id, HT_NONE, nonce),
		token_text(t->arena, key, STR("b@x"), client.id, HT_NONE, nonce),
		token_text(t->arena, key, STR("a@x"), "0123456789abcdee", HT_NONE, nonce),
		token_text(t->arena, key, STR("a@x"), client.id, HT_EXPR, nonce),
		token_text(t->arena, key, STR("a@x"), client.id, HT_NONE,
			   client.tokens[TOKEN_CURRENT].nonce),
	};

	check_int(t, (intmax_t)a.len, 64);
	check_strs(t, token_text(t->arena, key, STR("a@x"), client.id, HT_NONE, nonce), a);
	for (size_t i = 0; i < COUNT(different); i++)
		check(t, !str_equal(a, different[i]));
}
