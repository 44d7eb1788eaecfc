/* SPDX-License-Identifier: MIT */
/* account_extra.c - what modules keep with each account in memory. */
#include "server/account_extra.h"

#include "server/module.h"

#include <stdlib.h>

void *
account_extra(const struct account *account, const struct module *module)
{
	return account->extra != NULL ? account->extra[module_index(module)] : NULL;
}

void
account_set_extra(struct account *account, const struct module *module, void *state)
{
	if (account->extra == NULL && state == NULL)
		return;
	if (account->extra == NULL)
		account->extra = xnew_array(void *, module_count());
	account->extra[module_index(module)] = state;
}

void
account_extra_load(struct store_request *request, struct str owner)
{
	for (size_t i = 0; i < module_count(); i++)
		if (modules[i]->account_set != NULL)
			store_set_list(request, owner, modules[i]->account_set);
}

void
account_extra_loaded(struct account *account, const struct store_request *request, size_t first)
{
	for (size_t i = 0; i < module_count(); i++) {
		const struct store_item *items;

		if (modules[i]->account_set == NULL)
			continue;
		items = request->results[first++].items;
		if (items != NULL)
			account_set_extra(account, modules[i],
					  modules[i]->account_loaded(account, items));
	}
}

void
account_extra_free(struct account *account)
{
	for (size_t i = 0; account->extra != NULL && i < module_count(); i++)
		if (account->extra[i] != NULL)
			modules[i]->account_free(account->extra[i]);
	free(account->extra);
	account->extra = NULL;
}
