/* SPDX-License-Identifier: MIT */
/*
 * xep0199_ping.c - XMPP Ping (XEP-0199).
 *
 * Answers pings sent to the server or to the sender's own account, and pings
 * clients that fell silent, so that a dead connection is found before messages
 * pile up behind it. Pings from client to client are routed like any iq.
 */
#include "server/c2s.h"
#include "server/module.h"

#define NS_PING "urn:xmpp:ping"

/* §4.2: the answer is an empty result. */
static enum verdict
answer_ping(struct event *ev)
{
	event_reply(ev, NULL);
	return DONE;
}

static void
on_pong(struct session *session, const struct stanza *reply, void *arg UNUSED)
{
	/*
	 * An error is a sign of life too (§4.1). A client from before iq may say nothing, but its
	 * TCP has acknowledged the question. Only silence of both is the end.
	 */
	if (reply == NULL && c2s_unacknowledged(session->c2s) > 0)
		session_close(session, STREAM_CONNECTION_TIMEOUT, "no answer to a ping");
}

static enum verdict
ping_silent_client(struct event *ev)
{
	struct element *ping = element_new(ev->arena, NS_PING, "ping");

	session_ask(ev->session, IQ_GET, ping, option_ms(event_options(ev), "timeout"), on_pong,
		    NULL);
	return PASS;
}

const struct module xep0199_ping = {
	.name = "ping",
	.specs = SPECS({"XEP-0199", "2.0.1", SPEC_COMPLETE, NULL}),
	.features = FEATURES(NS_PING),
	.account_features = FEATURES(NS_PING),
	.options = OPTIONS({"timeout", OPTION_DURATION, "30s",
			    "a silent client that does not answer in that time is disconnected"}),
	.iqs = IQS({IQ_GET, TO_SERVER | TO_OWN_ACCOUNT, NS_PING, "ping", answer_ping}),
	.hooks = HOOKS({POINT_SESSION_SILENT, STAGE_HANDLE, ping_silent_client}),
};
