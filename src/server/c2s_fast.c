/* SPDX-License-Identifier: MIT */
/*
 * c2s_fast.c - logging in with a token (XEP-0484).
 *
 * The proof is checked where the connection was accepted, against what the store says. What a login
 * changes (the count, which token is current, a new one) is checked again and done on the account's
 * home worker, where one thing happens after the other: the same first flight, sent twice at the
 * same time, gets in once.
 */
#include "base/log.h"
#include "server/account_disable.h"
#include "server/c2s_private.h"
#include "server/clients.h"

#include <openssl/crypto.h>

#define NS_FAST "urn:xmpp:fast:0"
#define US_PER_MS 1000u
#define SEEN_STEP_US (600 * 1000000ull) /* how exact "last seen" is on the disk */

/* What BINDING binds to on this connection; false: not available, or switched off. */
static bool
binding_data(const struct c2s *c2s, enum ht_binding binding, struct arena *arena, struct str *out)
{
	unsigned char bytes[64];
	int len = 0;

	*out = STR("");
	if (!conn_is_secure(c2s->conn) || c2s_is_disabled(c2s, ht_name(binding)))
		return false;
	if (binding == HT_EXPR)
		len = conn_channel_exporter(c2s->conn, bytes) == 0 ? 32 : -1;
	else if (binding == HT_ENDP)
		len = conn_channel_end_point(c2s->conn, bytes);
	if (len > 0)
		*out = arena_dup(arena, str_of(bytes, (size_t)len));
	return binding == HT_NONE || len > 0;
}

static const struct config_sasl *
settings(const struct c2s *c2s)
{
	return &c2s->worker->config->sasl;
}

/* §3.1. Without the attribute tls-0rtt: no early data is ever taken. */
void
c2s_write_fast(struct c2s *c2s, struct buf *out)
{
	struct arena *arena = arena_new();
	struct str data;
	bool is_any = false;

	for (int b = 0; settings(c2s)->fast_lifetime > 0 && b < HT_BINDING_COUNT; b++) {
		if (!binding_data(c2s, (enum ht_binding)b, arena, &data))
			continue;
		if (!is_any)
			buf_addz(out, "<fast xmlns='" NS_FAST "'>");
		is_any = true;
		buf_printf(out, "<mechanism>%s</mechanism>", ht_name((enum ht_binding)b));
	}
	if (is_any)
		buf_addz(out, "</fast>");
	arena_free(arena);
}

/* xs:boolean. */
static bool
is_true(struct str text)
{
	return str_is(text, "true") || str_is(text, "1");
}

/* What is asked for in EL, <authenticate/>. False: in a way that nobody may ask. */
static bool
read_request(struct login *login, const struct element *el, const char **why)
{
	const struct element *fast = element_child(el, NS_FAST, "fast");
	const struct element *request = element_child(el, NS_FAST, "request-token");
	struct fast_login *f = &login->fast;
	struct str data, count = STR_NONE;

	f->is_asked = fast != NULL;
	if (fast != NULL) {
		count = element_attr(fast, "count");
		f->invalidates = is_true(element_attr(fast, "invalidate"));
	}
	*why = "<fast/> with a count that is no number";
	if (count.p != NULL && str_to_u64(count, INT64_MAX, &f->count) < 0)
		return false;
	f->has_count = count.p != NULL;
	*why = "a token for a mechanism that was not offered";
	if (request == NULL)
		return true;
	f->wants_token = true;
	return settings(login->c2s)->fast_lifetime > 0 &&
	       ht_parse(element_attr(request, "mechanism"), &f->wanted) == 0 &&
	       binding_data(login->c2s, f->wanted, login->arena, &data);
}

bool
c2s_fast_read(struct login *login, const struct element *el, const char **why)
{
	struct fast_login *f = &login->fast;

	if (!read_request(login, el, why))
		return false;
	f->is_mechanism = ht_parse(login->asked.mechanism, &f->binding) == 0;
	if (!f->is_mechanism)
		return true;
	/* §4.1: both are needed. */
	*why = "a token without <fast/>, or without <user-agent/> id";
	return f->is_asked && login->asked.agent_id.len > 0;
}

/* The user that the message names, a localpart or a bare JID of this host. */
static int
read_user(struct login *login, struct str authcid)
{
	const char *why;
	struct jid jid;
	struct str host = str(login->c2s->host);

	if (str_find(authcid, '@') < 0)
		return jid_prepare_local(login->arena, authcid, &login->fast.user, &why);
	if (jid_parse(login->arena, authcid, &jid, &why) < 0 || !jid_is_bare(jid) ||
	    !str_equal(jid.domain, host))
		return -1;
	login->fast.user = jid.local;
	return 0;
}

/* The slot whose token the client has, or -1. As much work for a client that is not there. */
static int
find_token(struct login *login, const struct client *client)
{
	const unsigned char *key = login->c2s->worker->server->seal_key;
	struct fast_login *f = &login->fast;
	int found = -1;

	for (int i = 0; i < TOKEN_SLOT_COUNT; i++) {
		const struct token *token = &client->tokens[i];
		struct str text = token_text(login->arena, key, login->bare, login->client_id,
					     f->binding, token->nonce);

		if (ht_verify(text, f->binding_data, f->hash) && token->is_set &&
		    token->binding == f->binding && found < 0) {
			found = i;
			f->answer = ht_answer(login->arena, text, f->binding_data);
		}
		OPENSSL_cleanse((char *)(uintptr_t)text.p, text.len);
	}
	return found;
}

/* Whether TOKEN may still be used. §4.2: <credentials-expired/> when it may not. */
static bool
is_good(const struct login *login, const struct token *token, enum sasl_failure *failure,
	const char **why)
{
	const struct fast_login *f = &login->fast;

	*failure = SASL_CREDENTIALS_EXPIRED;
	*why = "the token has expired";
	if (token->expires_us <= time_wall_us())
		return false;
	*why = "the password was changed since the token was given (SEC-40)";
	if (token->epoch != login->epoch)
		return false;
	*failure = SASL_NOT_AUTHORIZED;
	*why = "a count that was used before (SEC-36)";
	return !f->has_count || f->count >= token->count;
}

static void
judge(struct c2s *c2s, const struct client *client)
{
	struct login *login = c2s->login;
	int slot = find_token(login, client);
	enum sasl_failure failure = SASL_NOT_AUTHORIZED;
	const char *why = "no such token";

	if (slot < 0 || !is_good(login, &client->tokens[slot], &failure, &why)) {
		c2s_fail_sasl(c2s, failure, why);
		return;
	}
	if (c2s->is_disabled) {
		c2s_fail_sasl(c2s, SASL_ACCOUNT_DISABLED, "the account is disabled");
		return;
	}
	memcpy(login->fast.nonce, client->tokens[slot].nonce, sizeof(login->fast.nonce));
	login->fast.is_token = true;
	c2s->proof = PROOF_TOKEN;
	c2s_sasl2_succeeded(c2s, login->fast.user, false, login->fast.answer);
}

/* Results: the credentials, for their epoch, and the client. */
static void
on_client(struct store_request *request)
{
	struct c2s *c2s = request->owner;
	struct credentials credentials;
	struct client client = {0};

	c2s->is_disabled = request->results[2].status == STORE_OK;
	if (c2s_release(c2s)) {
		if (request->results[0].status == STORE_OK &&
		    credentials_parse(request->arena, request->results[0].value, &credentials) ==
			    0) {
			c2s->login->epoch = credentials.epoch;
			credentials_wipe(&credentials);
			if (request->results[1].status != STORE_OK ||
			    client_parse(request->arena, str(c2s->login->client_id),
					 request->results[1].value, &client) < 0)
				memset(&client, 0, sizeof(client));
		}
		judge(c2s, &client);
	}
	store_request_free(request);
}

static void
look_up(struct login *login)
{
	struct c2s *c2s = login->c2s;
	struct store_request *request =
		store_request_new(c2s->worker->store, c2s->worker->loop, on_client, c2s);

	login->bare = arena_printf(login->arena, "%.*s@%s", STR_ARG(login->fast.user), c2s->host);
	c2s_make_client_id(login);
	c2s->tried_password = true;
	c2s->credentials_ms = time_mono_ms();
	store_auth_get(request, login->bare);
	store_set_get(request, login->bare, CLIENTS_SET, str(login->client_id));
	account_disabled_get(request, login->bare);
	c2s_hold(c2s);
	store_submit(request);
}

void
c2s_fast_begin(struct c2s *c2s)
{
	struct login *login = c2s->login;
	struct fast_login *f = &login->fast;
	struct ht_message message;

	if (c2s_is_throttled(c2s)) {
		c2s_fail_sasl(c2s, SASL_TEMPORARY_AUTH_FAILURE,
			      "too many failures from that address");
	} else if (settings(c2s)->fast_lifetime == 0 ||
		   !binding_data(c2s, f->binding, login->arena, &f->binding_data)) { /* SEC-32 */
		c2s_fail_sasl(c2s, SASL_INVALID_MECHANISM, "a mechanism that was not offered");
	} else if (login->asked.data_is_bad) {
		c2s_fail_sasl(c2s, SASL_INCORRECT_ENCODING, "not base64");
	} else if (ht_read(login->asked.data, &message) < 0) {
		c2s_fail_sasl(c2s, SASL_MALFORMED_REQUEST, "not a message of HT-SHA-256");
	} else if (read_user(login, message.authcid) < 0) {
		c2s->tried_password = true;
		c2s_fail_sasl(c2s, SASL_NOT_AUTHORIZED, "no account can have that name");
	} else {
		f->hash = message.hash;
		look_up(login);
	}
}

/* The token that was checked, again, where nothing else can happen meanwhile; and takes note. */
static bool
use_token(struct login *login, struct client *client)
{
	struct fast_login *f = &login->fast;
	struct token *current = &client->tokens[TOKEN_CURRENT];
	enum sasl_failure failure;
	const char *why;

	if (strcmp(client->tokens[TOKEN_NEW].nonce, f->nonce) == 0) {
		*current = client->tokens[TOKEN_NEW]; /* §5.1: the older one has had its time */
		memset(&client->tokens[TOKEN_NEW], 0, sizeof(struct token));
		login->is_changed = true;
	}
	if (!current->is_set || strcmp(current->nonce, f->nonce) != 0 ||
	    !is_good(login, current, &failure, &why))
		return false;
	if (f->has_count) {
		current->count = f->count + 1;
		login->must_wait = true;
	}
	return true;
}

/* §3.5: a new one in time, so that the client always has one that is good for long. */
static bool
is_due(const struct login *login, const struct client *client)
{
	const struct token *current = &client->tokens[TOKEN_CURRENT];
	uint64_t age = time_wall_us() - current->issued_us;

	return login->fast.is_token && !login->fast.invalidates &&
	       age >= settings(login->c2s)->fast_rotation * US_PER_MS;
}

static void
give_token(struct login *login, struct client *client)
{
	const unsigned char *key = login->c2s->worker->server->seal_key;
	struct fast_login *f = &login->fast;
	enum ht_binding binding = f->wants_token ? f->wanted : f->binding;
	struct token *token = &client->tokens[TOKEN_NEW];
	struct str text;

	if (settings(login->c2s)->fast_lifetime == 0 || (!f->wants_token && !is_due(login, client)))
		return;
	token_issue(client, binding, time_wall_us(),
		    settings(login->c2s)->fast_lifetime * US_PER_MS, login->epoch);
	text = token_text(login->arena, key, login->bare, client->id, binding, token->nonce);
	login->token = element_new(login->arena, NS_FAST, "token");
	element_set(login->arena, login->token, "token", text);
	element_set(login->arena, login->token, "expiry",
		    time_format(login->arena, token->expires_us, false));
	login->must_wait = true;
}

static void
take_note(struct login *login, struct client *client)
{
	bool has_details = settings(login->c2s)->clients_details;
	struct str software = has_details ? login->asked.software : STR("");
	struct str device = has_details ? login->asked.device : STR("");
	uint64_t now = time_wall_us();

	login->is_changed |= client->first_us == 0 || client->last_us + SEEN_STEP_US < now ||
			     (login->knows_password && !client->knows_password) ||
			     (software.len > 0 && !str_is(software, client->software)) ||
			     (device.len > 0 && !str_is(device, client->device));
	if (client->first_us == 0)
		client->first_us = now;
	client->last_us = now;
	client->knows_password |= login->knows_password;
	client_describe(client, software, device);
}

/* It is on the disk: a token that was handed out is good after a crash too. */
static void
on_entered(struct store_request *request)
{
	struct login *login = request->owner;

	if (request->status != STORE_OK)
		login->token = NULL; /* the disk is full: no token then, but a login */
	store_request_free(request);
	login_go_on(login);
}

static void
refuse_token(struct login *login)
{
	struct c2s *c2s = login->c2s;

	sasl2_write_failure(c2s_output(c2s), SASL_CREDENTIALS_EXPIRED, NULL);
	c2s_wrote(c2s);
	c2s_close(c2s, STREAM_NOT_AUTHORIZED, "the token was used or revoked meanwhile");
}

static void
submit(struct login *login, struct store_request *request)
{
	if (request->count == 0) {
		store_request_free(request);
		return;
	}
	if (login->must_wait) {
		request->owner = login;
		request->done = on_entered;
		login_hold(login);
	}
	store_submit(request);
}

bool
c2s_enter_client(struct login *login)
{
	struct c2s *c2s = login->c2s;
	uint64_t keep_us = settings(c2s)->clients_keep * US_PER_MS, now = time_wall_us();
	struct store_request *request;
	struct client *client = clients_find(login->account, str(login->client_id));

	if (login->client_id[0] == '\0')
		return true;
	if (login->fast.is_token && (client == NULL || !use_token(login, client))) {
		refuse_token(login);
		return false;
	}
	request = store_request_new(c2s->worker->store, c2s->worker->loop, NULL, NULL);
	client = clients_enter(login->account, login->client_id, request);
	if (login->fast.invalidates && login->fast.is_token) {
		memset(client->tokens, 0, sizeof(client->tokens)); /* §3.6 */
		login->must_wait = true;
	}
	give_token(login, client);
	take_note(login, client);
	if (keep_us > 0 && now > keep_us)
		clients_expire(login->account, now - keep_us, request);
	if (login->is_changed || login->must_wait)
		clients_put(login->account, client, request);
	submit(login, request);
	return c2s->holds == 0;
}
