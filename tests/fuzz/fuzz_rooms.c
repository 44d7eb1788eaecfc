/* SPDX-License-Identifier: MIT */
/*
 * fuzz_rooms.c - what a room reads of strangers: its configuration form, questions to its archive,
 * how much history, nicks. A configuration that was taken is the same after it has been stored.
 */
#include "modules/mam_query.h"
#include "modules/xep0045_muc/config.h"
#include "modules/xep0045_muc/history.h"
#include "xmpp/prep.h"
#include "xmpp/xml_reader.h"

#include <stdlib.h>

#define MAX_OCCUPANTS 5000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_config(struct arena *arena, const struct element *x)
{
	struct room_config none = {0}, read, again = {0};
	struct form form;
	const char *why;

	if (form_parse(arena, x, &form, &why) < 0 ||
	    room_config_read(&none, &form, MAX_OCCUPANTS, &read, &why) < 0)
		return;
	room_config_parse(room_config_text(arena, &read), &again);
	if (!str_equal(room_config_text(arena, &read), room_config_text(arena, &again)) ||
	    read.max_occupants > MAX_OCCUPANTS)
		abort();
	room_config_free(&read);
	room_config_free(&again);
}

static void
read_nick(struct arena *arena, struct str text)
{
	struct str nick;
	const char *why;

	if (jid_prepare_resource(arena, text, &nick, &why) == 0)
		(void)prep_nick_key(arena, nick);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct xml_limits limits = {
		.bytes = 65536, .depth = 32, .attributes = 32, .nodes = 4096};
	struct arena *arena = arena_new();
	struct str text = str_of(data, size);
	const struct element *el = xml_parse(arena, text, &limits, NULL);
	struct mam_query query;

	read_nick(arena, text);
	if (el != NULL) {
		if (mam_query_parse(arena, el, true, &query) == STANZA_NO_ERROR &&
		    (query.max > 250 || query.anchor_count > COUNT(query.anchors)))
			abort();
		(void)history_parse(el);
		read_config(arena, el);
	}
	arena_free(arena);
	return 0;
}
