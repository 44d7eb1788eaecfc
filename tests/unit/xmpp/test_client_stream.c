/* SPDX-License-Identifier: MIT */
/*
 * test_client_stream.c - canned conversations of a client with a server: that of RFC 6120 §9.1, and
 * servers that fail, are old, or have somebody between them and us.
 */
#include "client_talk.h"

TEST(rfc6120_example)
{
	static const struct step steps[] = {
		{"", CLIENT_MORE, OUR_HEAD},
		{THEIR_HEAD, CLIENT_MORE, ""},
		{FEATURES(STARTTLS), CLIENT_MORE,
		 "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"},
		{"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", CLIENT_WANT_TLS, ""},
		{NULL, CLIENT_MORE, OUR_SECURE_HEAD},
		{THEIR_HEAD FEATURES(SCRAM_1), CLIENT_MORE, AUTH_SCRAM_1},
		{CHALLENGE, CLIENT_MORE, RESPONSE},
		{SUCCESS, CLIENT_MORE, OUR_SECURE_HEAD},
		{THEIR_HEAD FEATURES(BIND_FEATURE), CLIENT_MORE, OUR_BIND},
		{BOUND, CLIENT_ONLINE, ""},
		{" \n ", CLIENT_MORE, ""},
		{"<message from='romeo@example.net/orchard' "
		 "type='chat'><body>Neither</body></message>",
		 CLIENT_STANZA, ""},
		{"<r xmlns='urn:xmpp:sm:3'/>", CLIENT_STANZA, ""},
		{END, CLIENT_CLOSED, END},
		{0},
	};
	struct client_stream_options options = juliet();
	struct client_stream *cs = converse(t, &options, steps);

	check_str(t, client_stream_jid(cs), "juliet@im.example.com/balcony");
	check(t, strcmp(client_stream_mechanism(cs), "SCRAM-SHA-1") == 0);
	check(t, client_stream_features(cs) != NULL);
	client_stream_free(cs);
}

TEST(stanzas_come_whole_and_go_out)
{
	static const struct step steps[] = {
		{THEIR_HEAD FEATURES(SCRAM_1), CLIENT_MORE, OUR_SECURE_HEAD AUTH_SCRAM_1},
		{CHALLENGE, CLIENT_MORE, RESPONSE},
		{SUCCESS, CLIENT_MORE, OUR_SECURE_HEAD},
		{THEIR_HEAD FEATURES(BIND_FEATURE), CLIENT_MORE, OUR_BIND},
		{BOUND, CLIENT_ONLINE, ""},
		{0},
	};
	struct client_stream_options options = juliet();
	struct str input =
		STR("<message><body>a</body></message><message><body>b</body></message>");
	struct client_stream *cs;
	struct arena *arena;
	struct element *el;

	options.is_secure = true;
	cs = converse(t, &options, steps);
	for (const char *want = "ab"; *want != '\0'; want++) {
		check_int(t, client_stream_next(cs, &input, &arena, &el), CLIENT_STANZA);
		check_strs(t, element_child_text(arena, el, "jabber:client", "body"),
			   str_of(want, 1));
		arena_free(arena);
	}
	check_int(t, client_stream_next(cs, &input, &arena, &el), CLIENT_MORE);
	client_stream_send(cs, element_new(t->arena, "jabber:client", "presence"));
	client_stream_close(cs);
	client_stream_close(cs);
	check_strs(t, buf_str(client_stream_output(cs)), STR("<presence/>" END));
	check_int(t, feed(cs, END, 100), CLIENT_CLOSED);
	client_stream_free(cs);
}

/* Servers of RFC 3921's time want <session/> too, and say no resource of ours will do. */
TEST(session_and_server_made_resource)
{
	static const struct step steps[] = {
		{THEIR_HEAD FEATURES(SCRAM_1), CLIENT_MORE, OUR_SECURE_HEAD AUTH_SCRAM_1},
		{CHALLENGE, CLIENT_MORE, RESPONSE},
		{SUCCESS, CLIENT_MORE, OUR_SECURE_HEAD},
		{THEIR_HEAD FEATURES(BIND_FEATURE
				     "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>"),
		 CLIENT_MORE,
		 "<iq type='set' id='bind'><bind "
		 "xmlns='urn:ietf:params:xml:ns:xmpp-bind'></bind></iq>"},
		{BOUND, CLIENT_MORE,
		 "<iq type='set' id='session'><session "
		 "xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"},
		{"<iq type='result' id='session'/>", CLIENT_ONLINE, ""},
		{0},
	};
	struct client_stream_options options = juliet();
	struct client_stream *cs;

	options.is_secure = true;
	options.resource = STR("");
	cs = converse(t, &options, steps);
	check_str(t, client_stream_jid(cs), "juliet@im.example.com/balcony");
	client_stream_free(cs);
}

/* Ways to fail after our first header, on a connection that is secure already. */
TEST(failures)
{
	static const struct {
		const char *first, *condition;
	} cases[] = {
		{"HTTP/1.1 400 Bad Request\r\n\r\n", ""},
		{"<html>", ""},
		{"<stream xmlns='http://etherx.jabber.org/stream'>", ""},
		{THEIR_HEAD
		 "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
		 "</stream:error>" END,
		 "host-unknown"},
		{THEIR_HEAD "<stream:error/>", ""},
		{THEIR_HEAD END, ""},
		{THEIR_HEAD "<message/>", ""},
		{THEIR_HEAD FEATURES(""), ""},
		{THEIR_HEAD MECHANISMS(MECHANISM("DIGEST-MD5") MECHANISM("scram-sha-1")), ""},
		{THEIR_HEAD "<!-- no -->", ""},
		{THEIR_HEAD "<a><b></a>", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct step steps[] = {{cases[i].first, CLIENT_FAILED, OUR_SECURE_HEAD END}, {0}};
		struct client_stream_options options = juliet();

		options.is_secure = true;
		check_failed(t, converse(t, &options, steps), cases[i].condition);
	}
}

TEST(bind_failures)
{
	static const struct {
		const char *features, *answer, *condition;
	} cases[] = {
		{"", NULL, ""},
		{BIND_FEATURE,
		 "<iq id='bind' type='error'><error type='modify'>"
		 "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
		 "conflict"},
		{BIND_FEATURE, "<iq id='bind' type='result'/>", ""},
		{BIND_FEATURE,
		 "<iq id='bind' type='result'><bind "
		 "xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
		 ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *features =
			arena_printf(t->arena, THEIR_HEAD FEATURES("%s"), cases[i].features).p;
		struct step steps[] = {
			{THEIR_HEAD FEATURES(SCRAM_1), CLIENT_MORE, OUR_SECURE_HEAD AUTH_SCRAM_1},
			{CHALLENGE, CLIENT_MORE, RESPONSE},
			{SUCCESS, CLIENT_MORE, OUR_SECURE_HEAD},
			{features, cases[i].answer ? CLIENT_MORE : CLIENT_FAILED,
			 cases[i].answer ? OUR_BIND : END},
			{cases[i].answer, CLIENT_FAILED, cases[i].answer ? END : NULL},
			{0},
		};
		struct client_stream_options options = juliet();

		options.is_secure = true;
		check_failed(t, converse(t, &options, steps), cases[i].condition);
	}
}

/* SEC-29: the offer of TLS is gone; nothing secret may go out. */
TEST(sec29_stripped_starttls)
{
	static const struct step required[] = {
		{THEIR_HEAD FEATURES(SCRAM_1), CLIENT_FAILED, OUR_HEAD END},
		{0},
	};
	static const struct step plain_only[] = {
		{THEIR_HEAD MECHANISMS(MECHANISM("PLAIN")), CLIENT_FAILED, OUR_HEAD END},
		{0},
	};
	static const struct step allowed[] = {
		{THEIR_HEAD MECHANISMS(MECHANISM("PLAIN")), CLIENT_MORE,
		 OUR_HEAD "<auth xmlns='" SASL_NS
			  "' mechanism='PLAIN'>AGp1bGlldAByMG0zMG15cjBtMzA=</auth>"},
		{0},
	};
	struct client_stream_options options = juliet();

	check_failed(t, converse(t, &options, required), "");
	options.tls = CLIENT_TLS_IF_OFFERED;
	check_failed(t, converse(t, &options, plain_only), "");
	options.clear_passwords = true;
	client_stream_free(converse(t, &options, allowed));
}

/* SEC-28: what came in clear behind <proceed/> is not read as if TLS had brought it. */
TEST(sec28_plaintext_after_proceed)
{
	static const char *const injected[] = {THEIR_HEAD, " ", "\n", "<stream:features/>", END};

	for (size_t i = 0; i < COUNT(injected); i++) {
		struct client_stream_options options = juliet();
		struct client_stream *cs = client_stream_new(&options);

		test_row(t, injected[i]);
		check_int(t, feed(cs, THEIR_HEAD FEATURES(STARTTLS), 1000), CLIENT_MORE);
		check_int(t,
			  feed(cs,
			       arena_printf(t->arena,
					    "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>%s",
					    injected[i])
				       .p,
			       1000),
			  CLIENT_FAILED);
		check_failed(t, cs, "");
	}
}

TEST(starttls_refused)
{
	static const struct step steps[] = {
		{THEIR_HEAD FEATURES(STARTTLS), CLIENT_MORE,
		 OUR_HEAD "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"},
		{"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" END, CLIENT_FAILED, END},
		{0},
	};
	struct client_stream_options options = juliet();

	check_failed(t, converse(t, &options, steps), "");
}

TEST(stream_error_while_online)
{
	static const struct step steps[] = {
		{OLD_HEAD, CLIENT_MORE,
		 OLD_OUR_HEAD SET
		 "<password>r0m30myr0m30</password><resource>balcony</resource></query></iq>"},
		{"<iq id='auth_2' type='result'/>", CLIENT_ONLINE, ""},
		{"<stream:error><conflict "
		 "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
		 CLIENT_FAILED, END},
		{0},
	};
	struct client_stream_options options = juliet();

	options.auth = CLIENT_AUTH_LEGACY_DIRECT;
	options.clear_passwords = true;
	check_failed(t, converse(t, &options, steps), "conflict");
}
