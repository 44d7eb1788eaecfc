/* SPDX-License-Identifier: MIT */
/* dispatch.c - the table of what a room answers. */
#include "modules/xep0045_muc/dispatch.h"

#include "modules/mam_query.h"
#include "modules/xep0045_muc/admin.h"
#include "modules/xep0045_muc/archive.h"
#include "modules/xep0045_muc/disco.h"
#include "modules/xep0045_muc/enter.h"
#include "modules/xep0045_muc/hats.h"
#include "modules/xep0045_muc/message.h"
#include "modules/xep0045_muc/moderation.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/owner.h"
#include "modules/xep0045_muc/post.h"
#include "modules/xep0045_muc/register.h"
#include "modules/xep0045_muc/relay.h"
#include "modules/xep0045_muc/vcard.h"
#include "xmpp/xep/disco.h"

static void
take_ping(struct room *room, struct stanza *iq)
{
	room_reply(room, iq, NULL);
}

static void
take_command(struct room *room, struct stanza *iq)
{
	if (!hats_take(room, iq))
		room_refuse(room, iq, STANZA_ITEM_NOT_FOUND, NULL);
}

static const struct {
	enum stanza_type type;
	const char *ns, *name;
	void (*run)(struct room *room, struct stanza *iq);
} answers[] = {
	{IQ_GET, NS_DISCO_INFO, "query", disco_room_info},
	{IQ_GET, NS_DISCO_ITEMS, "query", disco_room_items},
	{IQ_GET, NS_MUC_ADMIN, "query", admin_get},
	{IQ_SET, NS_MUC_ADMIN, "query", admin_set},
	{IQ_GET, NS_MUC_OWNER, "query", owner_get},
	{IQ_SET, NS_MUC_OWNER, "query", owner_set},
	{IQ_GET, NS_REGISTER, "query", register_get},
	{IQ_SET, NS_REGISTER, "query", register_set},
	{IQ_GET, NS_MAM, "query", archive_form},
	{IQ_SET, NS_MAM, "query", archive_query},
	{IQ_GET, NS_MAM, "metadata", archive_metadata},
	{IQ_SET, NS_MODERATE, "moderate", moderation_take},
	{IQ_SET, NS_FASTEN, "apply-to", moderation_take},
	{IQ_GET, NS_VCARD, "vCard", vcard_get},
	{IQ_SET, NS_VCARD, "vCard", vcard_set},
	{IQ_SET, NS_COMMANDS, "command", take_command},
	{IQ_GET, NS_PING, "ping", take_ping},
};

static void
take_iq(struct room *room, struct stanza *iq)
{
	const struct element *payload = element_child(iq->el, NULL, NULL);

	if (iq->to.resource.len > 0) {
		if (room_exists(room))
			relay_take(room, iq);
		else
			room_refuse(room, iq,
				    payload != NULL && str_is(payload->ns, NS_PING)
					    ? STANZA_NOT_ACCEPTABLE
					    : STANZA_ITEM_NOT_FOUND,
				    NULL);
		return;
	}
	if (!stanza_may_be_refused(iq))
		return; /* nothing was asked in the room's name */
	if (!room_exists(room)) {
		room_refuse(room, iq, STANZA_ITEM_NOT_FOUND, NULL);
		return;
	}
	for (size_t i = 0; i < COUNT(answers); i++)
		if (iq->type == answers[i].type &&
		    element_is(payload, answers[i].ns, answers[i].name)) {
			answers[i].run(room, iq);
			return;
		}
	room_refuse(room, iq, STANZA_SERVICE_UNAVAILABLE, NULL);
}

void
dispatch(struct room *room, struct stanza *stanza)
{
	struct seat *seat = seat_find(room, stanza->from.text);

	if (room_service(room) == NULL) {
		room_refuse(room, stanza, STANZA_ITEM_NOT_FOUND, NULL);
		return;
	}
	if (seat != NULL && stanza_may_be_refused(stanza))
		seat->failing_since_ms = 0;
	switch (stanza->kind) {
	case STANZA_PRESENCE:
		enter_take(room, stanza);
		return;
	case STANZA_MESSAGE:
		message_take(room, stanza);
		return;
	default:
		take_iq(room, stanza);
	}
}
