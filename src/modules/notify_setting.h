/* SPDX-License-Identifier: MIT */
/*
 * notify_setting.h - what somebody wants to be told of a chat (XEP-0492), as a bookmark of it says
 * (XEP-0402).
 */
#pragma once

#include "server/module.h"

enum notify_setting { NOTIFY_UNSET, NOTIFY_NEVER, NOTIFY_ON_MENTION, NOTIFY_ALWAYS };

struct notify_wish {
	enum notify_setting setting; /* for a phone */
	struct str nick;             /* the bookmark's; p NULL: none */
};

/*
 * What ACCOUNT wants of CHAT, a bare JID. DONE is called later, on the account's worker; the
 * account is kept in memory until then, but may be about to be removed (its state tells).
 */
void notify_setting_ask(struct account *account, struct str chat,
			void (*done)(struct account *account, const struct notify_wish *wish,
				     void *arg),
			void *arg);
