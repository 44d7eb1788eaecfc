/* SPDX-License-Identifier: MIT */
/* interest.c - notifications to those who want them, and last items for those who come online. */
#include "modules/xep0060_pubsub/interest.h"

#include "modules/blocking.h"
#include "modules/xep0060_pubsub/peers.h"
#include "modules/xep0060_pubsub/pep.h"
#include "server/roster.h"
#include "xmpp/xep/caps.h"

#include <stdlib.h>

static bool
is_here(const struct worker *worker, struct jid jid)
{
	return jid.local.len > 0 && worker_host(worker, jid.domain) != NULL;
}

/* To the sessions of ACCOUNT that want it. Returns how many. */
static unsigned
deliver(struct account *account, struct stanza *message, struct str node)
{
	unsigned n = 0;

	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (session->is_closing || !session_is_available(session) ||
		    !caps_features_wants(session->features, node))
			continue;
		route(account->worker, stanza_readdress(message, session->jid));
		n++;
	}
	return n;
}

struct parcel { /* a notification on its way to a contact's home */
	struct stanza *message;
	struct jid to;
	struct str node;
	bool is_subscribed;
	char text[]; /* of both */
};

static void
open_parcel(struct worker *worker, void *arg)
{
	struct parcel *parcel = arg;
	struct account *account = account_find(worker, parcel->to.text);
	unsigned n = account != NULL && account->state == ACCOUNT_READY
			     ? deliver(account, parcel->message, parcel->node)
			     : 0;

	if (n == 0 && parcel->is_subscribed)
		route(worker, stanza_readdress(parcel->message, parcel->to));
	stanza_unref(parcel->message);
	free(parcel);
}

static void
send_parcel(struct worker *worker, struct stanza *message, struct str node, struct jid to,
	    bool is_subscribed)
{
	struct parcel *parcel = xalloc(sizeof(*parcel) + to.text.len + node.len);

	memcpy(parcel->text, to.text.p, to.text.len);
	memcpy(parcel->text + to.text.len, node.p, node.len);
	parcel->to = jid_of_prepared(str_of(parcel->text, to.text.len));
	parcel->node = str_of(parcel->text + to.text.len, node.len);
	parcel->message = stanza_ref(message);
	parcel->is_subscribed = is_subscribed;
	worker_call(worker_home(worker, to.text), open_parcel, parcel);
}

void
interest_notify(struct site *site, struct stanza *message, struct str node, struct jid to,
		bool is_subscribed)
{
	if (str_equal(to.text, site->jid.text))
		deliver(site->account, message, node);
	else if (is_here(site->worker, to))
		send_parcel(site->worker, message, node, to, is_subscribed);
	else if (peers_notify(site, message, node, to.text) == 0 && is_subscribed)
		route(site->worker, stanza_readdress(message, to));
}

struct greeting { /* of a session, to an account whose nodes it may want */
	struct waiter waiter;
	struct site_task task;
	struct jid owner, session;
	struct caps_features *features, *before; /* what it wants; what it had before, or NULL */
	char text[];                             /* of both addresses */
};

static void
greeting_free(struct greeting *greeting)
{
	caps_features_unref(greeting->features);
	caps_features_unref(greeting->before);
	free(greeting);
}

static void
send_last_items(struct site_task *task, struct site *site)
{
	struct greeting *greeting = CONTAINER(task, struct greeting, task);
	struct str who = jid_bare_text(greeting->session), name;
	size_t at = 0;

	while (site != NULL && caps_features_next_wanted(greeting->features, &at, &name)) {
		struct node *node = site_node(site, name);

		if (node == NULL || caps_features_wants(greeting->before, name) ||
		    node->config->send_last != LAST_ON_SUB_AND_PRESENCE ||
		    node_access(node, who) != ACCESS_ALLOWED)
			continue;
		node_expire(node);
		node_send_last(node, greeting->session);
	}
	greeting_free(greeting);
}

static void
on_loaded(struct waiter *waiter, struct account *account)
{
	struct greeting *greeting = CONTAINER(waiter, struct greeting, waiter);
	struct site *site = account->state == ACCOUNT_READY ? pep_site(account) : NULL;

	if (site == NULL || blocking_applies(account, greeting->session) ||
	    !site_when_ready(site, &greeting->task))
		greeting_free(greeting);
}

static void
open_greeting(struct worker *worker, void *arg)
{
	struct greeting *greeting = arg;

	if (worker_host(worker, greeting->owner.domain) == NULL)
		greeting_free(greeting);
	else
		account_wait(account_get(worker, greeting->owner.text), &greeting->waiter);
}

static struct greeting *
greeting_new(struct str jid, struct str owner, struct caps_features *features,
	     struct caps_features *before)
{
	struct greeting *greeting = xalloc(sizeof(*greeting) + jid.len + owner.len);

	memcpy(greeting->text, jid.p, jid.len);
	memcpy(greeting->text + jid.len, owner.p, owner.len);
	greeting->session = jid_of_prepared(str_of(greeting->text, jid.len));
	greeting->owner = jid_of_prepared(str_of(greeting->text + jid.len, owner.len));
	greeting->features = caps_features_ref(features);
	if (before != NULL)
		greeting->before = caps_features_ref(before);
	greeting->waiter.run = on_loaded;
	greeting->task.run = send_last_items;
	return greeting;
}

static void
greet(struct session *session, struct str owner)
{
	worker_call(worker_home(session->worker, owner), open_greeting,
		    greeting_new(session->jid.text, owner, session->features, session->greeted));
}

void
interest_greet_peer(struct site *site, struct jid peer, struct caps_features *features,
		    struct caps_features *before)
{
	on_loaded(&greeting_new(peer.text, site->jid.text, features, before)->waiter,
		  site->account);
}

static bool
wants_any(const struct session *session)
{
	size_t at = 0;
	struct str node;

	return caps_features_next_wanted(session->features, &at, &node);
}

enum verdict
interest_greet(struct event *ev)
{
	struct session *session = ev->session;
	uint32_t at = 0;
	void *value;

	if (!session_is_available(session) || session->features == NULL)
		return PASS;
	if (wants_any(session)) {
		if (!ev->account->is_guest)
			greet(session, ev->account->jid.text);
		while (map_next(&ev->account->roster->contacts, &at, &value)) {
			const struct contact *contact = value;

			if (contact->to && is_here(ev->worker, jid_of_prepared(contact->jid)) &&
			    !str_equal(contact->jid, ev->account->jid.text))
				greet(session, contact->jid);
		}
	}
	caps_features_unref(session->greeted);
	session->greeted = caps_features_ref(session->features);
	return PASS;
}

struct gained { /* CONTACT sees OWNER from now on */
	struct str owner, contact;
	char text[];
};

static void
open_gained(struct worker *worker, void *arg)
{
	struct gained *gained = arg;
	struct account *account = account_find(worker, gained->contact);

	if (account != NULL && account->state == ACCOUNT_READY) {
		LIST_EACH(&account->sessions, struct session, link, session)
		{
			struct caps_features *before = session->greeted;

			if (session->is_closing || !session_is_available(session) ||
			    !wants_any(session))
				continue;
			session->greeted = NULL; /* nothing yet, of that owner */
			greet(session, gained->owner);
			session->greeted = before;
		}
	}
	free(gained);
}

enum verdict
interest_greet_contact(struct event *ev)
{
	struct str owner = ev->account->jid.text, contact = ev->contact;
	struct gained *gained;

	if (!is_here(ev->worker, jid_of_prepared(contact)))
		return PASS;
	gained = xalloc(sizeof(*gained) + owner.len + contact.len);
	memcpy(gained->text, owner.p, owner.len);
	memcpy(gained->text + owner.len, contact.p, contact.len);
	gained->owner = str_of(gained->text, owner.len);
	gained->contact = str_of(gained->text + owner.len, contact.len);
	worker_call(worker_home(ev->worker, contact), open_gained, gained);
	return PASS;
}
