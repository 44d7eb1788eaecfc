/* SPDX-License-Identifier: MIT */
/* modules.c - THE list: what this server does, in the order in which modules see an event of a
 * stage. */
#include "server/module.h"

extern const struct module message_module;
extern const struct module presence_module;
extern const struct module roster_module;
extern const struct module session_module;
extern const struct module xep0012_last;
extern const struct module xep0030_disco;
extern const struct module xep0033_multicast;
extern const struct module xep0045_muc;
extern const struct module xep0049_private;
extern const struct module xep0050_commands;
extern const struct module xep0054_vcard;
extern const struct module xep0055_search;
extern const struct module xep0065_proxy;
extern const struct module xep0060_pubsub;
extern const struct module xep0077_register;
extern const struct module xep0092_version;
extern const struct module xep0115_caps;
extern const struct module xep0133_admin;
extern const struct module xep0157_contact;
extern const struct module xep0160_offline;
extern const struct module xep0163_pep;
extern const struct module xep0191_blocking;
extern const struct module xep0198_sm;
extern const struct module xep0199_ping;
extern const struct module xep0202_time;
extern const struct module xep0215_extdisco;
extern const struct module xep0280_carbons;
extern const struct module xep0313_mam;
extern const struct module xep0283_moved;
extern const struct module xep0352_csi;
extern const struct module xep0355_delegation;
extern const struct module xep0356_privilege;
extern const struct module xep0357_push;
extern const struct module xep0377_reports;
extern const struct module xep0410_seats;
extern const struct module xep0478_limits;
extern const struct module xep0494_clients;

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
	&xep0033_multicast,
	&xep0049_private,
	&xep0050_commands,
	&xep0054_vcard,
	&xep0055_search,
	&xep0065_proxy,
	&xep0060_pubsub,
	&xep0163_pep,
	&xep0077_register,
	&xep0092_version,
	&xep0115_caps,
	&xep0133_admin,
	&xep0157_contact,
	&xep0199_ping,
	&xep0202_time,
	&xep0198_sm,
	&xep0280_carbons,
	&xep0313_mam,
	&xep0215_extdisco,
	&xep0283_moved,
	&xep0352_csi,
	&xep0355_delegation,
	&xep0356_privilege,
	&xep0357_push,
	&xep0377_reports,
	&xep0410_seats,
	&xep0478_limits,
	&xep0494_clients,
	NULL,
};
/* clang-format on */
