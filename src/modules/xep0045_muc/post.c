/* SPDX-License-Identifier: MIT */
/* post.c - the queue of what a room sends (see post.h). */
#include "modules/xep0045_muc/post.h"

#include "modules/xep0045_muc/flood.h"
#include "modules/xep0045_muc/occupant.h"

#include <stdlib.h>

struct post {
	struct link link;
	struct room *room;
	struct stanza *stanza; /* NULL: nothing */
	/* Whom it goes to; both NULL: to its own address. */
	struct audience *moderators, *others;
	uint64_t skip;
	bool is_held;
};

static void
post_free(struct post *post)
{
	list_remove(&post->link);
	stanza_unref(post->stanza);
	audience_unref(post->moderators);
	audience_unref(post->others);
	free(post);
}

static void
post_out(struct post *post)
{
	struct worker *worker = post->room->worker;

	if (post->stanza == NULL)
		return;
	if (post->moderators == NULL && post->others == NULL) {
		route(worker, post->stanza);
		post->stanza = NULL;
		return;
	}
	stanza_freeze(post->stanza);
	if (post->moderators != NULL)
		route_many(worker, post->stanza, post->moderators, post->skip);
	if (post->others != NULL)
		route_many(worker, post->stanza, post->others, post->skip);
}

static void
flush(struct room *room)
{
	while (!list_is_empty(&room->posts)) {
		struct post *post = CONTAINER(room->posts.next, struct post, link);

		if (post->is_held)
			return;
		post_out(post);
		post_free(post);
	}
}

static struct post *
add(struct room *room, struct stanza *stanza)
{
	struct post *post = xnew(struct post);

	post->room = room;
	post->stanza = stanza;
	list_add(&room->posts, &post->link);
	return post;
}

void
room_send(struct room *room, struct stanza *stanza)
{
	if (list_is_empty(&room->posts)) {
		route(room->worker, stanza);
		return;
	}
	add(room, stanza);
}

static void
make_audiences(struct room *room)
{
	uint32_t at = 0;
	void *value;

	if (room->moderators != NULL)
		return;
	room->moderators = audience_new(room->worker, room->flight);
	room->others = audience_new(room->worker, room->flight);
	while (map_next(&room->seats, &at, &value)) {
		const struct seat *seat = value;
		struct worker *home = worker_host(room->worker, seat->jid.domain) != NULL
					      ? worker_home(room->worker, jid_bare_text(seat->jid))
					      : NULL;

		audience_add(seat->occupant->role == ROLE_MODERATOR ? room->moderators
								    : room->others,
			     home, seat->jid, seat->occupant->tag);
	}
}

void
room_audience_changed(struct room *room)
{
	audience_unref(room->moderators);
	audience_unref(room->others);
	room->moderators = room->others = NULL;
}

static void
address(struct post *post, bool moderators, bool others)
{
	struct room *room = post->room;

	if (moderators)
		post->moderators = audience_ref(room->moderators);
	if (others)
		post->others = audience_ref(room->others);
	flood_spend(room, (moderators ? audience_count(room->moderators) : 0) +
				  (others ? audience_count(room->others) : 0));
}

static void
broadcast(struct room *room, struct stanza *stanza, bool moderators, bool others, uint64_t skip)
{
	struct post *post;

	make_audiences(room);
	post = add(room, stanza);
	post->skip = skip;
	address(post, moderators, others);
	flush(room);
}

void
room_broadcast(struct room *room, struct stanza *stanza, uint64_t skip)
{
	broadcast(room, stanza, true, true, skip);
}

void
room_broadcast_to(struct room *room, struct stanza *stanza, bool moderators, uint64_t skip)
{
	broadcast(room, stanza, moderators, !moderators, skip);
}

struct post *
post_hold(struct room *room)
{
	struct post *post = add(room, NULL);

	post->is_held = true;
	return post;
}

struct room *
post_room(const struct post *hold)
{
	return hold->room;
}

struct post *
post_hold_broadcast(struct room *room)
{
	struct post *post = post_hold(room);

	make_audiences(room);
	address(post, true, true);
	return post;
}

void
post_set(struct post *hold, struct stanza *stanza)
{
	assert(hold->stanza == NULL);
	hold->stanza = stanza;
}

void
post_send(struct post *hold, struct stanza *stanza)
{
	struct post *post = xnew(struct post);

	post->room = hold->room;
	post->stanza = stanza;
	list_add_before(&hold->link, &post->link);
}

void
post_open(struct room *room, struct post *hold)
{
	hold->is_held = false;
	flush(room);
}

/* ---- answers ---- */

static struct stanza *
refusal(struct room *room, const struct stanza *stanza, enum stanza_condition condition,
	const char *type, const char *text)
{
	struct stanza *reply = stanza_error_reply(stanza, condition, text);
	struct element *error = element_child(reply->el, NS_CLIENT, "error");

	element_set(reply->arena, error, "by", room->jid.text);
	if (type != NULL)
		element_setz(reply->arena, error, "type", type);
	/* §7.2: so that a client knows whose error it is. */
	if (stanza->kind == STANZA_PRESENCE) {
		struct element *x = element_new(reply->arena, NS_MUC, "x");

		element_detach(error);
		element_append(reply->el, x);
		element_append(reply->el, error);
	}
	return reply;
}

void
room_refuse_as(struct room *room, const struct stanza *stanza, enum stanza_condition condition,
	       const char *type, const char *text)
{
	if (stanza_may_be_refused(stanza))
		room_send(room, refusal(room, stanza, condition, type, text));
}

void
room_refuse(struct room *room, const struct stanza *stanza, enum stanza_condition condition,
	    const char *text)
{
	room_refuse_as(room, stanza, condition, NULL, text);
}

void
post_refuse(struct post *hold, const struct stanza *stanza, enum stanza_condition condition,
	    const char *text)
{
	if (stanza_may_be_refused(stanza))
		post_send(hold, refusal(hold->room, stanza, condition, NULL, text));
}

static struct stanza *
result(const struct stanza *iq, struct element *payload)
{
	struct stanza *reply = stanza_result(iq);

	if (payload != NULL)
		element_append(reply->el, element_copy(reply->arena, payload));
	return reply;
}

void
room_reply(struct room *room, const struct stanza *iq, struct element *payload)
{
	room_send(room, result(iq, payload));
}

void
post_reply(struct post *hold, const struct stanza *iq, struct element *payload)
{
	post_send(hold, result(iq, payload));
}

void
posts_free(struct room *room)
{
	LIST_EACH(&room->posts, struct post, link, post)
	{
		post_free(post);
	}
	room_audience_changed(room);
}
