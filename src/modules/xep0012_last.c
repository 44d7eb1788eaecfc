/* SPDX-License-Identifier: MIT */
/*
 * xep0012_last.c - since when the server runs, and when an account was last there (XEP-0012).
 */
#include "server/module.h"
#include "server/roster.h"
#include "server/server.h"

#define NS_LAST "jabber:iq:last"
#define DOC_NAME "last-seen" /* "wall_us status" */

static struct element *
answer(struct arena *arena, uint64_t since_us, struct str status)
{
	struct element *query = element_new(arena, NS_LAST, "query");
	uint64_t now = time_wall_us(), seconds = now > since_us ? (now - since_us) / 1000000 : 0;

	element_set(arena, query, "seconds",
		    arena_printf(arena, "%llu", (unsigned long long)seconds));
	if (status.len > 0)
		element_add_text(arena, query, status);
	return query;
}

/* §5: how long it has been up. */
static enum verdict
answer_server(struct event *ev)
{
	event_reply(ev, answer(ev->arena, ev->worker->server->started_us, STR_NONE));
	return DONE;
}

static void
on_last_seen(struct store_request *request)
{
	struct held_iq *held = request->owner;
	struct str rest = request->results[0].value, field;
	uint64_t at;

	if (request->results[0].status == STORE_OK && str_split(&rest, ' ', &field) &&
	    str_to_u64(field, UINT64_MAX, &at) == 0)
		held_reply(held, answer(held->arena, at, arena_dup(held->arena, rest)));
	else /* never seen */
		held_refuse(held, STANZA_ITEM_NOT_FOUND, NULL);
	store_request_free(request);
}

/* §8: only those who may see the presence. */
static bool
may_ask(const struct event *ev)
{
	struct str asker = jid_bare_text(ev->stanza->from);
	const struct contact *contact = roster_find(ev->account->roster, asker);

	return str_equal(asker, ev->account->jid.text) || (contact != NULL && contact->from);
}

/* §3: an account that is connected is not idle. */
static enum verdict
answer_account(struct event *ev)
{
	struct store_request *request;

	if (!may_ask(ev))
		return event_refuse(ev, STANZA_FORBIDDEN);
	if (ev->account->session_count > 0) {
		event_reply(ev, answer(ev->arena, time_wall_us(), STR_NONE));
		return DONE;
	}
	request = store_request_new(ev->worker->store, ev->worker->loop, on_last_seen,
				    event_hold(ev));
	store_doc_get(request, ev->account->jid.text, DOC_NAME);
	store_submit(request);
	return DONE;
}

static enum verdict
answer_last(struct event *ev)
{
	return ev->stanza->to.text.len > 0 && ev->stanza->to.local.len == 0 ? answer_server(ev)
									    : answer_account(ev);
}

/* §4: a client is not asked by those who may not. */
static enum verdict
check_client_asked(struct event *ev)
{
	if (ev->stanza->kind != STANZA_IQ || ev->stanza->type != IQ_GET ||
	    ev->stanza->to.resource.len == 0 || !element_is(event_payload(ev), NS_LAST, "query") ||
	    may_ask(ev))
		return PASS;
	return event_refuse(ev, STANZA_FORBIDDEN);
}

static void
remember(struct account *account, struct str status)
{
	struct store_request *request;

	if (account->is_guest || account->state != ACCOUNT_READY)
		return;
	request = store_request_new(account->worker->store, account->worker->loop, NULL, NULL);
	store_doc_put(request, account->jid.text, DOC_NAME,
		      arena_printf(request->arena, "%llu %.*s", (unsigned long long)time_wall_us(),
				   STR_ARG(str_first(status, 1024))));
	store_submit(request);
}

/* The last words of the last session, if it said any. */
static enum verdict
on_presence(struct event *ev)
{
	if (session_is_available(ev->session) || ev->stanza == NULL)
		return PASS;
	LIST_EACH(&ev->account->sessions, struct session, link, session)
	{
		if (session_is_available(session))
			return PASS;
	}
	remember(ev->account, element_child_text(ev->arena, ev->stanza->el, NS_CLIENT, "status"));
	return PASS;
}

const struct module xep0012_last = {
	.name = "last",
	.specs = SPECS({"XEP-0012", "2.0", SPEC_COMPLETE, NULL}),
	.features = FEATURES(NS_LAST),
	.account_features = FEATURES(NS_LAST),
	.iqs = IQS(
		{IQ_GET, TO_SERVER | TO_OWN_ACCOUNT | TO_ACCOUNT, NS_LAST, "query", answer_last}),
	.hooks = HOOKS({POINT_TO_ACCOUNT, STAGE_CHECK, check_client_asked},
		       {POINT_PRESENCE, STAGE_HANDLE, on_presence}),
};
