/* SPDX-License-Identifier: MIT */
/* xep0092_version.c - which software this is (XEP-0092). */
#include "server/module.h"

#include <sys/utsname.h>

#define NS_VERSION "jabber:iq:version"

static enum verdict
answer_version(struct event *ev)
{
	struct element *query = element_new(ev->arena, NS_VERSION, "query");
	struct utsname system;

	element_add_leaf(ev->arena, query, "name", STR("Recado"));
	element_add_leaf(ev->arena, query, "version", STR(RECADO_VERSION));
	/* §5: an operator may not want to tell the world what runs below. */
	if (option_bool(event_options(ev), "show_os") && uname(&system) == 0)
		element_add_leaf(ev->arena, query, "os", str(system.sysname));
	event_reply(ev, query);
	return DONE;
}

const struct module xep0092_version = {
	.name = "version",
	.specs = SPECS({"XEP-0092", "1.1", SPEC_COMPLETE, NULL}),
	.features = FEATURES(NS_VERSION),
	.options =
		OPTIONS({"show_os", OPTION_BOOL, "false", "whether the operating system is told"}),
	.iqs = IQS({IQ_GET, TO_SERVER, NS_VERSION, "query", answer_version}),
};
