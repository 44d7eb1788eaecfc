/* SPDX-License-Identifier: MIT */
/*
 * module.c - SOCKS5 Bytestreams (XEP-0065), the proxy: files between people whose clients cannot
 * reach each other go through here.
 *
 * It relays between two connections that both came to it, and opens none itself. Only accounts of
 * the host can use it, so many streams at a time and so many bytes each (SEC-61).
 */
#include "base/base64.h"
#include "modules/xep0065_proxy/proxy.h"
#include "xmpp/scram_crypto.h"
#include "xmpp/xep/disco.h"

#include <stdlib.h>

#define NS_BYTESTREAMS "http://jabber.org/protocol/bytestreams"
#define SID_MAX 1024u

struct activation { /* on its way to the home of the name, and back */
	struct held_iq *held;
	struct worker *asker;
	struct proxy_limits limits;
	struct str account; /* in held->arena */
	char name[PROXY_NAME_LEN + 1];
	enum proxy_answer answer;
};

/* The port that clients connect to: of the first listener for it. */
static uint64_t
port_of(const struct config *config)
{
	for (size_t i = 0; i < config->listener_count; i++)
		if (config->listeners[i].type == LISTENER_PROXY)
			return config->listeners[i].port;
	return 0;
}

static bool
is_from_here(const struct event *ev)
{
	return str_equal(ev->stanza->from.domain, ev->host->name) && ev->stanza->from.local.len > 0;
}

/* §4.2: where the proxy is. */
static enum verdict
tell_address(struct event *ev)
{
	struct element *query = element_new(ev->arena, NS_BYTESTREAMS, "query"), *host;
	struct str address = option_text(event_options(ev), "address");
	uint64_t port = port_of(ev->worker->config);

	if (!is_from_here(ev))
		return event_refuse(ev, STANZA_FORBIDDEN);
	if (port == 0)
		return event_refuse(ev, STANZA_NOT_ALLOWED);
	host = element_add(ev->arena, query, NULL, "streamhost");
	element_set(ev->arena, host, "jid", ev->service->name);
	element_set(ev->arena, host, "host", address.len > 0 ? address : ev->host->name);
	element_set(ev->arena, host, "port",
		    arena_printf(ev->arena, "%llu", (unsigned long long)port));
	event_reply(ev, query);
	return DONE;
}

static void
back(struct worker *worker UNUSED, void *arg)
{
	struct activation *a = arg;

	switch (a->answer) {
	case PROXY_ACTIVE:
		held_reply(a->held, NULL);
		break;
	case PROXY_HALF:
		held_refuse(a->held, STANZA_NOT_ALLOWED, NULL);
		break;
	case PROXY_UNKNOWN:
		held_refuse(a->held, STANZA_NOT_AUTHORIZED, NULL);
		break;
	case PROXY_TOO_MANY:
		held_refuse(a->held, STANZA_RESOURCE_CONSTRAINT, "too many bytestreams");
		break;
	}
	free(a);
}

static void
there(struct worker *worker, void *arg)
{
	struct activation *a = arg;

	a->answer = proxy_activate(worker, str(a->name), a->account, &a->limits);
	worker_call(a->asker, back, a);
}

/* §5.3.6: the name is SHA-1 of the stream's id and both addresses, prepared. */
static enum verdict
activate(struct event *ev, const struct element *query)
{
	const struct option_values *options = event_options(ev);
	struct str sid = element_attr(query, "sid"), text, hex;
	struct str target = str_trim(element_child_text(ev->arena, query, NULL, "activate"));
	unsigned char sum[SCRAM_KEY_MAX];
	struct activation *a;
	struct jid jid;
	const char *why;

	if (!is_from_here(ev))
		return event_refuse(ev, STANZA_FORBIDDEN);
	if (sid.p == NULL || sid.len > SID_MAX || target.len == 0)
		return event_refuse(ev, STANZA_BAD_REQUEST);
	if (jid_parse(ev->arena, target, &jid, &why) < 0)
		return event_refuse(ev, STANZA_JID_MALFORMED);
	text = arena_printf(ev->arena, "%.*s%.*s%.*s", STR_ARG(sid), STR_ARG(ev->stanza->from.text),
			    STR_ARG(jid.text));
	scram_h(SCRAM_SHA_1, text, sum);
	hex = hex_encode(ev->arena, str_of(sum, PROXY_NAME_LEN / 2));
	a = xnew(struct activation);
	a->held = event_hold(ev);
	a->asker = ev->worker;
	a->account = arena_dup(a->held->arena, jid_bare_text(ev->stanza->from));
	a->limits = (struct proxy_limits){.bytes = option_bytes(options, "bytes"),
					  .streams = option_number(options, "streams")};
	memcpy(a->name, hex.p, PROXY_NAME_LEN);
	worker_call(worker_home(ev->worker, str(a->name)), there, a);
	return DONE;
}

static enum verdict
tell_disco(struct event *ev, const struct element *asked)
{
	struct str node = element_attr(asked, "node");
	struct element *query;

	if (str_is(asked->ns, NS_DISCO_ITEMS)) {
		event_reply(ev, disco_new(ev->arena, NS_DISCO_ITEMS, node));
		return DONE;
	}
	query = disco_new(ev->arena, NS_DISCO_INFO, node);
	disco_add_identity(ev->arena, query, STR("proxy"), STR("bytestreams"), STR_NONE,
			   STR("File transfer"));
	disco_add_feature(ev->arena, query, STR(NS_BYTESTREAMS));
	disco_add_feature(ev->arena, query, STR(NS_DISCO_INFO));
	event_reply(ev, query);
	return DONE;
}

static enum verdict
take(struct event *ev)
{
	const struct element *payload = element_child(ev->stanza->el, NULL, NULL);

	if (ev->stanza->kind != STANZA_IQ || !stanza_may_be_refused(ev->stanza) ||
	    payload == NULL || ev->stanza->to.local.len > 0)
		return ev->stanza->kind == STANZA_IQ ? PASS : DONE;
	if (ev->stanza->type == IQ_GET && str_is(payload->name, "query") &&
	    (str_is(payload->ns, NS_DISCO_INFO) || str_is(payload->ns, NS_DISCO_ITEMS)))
		return tell_disco(ev, payload);
	if (!element_is(payload, NS_BYTESTREAMS, "query"))
		return PASS;
	return ev->stanza->type == IQ_GET ? tell_address(ev) : activate(ev, payload);
}

const struct module xep0065_proxy = {
	.name = "bytestreams",
	.specs = SPECS({"XEP-0065", "1.8.2", SPEC_COMPLETE, "the proxy, over TCP"}),
	.options = OPTIONS({"domain", OPTION_TEXT, "",
			    "where the service is; empty: `proxy.` and the host's name"},
			   {"address", OPTION_TEXT, "",
			    "what clients connect to, at the port of the listener `proxy`; empty: "
			    "the host's name"},
			   {"bytes", OPTION_SIZE, "1GiB", "that one stream may carry; 0: any"},
			   {"streams", OPTION_INT, "4", "of one account at a time; 0: any"}),
	.subdomain = "proxy",
	.take = take,
	.state_size = sizeof(struct proxy),
	.state_free = proxy_clear,
	.is_off_by_default = true,
	.accept = proxy_accept,
};
