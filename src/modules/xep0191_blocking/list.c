/* SPDX-License-Identifier: MIT */
/* list.c - whom an account has blocked: the list in memory, and what it matches (XEP-0191 §5). */
#include "modules/xep0191_blocking/private.h"
#include "server/account_extra.h"

#include <stdlib.h>

void
list_free(void *state)
{
	struct blocklist *list = state;
	uint32_t at = 0;
	void *key;

	while (map_next(&list->jids, &at, &key))
		free(key);
	map_free(&list->jids);
	free(list);
}

bool
list_add_jid(struct blocklist *list, struct str jid)
{
	char *key;

	if (map_get(&list->jids, jid) != NULL)
		return false;
	key = str_dupz(jid);
	map_put(&list->jids, str(key), key);
	return true;
}

bool
list_remove_jid(struct blocklist *list, struct str jid)
{
	void *key = map_remove(&list->jids, jid);

	free(key);
	return key != NULL;
}

void *
list_loaded(struct account *account UNUSED, const struct store_item *items)
{
	struct blocklist *list = xnew(struct blocklist);

	for (; items != NULL; items = items->next)
		list_add_jid(list, items->key);
	return list;
}

struct blocklist *
list_of(const struct account *account)
{
	return account_extra(account, &xep0191_blocking);
}

struct blocklist *
list_make(struct account *account)
{
	struct blocklist *list = list_of(account);

	if (list == NULL) {
		list = xnew(struct blocklist);
		account_set_extra(account, &xep0191_blocking, list);
	}
	return list;
}

bool
list_matches(const struct map *jids, struct jid peer)
{
	return map_get(jids, peer.text) != NULL ||
	       (peer.resource.len > 0 && map_get(jids, jid_bare_text(peer)) != NULL) ||
	       map_get(jids, peer.domain) != NULL;
}

bool
blocking_applies(const struct account *account, struct jid peer)
{
	const struct blocklist *list = list_of(account);

	if (list == NULL || list->jids.count == 0 || peer.text.len == 0)
		return false;
	/* §4, note: not one's own resources; nor the server, without which nothing is unblocked. */
	if (str_equal(jid_bare_text(peer), account->jid.text) ||
	    (peer.local.len == 0 && str_equal(peer.domain, account->jid.domain)))
		return false;
	return list_matches(&list->jids, peer);
}
