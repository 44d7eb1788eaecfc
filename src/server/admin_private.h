/* SPDX-License-Identifier: MIT */
/* admin_private.h - what the files of admin share. */
#pragma once

#include "server/admin.h"
#include "server/control.h"
#include "xmpp/jid.h"

struct admin { /* the owner of each control_call */
	struct server *server;
	struct loop *loop;
	struct config *config;
	struct control *control;
};

/* The argument NAME as an address. Returns 0, or -1: CALL has failed. */
MUST_CHECK int admin_jid(struct control_call *call, const char *name, struct jid *out);
/* The argument "account" as an account's address: bare, with a localpart. The same. */
MUST_CHECK int admin_account_jid(struct control_call *call, struct jid *out);
