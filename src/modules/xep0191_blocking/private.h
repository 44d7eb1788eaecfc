/* SPDX-License-Identifier: MIT */
/* private.h - what the files of blocking share: the list of an account, and who is shown what. */
#pragma once

#include "modules/blocking.h"
#include "modules/roster.h"
#include "server/portable.h"

#define BLOCKLIST_SET "blocklist"

struct blocklist {
	struct map jids; /* char * by itself */
};

/* list.c */
void list_free(void *state);
void *list_loaded(struct account *account, const struct store_item *items);
/* NULL for who has never blocked anybody; list_make makes one. */
struct blocklist *list_of(const struct account *account);
struct blocklist *list_make(struct account *account);
/* Whether it was not there before. */
bool list_add_jid(struct blocklist *list, struct str jid);
/* Whether it was there. */
bool list_remove_jid(struct blocklist *list, struct str jid);
/* §5: whether PEER itself, its bare JID or its domain is a key of JIDS. */
bool list_matches(const struct map *jids, struct jid peer);

/* check.c */
enum verdict blocking_check_outgoing(struct event *ev);
enum verdict blocking_check_incoming(struct event *ev);
/* What came before they were blocked, and waited for its reader. It stays in the archive. */
enum verdict blocking_check_waiting(struct event *ev);

/* show.c: ITEMS are struct jid by themselves. */
/* §3.3: those that are about to be blocked see the account go. */
void blocking_hide(struct event *ev, const struct map *items);
/* §3.4: those that are not blocked any more see it again, and it them. */
void blocking_show(struct account *account, const struct map *items);

/* portable.c */
extern const struct portable blocking_portables[];

extern const struct module xep0191_blocking;
