/* SPDX-License-Identifier: MIT */
/*
 * xep0283_moved.c - Moved (XEP-0283): a contact asks from a new address, and the old one confirms
 * it.
 *
 * Whoever may see the account's presence from the old address may from the new one, without a
 * question to the person; the old address may not any more, so that each moves once (§7.2). A
 * request that is not confirmed is a request like any other.
 */
#include "base/log.h"
#include "modules/roster.h"
#include "server/account_extra.h"
#include "server/server_ask.h"

#include <stdlib.h>

#define NS_MOVED "urn:xmpp:moved:1"
#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define PENDING_MAX 8u /* that are verified at a time, for one account */

extern const struct module xep0283_moved;

struct moving {
	struct account *account; /* pinned */
	struct stanza *request;
	struct str old_jid; /* in ARENA */
	struct arena *arena;
};

struct moved_state {                 /* of a worker */
	const struct stanza *passed; /* goes on as if it said nothing of a move */
};

/* How many of the account's are verified now; the state of its own that this module keeps. */
static unsigned *
pending_of(struct account *account)
{
	unsigned *pending = account_extra(account, &xep0283_moved);

	if (pending == NULL) {
		pending = xnew(unsigned);
		account_set_extra(account, &xep0283_moved, pending);
	}
	return pending;
}

/* The old address, when it is one that may see the account's presence (§4.3). */
static bool
read_old_jid(struct arena *arena, const struct account *account, const struct stanza *request,
	     struct jid *out)
{
	const struct element *moved = element_child(request->el, NS_MOVED, "moved");
	struct str text;
	const struct contact *contact;
	const char *why;

	if (moved == NULL)
		return false;
	text = str_trim(element_child_text(arena, moved, NS_MOVED, "old-jid"));
	if (text.len == 0 || jid_parse(arena, text, out, &why) < 0 || !jid_is_bare(*out) ||
	    str_equal(out->text, jid_bare_text(request->from)))
		return false;
	contact = roster_find(account->roster, out->text);
	return contact != NULL && contact->from;
}

/* §4.3: <gone/> with an address counts as a statement. */
static struct str
gone_to(struct arena *arena, const struct stanza *reply)
{
	static const char scheme[] = "xmpp:";
	const struct element *error = element_child(reply->el, NS_CLIENT, "error");
	struct str uri = error ? str_trim(element_child_text(arena, error, NS_STANZA_ERROR, "gone"))
			       : STR_NONE;

	return str_starts(uri, str(scheme)) ? str_from(uri, sizeof(scheme) - 1) : STR_NONE;
}

static struct str
statement(struct arena *arena, const struct stanza *reply)
{
	const struct element *el = element_child(reply->el, NS_PUBSUB, "pubsub");

	el = el ? element_child(el, NS_PUBSUB, "items") : NULL;
	if (el == NULL || !str_is(element_attr(el, "node"), NS_MOVED))
		return STR_NONE;
	el = element_child(el, NS_PUBSUB, "item");
	el = el ? element_child(el, NS_MOVED, "moved") : NULL;
	return el ? str_trim(element_child_text(arena, el, NS_MOVED, "new-jid")) : STR_NONE;
}

static bool
is_confirmed(const struct moving *moving, const struct stanza *reply)
{
	struct arena *arena = moving->arena;
	struct str text;
	struct jid jid;
	const char *why;

	if (reply == NULL)
		return false;
	text = reply->type == IQ_RESULT ? statement(arena, reply) : gone_to(arena, reply);
	return text.len > 0 && jid_parse(arena, text, &jid, &why) == 0 &&
	       str_equal(jid.text, jid_bare_text(moving->request->from));
}

/* §4.4: the new address in the place of the old one, named and grouped as that was. */
static void
move(struct moving *moving)
{
	struct account *account = moving->account;
	struct str new_jid = jid_bare_text(moving->request->from);
	const struct contact *old = roster_find(account->roster, moving->old_jid);
	const struct contact *known = roster_find(account->roster, new_jid);
	struct contact *contact = contact_edit(known ? known : old, new_jid);
	struct roster_commit commit = {.push = true, .show = true};
	bool was_mutual = old->to;
	struct jid old_jid;
	const char *why;

	contact->jid = arena_dup(contact->arena, new_jid);
	if (known == NULL)
		contact->to = contact->asked = contact->approved = false;
	contact->from = contact->is_listed = true;
	contact->pending = false;
	contact->request = STR_NONE;
	commit.then[0] = subscription_stanza(account, PRESENCE_SUBSCRIBED, new_jid);
	if (was_mutual && !contact->to) {
		contact->asked = true;
		commit.then[1] = subscription_stanza(account, PRESENCE_SUBSCRIBE, new_jid);
	}
	log_event(LOG_INFO, "contact-moved", LOG_STR("account", account->jid.text),
		  LOG_STR("from", moving->old_jid), LOG_STR("to", new_jid));
	roster_commit(account, contact, &commit);
	if (jid_parse(moving->arena, moving->old_jid, &old_jid, &why) == 0)
		presence_show(account, old_jid, true);
	contact = contact_edit(roster_find(account->roster, moving->old_jid), moving->old_jid);
	contact->from = false;
	roster_commit(
		account, contact,
		&(struct roster_commit){.push = contact->is_listed,
					.then = {subscription_stanza(account, PRESENCE_UNSUBSCRIBED,
								     moving->old_jid)}});
}

/* As a request like any other. */
static void
pass(struct moving *moving)
{
	struct moved_state *state = module_state(moving->account->worker, &xep0283_moved);

	state->passed = moving->request;
	account_take(moving->account, stanza_ref(moving->request));
	state->passed = NULL;
}

static void
on_answer(struct worker *worker UNUSED, const struct stanza *reply, void *arg)
{
	struct moving *moving = arg;
	struct account *account = moving->account;
	const struct contact *old;

	--*pending_of(account);
	if (account->state == ACCOUNT_READY) {
		old = roster_find(account->roster, moving->old_jid);
		if (old != NULL && old->from && is_confirmed(moving, reply))
			move(moving);
		else
			pass(moving);
	}
	account_unpin(account);
	stanza_unref(moving->request);
	arena_free(moving->arena);
	free(moving);
}

/* §4.3: to the old address, in the account's own name: a statement is for contacts only. */
static void
ask(struct event *ev, struct jid old_jid)
{
	struct moving *moving = xnew(struct moving);
	struct element *pubsub = element_new(ev->arena, NS_PUBSUB, "pubsub");
	struct element *items = element_add(ev->arena, pubsub, NULL, "items");

	moving->account = ev->account;
	moving->request = stanza_ref(ev->stanza);
	moving->arena = arena_new();
	moving->old_jid = arena_dup(moving->arena, old_jid.text);
	element_setz(ev->arena, items, "node", NS_MOVED);
	element_setz(ev->arena, element_add(ev->arena, items, NULL, "item"), "id", "current");
	account_pin(ev->account);
	++*pending_of(ev->account);
	server_ask(ev->worker, ev->account->jid, old_jid, IQ_GET, pubsub,
		   option_ms(event_options(ev), "timeout"), on_answer, moving);
}

static enum verdict
check_request(struct event *ev)
{
	const struct moved_state *state = module_state(ev->worker, &xep0283_moved);
	const struct contact *contact;
	struct jid old_jid;

	if (ev->stanza->type != PRESENCE_SUBSCRIBE || ev->stanza == state->passed)
		return PASS;
	contact = roster_find(ev->account->roster, jid_bare_text(ev->stanza->from));
	if ((contact != NULL && contact->from) ||
	    !read_old_jid(ev->arena, ev->account, ev->stanza, &old_jid) ||
	    *pending_of(ev->account) >= PENDING_MAX)
		return PASS;
	ask(ev, old_jid);
	return DONE;
}

const struct module xep0283_moved = {
	.name = "moved",
	.specs = SPECS({"XEP-0283", "0.2.0", SPEC_COMPLETE,
			"the contact's server; the statement is a node of PEP"}),
	.options = OPTIONS({"timeout", OPTION_DURATION, "30s",
			    "for the old address to confirm that it moved"}),
	.hooks = HOOKS({POINT_TO_ACCOUNT, STAGE_MARK, check_request}),
	.account_free = free,
	.state_size = sizeof(struct moved_state),
};
