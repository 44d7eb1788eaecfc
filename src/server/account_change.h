/* SPDX-License-Identifier: MIT */
/*
 * account_change.h - making and removing accounts, and new passwords: for the operator's commands
 * and for in-band registration (XEP-0077).
 *
 * Keys are derived on a store thread, written, and then the account's home worker is told: whoever
 * was logged in with the old password, is not any more (SEC-40).
 */
#pragma once

#include "server/server.h"
#include "xmpp/credentials.h"
#include "xmpp/jid.h"

enum account_change {
	ACCOUNT_MAKE,         /* STORE_CONFLICT when it is there */
	ACCOUNT_BRING,        /* the same, without a welcome: its owner is no newcomer */
	ACCOUNT_MAKE_OR_SET,  /* whether it is there or not */
	ACCOUNT_SET_PASSWORD, /* STORE_MISSING when it is not there */
};

/* On the asker's loop, once the change is durable and known to the home worker, or refused. */
typedef void account_changed(void *owner, enum store_status status);

/*
 * ACCOUNT is prepared and bare, of a host of CONFIG; PASSWORD is prepared (password_prepare). The
 * session KEEP (a resource, or empty) outlives a new password. All are copied.
 */
void account_set_password(struct server *server, struct loop *loop, const struct config *config,
			  enum account_change change, struct jid account, struct str password,
			  struct str keep, account_changed *done, void *owner);
/* The same with keys that another server derived, which is quick. Only SCRAM keys are taken. */
void account_set_keys(struct server *server, struct loop *loop, enum account_change change,
		      struct jid account, const struct credentials *keys, account_changed *done,
		      void *owner);
/* Whether PASSWORD (prepared) is the account's: STORE_OK, STORE_CONFLICT when not, STORE_MISSING.
 */
void account_check_password(struct server *server, struct loop *loop, struct jid account,
			    struct str password, account_changed *done, void *owner);
/*
 * Ends its sessions, but KEEP (a resource, or empty), which the caller ends; then removes it with
 * all it owns. STORE_MISSING when it is not there.
 */
void account_remove(struct server *server, struct loop *loop, struct jid account, struct str keep,
		    account_changed *done, void *owner);
