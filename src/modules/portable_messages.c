/* SPDX-License-Identifier: MIT */
/*
 * portable_messages.c - the archive, and the messages that nobody has yet, on their way from server
 * to server (XEP-0227 §3.4, §3.9).
 *
 * Both are one log here (message_log.h). An offline message that is in the archive, too, is known
 * again by its id in the archive, if it names that, or by sender, id and time; then it is not put
 * in twice. Entries keep their ids if these are ours.
 */
#include "modules/archive.h"
#include "modules/mam_query.h"
#include "server/message_log.h"
#include "server/portable.h"
#include "xmpp/xep/delay.h"
#include "xmpp/xep/forward.h"
#include "xmpp/xep/pie.h"
#include "xmpp/xep/sid.h"

#define PAGE 20u
#define SAME_US 3000000u /* two records of one message are not further apart */
#define ID_AHEAD_US (UINT64_C(26) * 3600000000)

extern const struct portable message_portables[];

/* Out */

static uint64_t
mark_number(struct str mark)
{
	uint64_t id = 0;

	if (mark.len > 0 && str_to_u64(mark, UINT64_MAX, &id) < 0)
		id = 0;
	return id;
}

static void
load_archive(struct store_request *request, const struct account *account, struct str after)
{
	store_log_page(request, account->jid.text, MESSAGE_LOG,
		       &(struct store_page){
			       .after = mark_number(after), .mask = ENTRY_HIDDEN, .limit = PAGE});
}

static struct str
write_archive(struct buf *out, const struct store_request *request,
	      const struct account *account UNUSED)
{
	uint64_t last = 0;
	size_t count = 0;
	char id[MAM_ID_SIZE];

	for (const struct store_item *item = request->results[0].items; item != NULL;
	     item = item->next) {
		buf_addz(out, "<result xmlns='" NS_MAM "'");
		xml_write_attr(out, "id", mam_id_text(id, item->id));
		buf_addz(out, "><forwarded xmlns='" NS_FORWARD "'>");
		delay_write(out, STR_NONE, item->at_us);
		mam_write_message(out, item->value, STR(""));
		buf_addz(out, "</forwarded></result>");
		last = item->id;
		count++;
	}
	if (count < PAGE)
		return STR_NONE;
	return arena_printf(request->arena, "%llu", (unsigned long long)last);
}

static void
load_offline(struct store_request *request, const struct account *account, struct str after)
{
	uint64_t id = mark_number(after);

	for (unsigned i = 0; i < PAGE && (id = message_log_next(account, id)) > 0; i++)
		store_log_get(request, account->jid.text, MESSAGE_LOG, id);
	if (request->count == 0)
		store_log_count(request, account->jid.text, MESSAGE_LOG);
}

static struct str
write_offline(struct buf *out, const struct store_request *request, const struct account *account)
{
	uint64_t last = 0;

	for (size_t i = 0; i < request->count; i++) {
		const struct store_item *item = request->results[i].items;
		struct buf extra = {0};

		if (item == NULL)
			continue;
		delay_write(&extra, account->jid.domain, item->at_us);
		sid_write(&extra, account->jid.text, item->id);
		mam_write_message(out, item->value, buf_str(&extra));
		buf_free(&extra);
		last = item->id;
	}
	if (request->count < PAGE || last == 0)
		return STR_NONE;
	return arena_printf(request->arena, "%llu", (unsigned long long)last);
}

/* In */

struct brought { /* a message */
	struct stanza *stanza;
	struct str text; /* as the log has it */
	uint64_t at_us, id;
	unsigned flags;
	bool is_offline;
};

static struct jid
peer_of(const struct brought *b)
{
	return (b->flags & ENTRY_SENT) != 0 ? b->stanza->to : b->stanza->from;
}

static void
note(struct import_item *import, const struct brought *b, uint64_t id, size_t bytes, unsigned flags)
{
	message_log_brought(import->account, id, (uint32_t)bytes, flags, !b->is_offline);
}

static struct brought *
brought_of(const struct import_item *import)
{
	return (struct brought *)(uintptr_t)import->number;
}

static const char *
done(struct import_item *import, const char *why)
{
	stanza_unref(brought_of(import)->stanza);
	return why;
}

static const char *
added(struct import_item *import, const struct store_request *request)
{
	const struct brought *b = brought_of(import);

	if (request->status != STORE_OK)
		return done(import, "there is no room for its messages");
	note(import, b, request->results[0].id, b->text.len, b->flags);
	return done(import, NULL);
}

/* The record that is the same message, or NULL. */
static const struct store_item *
find_same(const struct brought *b, const struct store_item *item)
{
	for (; item != NULL; item = item->next) {
		struct stanza *other;
		bool is_same;

		if (((item->flags ^ b->flags) & ENTRY_SENT) != 0)
			continue;
		if (str_equal(item->value, b->text))
			return item;
		other = stanza_parse(item->value);
		is_same = other != NULL && other->id.len > 0 &&
			  str_equal(other->id, b->stanza->id) &&
			  str_equal(other->from.text, b->stanza->from.text);
		stanza_unref(other);
		if (is_same)
			return item;
	}
	return NULL;
}

static const char *
looked_up(struct import_item *import, const struct store_request *request)
{
	const struct brought *b = brought_of(import);
	const struct store_item *same = find_same(b, request->results[0].items);

	if (same == NULL && request->count > 1)
		same = request->results[1].items;
	if (same != NULL) {
		/* The archive says nothing of who has it: an offline message does. */
		if (b->is_offline)
			note(import, b, same->id, same->value.len, same->flags);
		return done(import, NULL);
	}
	store_log_add(import->request, import->account->jid.text, MESSAGE_LOG,
		      &(struct store_entry){.at_us = b->at_us,
					    .with = peer_of(b).text,
					    .value = b->text,
					    .flags = b->flags,
					    .id = b->id > 0 ? b->id : b->at_us});
	import->then = added;
	return NULL;
}

/* Takes care of B, of which at_us, id and is_offline are set, with EL as its message. */
static const char *
bring(struct import_item *import, struct brought *b, const struct element *el)
{
	struct jid own = import->account->jid;
	struct buf text = {0};
	uint64_t now = time_wall_us();

	b->stanza = stanza_parse(xml_text(import->arena, el, STR(NS_CLIENT)));
	if (b->stanza == NULL || b->stanza->kind != STANZA_MESSAGE)
		return done(import, "one of its messages is malformed");
	b->flags = str_equal(jid_bare_text(b->stanza->from), own.text) && !b->is_offline
			   ? ENTRY_SENT
			   : 0;
	if (b->is_offline)
		delay_remove(b->stanza->el, own.domain);
	if (b->is_offline && archive_keep(import->account, b->stanza, false) == KEEP_HIDDEN)
		b->flags |= ENTRY_HIDDEN;
	sid_remove(b->stanza->el, own.text);
	stanza_freeze(b->stanza);
	stanza_write(&text, b->stanza, NULL);
	b->text = arena_dup(import->arena, buf_str(&text));
	buf_free(&text);
	b->at_us = MIN(b->at_us, now);
	if (b->id < b->at_us || b->id > MIN(now, b->at_us + ID_AHEAD_US))
		b->id = 0; /* no id of ours */
	store_log_page(import->request, own.text, MESSAGE_LOG,
		       &(struct store_page){.start_us = b->at_us - MIN(b->at_us, SAME_US),
					    .end_us = b->at_us + SAME_US,
					    .with = jid_bare_text(peer_of(b)),
					    .limit = PAGE});
	if (b->id > 0)
		store_log_get(import->request, own.text, MESSAGE_LOG, b->id);
	import->then = looked_up;
	return NULL;
}

static struct brought *
brought_new(struct import_item *import)
{
	struct brought *b = arena_new_of(import->arena, struct brought);

	import->number = (uintptr_t)b;
	return b;
}

/* One result an element, which is how recadoctl sends them. */
static const char *
take_archive(struct import_item *import)
{
	const struct element *result = element_child(import->el, NS_MAM, "result");
	const struct element *forwarded =
		result ? element_child(result, NS_FORWARD, "forwarded") : NULL;
	const struct element *message =
		forwarded ? element_child(forwarded, NS_CLIENT, "message") : NULL;
	struct brought *b = brought_new(import);

	if (message == NULL || delay_find(forwarded, STR_NONE, &b->at_us) < 0)
		return "an entry of its archive is malformed";
	if (element_next(result, NULL, NULL) != NULL)
		return "more than one entry at once";
	b->id = mam_id_parse(element_attr(result, "id"));
	return bring(import, b, message);
}

static const char *
take_offline(struct import_item *import)
{
	const struct element *message = element_child(import->el, NS_CLIENT, "message"), *sid;
	struct brought *b = brought_new(import);

	if (message == NULL || element_next(message, NULL, NULL) != NULL)
		return "not one offline message";
	b->is_offline = true;
	if (delay_find(message, import->account->jid.domain, &b->at_us) < 0 &&
	    delay_find(message, STR_NONE, &b->at_us) < 0)
		b->at_us = time_wall_us();
	for (sid = element_child(message, NS_SID, "stanza-id"); sid != NULL;
	     sid = element_next(sid, NS_SID, "stanza-id"))
		if (str_equal(element_attr(sid, "by"), import->account->jid.text))
			b->id = mam_id_parse(element_attr(sid, "id"));
	return bring(import, b, message);
}

const struct portable message_portables[] = {
	{NS_PIE_ARCHIVE, "archive", true, load_archive, write_archive, take_archive},
	{NS_PIE, "offline-messages", true, load_offline, write_offline, take_offline},
	{0},
};
