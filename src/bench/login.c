/* SPDX-License-Identifier: MIT */
/*
 * login.c - from a connection to a session: STARTTLS, SASL, bind, roster, presence (RFC 6120 §5 to
 * §7, RFC 6121 §2.2, §4.2), or jabber:iq:auth (XEP-0078).
 */
#include "base/base64.h"
#include "base/rand.h"
#include "bench/fleet.h"

#include <stdlib.h>

enum step {
	AT_TLS_FEATURES,
	AT_PROCEED,
	AT_SASL_FEATURES,
	AT_CHALLENGE,
	AT_SUCCESS,
	AT_BIND_FEATURES,
	AT_BIND,
	AT_SESSION,
	AT_ENABLE,
	AT_RESUME,
	AT_ROSTER,
	AT_LEGACY_HEADER,
	AT_LEGACY_AUTH,
};

#define RESOURCE "bench"

struct str
login_user(struct arena *arena, const struct options *options, unsigned number)
{
	const char *at = strstr(options->user_pattern, "%d");

	if (at == NULL)
		return arena_printf(arena, "%s%u", options->user_pattern, number);
	return arena_printf(arena, "%.*s%u%s", (int)(at - options->user_pattern),
			    options->user_pattern, number, at + 2);
}

static struct str
own_user(struct client *client)
{
	return login_user(client->engine->arena, client->engine->options, client->number);
}

static void
say(struct client *client, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	client_send(client, arena_vprintf(client->engine->arena, format, args));
	va_end(args);
}

static void
send_header(struct client *client, unsigned next_step)
{
	client->step = next_step;
	say(client,
	    "<?xml version='1.0'?><stream:stream to='%s'%s xmlns='jabber:client' "
	    "xmlns:stream='http://etherx.jabber.org/streams'>",
	    client->engine->options->host, next_step == AT_LEGACY_HEADER ? "" : " version='1.0'");
}

void
login_begin(struct client *client)
{
	const struct options *options = client->engine->options;

	if (options->auth == BENCH_LEGACY)
		send_header(client, AT_LEGACY_HEADER);
	else if (options->tls == BENCH_STARTTLS && client->ssl == NULL)
		send_header(client, AT_TLS_FEATURES);
	else
		send_header(client, AT_SASL_FEATURES);
}

static void
send_scram(struct client *client)
{
	struct arena *arena = client->engine->arena;
	bool is_sha1 = client->engine->options->auth == BENCH_SCRAM_SHA_1;
	struct str first;

	free(client->scram);
	client->scram = xnew(struct scram);
	first = scram_first(client->scram, arena, is_sha1, own_user(client).p,
			    rand_token(arena, 144));
	client->step = AT_CHALLENGE;
	say(client,
	    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-%s'>%.*s</auth>",
	    is_sha1 ? "1" : "256", STR_ARG(base64_encode(arena, first)));
}

static void
send_plain(struct client *client)
{
	struct arena *arena = client->engine->arena;
	struct str user = own_user(client);
	struct str message = arena_printf(arena, "%c%.*s%c%s", 0, STR_ARG(user), 0,
					  client->engine->options->password);

	client->step = AT_SUCCESS;
	say(client, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%.*s</auth>",
	    STR_ARG(base64_encode(arena, message)));
}

static void
choose_mechanism(struct client *client, struct str features)
{
	static const char *const wanted[] = {
		[BENCH_SCRAM_SHA_1] = ">SCRAM-SHA-1<",
		[BENCH_SCRAM_SHA_256] = ">SCRAM-SHA-256<",
		[BENCH_SASL_PLAIN] = ">PLAIN<",
	};
	enum bench_auth auth = client->engine->options->auth;

	if (!scan_contains(features, wanted[auth]))
		client_fail(client, "%s is not offered: %.*s", wanted[auth], STR_ARG(features));
	else if (auth == BENCH_SASL_PLAIN)
		send_plain(client);
	else
		send_scram(client);
}

static void
answer_challenge(struct client *client, struct str item)
{
	struct arena *arena = client->engine->arena;
	const char *why = "the challenge is not base64";
	struct str message, out;

	if (base64_decode(arena, scan_between(item, ">", "<"), &message) < 0 ||
	    scram_final(client->scram, arena, &client->engine->salted,
			client->engine->options->password, message, &out, &why) < 0) {
		client_fail(client, "%s: %.*s", why, STR_ARG(item));
		return;
	}
	client->step = AT_SUCCESS;
	say(client, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%.*s</response>",
	    STR_ARG(base64_encode(arena, out)));
}

static void
take_success(struct client *client, struct str item)
{
	struct str message;

	if (client->scram != NULL &&
	    (base64_decode(client->engine->arena, scan_between(item, ">", "<"), &message) < 0 ||
	     !scram_check(client->scram, client->engine->arena, message))) {
		client_fail(client, "the server does not know the password: %.*s", STR_ARG(item));
		return;
	}
	free(client->scram);
	client->scram = NULL;
	client_restart(client);
	send_header(client, AT_BIND_FEATURES);
}

static void
send_bind(struct client *client, struct str features)
{
	/* RFC 3921 §3 sessions: only where the server insists. */
	struct str session = scan_between(features, "<session", "</session>");

	if (scan_contains(features, "urn:ietf:params:xml:ns:xmpp-session") &&
	    !scan_contains(session, "<optional"))
		client->jid = xstrdup("");
	client->step = AT_BIND;
	say(client,
	    "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
	    "<resource>" RESOURCE "%.*u</resource></bind></iq>",
	    client->device > 0, client->device); /* of the first: no number */
}

static void
ask_roster(struct client *client)
{
	client->step = AT_ROSTER;
	if (client->engine->options->with_carbons) {
		say(client, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
		acks_count(&client->acks, 1);
	}
	say(client, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq><presence/>");
	acks_count(&client->acks, 2);
}

/* The session is there: what comes before the roster (XEP-0198 §3). */
static void
begin_session(struct client *client)
{
	if (!client->engine->options->with_acks) {
		ask_roster(client);
		return;
	}
	client->step = AT_ENABLE;
	acks_enable(client);
}

static void
take_acks(struct client *client, struct str item)
{
	if (client->step == AT_ENABLE && acks_enabled(client, item) == 0)
		ask_roster(client);
	else if (client->step == AT_RESUME && acks_resumed(client, item) == 0)
		client_online(client);
	else if (client->step == AT_RESUME)
		send_bind(client, STR(""));
	else
		client_fail(client, "no stream management: %.*s", STR_ARG(item));
}

static void
take_bind(struct client *client, struct str item)
{
	struct str jid = scan_between(item, "<jid>", "</jid>");
	bool wants_session = client->jid != NULL;

	if (jid.len == 0) {
		client_fail(client, "binding failed: %.*s", STR_ARG(item));
		return;
	}
	free(client->jid);
	client->jid = str_dupz(jid);
	if (!wants_session) {
		begin_session(client);
		return;
	}
	client->step = AT_SESSION;
	say(client,
	    "<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>");
}

static void
send_legacy(struct client *client)
{
	struct str user = own_user(client);
	const struct options *options = client->engine->options;

	client->jid = str_dupz(arena_printf(client->engine->arena, "%.*s@%s/" RESOURCE,
					    STR_ARG(user), options->host));
	client->step = AT_LEGACY_AUTH;
	say(client,
	    "<iq type='set' id='a' to='%s'><query xmlns='jabber:iq:auth'><username>%.*s</username>"
	    "<password>%s</password><resource>" RESOURCE "</resource></query></iq>",
	    options->host, STR_ARG(user), options->password);
}

/* An answer to an iq of ours. Presence and messages may come in between once we are bound. */
static void
take_answer(struct client *client, struct str item)
{
	if (!scan_is(item, "iq"))
		return;
	if (!str_is(scan_attribute(item, "type"), "result")) {
		client_fail(client, "refused: %.*s", STR_ARG(item));
		return;
	}
	if (client->step == AT_BIND)
		take_bind(client, item);
	else if (client->step == AT_SESSION || client->step == AT_LEGACY_AUTH)
		begin_session(client);
	else if (str_is(scan_attribute(item, "id"), "r"))
		client_online(client);
}

static void
bind_or_resume(struct client *client, struct str features)
{
	if (client->engine->options->with_acks && !scan_contains(features, "'urn:xmpp:sm:3'") &&
	    !scan_contains(features, "\"urn:xmpp:sm:3\"")) {
		client_fail(client, "no stream management: %.*s", STR_ARG(features));
	} else if (client->acks.id == NULL) {
		send_bind(client, features);
	} else {
		client->step = AT_RESUME;
		acks_resume(client);
	}
}

static void
take_stanza(struct client *client, struct str item)
{
	if (client->step == AT_TLS_FEATURES &&
	    scan_contains(item, "urn:ietf:params:xml:ns:xmpp-tls")) {
		client->step = AT_PROCEED;
		say(client, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
	} else if (client->step == AT_PROCEED && scan_is(item, "proceed")) {
		client_restart(client);
		client_start_tls(client);
	} else if (client->step == AT_SASL_FEATURES && scan_is(item, "stream:features")) {
		choose_mechanism(client, item);
	} else if (client->step == AT_CHALLENGE && scan_is(item, "challenge")) {
		answer_challenge(client, item);
	} else if (client->step == AT_SUCCESS && scan_is(item, "success")) {
		take_success(client, item);
	} else if (client->step == AT_BIND_FEATURES && scan_is(item, "stream:features")) {
		bind_or_resume(client, item);
	} else if (client->step == AT_ENABLE || client->step == AT_RESUME) {
		take_acks(client, item);
	} else if (client->step >= AT_BIND && client->step != AT_LEGACY_HEADER) {
		take_answer(client, item);
	} else {
		client_fail(client, "not expected at step %u: %.*s", client->step, STR_ARG(item));
	}
}

void
login_item(struct client *client, enum scan_item what, struct str item)
{
	if (what == SCAN_STANZA)
		take_stanza(client, item);
	else if (what == SCAN_HEADER && client->step == AT_LEGACY_HEADER)
		send_legacy(client);
}
