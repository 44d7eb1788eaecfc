/* SPDX-License-Identifier: MIT */
/*
 * clients.h - the devices of an account that told who they are (<user-agent/>, XEP-0388 §2.3), and
 * the tokens they log in with (XEP-0484).
 *
 * In memory with their account; in the store one item each of the set "clients". A token itself is
 * kept nowhere: it is computed from the installation's key and what stands here, so that a stolen
 * database opens nothing.
 */
#pragma once

#include "base/list.h"
#include "server/session.h"
#include "store/store.h"
#include "xmpp/sasl_ht.h"

#define CLIENTS_SET "clients"
#define CLIENTS_MAX 32u /* of one account; the one that was not seen for longest gives way */
#define TOKEN_NONCE_SIZE 32u

struct token {
	bool is_set;
	enum ht_binding binding;
	char nonce[TOKEN_NONCE_SIZE + 1];
	uint64_t issued_us, expires_us;
	uint64_t epoch; /* of the password that it stands for (credentials.h) */
	uint64_t count; /* the lowest that may come next: replays have a lower one (§3.4) */
};

/* XEP-0484 §5.1: a new token does not replace the current one before it was used. */
enum token_slot { TOKEN_NEW, TOKEN_CURRENT, TOKEN_SLOT_COUNT };

struct client {
	struct link link; /* in account->clients */
	char id[CLIENT_ID_SIZE + 1];
	uint64_t first_us, last_us; /* logins */
	bool knows_password;        /* it has logged in with it */
	char *software, *device;    /* as it told; empty when it did not */
	struct token tokens[TOKEN_SLOT_COUNT];
};

/* One line of ASCII, versioned. */
struct str client_format(struct arena *arena, const struct client *client);
/* Texts stand in ARENA, without owner. Returns 0, or -1 for what client_format did not write. */
MUST_CHECK int client_parse(struct arena *arena, struct str id, struct str text,
			    struct client *out);

/*
 * The token of ACCOUNT (bare JID) and client ID that has NONCE, in ARENA. KEY is the
 * installation's. It is as secret as a password.
 */
struct str token_text(struct arena *arena, const unsigned char key[32], struct str account,
		      const char *id, enum ht_binding binding, const char *nonce);
/* A new one, in CLIENT's slot TOKEN_NEW. */
void token_issue(struct client *client, enum ht_binding binding, uint64_t now_us,
		 uint64_t lifetime_us, uint64_t epoch);

/* Adds the look-up to REQUEST. */
size_t clients_load(struct store_request *request, struct str account);
/* Takes the results of that and of the credentials; tokens of an older password are nothing. */
void clients_loaded(struct account *account, struct store_request *request, size_t credentials,
		    size_t clients);
/* The password was changed. What is stored of tokens is of another epoch, and void by that. */
void clients_forget_tokens(struct account *account);
void clients_free(struct account *account);

struct client *clients_find(const struct account *account, struct str id);
/* The client with that id, made if need be; STORE_REQUEST gets what has to be removed for it. */
struct client *clients_enter(struct account *account, const char *id,
			     struct store_request *request);
/* CLIENT's texts; empty ones change nothing. */
void client_describe(struct client *client, struct str software, struct str device);
void clients_put(const struct account *account, const struct client *client,
		 struct store_request *request);
/* Removes CLIENT, its tokens too. */
void clients_remove(struct account *account, struct client *client, struct store_request *request);
/* Those that nobody logged in with since BEFORE_US, and that are not connected. */
void clients_expire(struct account *account, uint64_t before_us, struct store_request *request);
/* What SESSION's client is known by, or the session alone, as long as it lasts. */
void session_public_id(const struct session *session, char out[CLIENT_ID_SIZE + 1]);
/* One that has that id, or NULL. */
struct session *clients_session(const struct account *account, struct str id);
/* Ends the sessions that have that id, and logins of ACCOUNT that are under way. How many. */
unsigned client_end_sessions(struct account *account, struct str id);
/* Whether a session of CLIENT is there. */
bool client_is_connected(const struct account *account, const struct client *client);
