/* SPDX-License-Identifier: MIT */
/* portable.c - all that is portable, in one row; and of it the SCRAM keys, which are no module's.
 */
#include "server/portable.h"

#include "base/base64.h"
#include "server/account_disable.h"
#include "server/module.h"
#include "xmpp/credentials.h"
#include "xmpp/xep/pie.h"

#define SALT_MAX 256u /* as in credentials.c */

static const char *const mechanisms[SCRAM_HASH_COUNT] = {
	[SCRAM_SHA_1] = "SCRAM-SHA-1",
	[SCRAM_SHA_256] = "SCRAM-SHA-256",
	[SCRAM_SHA_512] = "SCRAM-SHA-512",
};

static void
load_keys(struct store_request *request, const struct account *account, struct str after UNUSED)
{
	store_auth_get(request, account->jid.text);
}

static void
write_keys(struct buf *out, struct arena *arena, enum scram_hash hash,
	   const struct scram_keys *keys)
{
	size_t size = scram_hash_size(hash);

	buf_printf(out,
		   "<scram-credentials xmlns='" NS_PIE_SCRAM
		   "' mechanism='%s'><iter-count>%u</iter-count><salt>%.*s</salt>"
		   "<server-key>%.*s</server-key><stored-key>%.*s</stored-key>"
		   "</scram-credentials>",
		   mechanisms[hash], keys->iterations, STR_ARG(base64_encode(arena, keys->salt)),
		   STR_ARG(base64_encode(arena, str_of(keys->server_key, size))),
		   STR_ARG(base64_encode(arena, str_of(keys->stored_key, size))));
}

static struct str
write_all_keys(struct buf *out, const struct store_request *request,
	       const struct account *account UNUSED)
{
	struct credentials credentials;

	if (request->results[0].status == STORE_OK &&
	    credentials_parse(request->arena, request->results[0].value, &credentials) == 0) {
		for (size_t i = 0; i < SCRAM_HASH_COUNT; i++)
			if (credentials.scram[i].is_set)
				write_keys(out, request->arena, (enum scram_hash)i,
					   &credentials.scram[i]);
		credentials_wipe(&credentials);
	}
	return STR_NONE;
}

/* The bytes in the child NAME, which were put into base64 TIMES. */
static int
read_bytes(struct arena *arena, const struct element *el, const char *name, unsigned times,
	   struct str *out)
{
	*out = str_trim(element_child_text(arena, el, NULL, name));
	for (unsigned i = 0; i < times; i++)
		if (base64_decode(arena, *out, out) < 0)
			return -1;
	return 0;
}

static int
read_key(struct arena *arena, const struct element *el, const char *name, unsigned times,
	 size_t size, unsigned char *out)
{
	struct str bytes;

	if (read_bytes(arena, el, name, times, &bytes) < 0 || bytes.len != size)
		return -1;
	memcpy(out, bytes.p, size);
	return 0;
}

/* All in base64, TIMES. */
static int
read_encoded(struct arena *arena, const struct element *el, enum scram_hash hash, unsigned times,
	     struct scram_keys *out)
{
	size_t size = scram_hash_size(hash);

	if (read_bytes(arena, el, "salt", times, &out->salt) < 0 || out->salt.len == 0 ||
	    out->salt.len > SALT_MAX)
		return -1;
	if (read_key(arena, el, "server-key", times, size, out->server_key) < 0)
		return -1;
	return read_key(arena, el, "stored-key", times, size, out->stored_key);
}

/* ejabberd (23.01) writes base64 of base64; no key is as long as its own base64. */
static int
read_keys(struct arena *arena, const struct element *el, enum scram_hash hash,
	  struct scram_keys *out)
{
	struct str count = str_trim(element_child_text(arena, el, NULL, "iter-count"));
	uint64_t iterations;

	if (str_to_u64(count, CREDENTIALS_ITERATIONS_MAX, &iterations) < 0 || iterations == 0)
		return -1;
	if (read_encoded(arena, el, hash, 1, out) < 0 && read_encoded(arena, el, hash, 2, out) < 0)
		return -1;
	out->iterations = (uint32_t)iterations;
	out->is_set = true;
	return 0;
}

static const char *add_keys(struct import_item *item, const struct store_request *done);

/* Others may have changed the same meanwhile, such as the keys of another hash: once more. */
static const char *
swapped(struct import_item *item, const struct store_request *done)
{
	if (done->status == STORE_CONFLICT) {
		store_auth_get(item->request, item->account->jid.text);
		item->then = add_keys;
		return NULL;
	}
	return done->status == STORE_OK ? NULL : "the account is gone";
}

static const char *
add_keys(struct import_item *item, const struct store_request *done)
{
	struct credentials credentials;
	struct scram_keys *keys;
	struct str old = done->results[0].value;

	if (done->results[0].status != STORE_OK ||
	    credentials_parse(item->arena, old, &credentials) < 0)
		return "its credentials cannot be read";
	keys = &credentials.scram[item->number];
	if (keys->is_set)
		return NULL; /* a password that came, or was set, is as good or better */
	if (read_keys(item->arena, item->el, (enum scram_hash)item->number, keys) < 0)
		return "its SCRAM keys are malformed";
	if (credentials.epoch == 0)
		credentials.epoch = time_wall_us();
	store_auth_swap(item->request, item->account->jid.text, old,
			credentials_format(item->arena, &credentials));
	credentials_wipe(&credentials);
	item->then = swapped;
	return NULL;
}

static const char *
take_keys(struct import_item *item)
{
	struct str mechanism = element_attr(item->el, "mechanism");

	for (item->number = 0; item->number < SCRAM_HASH_COUNT; item->number++)
		if (str_is(mechanism, mechanisms[item->number]))
			break;
	if (item->number == SCRAM_HASH_COUNT)
		return "its SCRAM keys are of a mechanism that is not known";
	store_auth_get(item->request, item->account->jid.text);
	item->then = add_keys;
	return NULL;
}

/* XEP-0227 has no word for it, but who was locked out must not be let in by a move. */
static void
load_disabled(struct store_request *request, const struct account *account, struct str after UNUSED)
{
	account_disabled_get(request, account->jid.text);
}

static struct str
write_disabled(struct buf *out, const struct store_request *request,
	       const struct account *account UNUSED)
{
	if (request->results[0].status == STORE_OK)
		buf_addz(out, "<disabled xmlns='" NS_PORTABLE "'/>");
	return STR_NONE;
}

static const char *
disabled(struct import_item *item, const struct store_request *done UNUSED)
{
	item->account->is_disabled = true;
	return NULL;
}

static const char *
take_disabled(struct import_item *item)
{
	struct str now = arena_printf(item->arena, "%llu", (unsigned long long)time_wall_us());

	store_set_put(item->request, item->account->jid.domain, DISABLED_SET,
		      item->account->jid.text, now);
	item->then = disabled;
	return NULL;
}

static const struct portable of_the_core[] = {
	/* First, so that nobody slips in between. */
	{NS_PORTABLE, "disabled", false, load_disabled, write_disabled, take_disabled},
	{NS_PIE_SCRAM, "scram-credentials", false, load_keys, write_all_keys, take_keys},
};

const struct portable *
portable_at(size_t index)
{
	if (index < COUNT(of_the_core))
		return &of_the_core[index];
	index -= COUNT(of_the_core);
	for (size_t i = 0; i < module_count(); i++)
		for (const struct portable *p = modules[i]->portables; p != NULL && p->ns != NULL;
		     p++)
			if (index-- == 0)
				return p;
	return NULL;
}

const struct portable *
portable_for(const struct element *el)
{
	const struct portable *p;

	for (size_t i = 0; (p = portable_at(i)) != NULL; i++)
		if (element_is(el, p->ns, p->name))
			return p;
	return NULL;
}
