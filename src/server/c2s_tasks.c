/* SPDX-License-Identifier: MIT */
/*
 * c2s_tasks.c - what a client is asked to do between its proof and <success/> (XEP-0388 §2.6.3): so
 * far, to bring the keys of a hash that the account lacks (XEP-0480).
 *
 * Only a client that has shown that it knows the password may: a token or a certificate must not
 * become a password.
 */
#include "base/base64.h"
#include "base/rand.h"
#include "server/account_keys.h"
#include "server/c2s_private.h"
#include "xmpp/scram_crypto.h"

#include <openssl/crypto.h>

#define NS_UPGRADE "urn:xmpp:sasl:upgrade:0"
#define NS_SCRAM_UPGRADE "urn:xmpp:scram-upgrade:0"
#define SALT_SIZE 16u

static const struct {
	const char *task;
	enum sasl_mechanism mechanism;
} upgrades[SCRAM_HASH_COUNT] = {
	[SCRAM_SHA_1] = {"UPGR-SCRAM-SHA-1", SASL_SCRAM_SHA_1},
	[SCRAM_SHA_256] = {"UPGR-SCRAM-SHA-256", SASL_SCRAM_SHA_256},
	[SCRAM_SHA_512] = {"UPGR-SCRAM-SHA-512", SASL_SCRAM_SHA_512},
};

/* XEP-0480 §2.1. The same for everyone: what an account lacks is nobody's business. */
void
c2s_write_upgrades(struct c2s *c2s, struct buf *out)
{
	for (size_t i = 0; i < SCRAM_HASH_COUNT; i++)
		if ((c2s->offered & SASL_BIT(upgrades[i].mechanism)) != 0)
			buf_printf(out, "<upgrade xmlns='" NS_UPGRADE "'>%s</upgrade>",
				   upgrades[i].task);
}

static bool
is_wanted(const struct login *login, size_t hash)
{
	const struct element *el = element_child(login->request, NS_UPGRADE, "upgrade");

	for (; el != NULL; el = element_next(el, NS_UPGRADE, "upgrade"))
		if (str_is(str_trim(element_text(login->arena, el)), upgrades[hash].task))
			return true;
	return false;
}

/* The next one to do, or SCRAM_HASH_COUNT. */
static size_t
next_upgrade(const struct login *login)
{
	size_t i = 0;

	if (!login->knows_password)
		return SCRAM_HASH_COUNT;
	while (i < SCRAM_HASH_COUNT &&
	       ((login->hashes & (1u << i)) != 0 || !is_wanted(login, i) ||
		(login->c2s->offered & SASL_BIT(upgrades[i].mechanism)) == 0))
		i++;
	return i;
}

bool
c2s_next_task(struct login *login)
{
	struct c2s *c2s = login->c2s;
	size_t hash = next_upgrade(login);

	login->task = TASK_NONE;
	if (hash == SCRAM_HASH_COUNT)
		return false;
	login->task = TASK_OFFERED;
	login->task_hash = (enum scram_hash)hash;
	login->hashes |= 1u << hash;
	sasl2_write_continue(c2s_output(c2s), login->data, upgrades[hash].task);
	c2s_wrote(c2s);
	login->data = STR_NONE; /* it goes out once */
	return true;
}

/* XEP-0480 §3. */
static void
send_salt(struct login *login)
{
	struct c2s *c2s = login->c2s;
	struct buf *out = c2s_output(c2s);
	char *salt = arena_bytes(login->arena, SALT_SIZE);

	rand_bytes(salt, SALT_SIZE);
	login->salt = str_of(salt, SALT_SIZE);
	login->task = TASK_BEGUN;
	buf_printf(out,
		   "<task-data xmlns='" NS_SASL2 "'><salt xmlns='" NS_SCRAM_UPGRADE
		   "' iterations='%u'>%.*s</salt></task-data>",
		   (unsigned)c2s->worker->config->sasl.scram_iterations,
		   STR_ARG(base64_encode(login->arena, login->salt)));
	c2s_wrote(c2s);
}

static void
on_added(void *owner, enum store_status status)
{
	struct c2s *c2s = owner;

	if (!c2s_release(c2s))
		return;
	if (status == STORE_OK)
		c2s_go_on_with_tasks(c2s);
	else
		c2s_fail_sasl(c2s,
			      status == STORE_FULL ? SASL_TEMPORARY_AUTH_FAILURE
						   : SASL_NOT_AUTHORIZED,
			      "the new keys could not be stored");
}

static void
take_hash(struct login *login, const struct element *el)
{
	struct c2s *c2s = login->c2s;
	const struct element *hash = element_child(el, NS_SCRAM_UPGRADE, "hash");
	struct scram_keys keys[SCRAM_HASH_COUNT] = {0}, *own = &keys[login->task_hash];
	unsigned char client_key[SCRAM_KEY_MAX];
	size_t size = scram_hash_size(login->task_hash);
	struct str salted;

	if (hash == NULL || sasl2_read_data(login->arena, hash, &salted) < 0 ||
	    salted.len != size) {
		c2s_fail_sasl(c2s, SASL_MALFORMED_REQUEST, "not the hash of the task");
		return;
	}
	own->is_set = true;
	own->iterations = (uint32_t)c2s->worker->config->sasl.scram_iterations;
	own->salt = login->salt;
	scram_client_key(login->task_hash, (const unsigned char *)salted.p, client_key);
	scram_h(login->task_hash, str_of(client_key, size), own->stored_key);
	scram_server_key(login->task_hash, (const unsigned char *)salted.p, own->server_key);
	OPENSSL_cleanse(client_key, sizeof(client_key));
	OPENSSL_cleanse((char *)(uintptr_t)salted.p, salted.len);
	c2s_hold(c2s);
	account_add_keys(c2s->worker->store, c2s->worker->loop, login->bare, login->epoch, keys,
			 on_added, c2s);
	OPENSSL_cleanse(keys, sizeof(keys));
}

void
c2s_task_event(struct c2s *c2s, const struct stream_event *event)
{
	struct login *login = c2s->login;

	if (event->kind == STREAM_TASK_DATA && login->task == TASK_BEGUN)
		take_hash(login, event->el);
	else if (event->kind == STREAM_NEXT_TASK && login->task == TASK_OFFERED &&
		 str_is(element_attr(event->el, "task"), upgrades[login->task_hash].task))
		send_salt(login);
	else
		c2s_fail_sasl(c2s, SASL_MALFORMED_REQUEST, "another task than was offered");
}
