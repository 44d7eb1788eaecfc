/* SPDX-License-Identifier: MIT */
/*
 * session.c - the session of RFC 3921 §3, which clients of before RFC 6121 ask for after binding.
 * Binding is all that there is to it.
 */
#include "server/module.h"

static enum verdict
answer_session(struct event *ev)
{
	event_reply(ev, NULL);
	return DONE;
}

const struct module session_module = {
	.name = "session",
	.specs = SPECS({"RFC 3921", NULL, SPEC_PARTIAL, "session establishment, a no-op"}),
	.iqs = IQS({IQ_SET, TO_SERVER | TO_OWN_ACCOUNT, NS_SESSION, "session", answer_session}),
};
