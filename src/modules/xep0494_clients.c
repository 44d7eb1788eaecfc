/* SPDX-License-Identifier: MIT */
/*
 * xep0494_clients.c - which devices have access to an account, for its owner to see and to revoke
 * (XEP-0494).
 *
 * A device is known by the <user-agent/> of its login (clients.h). Sessions of clients that told
 * none are listed too, as long as they last.
 */
#include "server/clients.h"
#include "server/module.h"

#include <stdlib.h>

#define NS_CAM "urn:xmpp:cam:0"

static void
add_time(struct event *ev, struct element *client, const char *name, uint64_t at_us)
{
	element_add_leaf(ev->arena, client, name, time_format(ev->arena, at_us, false));
}

static struct element *
add_client(struct event *ev, struct element *list, const char *id, bool is_connected)
{
	struct element *client = element_add(ev->arena, list, NULL, "client");

	element_setz(ev->arena, client, "id", id);
	element_setz(ev->arena, client, "connected", is_connected ? "true" : "false");
	element_setz(ev->arena, client, "type", "session");
	return client;
}

static void
add_permission(struct event *ev, struct element *client)
{
	element_setz(ev->arena, element_add(ev->arena, client, NULL, "permission"), "status",
		     "unrestricted");
}

static bool
has_token(const struct client *client)
{
	for (size_t i = 0; i < TOKEN_SLOT_COUNT; i++)
		if (client->tokens[i].is_set && client->tokens[i].expires_us > time_wall_us())
			return true;
	return false;
}

static void
add_known(struct event *ev, struct element *list, const struct client *known)
{
	bool is_connected = client_is_connected(ev->account, known);
	struct element *client = add_client(ev, list, known->id, is_connected), *auth, *agent;

	add_time(ev, client, "first-seen", known->first_us);
	add_time(ev, client, "last-seen", is_connected ? time_wall_us() : known->last_us);
	auth = element_add(ev->arena, client, NULL, "auth");
	if (known->knows_password)
		element_add(ev->arena, auth, NULL, "password");
	if (has_token(known))
		element_add(ev->arena, auth, NULL, "fast");
	add_permission(ev, client);
	if (known->software[0] == '\0' && known->device[0] == '\0')
		return;
	agent = element_add(ev->arena, client, NULL, "user-agent");
	if (known->software[0] != '\0')
		element_add_leaf(ev->arena, agent, "software", str(known->software));
	if (known->device[0] != '\0')
		element_add_leaf(ev->arena, agent, "device", str(known->device));
}

static void
add_session(struct event *ev, struct element *list, const struct session *session)
{
	char id[CLIENT_ID_SIZE + 1];
	struct element *client, *auth;

	session_public_id(session, id);
	client = add_client(ev, list, id, true);
	add_time(ev, client, "first-seen", session->bound_at_us);
	add_time(ev, client, "last-seen", time_wall_us());
	auth = element_add(ev->arena, client, NULL, "auth");
	if (session->proof == PROOF_PASSWORD)
		element_add(ev->arena, auth, NULL, "password");
	add_permission(ev, client);
}

/* §3.1. */
static enum verdict
answer_list(struct event *ev)
{
	struct element *list = element_new(ev->arena, NS_CAM, "clients");

	LIST_EACH(&ev->account->clients, struct client, link, client)
	{
		add_known(ev, list, client);
	}
	LIST_EACH(&ev->account->sessions, struct session, link, session)
	{
		if (session->client_id[0] == '\0' && !session->is_closing)
			add_session(ev, list, session);
	}
	event_reply(ev, list);
	return DONE;
}

struct revocation {
	struct held_iq *held;
	struct account *account; /* pinned */
	struct str id;           /* in the iq */
	bool knew_password;
};

/* §3.2: whoever knows the password comes back with it, and the user must be told. */
static void
refuse_for_password(struct held_iq *held)
{
	struct stanza *error = stanza_error_reply(held->iq, STANZA_SERVICE_UNAVAILABLE, NULL);

	element_add(error->arena, element_child(error->el, NULL, "error"), NS_CAM,
		    "password-reset-required");
	route(held->worker, error);
	held_drop(held);
}

/*
 * It is on the disk: no token of it opens the account any more. The sessions end after the answer,
 * which may be for one of them.
 */
static void
on_revoked(struct store_request *request)
{
	struct revocation *revocation = request->owner;
	struct worker *worker = revocation->held->worker;
	struct account *account = revocation->account;
	char id[CLIENT_ID_SIZE + 1] = "";

	memcpy(id, revocation->id.p, MIN(revocation->id.len, CLIENT_ID_SIZE));
	if (request->status != STORE_OK)
		held_refuse(revocation->held, STANZA_RESOURCE_CONSTRAINT, NULL);
	else if (revocation->knew_password)
		refuse_for_password(revocation->held);
	else
		held_reply(revocation->held, NULL);
	store_request_free(request);
	route_drain(&worker->drain);
	client_end_sessions(account, str(id));
	account_unpin(account);
	free(revocation);
}

static enum verdict
answer_revoke(struct event *ev)
{
	struct str id = element_attr(event_payload(ev), "id");
	struct store_request *request;
	struct revocation *revocation;
	struct client *client = clients_find(ev->account, id);
	struct session *session = clients_session(ev->account, id);

	if (id.len == 0)
		return event_refuse(ev, STANZA_BAD_REQUEST);
	if (client == NULL && session == NULL)
		return event_refuse(ev, STANZA_ITEM_NOT_FOUND);
	revocation = xnew(struct revocation);
	request = store_request_new(ev->worker->store, ev->worker->loop, on_revoked, revocation);
	revocation->knew_password =
		client != NULL ? client->knows_password : session->proof == PROOF_PASSWORD;
	revocation->held = event_hold(ev);
	revocation->id = arena_dup(revocation->held->arena, id);
	revocation->account = ev->account;
	account_pin(ev->account);
	if (client != NULL)
		clients_remove(ev->account, client, request);
	store_submit(request);
	return DONE;
}

const struct module xep0494_clients = {
	.name = "clients",
	.specs = SPECS({"XEP-0494", "0.1.0", SPEC_COMPLETE,
			"a client that knows the password is revoked as far as that goes"}),
	.account_features = FEATURES(NS_CAM),
	.iqs = IQS({IQ_GET, TO_OWN_ACCOUNT, NS_CAM, "list", answer_list},
		   {IQ_SET, TO_OWN_ACCOUNT, NS_CAM, "revoke", answer_revoke}),
};
