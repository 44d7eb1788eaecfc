/* SPDX-License-Identifier: MIT */
/* c2s_bind.c - resource binding (RFC 6120 §7), the end of every login. */
#include "base/log.h"
#include "base/rand.h"
#include "server/c2s_private.h"
#include "server/module.h"

#include <stdatomic.h>
#include <stdlib.h>

static void
refuse(struct c2s *c2s, enum stanza_condition condition, const char *text)
{
	struct stanza *iq = c2s->bind;

	c2s->bind = NULL;
	c2s_send(c2s, stanza_error_reply(iq, condition, text));
	stanza_unref(iq);
}

/* Ends the session that holds RESOURCE, at once: two may not have one address. */
void
c2s_replace(struct session *old)
{
	struct c2s *c2s = old->c2s;

	if (c2s != NULL) {
		c2s_close(c2s, STREAM_CONFLICT, "another client took this resource");
		c2s->session = NULL;
	}
	session_end(old);
}

/* With room for what is added, and its last character whole (SEC-01). */
static struct str
beginning_of(struct str resource)
{
	size_t len = MIN(resource.len, 900u);

	while (len > 0 && len < resource.len && ((unsigned char)resource.p[len] & 0xc0) == 0x80)
		len--;
	return str_first(resource, len);
}

/* False: refused. *RESOURCE may be another one than was asked for. */
static bool
settle_conflict(struct c2s *c2s, struct account *account, struct str *resource, struct arena *arena)
{
	struct session *old = account_session(account, *resource);
	struct str beginning, token;

	if (old == NULL)
		return true;
	switch (c2s->worker->config->sessions.conflict) {
	case CONFLICT_REPLACE_OLD:
		c2s_replace(old);
		return true;
	case CONFLICT_RENAME:
		beginning = beginning_of(*resource);
		token = rand_token(arena, 48);
		*resource = arena_printf(arena, "%.*s-%.*s", STR_ARG(beginning), STR_ARG(token));
		return account_session(account, *resource) == NULL;
	case CONFLICT_REFUSE_NEW:
		break;
	}
	return false;
}

void
c2s_take_session(struct c2s *c2s, struct session *session)
{
	struct worker *worker = c2s->worker;

	assert(session->worker == worker);
	c2s->session = session;
	session->c2s = c2s;
	if (worker->config->sessions.silent_after > 0)
		timer_set(worker->loop, &c2s->timer,
			  loop_now_ms(worker->loop) + worker->config->sessions.silent_after);
	else
		timer_cancel(worker->loop, &c2s->timer);
}

static void
bound(struct c2s *c2s, struct account *account, struct str resource)
{
	struct worker *worker = c2s->worker;
	struct event ev = {.worker = worker, .account = account};

	c2s_take_session(c2s, session_new(account, resource, c2s));
	c2s->session->proof = c2s->proof;
	if (c2s->login != NULL)
		memcpy(c2s->session->client_id, c2s->login->client_id, CLIENT_ID_SIZE + 1);
	log_event(LOG_INFO, "session-bound", LOG_STR("jid", c2s->session->jid.text));
	ev.session = c2s->session;
	ev.host = c2s_host(c2s);
	ev.arena = arena_new();
	if (ev.host != NULL)
		hooks_run(POINT_SESSION_BOUND, &ev);
	arena_free(ev.arena);
}

/* RFC 6120 §7.6.1: the full JID; a legacy client (XEP-0078) knows its own, and gets an empty
 * result. */
static void
answer(struct c2s *c2s)
{
	struct stanza *reply, *iq = c2s->bind;

	c2s->bind = NULL;
	reply = stanza_result(iq);
	if (c2s->stream.has_version) {
		struct element *bind = element_add(reply->arena, reply->el, NS_BIND, "bind");

		element_add_leaf(reply->arena, bind, "jid", c2s->session->jid.text);
	}
	c2s_send(c2s, reply);
	stanza_unref(iq);
}

bool
c2s_may_use_account(struct c2s *c2s, const struct account *account)
{
	if (account->state != ACCOUNT_READY) {
		/* It was removed while it logged in. */
		c2s_close(c2s, STREAM_NOT_AUTHORIZED, "the account is gone");
		return false;
	}
	if (account->is_disabled) {
		c2s_close(c2s, STREAM_NOT_AUTHORIZED, "the account is disabled");
		return false;
	}
	if (!account->is_guest && c2s->credentials_ms > 0 &&
	    c2s->credentials_ms < account->revoked_ms) {
		/* It began to log in before that, and took its time. */
		c2s_close(c2s, STREAM_NOT_AUTHORIZED, "the password was changed");
		return false;
	}
	return true;
}

enum stanza_condition
c2s_bind_resource(struct c2s *c2s, struct account *account, struct str resource, const char **text)
{
	const struct config_limits *limits = &c2s->worker->config->limits;
	struct arena *arena = arena_new();
	enum stanza_condition condition = STANZA_NO_ERROR;

	*text = NULL;
	if (resource.len == 0)
		resource = rand_token(arena, 96);
	if (!c2s_may_use_account(c2s, account)) {
		condition = STANZA_NOT_AUTHORIZED;
	} else if (!settle_conflict(c2s, account, &resource, arena)) {
		condition = STANZA_CONFLICT;
	} else if (limits->sessions_per_account > 0 &&
		   account->session_count >= limits->sessions_per_account) {
		*text = "too many sessions of this account";
		condition = STANZA_RESOURCE_CONSTRAINT;
	} else {
		bound(c2s, account, resource);
	}
	arena_free(arena);
	return condition;
}

/* Binds RESOURCE for the iq that asks for it, and answers that. */
static void
bind_for_iq(struct c2s *c2s, struct account *account, struct str resource)
{
	const char *text;
	enum stanza_condition condition = c2s_bind_resource(c2s, account, resource, &text);

	if (c2s->is_closing)
		return;
	if (condition != STANZA_NO_ERROR)
		refuse(c2s, condition, text);
	else
		answer(c2s);
}

static void
on_account(struct waiter *waiter, struct account *account)
{
	struct c2s *c2s = CONTAINER(waiter, struct c2s, waiter);
	struct str resource = STR("");
	const struct element *bind = element_child(c2s->bind->el, NS_BIND, "bind");
	const char *why;

	if (!c2s_release(c2s))
		return;
	/* The iq of a legacy client has its resource elsewhere, and is prepared already. */
	if (c2s->legacy != NULL)
		resource = c2s_legacy_resource(c2s->legacy);
	else if (bind != NULL)
		resource = element_child_text(c2s->bind->arena, bind, NS_BIND, "resource");
	if (c2s->legacy == NULL && resource.len > 0 &&
	    jid_prepare_resource(c2s->bind->arena, resource, &resource, &why) < 0) {
		refuse(c2s, STANZA_BAD_REQUEST, why);
		return;
	}
	bind_for_iq(c2s, account, resource);
	c2s_legacy_free(c2s->legacy); /* and the password in it */
	c2s->legacy = NULL;
}

struct account *
c2s_account(struct c2s *c2s)
{
	struct worker *worker = c2s->worker;
	struct arena *arena = arena_new();
	struct str bare = arena_printf(arena, "%s@%s", c2s->user, c2s->host);
	struct account *account =
		c2s->is_guest ? account_find(worker, bare) : account_get(worker, bare);

	if (account == NULL)
		account = account_new_guest(worker, bare);
	arena_free(arena);
	return account;
}

/* Takes the iq that asks for it, and answers it when the account is in memory. */
void
c2s_bind(struct c2s *c2s, struct stanza *iq)
{
	if (iq->type != IQ_SET || c2s->bind != NULL) {
		c2s_send(c2s, stanza_error_reply(iq, STANZA_BAD_REQUEST, NULL));
		stanza_unref(iq);
		return;
	}
	c2s->bind = iq;
	c2s->waiter.run = on_account;
	c2s_hold(c2s);
	account_wait(c2s_account(c2s), &c2s->waiter);
}
