/* SPDX-License-Identifier: MIT */
/* modules.c - THE list: what this server does, in the order in which modules see an event of a stage. */
#include "server/module.h"

extern const struct module roster_module, presence_module, message_module, xep0160_offline;

const struct module *const modules[] = {
	&roster_module,
	&presence_module,
	&message_module,
	&xep0160_offline,
	NULL,
};
