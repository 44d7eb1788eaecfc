/* SPDX-License-Identifier: MIT */
/* peers.c - keeps, with an account's nodes, who of its contacts elsewhere is online. */
#include "modules/xep0060_pubsub/peers.h"

#include "modules/caps.h"
#include "modules/xep0060_pubsub/interest.h"
#include "modules/xep0060_pubsub/pep.h"
#include "server/roster.h"
#include "server/server_ask.h"
#include "xmpp/xep/disco.h"

#include <stdlib.h>

#define PEERS_MAX 1000u /* of one account; more are not told */
#define ASK_MS 30000u

struct peer {
	struct caps_features *features; /* NULL: not known yet */
	struct str jid, ver;            /* VER: of the hash in its presence */
	char text[];                    /* of both */
};

static void
peer_free(struct peer *peer)
{
	if (peer == NULL)
		return;
	caps_features_unref(peer->features);
	free(peer);
}

void
peers_free(struct site *site)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&site->peers, &at, &value))
		peer_free(value);
	map_free(&site->peers);
}

/* In the place of what is known of JID. */
static struct peer *
put_peer(struct site *site, struct str jid, struct str ver)
{
	struct peer *peer = xalloc(sizeof(*peer) + jid.len + ver.len);

	memcpy(peer->text, jid.p, jid.len);
	memcpy(peer->text + jid.len, ver.p, ver.len);
	peer->jid = str_of(peer->text, jid.len);
	peer->ver = str_of(peer->text + jid.len, ver.len);
	peer_free(map_put(&site->peers, peer->jid, peer));
	return peer;
}

/* From now on; BEFORE is what it had (may be NULL). */
static void
set_features(struct site *site, struct peer *peer, struct caps_features *features,
	     struct caps_features *before)
{
	peer->features = caps_features_ref(features);
	interest_greet_peer(site, jid_of_prepared(peer->jid), features, before);
}

struct question {
	struct account *account; /* pinned */
	struct arena *arena;     /* holds all of it, itself too */
	struct jid from;
	struct caps caps;
};

static void
on_answer(struct worker *worker, const struct stanza *reply, void *arg)
{
	struct question *q = arg;
	struct site *site = q->account->state == ACCOUNT_READY ? pep_site(q->account) : NULL;
	struct peer *peer = site ? map_get(&site->peers, q->from.text) : NULL;
	const struct element *query = reply != NULL && reply->type == IQ_RESULT
					      ? element_child(reply->el, NS_DISCO_INFO, "query")
					      : NULL;
	struct caps_features *features = query != NULL ? caps_learn(worker, &q->caps, query) : NULL;

	/* It may have gone, or be another client by now. */
	if (features != NULL && peer != NULL && peer->features == NULL &&
	    str_equal(peer->ver, q->caps.ver))
		set_features(site, peer, features, NULL);
	account_unpin(q->account);
	arena_free(q->arena);
}

static void
ask(struct account *account, struct jid from, const struct caps *caps)
{
	struct arena *arena = arena_new();
	struct question *q = arena_new_of(arena, struct question);
	struct element *query = disco_new(
		arena, NS_DISCO_INFO,
		arena_printf(arena, "%.*s#%.*s", STR_ARG(caps->node), STR_ARG(caps->ver)));

	q->arena = arena;
	q->account = account;
	q->from = jid_of_prepared(arena_dup(arena, from.text));
	q->caps = (struct caps){arena_dup(arena, caps->node), arena_dup(arena, caps->ver),
				arena_dup(arena, caps->hash)};
	account_pin(account);
	server_ask(account->worker, account->jid, q->from, IQ_GET, query, ASK_MS, on_answer, q);
}

static void
take_available(struct event *ev, struct site *site)
{
	struct jid from = ev->stanza->from;
	struct peer *old = map_get(&site->peers, from.text), *peer;
	struct caps_features *features, *before = NULL;
	struct caps caps;

	if (!caps_find(ev->stanza->el, &caps) || !caps_knows_hash(caps.hash)) {
		peer_free(map_remove(&site->peers, from.text));
		return;
	}
	if ((old != NULL && str_equal(old->ver, caps.ver)) ||
	    (old == NULL && site->peers.count >= PEERS_MAX))
		return;
	if (old != NULL && old->features != NULL)
		before = caps_features_ref(old->features);
	peer = put_peer(site, from.text, caps.ver);
	features = caps_known(ev->worker, &caps);
	if (features != NULL)
		set_features(site, peer, features, before);
	else
		ask(ev->account, from, &caps);
	caps_features_unref(before);
}

enum verdict
peers_presence(struct event *ev)
{
	const struct stanza *presence = ev->stanza;
	const struct contact *contact;
	struct site *site;

	if (presence->kind != STANZA_PRESENCE || presence->from.resource.len == 0 ||
	    (presence->type != PRESENCE_AVAILABLE && presence->type != PRESENCE_UNAVAILABLE) ||
	    worker_host(ev->worker, presence->from.domain) != NULL)
		return PASS;
	site = pep_site(ev->account);
	if (site == NULL)
		return PASS;
	contact = roster_find(ev->account->roster, jid_bare_text(presence->from));
	if (presence->type == PRESENCE_UNAVAILABLE)
		peer_free(map_remove(&site->peers, presence->from.text));
	else if (contact != NULL && contact->from)
		take_available(ev, site);
	return PASS;
}

unsigned
peers_notify(struct site *site, struct stanza *message, struct str node, struct str bare)
{
	uint32_t at = 0;
	unsigned n = 0;
	void *value;

	while (map_next(&site->peers, &at, &value)) {
		const struct peer *peer = value;
		struct jid jid = jid_of_prepared(peer->jid);

		if (!str_equal(jid_bare_text(jid), bare) ||
		    !caps_features_wants(peer->features, node))
			continue;
		route(site->worker, stanza_readdress(message, jid));
		n++;
	}
	return n;
}
