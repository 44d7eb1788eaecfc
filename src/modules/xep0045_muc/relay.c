/* SPDX-License-Identifier: MIT */
/* relay.c - iqs through a room (see relay.h). */
#include "modules/xep0045_muc/relay.h"

#include "base/rand.h"
#include "modules/xep0045_muc/check.h"
#include "modules/xep0045_muc/leave.h"
#include "modules/xep0045_muc/occupant.h"
#include "modules/xep0045_muc/post.h"

#include <stdlib.h>

#define RELAYS_MAX 32u /* of one asker */
#define KEEP_MS 60000u

struct relay {
	struct link link; /* in room->relays, the oldest in front */
	uint64_t since_ms;
	struct arena *arena; /* what follows */
	struct str token;    /* the id that the other one sees */
	struct str id;       /* that the asker gave */
	struct jid asker;    /* full */
	struct str asked;    /* whom it was passed on to: the answer comes from there */
	struct str nick;     /* under which the asker knows him */
};

static void
relay_free(struct relay *relay)
{
	list_remove(&relay->link);
	arena_free(relay->arena);
}

void
relays_free(struct room *room)
{
	LIST_EACH(&room->relays, struct relay, link, relay)
	{
		relay_free(relay);
	}
}

/* Forgets what was never answered. Returns how many of ASKER's still wait. */
static unsigned
count_waiting(struct room *room, struct str asker)
{
	uint64_t now = loop_now_ms(room->worker->loop);
	unsigned n = 0;

	LIST_EACH(&room->relays, struct relay, link, relay)
	{
		if (now - relay->since_ms >= KEEP_MS)
			relay_free(relay);
		else
			n += str_equal(relay->asker.text, asker);
	}
	return n;
}

static struct relay *
relay_new(struct room *room, const struct stanza *iq, struct jid asked, struct str nick)
{
	struct arena *arena = arena_new();
	struct relay *relay = arena_new_of(arena, struct relay);

	relay->arena = arena;
	relay->since_ms = loop_now_ms(room->worker->loop);
	relay->token = rand_token(arena, 128); /* nobody else can know it (SEC-55) */
	relay->id = arena_dup(arena, iq->id);
	relay->asker = jid_make(arena, iq->from.local, iq->from.domain, iq->from.resource);
	relay->asked = arena_dup(arena, asked.text);
	relay->nick = arena_dup(arena, nick);
	list_add(&room->relays, &relay->link);
	return relay;
}

/* The same content, from occupant NICK to TO, with another id. */
static void
pass_on(struct room *room, const struct stanza *iq, struct str nick, struct jid to, struct str id)
{
	struct arena *arena = arena_new();
	struct stanza *out = stanza_new(
		STANZA_IQ, iq->type, jid_make(arena, room->jid.local, room->jid.domain, nick), to);

	stanza_set_id(out, id);
	for (const struct element *el = element_child(iq->el, NULL, NULL); el != NULL;
	     el = element_next(el, NULL, NULL)) {
		struct element *copy = element_copy(out->arena, el);

		/* An error is of the stream's namespace, which may be a server's. */
		if (str_is(copy->ns, NS_SERVER))
			copy->ns = STR(NS_CLIENT);
		element_append(out->el, copy);
	}
	room_send(room, out);
	arena_free(arena);
}

/* What a client's server answers for it: its vCard, its pubsub nodes. */
static bool
is_for_the_account(const struct stanza *iq)
{
	const struct element *payload = element_child(iq->el, NULL, NULL);

	return str_is(payload->ns, NS_VCARD) ||
	       str_is(payload->ns, "http://jabber.org/protocol/pubsub");
}

static void
ask(struct room *room, const struct occupant *asker, struct stanza *iq)
{
	const struct occupant *asked = occupant_find(room, iq->to.resource);
	struct jid to;

	if (asked == NULL) {
		room_refuse(room, iq, STANZA_ITEM_NOT_FOUND, NULL);
	} else if (count_waiting(room, iq->from.text) >= RELAYS_MAX) {
		room_refuse(room, iq, STANZA_RESOURCE_CONSTRAINT, NULL);
	} else {
		to = occupant_shown(asked)->jid;
		if (is_for_the_account(iq))
			to = jid_bare(to);
		pass_on(room, iq, asker->nick, to, relay_new(room, iq, to, asked->nick)->token);
	}
}

static void
answer(struct room *room, const struct stanza *iq)
{
	LIST_EACH(&room->relays, struct relay, link, relay)
	{
		if (!str_equal(relay->token, iq->id))
			continue;
		if (str_equal(relay->asked, iq->from.text)) {
			pass_on(room, iq, relay->nick, relay->asker, relay->id);
			relay_free(relay);
		}
		return;
	}
}

void
relay_take(struct room *room, struct stanza *iq)
{
	struct seat *seat = seat_find(room, iq->from.text);
	const struct element *payload = element_child(iq->el, NULL, NULL);

	if (iq->type == IQ_ERROR && seat != NULL && str_starts(iq->id, STR(CHECK_ID))) {
		leave_on_error(room, seat, iq);
	} else if (!stanza_may_be_refused(iq)) {
		answer(room, iq);
	} else if (seat == NULL) {
		/* XEP-0045 §6.6; XEP-0410 §3.3 for pings. */
		room_refuse(room, iq,
			    str_is(payload->ns, NS_PING) ? STANZA_NOT_ACCEPTABLE
							 : STANZA_BAD_REQUEST,
			    "you are not in the room");
	} else if (element_is(payload, NS_PING, "ping") && iq->type == IQ_GET &&
		   str_equal(iq->to.resource, seat->occupant->nick)) {
		room_reply(room, iq, NULL);
	} else {
		ask(room, seat->occupant, iq);
	}
}
