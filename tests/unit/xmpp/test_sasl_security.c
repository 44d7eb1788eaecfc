/* SPDX-License-Identifier: MIT */
/* test_sasl_security.c - SEC-30, SEC-32, SEC-33 and SEC-34, by number. */
#include "sasl_talk.h"

#include "xmpp/sasl_offer.h"

#include <time.h>

TEST(sec30_authorization_identity)
{
	static const struct {
		const char *authzid;
		bool is_own;
	} cases[] = {
		{"", true},
		{"romeo@example.net", true},
		{"Romeo@Example.NET", true},            /* differently normalised */
		{"\xef\xbd\x92omeo@example.net", true}, /* fullwidth r */
		{"romeo@\xef\xbd\x85xample.net", true}, /* fullwidth e */
		{"juliet@example.net", false},
		{"admin@example.net", false},
		{"romeo@example.com", false},
		{"romeo@chat.example.net", false},
		{"romeo@example.net.evil.lit", false},
		{"romeo@example.net/orchard", false},
		{"juliet@example.net/orchard", false},
		{"example.net", false},
		{"romeo", false},
		{"@example.net", false},
		{"romeo@", false},
		{"romeo@example.net/", false},
		{"romeo@example.net@example.net", false},
		{"admin@example.net/romeo@example.net", false},
		{" romeo@example.net", false},
		{"romeo@example.net\n", false},
		{"r\xd0\xbemeo@example.net", false}, /* Cyrillic o */
		{"romeo2@example.net", false},
		{"rome@example.net", false},
	};
	struct str ids[] = {STR(USER "@" HOST)};
	struct credentials account;

	make_account(t, &account);
	for (int m = 0; m < SASL_ANONYMOUS; m++) {
		struct sasl_server_options options = server_options((enum sasl_mechanism)m);

		options.certificate_ids = ids;
		options.certificate_id_count = 1;
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct outcome o = talk(
				t,
				client_of((enum sasl_mechanism)m, USER, PASSWORD, cases[i].authzid),
				&options, &account);

			test_row(t, arena_printf(t->arena, "%s '%s'",
						 sasl_mechanism_name((enum sasl_mechanism)m),
						 cases[i].authzid)
					    .p);
			check_int(t, o.end, cases[i].is_own ? SASL_SUCCESS : SASL_FAILURE);
			if (o.end == SASL_SUCCESS)
				check_str(t, o.username, USER);
			else
				check_int(t, o.failure, SASL_INVALID_AUTHZID);
		}
	}
}

/* The trace of ANONYMOUS (RFC 4505 §2) may look like an address, and gives nothing. */
TEST(sec30_anonymous_names_nobody)
{
	static const char *const traces[] = {"", "admin@example.net", USER, "romeo@example.net"};

	for (size_t i = 0; i < COUNT(traces); i++) {
		struct sasl_server_options options = server_options(SASL_ANONYMOUS);
		struct sasl_server *server = sasl_server_new(&options);
		struct str out;

		check_int(t, sasl_server_step(server, str(traces[i]), &out), SASL_SUCCESS);
		check(t, sasl_server_username(server).len == 0);
		sasl_server_free(server);
	}
}

TEST(sec32_mechanism_names)
{
	static const struct str garbage[] = {
		STR(""),
		STR("plain"),
		STR("PLAIN "),
		STR(" PLAIN"),
		STR("PLAIN\0"),
		STR("PLAIN\0X"),
		STR("scram-sha-1"),
		STR("SCRAM-SHA-1-"),
		STR("SCRAM-SHA-1-PLUS-PLUS"),
		STR("SCRAM-SHA-224"),
		STR("SCRAM-SHA-384"),
		STR("SCRAM-SHA3-512"),
		STR("SCRAM"),
		STR("DIGEST-MD5"),
		STR("CRAM-MD5"),
		STR("LOGIN"),
		STR("NTLM"),
		STR("GSSAPI"),
		STR("GS2-KRB5"),
		STR("X-OAUTH2"),
		STR("OAUTHBEARER"),
		STR("XOAUTH2"),
		STR("HT-SHA-256-NONE"),
		STR("OTP"),
		STR("SECURID"),
		STR("KERBEROS_V4"),
		STR("X-GOOGLE-TOKEN"),
		STR("X-FACEBOOK-PLATFORM"),
		STR("ANONYMOUS\n"),
		STR("*"),
	};
	enum sasl_mechanism found;

	for (size_t i = 0; i < COUNT(garbage); i++) {
		test_row(t, garbage[i].p);
		check_int(t, sasl_mechanism_parse(garbage[i], &found), -1);
	}
	for (int m = 0; m < SASL_MECHANISM_COUNT; m++) {
		const char *name = sasl_mechanism_name((enum sasl_mechanism)m);

		check_int(t, sasl_mechanism_parse(str(name), &found), 0);
		check_int(t, found, m);
	}
}

/* All but the one that is asked for are on offer. */
TEST(sec32_mechanism_that_is_switched_off)
{
	struct str ids[] = {STR(USER "@" HOST)};
	struct credentials account;

	make_account(t, &account);
	for (int m = 0; m < SASL_MECHANISM_COUNT; m++) {
		struct sasl_server_options options = server_options((enum sasl_mechanism)m);
		struct outcome o;

		options.offered = ALL_MECHANISMS & ~SASL_BIT(m);
		options.certificate_ids = ids;
		options.certificate_id_count = 1;
		test_row(t, sasl_mechanism_name((enum sasl_mechanism)m));
		o = talk(t, client_of((enum sasl_mechanism)m, USER, PASSWORD, NULL), &options,
			 &account);
		check_int(t, o.end, SASL_FAILURE);
		check_int(t, o.failure, SASL_INVALID_MECHANISM);
	}
}

/* The example of XEP-0474 §5.3; without XEP-0440 there is no list of bindings, not an empty one. */
TEST(sec33_hash_of_the_offer)
{
	struct str mechanisms[] = {STR("SCRAM-SHA-1-PLUS"), STR("SCRAM-SHA-1")};
	struct str types[] = {STR("tls-server-end-point"), STR("tls-exporter")};
	struct str text = sasl_offer_text(t->arena, mechanisms, 2, types, 2);

	check_str(t, text,
		  "SCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS\x1ftls-exporter\x1etls-server-end-point");
	check_str(t, sasl_offer_hash(t->arena, SCRAM_SHA_1, text), "G6k/rBLDqgOhRRaCuuatSDFkJ08=");
	check_str(t, sasl_offer_text(t->arena, mechanisms, 1, NULL, 0), "SCRAM-SHA-1");
	check_str(t, sasl_offer_text(t->arena, mechanisms, 1, types, 0), "SCRAM-SHA-1\x1f");
}

/* Somebody between took something else off the list: the client sees it, and a hash that he puts in
 * the place of the server's does not help him, because the proof covers it. */
TEST(sec33_shortened_offer)
{
	struct credentials account;

	make_account(t, &account);
	for (int m = SASL_SCRAM_SHA_512_PLUS; m <= SASL_SCRAM_SHA_1; m++) {
		struct sasl_server_options options = server_options((enum sasl_mechanism)m);
		struct sasl_client *client =
			client_of((enum sasl_mechanism)m, USER, PASSWORD, NULL);
		struct outcome o;

		test_row(t, sasl_mechanism_name((enum sasl_mechanism)m));
		options.offer = STR("A\x1e"
				    "B");
		sasl_client_expect_offer(client, STR("A\x1e"
						     "B"));
		o = talk(t, client, &options, &account);
		check_int(t, o.end, SASL_SUCCESS);
		check_int(t, o.client, 0);

		client = client_of((enum sasl_mechanism)m, USER, PASSWORD, NULL);
		sasl_client_expect_offer(client, STR("A"));
		o = talk(t, client, &options, &account);
		check(t, o.end != SASL_SUCCESS);
		check_int(t, o.client, -1);
		/* An older server says nothing of it. */
		options.offer = STR_NONE;
		client = client_of((enum sasl_mechanism)m, USER, PASSWORD, NULL);
		sasl_client_expect_offer(client, STR("A"));
		o = talk(t, client, &options, &account);
		check_int(t, o.end, SASL_SUCCESS);
	}
}

/* Somebody between took the -PLUS names off the list, and the client says so with "y". */
TEST(sec33_stripped_plus)
{
	struct credentials account;

	make_account(t, &account);
	for (int m = SASL_SCRAM_SHA_512; m <= SASL_SCRAM_SHA_1; m++) {
		struct sasl_server_options options = server_options((enum sasl_mechanism)m);
		struct outcome o;

		test_row(t, sasl_mechanism_name((enum sasl_mechanism)m));
		o = talk(t,
			 sasl_client_new((enum sasl_mechanism)m, STR(USER), STR(PASSWORD), STR_NONE,
					 BOTH),
			 &options, &account);
		check_int(t, o.end, SASL_FAILURE);
		check_int(t, o.failure, SASL_NOT_AUTHORIZED);
		/* Nothing was stripped: there was no -PLUS to offer. */
		options.offered &=
			~(SASL_BIT(SASL_SCRAM_SHA_512_PLUS) | SASL_BIT(SASL_SCRAM_SHA_256_PLUS) |
			  SASL_BIT(SASL_SCRAM_SHA_1_PLUS));
		o = talk(t,
			 sasl_client_new((enum sasl_mechanism)m, STR(USER), STR(PASSWORD), STR_NONE,
					 BOTH),
			 &options, &account);
		check_int(t, o.end, SASL_SUCCESS);
		check_int(t, o.client, 0);
	}
}

TEST(sec33_wrong_binding_data)
{
	static const struct {
		const char *what;
		struct sasl_binding of_client;
		enum sasl_step end;
	} cases[] = {
		{"exporter", {EXPORTER, STR_NONE}, SASL_SUCCESS},
		{"end point", {STR_NONE, END_POINT}, SASL_SUCCESS},
		{"another connection",
		 {STR("0123456789abcdef0123456789abcdeF"), STR_NONE},
		 SASL_FAILURE},
		{"cut", {STR("0123456789abcdef0123456789abcde"), STR_NONE}, SASL_FAILURE},
		{"longer", {STR("0123456789abcdef0123456789abcdef0"), STR_NONE}, SASL_FAILURE},
		{"another certificate",
		 {STR_NONE, STR("the certificate of the one between")},
		 SASL_FAILURE},
		{"one type's data as the other's", {STR_NONE, EXPORTER}, SASL_FAILURE},
	};
	struct credentials account;

	make_account(t, &account);
	for (int m = 0; m <= SASL_SCRAM_SHA_1_PLUS; m++) {
		struct sasl_server_options options = server_options((enum sasl_mechanism)m);

		for (size_t i = 0; i < COUNT(cases); i++) {
			struct outcome o =
				talk(t,
				     sasl_client_new((enum sasl_mechanism)m, STR(USER),
						     STR(PASSWORD), STR_NONE, cases[i].of_client),
				     &options, &account);

			test_row(t, cases[i].what);
			check_int(t, o.end, cases[i].end);
			if (o.end == SASL_FAILURE)
				check_int(t, o.failure, SASL_NOT_AUTHORIZED);
			else
				check_int(t, o.client, 0);
		}
	}
}

TEST(sec33_binding_flags)
{
	static const struct {
		enum sasl_mechanism mechanism;
		const char *first;
		struct sasl_binding binding;
		bool is_good;
	} cases[] = {
		{SASL_SCRAM_SHA_256_PLUS, "p=tls-exporter,,n=a,r=b", {EXPORTER, END_POINT}, true},
		{SASL_SCRAM_SHA_256_PLUS, "p=tls-exporter,,n=a,r=b", {STR_NONE, END_POINT}, false},
		{SASL_SCRAM_SHA_256_PLUS,
		 "p=tls-server-end-point,,n=a,r=b",
		 {EXPORTER, STR_NONE},
		 false},
		{SASL_SCRAM_SHA_256_PLUS, "p=tls-unique,,n=a,r=b", {EXPORTER, END_POINT}, false},
		{SASL_SCRAM_SHA_256_PLUS, "p=TLS-EXPORTER,,n=a,r=b", {EXPORTER, END_POINT}, false},
		{SASL_SCRAM_SHA_256_PLUS, "p=,,n=a,r=b", {EXPORTER, END_POINT}, false},
		{SASL_SCRAM_SHA_256_PLUS, "p,,n=a,r=b", {EXPORTER, END_POINT}, false},
		{SASL_SCRAM_SHA_256_PLUS, "n,,n=a,r=b", {EXPORTER, END_POINT}, false},
		{SASL_SCRAM_SHA_256_PLUS, "y,,n=a,r=b", {EXPORTER, END_POINT}, false},
		{SASL_SCRAM_SHA_256, "p=tls-exporter,,n=a,r=b", {EXPORTER, END_POINT}, false},
		{SASL_SCRAM_SHA_256, "n,,n=a,r=b", {EXPORTER, END_POINT}, true},
		{SASL_SCRAM_SHA_256, "y,,n=a,r=b", {EXPORTER, END_POINT}, false},
		{SASL_SCRAM_SHA_256, "yn,,n=a,r=b", {EXPORTER, END_POINT}, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sasl_server_options options = server_options(cases[i].mechanism);
		struct sasl_server *server;
		struct str out;

		options.binding = cases[i].binding;
		server = sasl_server_new(&options);
		test_row(t, cases[i].first);
		check_int(t, sasl_server_step(server, str(cases[i].first), &out),
			  cases[i].is_good ? SASL_LOOK_UP : SASL_FAILURE);
		sasl_server_free(server);
	}
}

/* The challenge for USER (with nonce "ab"), from a server that is asked anew. */
static struct str
challenge(struct test *t, enum sasl_mechanism mechanism, const char *user, const char *host,
	  const unsigned char *key, const struct credentials *account)
{
	struct sasl_server_options options = server_options(mechanism);
	struct sasl_server *server;
	struct str out;

	options.nonce = STR("b");
	options.host = str(host);
	options.unknown_user_key = key;
	server = sasl_server_new(&options);
	check_int(t, sasl_server_step(server, arena_printf(t->arena, "n,,n=%s,r=a", user), &out),
		  SASL_LOOK_UP);
	check_int(t, sasl_server_credentials(server, account, &out), SASL_CHALLENGE);
	out = arena_dup(t->arena, out);
	sasl_server_free(server);
	return out;
}

TEST(sec34_fake_salt_is_stable)
{
	static const unsigned char other_key[32] = "the key of another installation!";
	const enum sasl_mechanism m = SASL_SCRAM_SHA_256;
	struct str first = challenge(t, m, "nobody", HOST, installation_key, NULL);

	check_strs(t, challenge(t, m, "nobody", HOST, installation_key, NULL), first);
	check_strs(t, challenge(t, m, "NoBody", HOST, installation_key, NULL), first);
	check_strs(t, challenge(t, m, "nobody@" HOST, HOST, installation_key, NULL), first);
	/* A salt that two names, hosts or hashes shared, or another server knew, would betray it.
	 */
	check(t, !str_equal(first, challenge(t, m, "nobody2", HOST, installation_key, NULL)));
	check(t, !str_equal(first, challenge(t, m, "nobody", "b.lit", installation_key, NULL)));
	check(t, !str_equal(first, challenge(t, m, "nobody", HOST, other_key, NULL)));
	check(t, !str_equal(first, challenge(t, SASL_SCRAM_SHA_1, "nobody", HOST, installation_key,
					     NULL)));
}

TEST(sec34_fake_looks_real)
{
	struct credentials account, without = {0};

	make_account(t, &account);
	without.scram[SCRAM_SHA_1] = account.scram[SCRAM_SHA_1];
	for (int m = SASL_SCRAM_SHA_512; m <= SASL_SCRAM_SHA_1; m++) {
		struct str real = challenge(t, (enum sasl_mechanism)m, USER, HOST, installation_key,
					    &account);
		struct str fake = challenge(t, (enum sasl_mechanism)m, "nobody", HOST,
					    installation_key, NULL);
		size_t salt = sizeof("r=ab,s=") - 1;

		test_row(t, sasl_mechanism_name((enum sasl_mechanism)m));
		check_int(t, (int)fake.len, (int)real.len);
		check_strs(t, str_first(fake, salt), str_first(real, salt));
		check_strs(t, str_from(fake, salt + 24), str_from(real, salt + 24)); /* ",i=4096" */
	}
	/* An account without keys of the hash is like none at all. */
	check_strs(t, challenge(t, SASL_SCRAM_SHA_512, USER, HOST, installation_key, &without),
		   challenge(t, SASL_SCRAM_SHA_512, USER, HOST, installation_key, NULL));
}

/* Unknown user, known user with a wrong password, and a user without such keys: all alike. */
TEST(sec34_unknown_user_fails_like_a_wrong_password)
{
	struct credentials account, none = {0};

	make_account(t, &account);
	for (int m = 0; m < SASL_ANONYMOUS; m++) {
		struct sasl_server_options options = server_options((enum sasl_mechanism)m);
		const struct credentials *who[] = {&account, NULL, &none};
		struct outcome o[COUNT(who)];

		if (m == SASL_EXTERNAL)
			continue;
		test_row(t, sasl_mechanism_name((enum sasl_mechanism)m));
		for (size_t i = 0; i < COUNT(who); i++) {
			o[i] = talk(t, client_of((enum sasl_mechanism)m, USER, "wrong", NULL),
				    &options, who[i]);
			check_int(t, o[i].end, SASL_FAILURE);
			check_int(t, o[i].failure, SASL_NOT_AUTHORIZED);
			check_int(t, o[i].challenges, o[0].challenges);
			check(t, strcmp(o[i].why, o[0].why) == 0);
			check(t, !o[i].has_upgrade);
		}
	}
}

/* The processor time of the server's part of a failed login, in ns: others' load is not in it. */
static uint64_t
time_failure(enum sasl_mechanism mechanism, struct str first, struct str final,
	     const struct credentials *account)
{
	struct sasl_server_options options = server_options(mechanism);
	struct sasl_server *server;
	struct timespec start, end;
	struct str out;
	enum sasl_step step;

	options.nonce = STR("b");
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
	server = sasl_server_new(&options);
	step = serve(server, sasl_server_step(server, first, &out), account, &out);
	if (step == SASL_CHALLENGE)
		step = sasl_server_step(server, final, &out);
	sasl_server_free(server);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	assert(step == SASL_FAILURE);
	return (uint64_t)((end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec);
}

static const struct timing_case {
	enum sasl_mechanism mechanism;
	struct str first, final;
	size_t rounds;
} timing_cases[] = {
	{SASL_SCRAM_SHA_256, STR("n,,n=" USER ",r=a"),
	 STR("c=biws,r=ab,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), 500},
	{SASL_PLAIN, STR("\0" USER "\0wrong"), STR_NONE, 16},
};

/* The quickest of many rounds, taken in turns, so that both see the same machine. */
static void
time_both(const struct timing_case *c, const struct credentials *account, uint64_t *known,
	  uint64_t *unknown)
{
	*known = *unknown = UINT64_MAX;
	for (size_t r = 0; r < 2 * c->rounds; r++) {
		bool is_known = (r ^ r >> 1) & 1; /* known, known, unknown, unknown ... */
		uint64_t *best = is_known ? known : unknown;
		uint64_t ns =
			time_failure(c->mechanism, c->first, c->final, is_known ? account : NULL);

		*best = MIN(*best, ns);
	}
}

/*
 * This finds a hash that one side does and the other does not, rather than nanoseconds. Then every
 * try fails; on a busy machine one may.
 */
TEST(sec34_timing)
{
	struct credentials account;

	make_account(t, &account);
	for (size_t i = 0; i < COUNT(timing_cases); i++) {
		uint64_t known, unknown;
		bool is_alike = false;

		for (int tries = 0; tries < 5 && !is_alike; tries++) {
			time_both(&timing_cases[i], &account, &known, &unknown);
			is_alike = known < unknown * 6 / 5 && unknown < known * 6 / 5;
		}
		test_row(t, arena_printf(
				    t->arena, "%s: known %" PRIu64 " ns, unknown %" PRIu64 " ns",
				    sasl_mechanism_name(timing_cases[i].mechanism), known, unknown)
				    .p);
		check(t, is_alike);
	}
}

TEST(sec34_nonces_differ)
{
	struct sasl_server_options options = server_options(SASL_SCRAM_SHA_256);
	struct credentials account;
	struct str before = STR("");

	make_account(t, &account);
	for (size_t i = 0; i < 100; i++) {
		struct sasl_server *server = sasl_server_new(&options);
		struct str out;

		check_int(t, sasl_server_step(server, STR("n,,n=" USER ",r=a"), &out),
			  SASL_LOOK_UP);
		check_int(t, sasl_server_credentials(server, &account, &out), SASL_CHALLENGE);
		check(t, !str_equal(out, before));
		check(t, out.len > sizeof("r=a,s=,i=4096") + 20 + 24);
		before = arena_dup(t->arena, out);
		sasl_server_free(server);
	}
}
