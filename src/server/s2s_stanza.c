/* SPDX-License-Identifier: MIT */
/*
 * s2s_stanza.c - stanzas from other servers: who may send what, and in which namespace (RFC 6120
 * §8.1.1.2, §8.1.2.2; SEC-43).
 */
#include "server/s2s_private.h"

#include "server/route.h"
#include "xmpp/content_ns.h"

#include <stdatomic.h>
#include <stdlib.h>

struct s2s_auth *
s2s_find_auth(struct s2s *s2s, struct str local, struct str remote)
{
	LIST_EACH(&s2s->auths, struct s2s_auth, link, auth)
	{
		if (str_equal(auth->local, local) && str_equal(auth->remote, remote))
			return auth;
	}
	return NULL;
}

struct s2s_auth *
s2s_new_auth(struct s2s *s2s, struct str local, struct str remote)
{
	struct s2s_auth *auth = xalloc(sizeof(*auth) + local.len + remote.len);

	memcpy(auth->text, local.p, local.len);
	memcpy(auth->text + local.len, remote.p, remote.len);
	auth->local = str_of(auth->text, local.len);
	auth->remote = str_of(auth->text + local.len, remote.len);
	list_add(&s2s->auths, &auth->link);
	s2s->auth_count++;
	return auth;
}

void
s2s_drop_auth(struct s2s *s2s, struct s2s_auth *auth)
{
	if (s2s->last == auth)
		s2s->last = NULL;
	list_remove(&auth->link);
	s2s->auth_count--;
	free(auth);
}

void
s2s_free_auths(struct s2s *s2s)
{
	LIST_EACH(&s2s->auths, struct s2s_auth, link, auth)
	{
		list_remove(&auth->link);
		free(auth);
	}
}

/* Domains are prepared, so that equal bytes are what makes them equal, and nothing else. */
static bool
may_send(struct s2s *s2s, const struct stanza *stanza)
{
	struct str local = stanza->to.domain, remote = stanza->from.domain;
	struct s2s_auth *auth = s2s->last;

	if (auth == NULL || !str_equal(auth->remote, remote) || !str_equal(auth->local, local))
		auth = s2s_find_auth(s2s, local, remote);
	s2s->last = auth;
	return auth != NULL && !auth->is_pending;
}

static void
refuse_stream(struct s2s *s2s, const struct stanza *stanza)
{
	const struct config_host *host;

	if (!policy_is_ours(s2s->fed->worker, stanza->to.domain, &host))
		s2s_close(s2s, STREAM_HOST_UNKNOWN, "this server does not serve that domain");
	else
		s2s_close(s2s, STREAM_INVALID_FROM,
			  "a stanza from a domain that this stream is not authenticated for");
}

/* The answer to a ping of our own is for nobody else. */
static bool
is_pong(const struct stanza *stanza)
{
	return stanza->kind == STANZA_IQ && stanza->to.local.len == 0 &&
	       (stanza->type == IQ_RESULT || stanza->type == IQ_ERROR) &&
	       str_starts(stanza->id, STR("s2s-"));
}

static void
take(struct s2s *s2s, struct stanza *stanza)
{
	struct worker *worker = s2s->fed->worker;

	if (stanza->from.text.len == 0 || stanza->to.text.len == 0) {
		s2s_close(s2s, STREAM_IMPROPER_ADDRESSING, "a stanza without `from` or `to`");
	} else if (!may_send(s2s, stanza)) {
		refuse_stream(s2s, stanza);
	} else {
		s2s->used_ms = loop_now_ms(worker->loop);
		atomic_fetch_add_explicit(&worker->counters.stanzas_in, 1, memory_order_relaxed);
		ack_came(s2s, stanza);
		if (is_pong(stanza))
			ack_pong(worker, stanza->to.domain, stanza->from.domain, stanza->id);
		else
			route(worker, stanza_ref(stanza));
	}
	stanza_unref(stanza);
}

/* What could not be read gets its error, if it is from whom it may be from. Takes the reference. */
static void
answer_unread(struct s2s *s2s, struct stanza *reply)
{
	struct s2s_auth *auth = LIST_FIRST(&s2s->auths, struct s2s_auth, link);
	struct jid to = reply->to;

	if (to.text.len > 0 && reply->from.text.len > 0 && auth != NULL &&
	    s2s_find_auth(s2s, reply->from.domain, to.domain) != NULL)
		route(s2s->fed->worker, reply);
	else
		stanza_unref(reply);
}

void
s2s_take_stanza(struct s2s *s2s, const struct stream_event *event)
{
	enum stanza_condition condition;
	struct stanza *stanza, *reply;

	if (!s2s->stream.is_authenticated) {
		arena_free(event->arena);
		s2s_close(s2s, STREAM_NOT_AUTHORIZED, "no stanzas before authentication");
		return;
	}
	content_from_server(event->el);
	stanza = stanza_take(event->arena, event->el, &condition, &reply);
	if (stanza != NULL) {
		take(s2s, stanza);
		return;
	}
	ack_came(s2s, NULL);
	if (reply != NULL)
		answer_unread(s2s, reply);
}
