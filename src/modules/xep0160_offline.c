/* SPDX-License-Identifier: MIT */
/*
 * xep0160_offline.c - messages for accounts that nobody could take them for (XEP-0160), from the
 * durable log to the first session that can; stamped with XEP-0203.
 */
#include "modules/archive.h"
#include "server/message_drain.h"
#include "server/portable.h"

/* XEP-0160 §2: to the first session that can take messages. */
static enum verdict
drain(struct event *ev)
{
	struct session *session = ev->session;

	if (!session_is_available(session) || session->priority < 0)
		return PASS;
	if (session->archive_until > 0)
		message_log_leave_to_archive(ev->account, session->archive_until);
	message_drain(ev->account, session);
	return PASS;
}

extern const struct portable message_portables[];

const struct module xep0160_offline = {
	.name = "offline",
	.specs = SPECS({"XEP-0160", "1.0.1", SPEC_COMPLETE, NULL},
		       {"XEP-0203", "2.0", SPEC_COMPLETE, "stamps on offline messages"}),
	.features = FEATURES("msgoffline"),
	.hooks = HOOKS({POINT_PRESENCE, STAGE_HANDLE, drain}),
	.portables = message_portables,
};
