/* SPDX-License-Identifier: MIT */
/*
 * portable.h - how a module's data leave a server and come into another one, in the format of
 * XEP-0227: a table of the module's, of the children that <user/> has for it.
 *
 * Both ways the account is loaded, and all runs on its home worker. An account is written page by
 * page and read item by item, so that none needs more memory than that.
 */
#pragma once

#include "server/account.h"
#include "store/store.h"
#include "xmpp/element.h"

struct import_item {
	struct account *account; /* pinned */
	struct arena *arena;     /* lives until the item is done */
	const struct element *el;
	struct store_request *request; /* to add operations to; submitted when there are some */
	/*
	 * NULL, or what runs when REQUEST, now DONE, has been carried out; item->request is then a
	 * new one, and another `then` may be set. Returns as `take` does.
	 */
	const char *(*then)(struct import_item *item, const struct store_request *done);
	uint64_t number; /* the portable's own */
};

struct portable { /* a table of them ends with ns NULL */
	const char *ns, *name;
	/* The element is one with the items in it, else each item is such an element. */
	bool is_container;
	/* Adds operations, one at least, that load a page, behind the mark AFTER (empty: the
	 * first). NULL: of this only what others export is taken in. */
	void (*load)(struct store_request *request, const struct account *account,
		     struct str after);
	/*
	 * Writes the items of that page, in no namespace but their own. Returns the mark of its end
	 * in REQUEST->arena, or STR_NONE when there is no more.
	 */
	struct str (*write)(struct buf *out, const struct store_request *request,
			    const struct account *account);
	/*
	 * Takes ITEM->el, such an element with one or more items, in. Returns NULL, or a constant
	 * sentence for the operator: it is left out.
	 */
	const char *(*take)(struct import_item *item);
};

#define PORTABLES(...) ((const struct portable[]){__VA_ARGS__, {0}})

#define NS_PORTABLE "recado:account" /* what XEP-0227 has no word for */

/* The one that stands at INDEX, of the core and all modules, or NULL behind the last. */
const struct portable *portable_at(size_t index);
/* For EL, or NULL. */
const struct portable *portable_for(const struct element *el);
