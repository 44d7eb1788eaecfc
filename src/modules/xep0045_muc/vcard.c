/* SPDX-License-Identifier: MIT */
/* vcard.c - stores a room's vCard, and tells of its avatar. */
#include "modules/xep0045_muc/vcard.h"

#include "modules/photo_hash.h"
#include "modules/xep0045_muc/affiliation.h"
#include "modules/xep0045_muc/owner.h"
#include "modules/xep0045_muc/post.h"
#include "xmpp/xml_reader.h"

#include <stdlib.h>

#define DOC_NAME "vcard"
#define CARD_MAX 1048576u /* bytes of XML */

static const struct xml_limits limits = {
	.bytes = 2 * CARD_MAX, .depth = 128, .attributes = 128, .nodes = 1u << 16};

static void
on_got(struct room_task *task, struct store_request *request)
{
	struct arena *arena = request->arena;
	struct element *card = NULL;

	if (request->results[0].status == STORE_OK)
		card = xml_parse(arena, request->results[0].value, &limits, NULL);
	room_reply(task->room, task->cause, card ? card : element_new(arena, NS_VCARD, "vCard"));
}

void
vcard_get(struct room *room, struct stanza *iq)
{
	struct store_request *request = room_request_aside(room, iq, on_got, NULL);

	store_doc_get(request, room->jid.text, DOC_NAME);
	store_submit(request);
}

static void
on_put(struct room_task *task, struct store_request *request)
{
	if (request->status == STORE_OK)
		post_reply(task->hold, task->cause, NULL);
	else
		post_refuse(task->hold, task->cause, STANZA_RESOURCE_CONSTRAINT, NULL);
}

void
vcard_set(struct room *room, struct stanza *iq)
{
	struct permission_rules rules = room_config_rules(&room->config);
	struct element *card = element_child(iq->el, NULL, NULL);
	struct store_request *request;
	struct str text, hash;

	if (!may(ACTION_CONFIGURE, ROLE_NONE, affiliation_of(room, jid_bare_text(iq->from)),
		 &rules)) {
		room_refuse(room, iq, STANZA_FORBIDDEN, "only owners may set the avatar");
		return;
	}
	if (room->state != ROOM_OPEN) {
		room_refuse(room, iq, STANZA_NOT_ALLOWED, "the room is being set up");
		return;
	}
	request = room_request(room, iq, on_put, NULL);
	text = xml_text(request->arena, card, STR_NONE);
	hash = photo_hash(request->arena, card);
	free(room->photo_hash);
	room->photo_hash = hash.len > 0 ? str_dupz(hash) : NULL;
	store_doc_put(request, room->jid.text, DOC_NAME, text);
	store_doc_put(request, room->jid.text, "photo-hash", hash);
	store_submit(request);
	owner_announce(room, STATUS_CONFIG_CHANGED);
}
