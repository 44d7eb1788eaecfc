/* SPDX-License-Identifier: MIT */
/*
 * account_disable.h - accounts that nobody may log in to until they are enabled again (XEP-0133
 * §4.3, §4.4). Nothing of them is lost, and messages for them are kept.
 *
 * They stand in a set that their host owns, which is looked up at each login.
 */
#pragma once

#include "server/account_change.h"

#define DISABLED_SET "disabled" /* key: the bare JID; value: since when, in microseconds */

/* Adds the operation whose result is STORE_OK if BARE is disabled. */
size_t account_disabled_get(struct store_request *request, struct str bare);

/*
 * Disables ACCOUNT (bare), ending its sessions, or enables it. STORE_OK too when it was so already;
 * STORE_MISSING when there is no such account.
 */
void account_set_disabled(struct server *server, struct loop *loop, struct jid account,
			  bool is_disabled, account_changed *done, void *owner);
