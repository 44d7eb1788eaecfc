/* SPDX-License-Identifier: MIT */
/*
 * xep0054_vcard.c - vcard-temp (XEP-0054), and the hash of its photo in presence (XEP-0153), put
 * there for clients that do not do so themselves.
 */
#include "base/base64.h"
#include "modules/photo_hash.h"
#include "modules/vcard.h"
#include "modules/xep0060_pubsub/avatar.h"
#include "modules/xep0060_pubsub/vcard4.h"
#include "server/module.h"
#include "server/portable.h"
#include "xmpp/xep/vcard4.h"
#include "xmpp/xml_reader.h"

#include <stdlib.h>

#define NS_VCARD "vcard-temp"
#define NS_UPDATE "vcard-temp:x:update"
#define DOC_NAME "vcard"

extern const struct module xep0054_vcard;

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

/* The photo's hash, from now on (XEP-0153). */
static void
set_hash(struct account *account, struct str hash)
{
	free(account->photo_hash);
	account->photo_hash = str_dupz(hash);
}

/* XEP-0398 §3: a photo is an avatar, too. */
static void
publish_photo(struct account *account, struct arena *arena, const struct element *card)
{
	const struct element *photo = element_child(card, NS_VCARD, "PHOTO");
	struct str text = photo ? element_child_text(arena, photo, NS_VCARD, "BINVAL") : STR_NONE;
	struct str type = photo ? element_child_text(arena, photo, NS_VCARD, "TYPE") : STR_NONE;
	char *out = arena_bytes(arena, text.len + 1);
	struct str packed = {out, 0}, image;

	for (size_t i = 0; i < text.len; i++) /* it is usually broken into lines */
		if ((unsigned char)text.p[i] > ' ')
			out[packed.len++] = text.p[i];
	if (packed.len == 0 || base64_decode(arena, packed, &image) < 0)
		image = packed = STR("");
	avatar_from_vcard(account, type, packed, image.len, photo_hash(arena, card));
}

static void
on_put(struct store_request *request)
{
	struct held_iq *held = request->owner;
	struct account *account = account_find(held->worker, jid_bare_text(held->iq->from));

	if (request->status == STORE_OK) {
		if (account != NULL && account->state == ACCOUNT_READY) {
			const struct element *card = element_child(held->iq->el, NS_VCARD, "vCard");

			set_hash(account, photo_hash(held->arena, card));
			publish_photo(account, held->arena, card);
			vcard4_from_vcard(account, card);
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

struct change {              /* of the photo alone, or of what vCard4 can say */
	struct link link;    /* in changes */
	struct arena *arena; /* holds all of it, itself too */
	struct account *account;
	struct element *card4;   /* NULL: of the photo */
	struct str type, base64; /* the latter empty: no photo any more */
	struct str hash;
	bool is_begun;
};

/* One at a time of one account: each reads what the one before has written. */
struct state {
	struct link *changes; /* of a worker, in order */
};

static void begin_next(struct worker *worker, const struct account *account);

static void
change_free(struct change *change)
{
	struct account *account = change->account;

	list_remove(&change->link);
	arena_free(change->arena);
	begin_next(account->worker, account);
	account_unpin(account);
}

static void
on_changed(struct store_request *request)
{
	struct change *change = request->owner;

	if (request->status == STORE_OK)
		set_hash(change->account, change->hash);
	change_free(change);
	store_request_free(request);
}

/* What is stored, with the new photo. */
static struct element *
changed_card(struct change *change, struct str stored)
{
	struct arena *arena = change->arena;
	struct element *card = NULL, *el;

	if (stored.len > 0)
		card = xml_parse(arena, arena_dup(arena, stored), &limits, NULL);
	if (card == NULL)
		card = element_new(arena, NS_VCARD, "vCard");
	if (change->card4 != NULL) {
		vcard4_to_temp(arena, change->card4, card);
		return card;
	}
	while ((el = element_child(card, NS_VCARD, "PHOTO")) != NULL)
		element_detach(el);
	if (change->base64.len > 0) {
		el = element_add(arena, card, NS_VCARD, "PHOTO");
		if (change->type.len > 0)
			element_add_leaf(arena, el, "TYPE", change->type);
		element_add_leaf(arena, el, "BINVAL", change->base64);
	}
	return card;
}

static void
on_card(struct store_request *request)
{
	struct change *change = request->owner;
	struct account *account = change->account;
	struct element *card = changed_card(change, request->results[0].value);
	struct store_request *put;

	store_request_free(request);
	if (account->state != ACCOUNT_READY) { /* removed meanwhile: nothing is stored any more */
		change_free(change);
		return;
	}
	change->hash = photo_hash(change->arena, card);
	put = store_request_new(account->worker->store, account->worker->loop, on_changed, change);
	store_doc_put(put, account->jid.text, DOC_NAME, xml_text(change->arena, card, STR_NONE));
	store_doc_put(put, account->jid.text, ACCOUNT_PHOTO_DOC, change->hash);
	store_submit(put);
}

static struct link *
changes_of(struct worker *worker)
{
	struct state *state = module_state(worker, &xep0054_vcard);

	if (state->changes == NULL) {
		state->changes = xnew(struct link);
		list_init(state->changes);
	}
	return state->changes;
}

static void
free_state(void *state)
{
	free(((struct state *)state)->changes);
}

/* The first one of ACCOUNT that waits, if none is under way. */
static void
begin_next(struct worker *worker, const struct account *account)
{
	struct store_request *request;
	struct change *next = NULL;

	LIST_EACH(changes_of(worker), struct change, link, change)
	{
		if (next == NULL && change->account == account)
			next = change;
	}
	if (next == NULL || next->is_begun)
		return;
	next->is_begun = true;
	request = store_request_new(worker->store, worker->loop, on_card, next);
	store_doc_get(request, account->jid.text, DOC_NAME);
	store_submit(request);
}

static struct change *
change_new(struct account *account)
{
	struct arena *arena = arena_new();
	struct change *change = arena_new_of(arena, struct change);

	change->arena = arena;
	change->account = account;
	account_pin(account);
	list_add(changes_of(account->worker), &change->link);
	return change;
}

void
vcard_put_photo(struct account *account, struct str type, struct str base64)
{
	struct change *change = change_new(account);

	change->type = arena_dup(change->arena, type);
	change->base64 = arena_dup(change->arena, base64);
	begin_next(account->worker, account);
}

void
vcard_put_card4(struct account *account, const struct element *card)
{
	struct change *change = change_new(account);

	change->card4 = element_copy(change->arena, card);
	begin_next(account->worker, account);
}

/* XEP-0398 §4: what the client says of it itself stays; what says nothing is filled. */
static enum verdict
mark_presence(struct event *ev)
{
	struct stanza *presence = ev->stanza;
	struct element *x;

	if (presence->kind != STANZA_PRESENCE || presence->type != PRESENCE_AVAILABLE ||
	    ev->account->photo_hash == NULL || ev->account->photo_hash[0] == '\0')
		return PASS;
	x = element_child(presence->el, NS_UPDATE, "x");
	if (x != NULL && element_child(x, NS_UPDATE, "photo") != NULL)
		return PASS;
	if (x != NULL)
		element_detach(x);
	x = element_add(presence->arena, presence->el, NS_UPDATE, "x");
	element_add_leaf(presence->arena, x, "photo", str(ev->account->photo_hash));
	presence->is_edited = true;
	return PASS;
}

static void
load_card(struct store_request *request, const struct account *account, struct str after UNUSED)
{
	store_doc_get(request, account->jid.text, DOC_NAME);
}

static struct str
write_card(struct buf *out, const struct store_request *request,
	   const struct account *account UNUSED)
{
	if (request->results[0].status == STORE_OK)
		buf_add(out, request->results[0].value);
	return STR_NONE;
}

static const char *
take_card(struct import_item *import)
{
	struct account *account = import->account;
	struct str hash = photo_hash(import->arena, import->el);

	store_doc_put(import->request, account->jid.text, DOC_NAME,
		      xml_text(import->arena, import->el, STR_NONE));
	store_doc_put(import->request, account->jid.text, ACCOUNT_PHOTO_DOC, hash);
	free(account->photo_hash);
	account->photo_hash = str_dupz(hash);
	return NULL;
}

const struct module xep0054_vcard = {
	.name = "vcard",
	.specs = SPECS(
		{"XEP-0054", "1.3.0", SPEC_COMPLETE, NULL},
		{"XEP-0153", "1.1.1", SPEC_COMPLETE, "the hash is added for clients that do not"}),
	.features = FEATURES(NS_VCARD),
	.account_features = FEATURES(NS_VCARD),
	.portables = PORTABLES({NS_VCARD, "vCard", false, load_card, write_card, take_card}),
	.iqs = IQS({IQ_GET, TO_OWN_ACCOUNT | TO_ACCOUNT, NS_VCARD, "vCard", get},
		   {IQ_SET, TO_OWN_ACCOUNT, NS_VCARD, "vCard", set}),
	.hooks = HOOKS({POINT_FROM_CLIENT, STAGE_MARK, mark_presence}),
	.state_size = sizeof(struct state),
	.state_free = free_state,
};
