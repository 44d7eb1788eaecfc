/* SPDX-License-Identifier: MIT */
/* xep0202_time.c - the server's time (XEP-0202). */
#include "base/time.h"
#include "server/module.h"

#define NS_TIME "urn:xmpp:time"

static enum verdict
answer_time(struct event *ev)
{
	struct element *time = element_new(ev->arena, NS_TIME, "time");

	/* The server's zone is nobody's business; UTC is everybody's. */
	element_add_leaf(ev->arena, time, "tzo", STR("+00:00"));
	element_add_leaf(ev->arena, time, "utc", time_format(ev->arena, time_wall_us(), false));
	event_reply(ev, time);
	return DONE;
}

const struct module xep0202_time = {
	.name = "time",
	.specs = SPECS({"XEP-0202", "2.0", SPEC_COMPLETE, NULL}),
	.features = FEATURES(NS_TIME),
	.iqs = IQS({IQ_GET, TO_SERVER, NS_TIME, "time", answer_time}),
};
