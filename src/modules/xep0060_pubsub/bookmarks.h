/* SPDX-License-Identifier: MIT */
/*
 * bookmarks.h - bookmarks are items of a node (XEP-0402); clients that know only the old form
 * (XEP-0048), in private storage (XEP-0049) or a node (XEP-0223), see and change the same ones.
 */
#pragma once

#include "server/module.h"

#define NODE_BOOKMARKS "urn:xmpp:bookmarks:1"
#define NS_OLD_BOOKMARKS "storage:bookmarks"

#define NODE_OLD_BOOKMARKS "storage:bookmarks"
#define BOOKMARKS_SET "private" /* where private storage has them */
#define BOOKMARKS_KEY "storage storage:bookmarks"

struct commit;
struct node;
struct request;

/*
 * Answers HELD, which asks ACCOUNT's private storage for the old bookmarks. False, and HELD is
 * still the caller's, where there are no nodes.
 */
bool bookmarks_get(struct account *account, struct held_iq *held);
/* The same for a request that puts STORAGE there. */
bool bookmarks_put(struct account *account, struct held_iq *held, const struct element *storage);

/* COMMIT, which is not yet submitted, changes NODE, NODE_BOOKMARKS of an account. */
void bookmarks_changed(struct node *node, struct commit *commit);
/* It publishes PAYLOAD at NODE, NODE_OLD_BOOKMARKS of an account. */
void bookmarks_old_published(struct node *node, struct commit *commit, struct str payload);
/* REQUEST asks for items of NODE_OLD_BOOKMARKS, which is not there: makes it, and answers. False:
 * there is nothing to make it of. */
bool bookmarks_make_old(struct request *request);
