/* SPDX-License-Identifier: MIT */
/*
 * xep0280_carbons.c - message carbons (XEP-0280): switching them on and off. Who gets which is in
 * message.c, which messages in archive.c.
 */
#include "server/login.h"
#include "server/module.h"
#include "server/sm.h"
#include "xmpp/xep/forward.h"

static enum verdict
switch_carbons(struct event *ev, bool on)
{
	ev->session->wants_carbons = on;
	if (ev->session->sm != NULL)
		sm_record(ev->session, NULL, NULL); /* it holds after a resumption */
	event_reply(ev, NULL);
	return DONE;
}

static enum verdict
enable(struct event *ev)
{
	return switch_carbons(ev, true);
}

static enum verdict
disable(struct event *ev)
{
	return switch_carbons(ev, false);
}

/* With Bind 2 (XEP-0386 §4). */
static void
bind_enabled(struct event *ev, struct login *login UNUSED, const struct element *asked UNUSED)
{
	ev->session->wants_carbons = true;
}

const struct module xep0280_carbons = {
	.name = "carbons",
	.specs = SPECS({"XEP-0280", "1.0.1", SPEC_COMPLETE, NULL},
		       {"XEP-0297", "1.0", SPEC_COMPLETE, "carbons and archives"}),
	.inline_features = INLINE_FEATURES(
		{INLINE_BIND, NS_CARBONS, "enable", NS_CARBONS, NULL, bind_enabled, NULL}),
	.features = FEATURES(NS_CARBONS, "urn:xmpp:carbons:rules:0"),
	.account_features = FEATURES(NS_CARBONS),
	.iqs = IQS({IQ_SET, TO_OWN_ACCOUNT, NS_CARBONS, "enable", enable},
		   {IQ_SET, TO_OWN_ACCOUNT, NS_CARBONS, "disable", disable}),
};
