/* SPDX-License-Identifier: MIT */
/*
 * accounts.h - making, changing and removing accounts, for in-band registration (XEP-0077) and the
 * administration alike. Passwords become salted keys off the loops.
 */
#pragma once

#include "server/session.h"
#include "server/server.h"

/*
 * A change of one account. DONE runs on the loop of REQUEST's asker with STORE_OK once the change is
 * durable and holds everywhere; STORE_CONFLICT: it is there already, STORE_MISSING: there is none,
 * STORE_FULL. PASSWORD is prepared (password_prepare), copied, and wiped after use.
 */
typedef void account_done(enum store_status status, void *arg);

void account_create(struct worker *asker, struct jid bare, struct str password, account_done *done,
		    void *arg);
/* All its sessions end, but the one with the full JID KEEP (empty: none). */
void account_set_password(struct worker *asker, struct jid bare, struct str password,
			  struct str keep, account_done *done, void *arg);
/* Its contacts are told, its sessions end, and all that it stored goes. */
void account_remove(struct worker *asker, struct jid bare, account_done *done, void *arg);
/* Whether PASSWORD (prepared) is BARE's: STORE_OK, STORE_CONFLICT when it is not, or STORE_MISSING. */
void account_check_password(struct worker *asker, struct jid bare, struct str password,
			    account_done *done, void *arg);
