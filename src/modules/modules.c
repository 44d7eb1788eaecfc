/* SPDX-License-Identifier: MIT */
/* modules.c - THE list: what this server does, in the order in which modules see an event of a
 * stage. */
#include "server/module.h"

extern const struct module roster_module, presence_module, message_module, session_module;
extern const struct module xep0012_last, xep0030_disco, xep0045_muc, xep0049_private,
	xep0050_commands, xep0054_vcard, xep0077_register, xep0092_version, xep0115_caps,
	xep0157_contact, xep0160_offline, xep0191_blocking, xep0198_sm, xep0199_ping, xep0202_time,
	xep0280_carbons, xep0313_mam, xep0352_csi, xep0357_push, xep0377_reports, xep0478_limits,
	xep0494_clients;

/* clang-format off */
const struct module *const modules[] = {
	&xep0191_blocking,
	&roster_module,
	&presence_module,
	&message_module,
	&session_module,
	&xep0160_offline,
	&xep0012_last,
	&xep0030_disco,
	&xep0045_muc,
	&xep0049_private,
	&xep0050_commands,
	&xep0054_vcard,
	&xep0077_register,
	&xep0092_version,
	&xep0115_caps,
	&xep0157_contact,
	&xep0199_ping,
	&xep0202_time,
	&xep0198_sm,
	&xep0280_carbons,
	&xep0313_mam,
	&xep0352_csi,
	&xep0357_push,
	&xep0377_reports,
	&xep0478_limits,
	&xep0494_clients,
	NULL,
};
/* clang-format on */
