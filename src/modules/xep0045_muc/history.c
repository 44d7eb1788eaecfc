/* SPDX-License-Identifier: MIT */
/* history.c - history and subject for a newcomer. */
#include "modules/xep0045_muc/history.h"

#include "modules/mam_query.h"
#include "modules/xep0045_muc/archive.h"
#include "xmpp/xep/delay.h"

struct history_wish
history_parse(const struct element *x)
{
	struct history_wish wish = {UINT64_MAX, UINT64_MAX, 0};
	const struct element *history = x ? element_child(x, NS_MUC, "history") : NULL;
	uint64_t seconds, now = time_wall_us(), since;

	if (history == NULL)
		return wish;
	/* What is no number is no limit. */
	if (str_to_u64(element_attr(history, "maxchars"), UINT64_MAX, &wish.chars) < 0)
		wish.chars = UINT64_MAX;
	if (str_to_u64(element_attr(history, "maxstanzas"), UINT64_MAX, &wish.stanzas) < 0)
		wish.stanzas = UINT64_MAX;
	if (str_to_u64(element_attr(history, "seconds"), now / 1000000, &seconds) == 0)
		wish.since_us = now - seconds * 1000000;
	if (time_parse(element_attr(history, "since"), &since) == 0)
		wish.since_us = MAX(wish.since_us, since);
	return wish;
}

void
history_ask(struct room *room, struct store_request *request, const struct history_wish *wish)
{
	struct store_page page = {.mask = ARCHIVE_HISTORY,
				  .flags = ARCHIVE_HISTORY,
				  .start_us = wish->since_us,
				  .scan = 1000,
				  .from_end = true};

	page.limit = (size_t)MIN(room->config.history, wish->stanzas);
	if (page.limit > 0 && wish->chars > 0)
		store_log_page(request, room->jid.text, ARCHIVE_LOG, &page);
}

static struct stanza *
old_message(const struct room *room, const struct store_item *item, struct jid to)
{
	struct stanza *message = stanza_parse(item->value);

	if (message == NULL)
		return NULL;
	stanza_set_to(message, to);
	delay_add(message->arena, message->el, room->jid.text, item->at_us);
	element_append(message->el, archive_id(message->arena, room, item->id));
	message->is_edited = true;
	return message;
}

static size_t
length_of(struct stanza *stanza)
{
	struct buf text = {0};
	size_t length;

	stanza_freeze(stanza);
	stanza_write(&text, stanza, NULL);
	length = buf_len(&text);
	buf_free(&text);
	return length;
}

void
history_send(struct post *hold, const struct store_request *request,
	     const struct history_wish *wish, struct jid to)
{
	const struct store_result *result;
	struct stanza **messages;
	uint64_t chars = 0;
	size_t n = 0, first;

	if (request->count == 0)
		return;
	result = &request->results[request->count - 1];
	if (result->items == NULL)
		return;
	messages = arena_array(request->arena, struct stanza *, result->count);
	for (const struct store_item *item = result->items; item != NULL; item = item->next) {
		messages[n] = old_message(post_room(hold), item, to);
		n += messages[n] != NULL;
	}
	/* The newest that fit, whole ones. */
	for (first = n; first > 0; first--) {
		chars += wish->chars == UINT64_MAX ? 0 : length_of(messages[first - 1]);
		if (chars > wish->chars)
			break;
	}
	for (size_t i = 0; i < first; i++)
		stanza_unref(messages[i]);
	for (size_t i = first; i < n; i++)
		post_send(hold, messages[i]);
}

void
subject_send(struct room *room, struct post *hold, struct jid to)
{
	struct stanza *message = room->subject ? stanza_parse(str(room->subject)) : NULL;

	if (message == NULL) {
		message = stanza_new(STANZA_MESSAGE, MESSAGE_GROUPCHAT, room->jid, to);
		element_add(message->arena, message->el, NULL, "subject");
	}
	stanza_set_to(message, to);
	if (room->subject_at_us > 0)
		delay_add(message->arena, message->el, room->jid.text, room->subject_at_us);
	message->is_edited = true;
	post_send(hold, message);
}
