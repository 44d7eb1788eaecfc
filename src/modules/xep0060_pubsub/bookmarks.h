/* SPDX-License-Identifier: MIT */
/*
 * bookmarks.h - bookmarks are items of a node (XEP-0402); clients that know only private storage
 * (XEP-0048, XEP-0049) see and change the same ones.
 */
#pragma once

#include "server/module.h"

#define NODE_BOOKMARKS "urn:xmpp:bookmarks:1"
#define NS_OLD_BOOKMARKS "storage:bookmarks"

/*
 * Answers HELD, which asks ACCOUNT's private storage SET for KEY, the old bookmarks. False, and
 * HELD is still the caller's, where there are no nodes.
 */
bool bookmarks_get(struct account *account, struct held_iq *held, const char *set, struct str key);
/* The same for a request that puts STORAGE there. */
bool bookmarks_put(struct account *account, struct held_iq *held, const char *set, struct str key,
		   const struct element *storage);
