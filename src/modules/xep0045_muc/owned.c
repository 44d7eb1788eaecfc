/* SPDX-License-Identifier: MIT */
/* owned.c - the rooms that somebody owns (see owned.h). */
#include "modules/xep0045_muc/owned.h"

#include "modules/xep0045_muc/affiliation.h"

#include <stdlib.h>

#define SET_NAME "owned-rooms" /* of the owner: the rooms' addresses */

void
owned_note(const struct room *room, struct store_request *request, struct str bare, bool is_owner)
{
	if (is_owner)
		store_set_put(request, bare, SET_NAME, room->jid.text, STR(""));
	else
		store_set_remove(request, bare, SET_NAME, room->jid.text);
}

void
owned_end(const struct room *room, struct store_request *request)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&room->affiliates, &at, &value)) {
		const struct affiliate *a = value;

		if (a->affiliation == AFFILIATION_OWNER)
			owned_note(room, request, a->jid, false);
	}
}

static void
on_counted(struct room_task *task, struct store_request *request)
{
	struct room *room = task->room;

	room->counted_for = str_dupz(jid_bare_text(task->cause->from));
	room->counted = request->results[0].count;
	room_go_on(room);
}

enum owned_answer
owned_ask(struct room *room, struct stanza *presence, uint64_t max)
{
	struct str bare = jid_bare_text(presence->from);
	bool is_counted = room->counted_for != NULL && str_is(bare, room->counted_for);
	struct store_request *request;

	free(room->counted_for);
	room->counted_for = NULL;
	if (max == 0)
		return OWNED_FEW;
	if (is_counted)
		return room->counted < max ? OWNED_FEW : OWNED_MANY;
	request = room_request_aside(room, presence, on_counted, NULL);
	store_set_list(request, bare, SET_NAME);
	store_submit(request);
	room_wait_for(room, presence);
	return OWNED_ASKED;
}
