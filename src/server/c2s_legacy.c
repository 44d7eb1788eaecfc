/* SPDX-License-Identifier: MIT */
/*
 * c2s_legacy.c - jabber:iq:auth (XEP-0078), for clients that open a stream without a version.
 *
 * Plaintext by default; digest only on hosts whose operator opted into keeping passwords, sealed.
 */
#include "base/log.h"
#include "server/c2s_private.h"
#include "xmpp/legacy_auth.h"
#include "xmpp/ns.h"

#include <openssl/crypto.h>
#include <stdlib.h>

struct legacy_auth {
	struct stanza *iq;
	struct arena *arena;
	struct str user, bare, resource; /* prepared */
	struct str password, digest;     /* p NULL: not given */
	struct credentials credentials;
	uint32_t iterations; /* that an unknown user is given */
	bool is_known, is_right;
};

void
c2s_legacy_free(struct legacy_auth *legacy)
{
	if (legacy == NULL)
		return;
	if (legacy->password.p != NULL)
		OPENSSL_cleanse((char *)(uintptr_t)legacy->password.p, legacy->password.len);
	stanza_unref(legacy->iq);
	arena_free(legacy->arena);
	free(legacy);
}

struct str
c2s_legacy_resource(const struct legacy_auth *legacy)
{
	return legacy->resource;
}

static void
refuse(struct c2s *c2s, struct stanza *iq, enum stanza_condition condition, const char *text)
{
	struct stanza *reply = stanza_error_reply(iq, condition, text);

	c2s_send(c2s, reply);
	stanza_unref(iq);
}

/* §3.1: the fields that this stream takes. */
static void
answer_get(struct c2s *c2s, struct stanza *iq)
{
	struct stanza *reply = stanza_result(iq);
	struct element *query = element_add(reply->arena, reply->el, NS_LEGACY_AUTH, "query");

	element_add(reply->arena, query, NULL, "username");
	element_add(reply->arena, query, NULL, "password");
	if (c2s_host(c2s)->legacy_digest)
		element_add(reply->arena, query, NULL, "digest");
	element_add(reply->arena, query, NULL, "resource");
	c2s_send(c2s, reply);
	stanza_unref(iq);
}

/* On a store thread: whether the password fits. An unknown user costs the same (SEC-34). */
static void
check(void *arg)
{
	struct c2s *c2s = arg;
	struct legacy_auth *legacy = c2s->legacy;
	struct str password;

	if (legacy->password.p != NULL) {
		if (!legacy->is_known)
			credentials_derive(legacy->arena, STR("nobody's"), legacy->iterations,
					   &legacy->credentials);
		legacy->is_right = credentials_verify(&legacy->credentials, legacy->password) &&
				   legacy->is_known;
		return;
	}
	if (legacy->is_known && legacy->credentials.sealed_password.len > 0 &&
	    credentials_unseal(legacy->arena, c2s->worker->server->seal_key, legacy->bare,
			       legacy->credentials.sealed_password, &password) == 0) {
		legacy->is_right =
			legacy_digest_fits(str(c2s->stream.id), password, legacy->digest);
		OPENSSL_cleanse((char *)(uintptr_t)password.p, password.len);
	}
}

static void
on_checked(void *arg)
{
	struct c2s *c2s = arg;
	struct legacy_auth *legacy = c2s->legacy;

	if (!c2s_release(c2s))
		return;
	if (legacy->is_right) {
		struct arena *arena = arena_new();

		log_event(LOG_INFO, "login", LOG_STR("user", legacy->user),
			  LOG_Z("host", c2s->host), LOG_STR("peer", c2s_peer_text(arena, c2s)),
			  LOG_Z("by", "jabber:iq:auth"));
		arena_free(arena);
		c2s_authenticated(c2s, legacy->user, false);
		return;
	}
	refuse(c2s, stanza_ref(legacy->iq), STANZA_NOT_AUTHORIZED, NULL);
	c2s_legacy_free(legacy);
	c2s->legacy = NULL;
	c2s_auth_failed(c2s, "wrong jabber:iq:auth credentials");
}

static void
on_credentials(struct store_request *request)
{
	struct c2s *c2s = request->owner;
	struct legacy_auth *legacy = c2s->legacy;

	legacy->is_known = request->results[0].status == STORE_OK &&
			   credentials_parse(legacy->arena, request->results[0].value,
					     &legacy->credentials) == 0;
	store_request_free(request);
	/* The hold goes on until the check is done. */
	store_offload(c2s->worker->store, c2s->worker->loop, check, on_checked, c2s);
}

/* Reads the fields into C2S->legacy. Returns what is wrong with them. */
static enum stanza_condition
read_fields(struct c2s *c2s, struct legacy_auth *l, const struct element *query)
{
	struct str user = element_child_text(l->arena, query, NULL, "username");
	struct str password = element_child_text(l->arena, query, NULL, "password");
	struct str resource = element_child_text(l->arena, query, NULL, "resource");
	const char *why;

	l->digest = element_child_text(l->arena, query, NULL, "digest");
	/* §3.2: all of them are required. */
	if (user.len == 0 || resource.len == 0 || (password.len == 0 && l->digest.len == 0))
		return STANZA_NOT_ACCEPTABLE;
	if (password.p == NULL && !c2s_host(c2s)->legacy_digest)
		return STANZA_NOT_ACCEPTABLE;
	if (jid_prepare_resource(l->arena, resource, &l->resource, &why) < 0)
		return STANZA_JID_MALFORMED;
	/* A name or password that can't be is wrong in the same way as one that is not. */
	if (jid_prepare_local(l->arena, user, &l->user, &why) < 0)
		return STANZA_NOT_AUTHORIZED;
	if (password.p != NULL && password_prepare(l->arena, password, &l->password, &why) < 0)
		return STANZA_NOT_AUTHORIZED;
	l->bare = arena_printf(l->arena, "%.*s@%s", STR_ARG(l->user), c2s->host);
	return STANZA_NO_ERROR;
}

static void
start(struct c2s *c2s, struct stanza *iq)
{
	struct legacy_auth *legacy = xnew(struct legacy_auth);
	struct store_request *request;
	enum stanza_condition condition;

	legacy->iq = iq;
	legacy->arena = arena_new();
	condition = read_fields(c2s, legacy, element_child(iq->el, NS_LEGACY_AUTH, "query"));
	if (condition != STANZA_NO_ERROR) {
		refuse(c2s, stanza_ref(iq), condition, NULL);
		c2s_legacy_free(legacy);
		if (condition == STANZA_NOT_AUTHORIZED)
			c2s_auth_failed(c2s, "malformed jabber:iq:auth credentials");
		return;
	}
	c2s->legacy = legacy;
	c2s->credentials_ms = time_mono_ms();
	legacy->iterations = (uint32_t)c2s->worker->config->sasl.scram_iterations;
	request = store_request_new(c2s->worker->store, c2s->worker->loop, on_credentials, c2s);
	store_auth_get(request, legacy->bare);
	c2s_hold(c2s);
	store_submit(request);
}

void
c2s_legacy_iq(struct c2s *c2s, struct stanza *iq)
{
	struct worker *worker = c2s->worker;

	if (!c2s_may_send_password(c2s))
		refuse(c2s, iq, STANZA_NOT_ALLOWED, "passwords need encryption on this listener");
	else if (iq->type == IQ_GET)
		answer_get(c2s, iq);
	else if (admission_login_is_throttled(worker->server->admission, &worker->config->limits,
					      c2s_peer(c2s)))
		refuse(c2s, iq, STANZA_RESOURCE_CONSTRAINT, "too many failures from that address");
	else
		start(c2s, iq);
}

/* On the account's home worker. The answer to the iq is the binding's (§3.2: an empty result). */
void
c2s_legacy_arrived(struct c2s *c2s)
{
	c2s_bind(c2s, stanza_ref(c2s->legacy->iq));
}
