/* SPDX-License-Identifier: MIT */
/* test_sasl.c - published exchanges, every mechanism from end to end, and broken messages. */
#include "sasl_talk.h"

#include "base/base64.h"

static const struct vector {
	enum sasl_mechanism mechanism;
	const char *client_nonce, *server_nonce, *salt;
	const char *server_first, *client_final, *server_final;
} vectors[] = {
	/* RFC 5802 §5 */
	{SASL_SCRAM_SHA_1, "fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j", "QSXCR+Q6sek8bf92",
	 "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
	 "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
	 "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
	/* RFC 7677 §3 */
	{SASL_SCRAM_SHA_256, "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	 "W22ZaJ0SNY7soEsUEjb6gQ==",
	 "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	 "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	 "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	 "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
	/* No RFC has one for SHA-512; many implementations share this one. */
	{SASL_SCRAM_SHA_512, "rOprNGfwEbeRWgbNEkqO", "02431b08-2f89-4bad-a4e6-80c0564ec865",
	 "Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=",
	 "r=rOprNGfwEbeRWgbNEkqO02431b08-2f89-4bad-a4e6-80c0564ec865,"
	 "s=Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=,i=4096",
	 "c=biws,r=rOprNGfwEbeRWgbNEkqO02431b08-2f89-4bad-a4e6-80c0564ec865,"
	 "p=Hc5yec3NmCD7t+kFRw4/3yD6/F3SQHc7AVYschRja+Bc3sbdjlA0eH1OjJc0DD4ghn1tnXN5/"
	 "Wr6qm9xmaHt4A==",
	 "v=BQuhnKHqYDwQWS5jAw4sZed+C9KFUALsbrq81bB0mh+bcUUbbMPNNmBIupnS2AmyyDnG5CTBQtkjJ9kyY4kzmw="
	 "="},
};

static enum scram_hash
hash_of(enum sasl_mechanism mechanism)
{
	return mechanism == SASL_SCRAM_SHA_1     ? SCRAM_SHA_1
	       : mechanism == SASL_SCRAM_SHA_256 ? SCRAM_SHA_256
						 : SCRAM_SHA_512;
}

static void
run_vector(struct test *t, const struct vector *v, struct sasl_client *client,
	   struct sasl_server *server, const struct credentials *account)
{
	struct str sent, got = STR_NONE;
	const char *why = "";

	check_int(t, sasl_client_step(client, STR_NONE, &sent, &why), 0);
	check_strs(t, sent, arena_printf(t->arena, "n,,n=user,r=%s", v->client_nonce));
	check_int(t, sasl_server_step(server, sent, &got), SASL_LOOK_UP);
	check_str(t, sasl_server_username(server), "user");
	check_int(t, sasl_server_credentials(server, account, &got), SASL_CHALLENGE);
	check_str(t, got, v->server_first);
	check_int(t, sasl_client_step(client, got, &sent, &why), 0);
	check_str(t, sent, v->client_final);
	check_int(t, sasl_server_step(server, sent, &got), SASL_SUCCESS);
	check_str(t, got, v->server_final);
	check_int(t, sasl_client_finish(client, got, &why), 0);
}

TEST(scram_vectors)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct sasl_server_options options = server_options(v->mechanism);
		struct credentials account = {0};
		struct sasl_server *server;
		struct sasl_client *client = client_of(v->mechanism, "user", "pencil", NULL);
		struct str salt;

		test_row(t, sasl_mechanism_name(v->mechanism));
		check_int(t, base64_decode(t->arena, str(v->salt), &salt), 0);
		scram_keys_derive(hash_of(v->mechanism), STR("pencil"), salt, 4096,
				  &account.scram[hash_of(v->mechanism)]);
		options.nonce = str(v->server_nonce);
		server = sasl_server_new(&options);
		sasl_client_set_nonce(client, str(v->client_nonce));
		run_vector(t, v, client, server, &account);
		sasl_client_free(client);
		sasl_server_free(server);
	}
}

TEST(round_trip_of_every_mechanism)
{
	struct str ids[] = {STR(USER "@" HOST)};
	struct credentials account;

	make_account(t, &account);
	for (int m = 0; m < SASL_MECHANISM_COUNT; m++) {
		struct sasl_server_options options = server_options((enum sasl_mechanism)m);
		struct outcome o;

		options.certificate_ids = ids;
		options.certificate_id_count = 1;
		test_row(t, sasl_mechanism_name((enum sasl_mechanism)m));
		o = talk(t, client_of((enum sasl_mechanism)m, USER, PASSWORD, NULL), &options,
			 &account);
		check_int(t, o.end, SASL_SUCCESS);
		check_int(t, o.client, 0);
		check_str(t, o.username, m == SASL_ANONYMOUS ? "" : USER);
		check(t, !o.has_upgrade);
	}
}

TEST(wrong_password_of_every_mechanism)
{
	struct credentials account;

	make_account(t, &account);
	for (int m = 0; m < SASL_MECHANISM_COUNT; m++) {
		struct sasl_server_options options = server_options((enum sasl_mechanism)m);
		struct outcome o;

		if (m == SASL_EXTERNAL || m == SASL_ANONYMOUS)
			continue;
		test_row(t, sasl_mechanism_name((enum sasl_mechanism)m));
		o = talk(t, client_of((enum sasl_mechanism)m, USER, "R0m30", NULL), &options,
			 &account);
		check_int(t, o.end, SASL_FAILURE);
		check_int(t, o.failure, SASL_NOT_AUTHORIZED);
	}
}

/* Names and passwords that the wire form or the preparation changes. */
TEST(awkward_names_and_passwords)
{
	static const struct {
		const char *user, *stored, *password, *typed;
	} cases[] = {
		{"a=b", "a=b", "pa,=ss", "pa,=ss"},       /* saslname */
		{"ROMEO", "romeo", "x", "x"},             /* UsernameCaseMapped */
		{"romeo@example.net", "romeo", "x", "x"}, /* a client's bare JID */
		{"J\xc3\xbcrgen", "j\xc3\xbcrgen", "x", "x"},
		{"a", "a", "p\xc3\xa4ss w",
		 "pa\xcc\x88ss\xc2\xa0w"}, /* OpaqueString: NFC, spaces */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct credentials account;

		credentials_derive(t->arena, str(cases[i].password), 4096, &account);
		for (int m = SASL_SCRAM_SHA_1_PLUS; m < SASL_MECHANISM_COUNT; m++) {
			struct sasl_server_options options = server_options((enum sasl_mechanism)m);
			struct outcome o;

			if (m == SASL_EXTERNAL || m == SASL_ANONYMOUS)
				continue;
			test_row(t, cases[i].user);
			o = talk(t,
				 client_of((enum sasl_mechanism)m, cases[i].user, cases[i].typed,
					   NULL),
				 &options, &account);
			check_int(t, o.end, SASL_SUCCESS);
			check_int(t, o.client, 0);
			check_str(t, o.username, cases[i].stored);
		}
	}
}

/* Keys of one login serve the next, but no other salt, hash or iteration count. */
TEST(client_keeps_its_keys)
{
	static const enum sasl_mechanism order[] = {SASL_SCRAM_SHA_256, SASL_SCRAM_SHA_256,
						    SASL_SCRAM_SHA_1, SASL_SCRAM_SHA_512_PLUS};
	struct sasl_client_keys keys = {0}, first;
	struct credentials account;

	for (size_t account_no = 0; account_no < 2; account_no++) {
		credentials_derive(t->arena, STR(PASSWORD), 4096 + (uint32_t)account_no, &account);
		for (size_t i = 0; i < COUNT(order); i++) {
			struct sasl_server_options options = server_options(order[i]);
			struct sasl_client *client = client_of(order[i], USER, PASSWORD, NULL);
			struct outcome o;

			sasl_client_keep_keys(client, &keys);
			o = talk(t, client, &options, &account);
			check_int(t, o.end, SASL_SUCCESS);
			check_int(t, o.client, 0);
			check_int(t, keys.iterations, 4096 + (int)account_no);
			if (i == 0)
				first = keys;
			check_int(t, memcmp(&first, &keys, sizeof(keys)) == 0, i < 2);
		}
	}
	/* It is the kept key that is used: with it, the password does not matter. */
	{
		struct sasl_server_options options = server_options(SASL_SCRAM_SHA_512_PLUS);
		struct sasl_client *client =
			client_of(SASL_SCRAM_SHA_512_PLUS, USER, "other", NULL);

		sasl_client_keep_keys(client, &keys);
		check_int(t, talk(t, client, &options, &account).end, SASL_SUCCESS);
	}
}

TEST(plain_makes_the_missing_keys)
{
	struct sasl_server_options options = server_options(SASL_PLAIN);
	struct credentials account, upgraded;
	struct sasl_server *server;
	struct str out;

	make_account(t, &account);
	account.scram[SCRAM_SHA_512].is_set = account.scram[SCRAM_SHA_256].is_set = false;
	server = sasl_server_new(&options);
	check_int(t,
		  serve(server, sasl_server_step(server, STR("\0" USER "\0" PASSWORD), &out),
			&account, &out),
		  SASL_SUCCESS);
	check(t, out.p == NULL);
	if (check(t, sasl_server_upgrade(server) != NULL)) {
		upgraded = *sasl_server_upgrade(server);
		check(t,
		      upgraded.scram[SCRAM_SHA_512].is_set && upgraded.scram[SCRAM_SHA_256].is_set);
		check_strs(t, upgraded.scram[SCRAM_SHA_1].salt, account.scram[SCRAM_SHA_1].salt);
		check(t, credentials_verify(&upgraded, STR(PASSWORD)));
	}
	sasl_server_free(server);
}

TEST(no_initial_response)
{
	static const struct {
		enum sasl_mechanism mechanism;
		struct str response;
		enum sasl_step end;
	} cases[] = {
		{SASL_PLAIN, STR("\0" USER "\0" PASSWORD), SASL_SUCCESS},
		{SASL_SCRAM_SHA_256, STR("n,,n=" USER ",r=abc"), SASL_CHALLENGE},
		{SASL_EXTERNAL, STR(""), SASL_SUCCESS},
		{SASL_EXTERNAL, STR(USER "@" HOST), SASL_SUCCESS},
	};
	struct str ids[] = {STR(USER "@" HOST)};
	struct credentials account;

	make_account(t, &account);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sasl_server_options options = server_options(cases[i].mechanism);
		struct sasl_server *server;
		struct str out;

		options.certificate_ids = ids;
		options.certificate_id_count = 1;
		server = sasl_server_new(&options);
		test_row(t, sasl_mechanism_name(cases[i].mechanism));
		check_int(t, sasl_server_step(server, STR_NONE, &out), SASL_CHALLENGE);
		check_str(t, out, "");
		check_int(t,
			  serve(server, sasl_server_step(server, cases[i].response, &out), &account,
				&out),
			  cases[i].end);
		sasl_server_free(server);
	}
}

TEST(external_chooses_the_account)
{
	static const struct {
		const char *ids[3], *authzid, *user; /* user NULL: refused with FAILURE */
		enum sasl_failure failure;
	} cases[] = {
		{{"romeo@example.net"}, "", "romeo"},
		{{"Romeo@EXAMPLE.net"}, "", "romeo"},
		{{"romeo@example.net", "romeo@EXAMPLE.NET"}, "", "romeo"}, /* twice the same */
		{{"romeo@example.net", "romeo@elsewhere.lit"}, "", "romeo"},
		{{"romeo@example.net", "juliet@example.net"}, "", NULL, SASL_INVALID_AUTHZID},
		{{"romeo@example.net", "juliet@example.net"}, "juliet@example.net", "juliet"},
		{{"romeo@example.net"}, "juliet@example.net", NULL, SASL_INVALID_AUTHZID},
		{{"romeo@elsewhere.lit"}, "romeo@elsewhere.lit", NULL, SASL_INVALID_AUTHZID},
		{{"romeo@elsewhere.lit"}, "", NULL, SASL_NOT_AUTHORIZED},
		{{"romeo@example.net/orchard"}, "", NULL, SASL_NOT_AUTHORIZED},
		{{"example.net"}, "", NULL, SASL_NOT_AUTHORIZED},
		{{"example.net"}, "example.net", NULL, SASL_INVALID_AUTHZID},
		{{NULL}, "", NULL, SASL_NOT_AUTHORIZED},
		{{NULL}, "romeo@example.net", NULL, SASL_INVALID_AUTHZID},
	};
	struct credentials account;

	make_account(t, &account);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sasl_server_options options = server_options(SASL_EXTERNAL);
		struct str ids[3];
		struct outcome o;

		options.certificate_ids = ids;
		while (options.certificate_id_count < 3 &&
		       cases[i].ids[options.certificate_id_count]) {
			ids[options.certificate_id_count] =
				str(cases[i].ids[options.certificate_id_count]);
			options.certificate_id_count++;
		}
		test_row(t, cases[i].ids[0] ? cases[i].ids[0] : "none");
		o = talk(t, client_of(SASL_EXTERNAL, "", "", cases[i].authzid), &options, &account);
		check_int(t, o.end, cases[i].user ? SASL_SUCCESS : SASL_FAILURE);
		if (cases[i].user != NULL)
			check_str(t, o.username, cases[i].user);
		else
			check_int(t, o.failure, cases[i].failure);
		if (cases[i].user != NULL) { /* a certificate outlives its account */
			o = talk(t, client_of(SASL_EXTERNAL, "", "", cases[i].authzid), &options,
				 NULL);
			check_int(t, o.end, SASL_FAILURE);
			check_int(t, o.failure, SASL_NOT_AUTHORIZED);
		}
	}
}

#define CASE(mechanism, text, failure)                                                             \
	{                                                                                          \
		mechanism, STR(text), failure                                                      \
	}

TEST(malformed_first_messages)
{
	static const struct {
		enum sasl_mechanism mechanism;
		struct str message;
		enum sasl_failure failure;
	} cases[] = {
		CASE(SASL_SCRAM_SHA_256, "", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,n=romeo,r=abc", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "x,,n=romeo,r=abc", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "N,,n=romeo,r=abc", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "F,n,,n=romeo,r=abc", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=,r=abc", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=ro=meo,r=abc", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=romeo=2,r=abc", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=romeo=2c,r=abc", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=romeo=", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,r=abc,n=romeo", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=romeo", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=romeo,r=", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=romeo,r=a b", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=romeo,r=a\x7f", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=romeo,r=\xc3\xa4", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,m=x,n=romeo,r=abc", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=romeo,r=abc,m=x", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=romeo,r=abc,", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=romeo,r=abc,q", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=romeo,r=abc,1=x", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,b=x,n=romeo,r=abc", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,a=,n=romeo,r=abc", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,a=x=y,n=romeo,r=abc", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=ro\0meo,r=abc", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=ro\xffmeo,r=abc",
		     SASL_MALFORMED_REQUEST), /* SEC-01 */
		CASE(SASL_SCRAM_SHA_256, "n,,n=ro\xc0\xafmeo,r=abc", SASL_MALFORMED_REQUEST),
		CASE(SASL_SCRAM_SHA_256, "n,,n=ro meo,r=abc",
		     SASL_NOT_AUTHORIZED), /* no such name */
		CASE(SASL_SCRAM_SHA_256, "n,,n=romeo@elsewhere.lit,r=abc", SASL_NOT_AUTHORIZED),
		CASE(SASL_SCRAM_SHA_256, "n,,n=romeo@example.net/x,r=abc", SASL_NOT_AUTHORIZED),
		CASE(SASL_PLAIN, "", SASL_MALFORMED_REQUEST),
		CASE(SASL_PLAIN, "romeo", SASL_MALFORMED_REQUEST),
		CASE(SASL_PLAIN, "romeo\0secret", SASL_MALFORMED_REQUEST),
		CASE(SASL_PLAIN, "\0romeo\0", SASL_MALFORMED_REQUEST),
		CASE(SASL_PLAIN, "\0\0secret", SASL_MALFORMED_REQUEST),
		CASE(SASL_PLAIN, "\0romeo\0secret\0", SASL_MALFORMED_REQUEST),
		CASE(SASL_PLAIN, "\0romeo\0sec\0ret", SASL_MALFORMED_REQUEST),
		CASE(SASL_PLAIN, "\0romeo\0\xff", SASL_MALFORMED_REQUEST),
		CASE(SASL_PLAIN, "\0romeo\0a\x07", SASL_NOT_AUTHORIZED), /* RFC 8265: no controls */
		CASE(SASL_EXTERNAL, "\xff", SASL_MALFORMED_REQUEST),
		CASE(SASL_EXTERNAL, "@", SASL_INVALID_AUTHZID),
		CASE(SASL_ANONYMOUS, "\xff", SASL_MALFORMED_REQUEST),
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sasl_server_options options = server_options(cases[i].mechanism);
		struct sasl_server *server = sasl_server_new(&options);
		const char *why = NULL;
		struct str out;

		test_row(t, arena_printf(t->arena, "%zu %.*s", i, STR_ARG(cases[i].message)).p);
		check_int(t, sasl_server_step(server, cases[i].message, &out), SASL_FAILURE);
		check_int(t, sasl_server_failure(server, &why), cases[i].failure);
		check(t, why != NULL);
		sasl_server_free(server);
	}
}

TEST(message_length)
{
	for (int over = 0; over < 2; over++) {
		struct sasl_server_options options = server_options(SASL_SCRAM_SHA_1);
		struct sasl_server *server = sasl_server_new(&options);
		struct str text = arena_printf(t->arena, "n,,n=romeo,r=abc,x=%*s", 2000, "");
		struct str long_text =
			arena_join(t->arena, text,
				   arena_printf(t->arena, "%*s",
						(int)(SASL_MESSAGE_MAX - text.len) + over, ""));
		struct str out;

		check_int(t, (int)long_text.len, (int)SASL_MESSAGE_MAX + over);
		check_int(t, sasl_server_step(server, long_text, &out),
			  over ? SASL_FAILURE : SASL_LOOK_UP);
		sasl_server_free(server);
	}
}

/* Extensions that we do not know are passed over (RFC 5802 §5.1). */
TEST(unknown_extensions)
{
	struct sasl_server_options options = server_options(SASL_SCRAM_SHA_256);
	struct sasl_server *server = sasl_server_new(&options);
	struct credentials account;
	struct str out;

	make_account(t, &account);
	check_int(t, sasl_server_step(server, STR("n,,n=" USER ",r=abc,x=y,Z=1=2"), &out),
		  SASL_LOOK_UP);
	check_int(t, sasl_server_credentials(server, &account, &out), SASL_CHALLENGE);
	sasl_server_free(server);
}
