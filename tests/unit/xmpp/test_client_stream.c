/* SPDX-License-Identifier: MIT */
/*
 * test_client_stream.c - canned conversations of a client with a server: those of RFC 6120 §9.1 and
 * XEP-0078, and servers that fail, are old, or have somebody between them and us.
 */
#include "test.h"
#include "xmpp/client_stream.h"

#include "base/base64.h"

#define SASL_NS "urn:ietf:params:xml:ns:xmpp-sasl"
#define HEAD                                                                                       \
	"<?xml version='1.0'?><stream:stream xmlns='jabber:client' "                               \
	"xmlns:stream='http://etherx.jabber.org/streams' to='im.example.com'"
#define OUR_HEAD HEAD " version='1.0'>"
#define OUR_SECURE_HEAD HEAD " from='juliet@im.example.com' version='1.0'>"
#define THEIR_HEAD                                                                                 \
	"<?xml version='1.0'?>\n<stream:stream from='im.example.com' "                             \
	"id='t7AMCin9zjMNwQKDnplntZPIDEI='"                                                        \
	" to='juliet@im.example.com' version='1.0' xml:lang='en' xmlns='jabber:client'"            \
	" xmlns:stream='http://etherx.jabber.org/streams'>"
#define OLD_HEAD                                                                                   \
	"<stream:stream from='im.example.com' id='3EE948B0' xmlns='jabber:client'"                 \
	" xmlns:stream='http://etherx.jabber.org/streams'>"
#define FEATURES(content) "<stream:features>" content "</stream:features>"
#define STARTTLS "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
#define SCRAM_1                                                                                    \
	"<mechanisms xmlns='" SASL_NS "'><mechanism>SCRAM-SHA-1-PLUS</mechanism>"                  \
	"<mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms>"
#define MECHANISM(name) "<mechanism>" name "</mechanism>"
#define MECHANISMS(list) FEATURES("<mechanisms xmlns='" SASL_NS "'>" list "</mechanisms>")
#define BIND_FEATURE "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
#define OUR_BIND                                                                                   \
	"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"                 \
	"<resource>balcony</resource></bind></iq>"
#define BOUND                                                                                      \
	"<iq id='bind' type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"              \
	"<jid>juliet@im.example.com/balcony</jid></bind></iq>"
#define END "</stream:stream>"
#define AUTH_SCRAM_1                                                                               \
	"<auth xmlns='" SASL_NS "' mechanism='SCRAM-SHA-1'>"                                       \
	"biwsbj1qdWxpZXQscj1vTXNUQUF3QUFBQU1BQUFBTlAwVEFBQUFBQUJQVTBBQQ==</auth>"
#define CHALLENGE                                                                                  \
	"<challenge xmlns='" SASL_NS "'>cj1vTXNUQUF3QUFBQU1BQUFBTlAwVEFBQUFBQUJQVTBBQWUxMjQ2OTVi"  \
	"LTY5YTktNGRlNi05YzMwLWI1MWIzODA4YzU5ZSxzPU5qaGtZVE0wTURndE5HWTBaaTAwTmpkbUxUa3hNbVV0TkRs" \
	"b"                                                                                        \
	"U5UTm1ORE5rTURNeixpPTQwOTY=</challenge>"
#define RESPONSE                                                                                   \
	"<response xmlns='" SASL_NS "'>Yz1iaXdzLHI9b01zVEFBd0FBQUFNQUFBQU5QMFRBQUFBQUFCUFUwQUFlMT" \
	"I0Njk1Yi02OWE5LTRkZTYtOWMzMC1iNTFiMzgwOGM1OWUscD1VQTU3dE0vU3ZwQVRCa0gyRlhzMFdEWHZKWXc9"   \
	"</response>"
#define SUCCESS "<success xmlns='" SASL_NS "'>dj1wTk5ERlZFUXh1WHhDb1NFaVc4R0VaKzFSU289</success>"

/* What the server says (NULL: nothing, the handshake is done), and what comes of it. */
struct step {
	const char *server;
	enum client_event event;
	const char *client; /* all that it wrote */
};

static struct client_stream_options
juliet(void)
{
	return (struct client_stream_options){
		.domain = STR("im.example.com"),
		.username = STR("juliet"),
		.password = STR("r0m30myr0m30"),
		.resource = STR("balcony"),
		.mechanisms = SASL_BIT(SASL_SCRAM_SHA_1) | SASL_BIT(SASL_PLAIN),
		.nonce = STR("oMsTAAwAAAAMAAAANP0TAAAAAABPU0AA"),
	};
}

/* Feeds TEXT in pieces of at most SIZE bytes, until an event that is not CLIENT_MORE. */
static enum client_event
feed(struct client_stream *cs, const char *text, size_t size)
{
	struct str rest = str(text);
	enum client_event event = CLIENT_MORE;

	while (event == CLIENT_MORE && rest.len > 0) {
		struct str piece = str_first(rest, size);
		struct arena *arena;
		struct element *el;

		rest = str_from(rest, piece.len);
		event = client_stream_next(cs, &piece, &arena, &el);
		arena_free(arena);
	}
	return event;
}

/* The whole conversation, and again byte by byte: it must be the same. Returns the last stream. */
static struct client_stream *
converse(struct test *t, const struct client_stream_options *options, const struct step *steps)
{
	struct client_stream *cs = NULL;

	for (size_t size = 1 << 20; size > 0; size = size == 1 ? 0 : 1) {
		client_stream_free(cs);
		cs = client_stream_new(options);
		for (const struct step *step = steps; step->server || step->client; step++) {
			struct buf *out = client_stream_output(cs);

			test_row(t, step->server != NULL ? step->server : "(handshake)");
			if (step->server == NULL)
				client_stream_secured(cs, options->binding);
			else
				check_int(t, feed(cs, step->server, size), step->event);
			check_strs(t, str_of(out->p ? out->p + out->start : "", buf_len(out)),
				   str(step->client));
			buf_clear(out);
		}
	}
	return cs;
}

static void
check_failed(struct test *t, struct client_stream *cs, const char *condition)
{
	struct str got, input = STR("<more/>");
	struct arena *arena;
	struct element *el;

	check(t, client_stream_why(cs, &got) != NULL);
	check(t, str_is(got, condition));
	check_int(t, client_stream_next(cs, &input, &arena, &el), CLIENT_FAILED);
	client_stream_free(cs);
}

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

#define OLD_OUR_HEAD HEAD ">"
#define QUERY "<query xmlns='jabber:iq:auth'>"
#define ASK                                                                                        \
	"<iq type='get' id='auth_1' to='im.example.com'>" QUERY "<username>juliet</username>"      \
	"</query></iq>"
#define SET "<iq type='set' id='auth_2' to='im.example.com'>" QUERY "<username>juliet</username>"
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
