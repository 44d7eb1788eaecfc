/* SPDX-License-Identifier: MIT */
/*
 * module.c - rooms for many (XEP-0045), at a domain of their own below each host.
 *
 * A room lives on the home worker of its address: no lock, and all that concerns it in one order.
 */
#include "modules/xep0045_muc/control.h"
#include "modules/xep0045_muc/gone.h"
#include "modules/xep0045_muc/room.h"
#include "modules/xep0045_muc/service.h"

static enum verdict
take(struct event *ev)
{
	if (ev->stanza->to.local.len == 0)
		return service_take(ev);
	if (ev->stanza->from.text.len == 0)
		return DONE;
	room_take(room_get(ev->worker, ev->stanza->to), ev->stanza);
	return DONE;
}

const struct module xep0045_muc = {
	.name = "rooms",
	.specs = SPECS({"XEP-0045", "1.35.5", SPEC_COMPLETE,
			"enablelogging warns, but nothing is published"},
		       {"XEP-0153", "1.1.1", SPEC_COMPLETE, "of rooms"},
		       {"XEP-0249", "1.2", SPEC_COMPLETE, "sent along with mediated invitations"},
		       {"XEP-0307", "0.1", SPEC_COMPLETE, NULL},
		       {"XEP-0313", "1.1.3", SPEC_COMPLETE, "archives of rooms"},
		       {"XEP-0317", "0.3.1", SPEC_COMPLETE, NULL},
		       {"XEP-0359", "0.7.0", SPEC_COMPLETE, "ids by rooms"},
		       {"XEP-0410", "1.1.0", SPEC_COMPLETE,
			"rooms answer; seats in rooms elsewhere are watched"},
		       {"XEP-0421", "1.0.1", SPEC_COMPLETE, NULL},
		       {"XEP-0424", "0.4.2", SPEC_COMPLETE, "tombstones in archives of rooms"},
		       {"XEP-0425", "0.3.0", SPEC_COMPLETE, "versions 1 and 0"},
		       {"XEP-0433", "0.1.0", SPEC_COMPLETE, NULL},
		       {"XEP-0486", "0.1.0", SPEC_COMPLETE, NULL}),
	.options = OPTIONS(
		{"domain", OPTION_TEXT, "", "the service's domain, if it is not rooms.HOST"},
		{"name", OPTION_TEXT, "Rooms", "what clients show of the service"},
		{"create", OPTION_TEXT, "local",
		 "who may make rooms: anyone, people of this server, its administrators",
		 "anyone local admins"},
		{"rooms_per_person", OPTION_INT, "100",
		 "rooms that one person may own when making another; 0: any number", NULL, 0,
		 1000000},
		{"max_occupants", OPTION_INT, "5000",
		 "people in a room; rooms may be configured to have fewer", NULL, 1, 1000000},
		{"rate", OPTION_INT, "5",
		 "times a second that one person may enter a room, change nick or presence; 0: any",
		 NULL, 0, 1000},
		{"burst", OPTION_INT, "50", "how many of these can be saved up", NULL, 1, 100000},
		{"deliveries", OPTION_INT, "200000",
		 "stanzas a second that one room sends; beyond that it is slow; 0: any", NULL, 0,
		 100000000},
		{"archive_for", OPTION_DURATION, "0", "how long messages are kept; 0: for ever"},
		{"archive_bytes", OPTION_SIZE, "1GiB", "of one room; 0: any"},
		{"check_after", OPTION_DURATION, "5m",
		 "after a start, when those are removed from rooms who did not come back"},
		{"default_history", OPTION_INT, "20", "messages that newcomers get", NULL, 0, 100},
		{"default_public", OPTION_BOOL, "true", "new rooms are listed"},
		{"default_persistent", OPTION_BOOL, "false", "new rooms stay when they are empty"},
		{"default_members_only", OPTION_BOOL, "false", "new rooms are for members only"},
		{"default_non_anonymous", OPTION_BOOL, "false",
		 "in new rooms everybody sees addresses"}),
	.hooks = HOOKS({POINT_ACCOUNT_REMOVED, STAGE_HANDLE, rooms_on_account_gone}),
	.controls = room_controls,
	.subdomain = "rooms",
	.take = take,
	.state_size = sizeof(struct rooms),
	.state_free = rooms_free,
	.start = rooms_start,
};
