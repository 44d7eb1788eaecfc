/* SPDX-License-Identifier: MIT */
/*
 * xep0033_multicast.c - Extended Stanza Addressing (XEP-0033): one message to the service, a copy
 * to each of its addressees.
 *
 * Only for accounts of the host, and to so many at a time: it must not become a way to make one
 * message many (SEC-61).
 */
#include "server/module.h"
#include "xmpp/xep/disco.h"

#define NS_ADDRESS "http://jabber.org/protocol/address"

struct multicast {
	struct event *ev;
	const struct element *addresses;
	struct jid *to;                  /* who gets a copy */
	const struct element **elements; /* of each */
	bool *is_blind;
	size_t count;
};

static bool
is_type(const struct element *address, const char *type)
{
	return str_is(element_attr(address, "type"), type);
}

static bool
is_to_be_delivered(const struct element *address)
{
	return (is_type(address, "to") || is_type(address, "cc") || is_type(address, "bcc")) &&
	       !str_is(element_attr(address, "delivered"), "true");
}

/* Whom it is for. An address that is no JID is one that it can't be delivered to (§5). */
static enum verdict
read_addresses(struct multicast *m)
{
	struct event *ev = m->ev;
	uint64_t max = option_number(event_options(ev), "recipients");
	const struct element *el;
	const char *why;

	m->to = arena_array(ev->arena, struct jid, max);
	m->elements = arena_array(ev->arena, const struct element *, max);
	m->is_blind = arena_array(ev->arena, bool, max);
	for (el = element_child(m->addresses, NS_ADDRESS, "address"); el != NULL;
	     el = element_next(el, NS_ADDRESS, "address")) {
		struct str jid = element_attr(el, "jid");

		if (!is_to_be_delivered(el))
			continue;
		if (m->count == max)
			return event_refuse_text(ev, STANZA_NOT_ACCEPTABLE, "too many addressees");
		if (jid.p == NULL)
			return event_refuse(ev, STANZA_FORBIDDEN);
		if (jid_parse(ev->arena, jid, &m->to[m->count], &why) < 0)
			return event_refuse(ev, STANZA_JID_MALFORMED);
		/* Not back to itself. */
		if (str_equal(m->to[m->count].domain, ev->service->name))
			return event_refuse(ev, STANZA_FORBIDDEN);
		m->is_blind[m->count] = is_type(el, "bcc");
		m->elements[m->count++] = el;
	}
	return m->count > 0 ? PASS : event_refuse(ev, STANZA_BAD_REQUEST);
}

/* §6: all addresses as delivered, none of the blind ones but BLIND. */
static struct stanza *
copy_for(const struct multicast *m, const struct element *blind)
{
	const struct stanza *original = m->ev->stanza;
	struct arena *arena = arena_new();
	struct element *copy = element_copy(arena, original->el);
	struct element *addresses = element_child(copy, NS_ADDRESS, "addresses"), *el, *next;
	const struct element *was = element_child(m->addresses, NS_ADDRESS, "address");
	enum stanza_condition condition;
	struct stanza *stanza, *reply;

	for (el = element_child(addresses, NS_ADDRESS, "address"); el != NULL; el = next) {
		next = element_next(el, NS_ADDRESS, "address");
		if (is_type(el, "bcc") && was != blind)
			element_detach(el);
		else if (is_to_be_delivered(el) && !is_type(el, "bcc"))
			element_setz(arena, el, "delivered", "true");
		was = element_next(was, NS_ADDRESS, "address");
	}
	stanza = stanza_take(arena, copy, &condition, &reply);
	if (stanza == NULL)
		stanza_unref(reply);
	else
		stanza_set_from(stanza, original->from);
	return stanza;
}

static void
send_copies(const struct multicast *m)
{
	struct stanza *open = copy_for(m, NULL);

	for (size_t i = 0; open != NULL && i < m->count; i++) {
		struct stanza *blind = m->is_blind[i] ? copy_for(m, m->elements[i]) : NULL;

		if (blind != NULL) {
			stanza_set_to(blind, m->to[i]);
			route(m->ev->worker, blind);
		} else if (!m->is_blind[i]) {
			route(m->ev->worker, stanza_readdress(open, m->to[i]));
		}
	}
	stanza_unref(open);
}

static enum verdict
take_iq(struct event *ev)
{
	const struct element *payload = element_child(ev->stanza->el, NULL, NULL);
	struct element *query;

	if (ev->stanza->type != IQ_GET || payload == NULL || ev->stanza->to.local.len > 0)
		return PASS;
	if (element_is(payload, NS_DISCO_ITEMS, "query")) {
		event_reply(ev,
			    disco_new(ev->arena, NS_DISCO_ITEMS, element_attr(payload, "node")));
		return DONE;
	}
	if (!element_is(payload, NS_DISCO_INFO, "query"))
		return PASS;
	query = disco_new(ev->arena, NS_DISCO_INFO, element_attr(payload, "node"));
	disco_add_identity(ev->arena, query, STR("service"), STR("multicast"), STR_NONE,
			   STR("Multicast"));
	disco_add_feature(ev->arena, query, STR(NS_ADDRESS));
	disco_add_feature(ev->arena, query, STR(NS_DISCO_INFO));
	event_reply(ev, query);
	return DONE;
}

static enum verdict
take(struct event *ev)
{
	struct multicast m = {.ev = ev};

	if (ev->stanza->kind == STANZA_IQ)
		return take_iq(ev);
	if (ev->stanza->kind == STANZA_PRESENCE || ev->stanza->type == MESSAGE_ERROR)
		return DONE;
	if (!str_equal(ev->stanza->from.domain, ev->host->name) ||
	    ev->stanza->from.local.len == 0 || ev->stanza->type == MESSAGE_GROUPCHAT)
		return event_refuse(ev, STANZA_FORBIDDEN);
	m.addresses = element_child(ev->stanza->el, NS_ADDRESS, "addresses");
	if (m.addresses == NULL)
		return event_refuse(ev, STANZA_BAD_REQUEST);
	if (read_addresses(&m) == REFUSED)
		return REFUSED;
	send_copies(&m);
	return DONE;
}

const struct module xep0033_multicast = {
	.name = "multicast",
	.specs = SPECS({"XEP-0033", "1.2.1", SPEC_PARTIAL,
			"messages; no presence, and no bundles for other servers' services"}),
	.options = OPTIONS({"domain", OPTION_TEXT, "",
			    "where the service is; empty: `multicast.` and the host's name"},
			   {"recipients", OPTION_INT, "50", "addressees of one message", .min = 1,
			    .max = 1000}),
	.subdomain = "multicast",
	.take = take,
	.is_off_by_default = true,
};
