/* SPDX-License-Identifier: MIT */
/*
 * client_talk.h - what the tests of client streams share: the words of RFC 6120 §9.1, and a way to
 * hold a conversation.
 */
#pragma once

#include "test.h"
#include "xmpp/client_stream.h"

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

/* XEP-0078 */
#define OLD_OUR_HEAD HEAD ">"
#define QUERY "<query xmlns='jabber:iq:auth'>"
#define SET "<iq type='set' id='auth_2' to='im.example.com'>" QUERY "<username>juliet</username>"

/* What the server says (NULL: nothing, the handshake is done), and what comes of it. */
struct step {
	const char *server;
	enum client_event event;
	const char *client; /* all that it wrote */
};

static inline struct client_stream_options
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
static inline enum client_event
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
static inline struct client_stream *
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

static inline void
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
