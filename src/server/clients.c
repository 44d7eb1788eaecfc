/* SPDX-License-Identifier: MIT */
/* clients.c - the list of an account's devices, in memory and in the store. */
#include "server/clients.h"

#include "base/base64.h"
#include "base/hash.h"
#include "base/rand.h"
#include "server/c2s.h"
#include "xmpp/credentials.h"
#include "xmpp/scram_crypto.h"

#include <stdio.h>
#include <stdlib.h>

static struct str
token_format(struct arena *arena, const struct token *token)
{
	if (!token->is_set)
		return STR("-");
	return arena_printf(arena, "%s:%s:%llu:%llu:%llu:%llu", ht_name(token->binding),
			    token->nonce, (unsigned long long)token->issued_us,
			    (unsigned long long)token->expires_us, (unsigned long long)token->epoch,
			    (unsigned long long)token->count);
}

struct str
client_format(struct arena *arena, const struct client *client)
{
	return arena_printf(
		arena, "v1;%llu;%llu;%s;%.*s;%.*s;%.*s;%.*s", (unsigned long long)client->first_us,
		(unsigned long long)client->last_us, client->knows_password ? "password" : "-",
		STR_ARG(base64_encode(arena, str(client->software))),
		STR_ARG(base64_encode(arena, str(client->device))),
		STR_ARG(token_format(arena, &client->tokens[TOKEN_NEW])),
		STR_ARG(token_format(arena, &client->tokens[TOKEN_CURRENT])));
}

static int
take_number(struct str *rest, char separator, uint64_t *out)
{
	struct str field;

	return str_split(rest, separator, &field) ? str_to_u64(field, UINT64_MAX, out) : -1;
}

static int
token_parse(struct str text, struct token *out)
{
	struct str field;

	if (str_is(text, "-"))
		return 0;
	if (!str_split(&text, ':', &field) || ht_parse(field, &out->binding) < 0 ||
	    !str_split(&text, ':', &field) || field.len != TOKEN_NONCE_SIZE)
		return -1;
	memcpy(out->nonce, field.p, field.len);
	if (take_number(&text, ':', &out->issued_us) < 0 ||
	    take_number(&text, ':', &out->expires_us) < 0 ||
	    take_number(&text, ':', &out->epoch) < 0 || take_number(&text, ':', &out->count) < 0 ||
	    text.p != NULL)
		return -1;
	out->is_set = true;
	return 0;
}

/* With a NUL behind it, and none inside. */
static int
take_text(struct arena *arena, struct str *rest, char **out)
{
	struct str field, text;

	if (!str_split(rest, ';', &field) || base64_decode(arena, field, &text) < 0 ||
	    str_find(text, '\0') >= 0)
		return -1;
	*out = (char *)(uintptr_t)arena_dup(arena, text.p != NULL ? text : STR("")).p;
	return 0;
}

int
client_parse(struct arena *arena, struct str id, struct str text, struct client *out)
{
	struct str field;

	memset(out, 0, sizeof(*out));
	if (id.len != CLIENT_ID_SIZE || !str_split(&text, ';', &field) || !str_is(field, "v1"))
		return -1;
	memcpy(out->id, id.p, id.len);
	if (take_number(&text, ';', &out->first_us) < 0 ||
	    take_number(&text, ';', &out->last_us) < 0 || !str_split(&text, ';', &field))
		return -1;
	out->knows_password = str_is(field, "password");
	if (take_text(arena, &text, &out->software) < 0 ||
	    take_text(arena, &text, &out->device) < 0)
		return -1;
	for (size_t i = 0; i < TOKEN_SLOT_COUNT; i++)
		if (!str_split(&text, ';', &field) || token_parse(field, &out->tokens[i]) < 0)
			return -1;
	return text.p == NULL ? 0 : -1;
}

struct str
token_text(struct arena *arena, const unsigned char key[32], struct str account, const char *id,
	   enum ht_binding binding, const char *nonce)
{
	unsigned char mac[SCRAM_KEY_MAX];
	struct str parts[] = {STR("token "),         account,  STR(" "),  str(id), STR(" "),
			      str(ht_name(binding)), STR(" "), str(nonce)};

	scram_hmac(SCRAM_SHA_256, str_of(key, 32), parts, COUNT(parts), mac);
	return hex_encode(arena, str_of(mac, HT_HASH_SIZE));
}

void
token_issue(struct client *client, enum ht_binding binding, uint64_t now_us, uint64_t lifetime_us,
	    uint64_t epoch)
{
	struct token *token = &client->tokens[TOKEN_NEW];
	struct arena *arena = arena_new();
	unsigned char bytes[TOKEN_NONCE_SIZE / 2];

	rand_bytes(bytes, sizeof(bytes));
	*token = (struct token){.is_set = true,
				.binding = binding,
				.issued_us = now_us,
				.expires_us = now_us + lifetime_us,
				.epoch = epoch};
	memcpy(token->nonce, hex_encode(arena, str_of(bytes, sizeof(bytes))).p, TOKEN_NONCE_SIZE);
	arena_free(arena);
}

size_t
clients_load(struct store_request *request, struct str account)
{
	return store_set_list(request, account, CLIENTS_SET);
}

static void
client_free(struct client *client)
{
	list_remove(&client->link);
	free(client->software);
	free(client->device);
	free(client);
}

static void
drop_tokens_of_others(struct client *client, uint64_t epoch)
{
	for (size_t i = 0; i < TOKEN_SLOT_COUNT; i++)
		if (client->tokens[i].epoch != epoch)
			memset(&client->tokens[i], 0, sizeof(struct token));
}

void
clients_loaded(struct account *account, struct store_request *request, size_t credentials,
	       size_t clients)
{
	const struct store_item *item = request->results[clients].items;
	struct credentials of = {0};

	if (item == NULL ||
	    credentials_parse(request->arena, request->results[credentials].value, &of) < 0)
		return;
	for (; item != NULL; item = item->next) {
		struct client *client = xnew(struct client);

		if (client_parse(request->arena, item->key, item->value, client) < 0) {
			free(client);
			continue;
		}
		drop_tokens_of_others(client, of.epoch);
		client->software = str_dupz(str(client->software));
		client->device = str_dupz(str(client->device));
		list_add(&account->clients, &client->link);
	}
	credentials_wipe(&of);
}

void
clients_forget_tokens(struct account *account)
{
	LIST_EACH(&account->clients, struct client, link, client)
	{
		memset(client->tokens, 0, sizeof(client->tokens));
	}
}

void
clients_free(struct account *account)
{
	LIST_EACH(&account->clients, struct client, link, client)
	{
		client_free(client);
	}
}

struct client *
clients_find(const struct account *account, struct str id)
{
	LIST_EACH(&account->clients, struct client, link, client)
	{
		if (str_is(id, client->id))
			return client;
	}
	return NULL;
}

bool
client_is_connected(const struct account *account, const struct client *client)
{
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (strcmp(session->client_id, client->id) == 0)
			return true;
	}
	return false;
}

void
session_public_id(const struct session *session, char out[CLIENT_ID_SIZE + 1])
{
	if (session->client_id[0] != '\0')
		memcpy(out, session->client_id, CLIENT_ID_SIZE + 1);
	else
		snprintf(out, CLIENT_ID_SIZE + 1, "%016llx",
			 (unsigned long long)hash_str(session->jid.text));
}

static bool
has_id(const struct session *session, struct str id)
{
	char own[CLIENT_ID_SIZE + 1];

	session_public_id(session, own);
	return str_is(id, own) && !session->is_closing;
}

struct session *
clients_session(const struct account *account, struct str id)
{
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (has_id(session, id))
			return session;
	}
	return NULL;
}

unsigned
client_end_sessions(struct account *account, struct str id)
{
	unsigned count = 0;

	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (!has_id(session, id))
			continue;
		session_close(session, STREAM_NOT_AUTHORIZED,
			      "the access of this client was revoked");
		count++;
	}
	c2s_close_unbound(account->worker, account->jid.local, account->jid.domain,
			  "the access of a client was revoked");
	return count;
}

void
clients_remove(struct account *account, struct client *client, struct store_request *request)
{
	store_set_remove(request, account->jid.text, CLIENTS_SET, str(client->id));
	client_free(client);
}

void
clients_expire(struct account *account, uint64_t before_us, struct store_request *request)
{
	LIST_EACH(&account->clients, struct client, link, client)
	{
		if (client->last_us < before_us && !client_is_connected(account, client))
			clients_remove(account, client, request);
	}
}

/* Room for one more. Somebody who invents devices loses only what he invented before. */
static void
make_room(struct account *account, struct store_request *request)
{
	struct client *oldest = NULL;
	size_t count = 0;

	LIST_EACH(&account->clients, struct client, link, client)
	{
		count++;
		if (oldest == NULL || client->last_us < oldest->last_us)
			oldest = client;
	}
	if (count >= CLIENTS_MAX)
		clients_remove(account, oldest, request);
}

struct client *
clients_enter(struct account *account, const char *id, struct store_request *request)
{
	struct client *client = clients_find(account, str(id));

	if (client != NULL)
		return client;
	make_room(account, request);
	client = xnew(struct client);
	memcpy(client->id, id, CLIENT_ID_SIZE);
	client->software = str_dupz(STR(""));
	client->device = str_dupz(STR(""));
	list_add(&account->clients, &client->link);
	return client;
}

static void
replace_text(char **text, struct str now)
{
	if (now.len == 0)
		return;
	free(*text);
	*text = str_dupz(now);
}

void
client_describe(struct client *client, struct str software, struct str device)
{
	replace_text(&client->software, software);
	replace_text(&client->device, device);
}

void
clients_put(const struct account *account, const struct client *client,
	    struct store_request *request)
{
	store_set_put(request, account->jid.text, CLIENTS_SET, str(client->id),
		      client_format(request->arena, client));
}
