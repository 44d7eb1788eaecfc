/* SPDX-License-Identifier: MIT */
/*
 * test_client_auth.c - how a client authenticates: the choice of a mechanism, servers that cheat,
 * and jabber:iq:auth (XEP-0078).
 */
#include "client_talk.h"

#include "base/base64.h"

/* Ways for SASL to fail once our first message is out. */
TEST(sasl_failures)
{
	static const struct {
		const char *answer, *condition;
	} cases[] = {
		{"<failure xmlns='" SASL_NS "'><not-authorized/></failure>", "not-authorized"},
		{"<failure xmlns='" SASL_NS "'><account-disabled/><text>x</text></failure>",
		 "account-disabled"},
		{"<failure xmlns='" SASL_NS "'/>", ""},
		{SUCCESS, ""}, /* before we proved anything */
		{"<success xmlns='" SASL_NS "'/>", ""},
		{"<challenge xmlns='" SASL_NS "'/>", ""},
		{"<challenge xmlns='" SASL_NS "'>=</challenge>", ""},
		{"<challenge xmlns='" SASL_NS "'>cj1=</challenge>", ""},
		{"<message/>", ""},
		{"<success xmlns='jabber:client'/>", ""},
		{FEATURES(SCRAM_1), ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct step steps[] = {
			{THEIR_HEAD FEATURES(SCRAM_1), CLIENT_MORE, OUR_SECURE_HEAD AUTH_SCRAM_1},
			{cases[i].answer, CLIENT_FAILED, END},
			{0},
		};
		struct client_stream_options options = juliet();

		options.is_secure = true;
		check_failed(t, converse(t, &options, steps), cases[i].condition);
	}
}

/* The server must prove that it knows the password too (RFC 5802 §3). */
TEST(server_without_the_password)
{
	static const struct step steps[] = {
		{THEIR_HEAD FEATURES(SCRAM_1), CLIENT_MORE, OUR_SECURE_HEAD AUTH_SCRAM_1},
		{CHALLENGE, CLIENT_MORE, RESPONSE},
		{"<success xmlns='" SASL_NS "'>dj1wTk5ERlZFUXh1WHhDb1NFaVc4R0VaKzFSU28h</success>",
		 CLIENT_FAILED, END},
		{0},
	};
	struct client_stream_options options = juliet();

	options.is_secure = true;
	check_failed(t, converse(t, &options, steps), "");
}

#define BINDINGS(list)                                                                             \
	"<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>" list "</sasl-channel-binding>"
#define BINDING(type) "<channel-binding type='" type "'/>"
#define PLUS MECHANISM("SCRAM-SHA-1-PLUS") MECHANISM("SCRAM-SHA-256-PLUS")
#define NO_PLUS MECHANISM("PLAIN") MECHANISM("SCRAM-SHA-1") MECHANISM("SCRAM-SHA-256")
#define LIST(mechanisms, bindings)                                                                 \
	FEATURES("<mechanisms xmlns='" SASL_NS "'>" mechanisms "</mechanisms>" bindings)

/* Which mechanism and which binding are chosen (RFC 5802 §6, XEP-0440, SEC-33). */
TEST(sec33_choice_of_mechanism)
{
	static const struct {
		const char *features, *mechanism, *header; /* header NULL: refused */
		bool has_exporter, has_end_point;
		uint32_t forbidden;
	} cases[] = {
		{LIST(PLUS NO_PLUS, ""), "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", true, true},
		{LIST(PLUS NO_PLUS, ""), "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", false,
		 true},
		{LIST(PLUS NO_PLUS, BINDINGS(BINDING("tls-server-end-point"))),
		 "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", true, true},
		{LIST(PLUS NO_PLUS, BINDINGS(BINDING("tls-unique") BINDING("tls-exporter"))),
		 "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", true, true},
		{LIST(PLUS NO_PLUS, ""), "SCRAM-SHA-256", "n,,", false, false},
		{LIST(NO_PLUS, ""), "SCRAM-SHA-256", "y,,", true, true},
		{LIST(NO_PLUS, ""), "SCRAM-SHA-256", "n,,", false, false},
		/* -PLUS is announced, but our user does not want it: we "do not support" it. */
		{LIST(PLUS NO_PLUS, ""), "SCRAM-SHA-256", "n,,", true, true,
		 SASL_BIT(SASL_SCRAM_SHA_256_PLUS) | SASL_BIT(SASL_SCRAM_SHA_1_PLUS) |
			 SASL_BIT(SASL_SCRAM_SHA_512_PLUS)},
		/* Stripped: types without mechanisms, or types that nobody has. */
		{LIST(NO_PLUS, BINDINGS(BINDING("tls-exporter"))), NULL, NULL, true, true},
		{LIST(PLUS NO_PLUS, BINDINGS(BINDING("tls-foo"))), NULL, NULL, true, true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct client_stream_options options = juliet();
		struct client_stream *cs;
		struct str want;

		test_row(t, arena_printf(t->arena, "%zu", i).p);
		options.is_secure = true;
		options.mechanisms = ((1u << SASL_MECHANISM_COUNT) - 1) & ~cases[i].forbidden;
		if (cases[i].has_exporter)
			options.binding.exporter = STR("0123456789abcdef");
		if (cases[i].has_end_point)
			options.binding.end_point = STR("hash of the certificate");
		cs = client_stream_new(&options);
		buf_clear(client_stream_output(cs));
		check_int(t,
			  feed(cs, arena_printf(t->arena, "%s%s", THEIR_HEAD, cases[i].features).p,
			       10000),
			  cases[i].header ? CLIENT_MORE : CLIENT_FAILED);
		want = cases[i].header == NULL
			       ? STR(END)
			       : arena_printf(t->arena,
					      "<auth xmlns='" SASL_NS
					      "' mechanism='%s'>%.*s</auth>",
					      cases[i].mechanism,
					      STR_ARG(base64_encode(
						      t->arena,
						      arena_printf(t->arena, "%sn=juliet,r=%.*s",
								   cases[i].header,
								   STR_ARG(options.nonce)))));
		check_strs(t, buf_str(client_stream_output(cs)), want);
		client_stream_free(cs);
	}
}

#define ASK                                                                                        \
	"<iq type='get' id='auth_1' to='im.example.com'>" QUERY "<username>juliet</username>"      \
	"</query></iq>"
#define FIELDS(list) "<iq type='result' id='auth_1'>" QUERY list "</query></iq>"

TEST(legacy_authentication)
{
	/* XEP-0078 §3.1: stream 3EE948B0, password Calli0pe. */
	static const struct step digest[] = {
		{OLD_HEAD, CLIENT_MORE, OLD_OUR_HEAD ASK},
		{FIELDS("<username/><password/><digest/><resource/>"), CLIENT_MORE,
		 SET "<digest>48fc78be9ec8f86d8ce1c39c320c97c21d62334d</digest>"
		     "<resource>balcony</resource></query></iq>"},
		{"<iq type='result' id='auth_2'/>", CLIENT_ONLINE, ""},
		{END, CLIENT_CLOSED, END},
		{0},
	};
	static const struct step plain[] = {
		{OLD_HEAD, CLIENT_MORE, OLD_OUR_HEAD ASK},
		{FIELDS("<username/><password/><resource/>"), CLIENT_MORE,
		 SET "<password>Calli0pe</password><resource>balcony</resource></query></iq>"},
		{"<iq type='result' id='auth_2'/>", CLIENT_ONLINE, ""},
		{0},
	};
	static const struct step direct[] = {
		{OLD_HEAD, CLIENT_MORE,
		 OLD_OUR_HEAD SET
		 "<password>Calli0pe</password><resource>balcony</resource></query></iq>"},
		{"<iq from='im.example.com' id='auth_2' type='result'/>", CLIENT_ONLINE, ""},
		{0},
	};
	struct client_stream_options options = juliet();
	struct client_stream *cs;

	options.password = STR("Calli0pe");
	options.auth = CLIENT_AUTH_LEGACY;
	cs = converse(t, &options, digest);
	check_str(t, client_stream_jid(cs), "juliet@im.example.com/balcony");
	check(t, client_stream_mechanism(cs) == NULL);
	client_stream_free(cs);
	options.clear_passwords = true;
	client_stream_free(converse(t, &options, plain));
	options.auth = CLIENT_AUTH_LEGACY_DIRECT;
	client_stream_free(converse(t, &options, direct));
}

TEST(legacy_failures)
{
	static const struct {
		const char *answer, *condition;
	} cases[] = {
		{"<iq type='error' id='auth_1'><error code='401'>"
		 "<not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
		 "not-authorized"},
		{"<iq type='error' id='auth_1'><error code='401'>Unauthorized</error></iq>", ""},
		{"<iq type='result' id='auth_1'/>", ""},
		{FIELDS("<username/><resource/>"), ""},
		{FIELDS("<username/><password/><resource/>"), ""}, /* not in clear */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct step steps[] = {
			{OLD_HEAD, CLIENT_MORE, OLD_OUR_HEAD ASK},
			{"<iq type='result' id='other'/>", CLIENT_MORE, ""},
			{cases[i].answer, CLIENT_FAILED, END},
			{0},
		};
		struct client_stream_options options = juliet();

		options.auth = CLIENT_AUTH_LEGACY;
		check_failed(t, converse(t, &options, steps), cases[i].condition);
	}
}
