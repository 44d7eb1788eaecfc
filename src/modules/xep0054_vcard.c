/* SPDX-License-Identifier: MIT */
/*
 * xep0054_vcard.c - vcard-temp (XEP-0054), and the hash of its photo in presence (XEP-0153), put
 * there for clients that do not do so themselves.
 */
#include "modules/photo_hash.h"
#include "server/module.h"
#include "xmpp/xml_reader.h"

#include <stdlib.h>

#define NS_VCARD "vcard-temp"
#define NS_UPDATE "vcard-temp:x:update"
#define DOC_NAME "vcard"

static const struct xml_limits limits = {
	.bytes = 16u << 20, .depth = 128, .attributes = 128, .nodes = 1u << 17};

static bool
is_own(const struct stanza *iq)
{
	return iq->to.text.len == 0 || str_equal(iq->to.text, jid_bare_text(iq->from));
}

static void
on_got(struct store_request *request)
{
	struct held_iq *held = request->owner;
	struct element *card = NULL;

	if (request->results[0].status == STORE_OK)
		card = xml_parse(held->arena, arena_dup(held->arena, request->results[0].value),
				 &limits, NULL);
	/* §3.1: none of one's own is an empty one; §3.3: others cannot tell it from no account. */
	if (card == NULL && !is_own(held->iq))
		held_refuse(held, STANZA_SERVICE_UNAVAILABLE, NULL);
	else
		held_reply(held, card != NULL ? card : element_new(held->arena, NS_VCARD, "vCard"));
	store_request_free(request);
}

static enum verdict
get(struct event *ev)
{
	struct store_request *request =
		store_request_new(ev->worker->store, ev->worker->loop, on_got, event_hold(ev));

	store_doc_get(request, ev->account->jid.text, DOC_NAME);
	store_submit(request);
	return DONE;
}

static void
on_put(struct store_request *request)
{
	struct held_iq *held = request->owner;
	struct account *account = account_find(held->worker, jid_bare_text(held->iq->from));

	if (request->status == STORE_OK) {
		if (account != NULL) {
			const struct element *card = element_child(held->iq->el, NS_VCARD, "vCard");

			free(account->photo_hash);
			account->photo_hash = str_dupz(photo_hash(held->arena, card));
		}
		held_reply(held, NULL);
	} else {
		held_refuse(held, STANZA_RESOURCE_CONSTRAINT, NULL);
	}
	store_request_free(request);
}

static enum verdict
set(struct event *ev)
{
	struct store_request *request;
	struct element *card = event_payload(ev);

	if (ev->account->is_guest)
		return event_refuse(ev, STANZA_NOT_ALLOWED);
	request = store_request_new(ev->worker->store, ev->worker->loop, on_put, event_hold(ev));
	store_doc_put(request, ev->account->jid.text, DOC_NAME,
		      xml_text(ev->arena, card, STR_NONE));
	store_doc_put(request, ev->account->jid.text, ACCOUNT_PHOTO_DOC,
		      photo_hash(ev->arena, card));
	store_submit(request);
	return DONE;
}

/* XEP-0153 §4.1; what the client says itself stays as it is. */
static enum verdict
mark_presence(struct event *ev)
{
	struct stanza *presence = ev->stanza;
	struct element *x;

	if (presence->kind != STANZA_PRESENCE || presence->type != PRESENCE_AVAILABLE ||
	    ev->account->photo_hash == NULL || ev->account->photo_hash[0] == '\0' ||
	    element_child(presence->el, NS_UPDATE, "x") != NULL)
		return PASS;
	x = element_add(presence->arena, presence->el, NS_UPDATE, "x");
	element_add_leaf(presence->arena, x, "photo", str(ev->account->photo_hash));
	presence->is_edited = true;
	return PASS;
}

const struct module xep0054_vcard = {
	.name = "vcard",
	.specs = SPECS(
		{"XEP-0054", "1.3.0", SPEC_COMPLETE, NULL},
		{"XEP-0153", "1.1.1", SPEC_COMPLETE, "the hash is added for clients that do not"}),
	.features = FEATURES(NS_VCARD),
	.account_features = FEATURES(NS_VCARD),
	.iqs = IQS({IQ_GET, TO_OWN_ACCOUNT | TO_ACCOUNT, NS_VCARD, "vCard", get},
		   {IQ_SET, TO_OWN_ACCOUNT, NS_VCARD, "vCard", set}),
	.hooks = HOOKS({POINT_FROM_CLIENT, STAGE_MARK, mark_presence}),
};
