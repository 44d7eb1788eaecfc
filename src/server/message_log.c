/* SPDX-License-Identifier: MIT */
/* message_log.c - appending to an account's log, and what of it is outstanding. */
#include "server/message_log.h"

#include "base/hash.h"
#include "base/log.h"
#include "server/message_drain.h"
#include "server/module.h"
#include "server/session_queue.h"
#include "server/sm.h"
#include "xmpp/xep/delay.h"
#include "xmpp/xep/sid.h"

#include <stdatomic.h>
#include <stdlib.h>

#define SETTLED_DOC "delivered"
#define SAVE_MS 1000u   /* what was settled is written down that much later, at most */
#define SAVED_MAX 1000u /* ids in SETTLED_DOC: older ones are delivered again after a crash */
#define ID_MIN 16u      /* an id that long was made to be unique */
#define PRUNE_AT_ONCE 64u

struct outstanding {
	uint64_t id;
	struct kept *kept; /* NULL: in no session's queue */
	uint32_t bytes;
	bool is_hidden;
};

/* What is outstanding */

static size_t
find_item(const struct message_log *log, uint64_t id)
{
	size_t low = 0, high = log->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (log->items[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* IDs rise, so it comes last, but for one that is made known late. */
static void
add_item(struct account *account, struct outstanding item)
{
	struct message_log *log = &account->log;
	size_t at = find_item(log, item.id);

	if (at < log->count && log->items[at].id == item.id)
		return;
	if (log->count == log->size) {
		log->size = MAX(log->size * 2, 8u);
		log->items = xrealloc(log->items, log->size * sizeof(item));
	}
	memmove(log->items + at + 1, log->items + at, (log->count - at) * sizeof(item));
	log->items[at] = item;
	log->count++;
	log->bytes += item.bytes;
	log->undelivered += item.kept == NULL;
}

void
message_log_put(struct account *account, struct store_request *request)
{
	struct message_log *log = &account->log;
	struct buf text = {0};
	size_t above = find_item(log, log->settled_max);
	size_t first = above > SAVED_MAX ? above - SAVED_MAX : 0;

	timer_cancel(account->worker->loop, &log->timer);
	log->is_dirty = false;
	buf_printf(&text, "%llu", (unsigned long long)log->settled_max);
	for (size_t i = first; i < above; i++)
		buf_printf(&text, " %llu", (unsigned long long)log->items[i].id);
	store_doc_put(request, account->jid.text, SETTLED_DOC, buf_str(&text));
	buf_free(&text);
}

static void note_change(struct account *account);

/* On a full disk it is tried again: else what devices have comes to them once more after a restart.
 */
static void
on_saved(struct store_request *request)
{
	struct account *account = request->owner;

	if (request->status != STORE_OK && account->state == ACCOUNT_READY)
		note_change(account);
	store_request_free(request);
	account_unpin(account);
}

static void
save(struct account *account, bool may_fail)
{
	struct message_log *log = &account->log;
	struct store_request *request;

	timer_cancel(account->worker->loop, &log->timer);
	if (!log->is_dirty || account->is_guest || account->state != ACCOUNT_READY)
		return;
	request = store_request_new(account->worker->store, account->worker->loop,
				    may_fail ? NULL : on_saved, account);
	if (!may_fail)
		account_pin(account);
	message_log_put(account, request);
	store_submit(request);
}

void
message_log_save(struct account *account)
{
	save(account, false);
}

static void
on_save_timer(struct timer *timer)
{
	message_log_save(CONTAINER(timer, struct account, log.timer));
}

static void
note_change(struct account *account)
{
	struct message_log *log = &account->log;

	if (!log->is_dirty)
		timer_set(account->worker->loop, &log->timer,
			  loop_now_ms(account->worker->loop) + SAVE_MS);
	log->timer.run = on_save_timer;
	log->is_dirty = true;
}

static void
settle(struct account *account, size_t at)
{
	struct message_log *log = &account->log;
	struct outstanding item = log->items[at];

	log->undelivered -= item.kept == NULL;
	log->bytes -= item.bytes;
	log->count--;
	memmove(log->items + at, log->items + at + 1, (log->count - at) * sizeof(item));
	log->settled_max = MAX(log->settled_max, item.id);
	if (item.is_hidden && !account->is_guest) {
		struct store_request *request = store_request_new(
			account->worker->store, account->worker->loop, NULL, NULL);

		store_log_remove(request, account->jid.text, MESSAGE_LOG, item.id);
		store_submit(request);
	}
	note_change(account);
}

/* The next entry after AFTER that is in nobody's queue, or 0. */
uint64_t
message_log_next(const struct account *account, uint64_t after)
{
	const struct message_log *log = &account->log;

	for (size_t i = find_item(log, after + 1); i < log->count; i++)
		if (log->items[i].kept == NULL)
			return log->items[i].id;
	return 0;
}

struct kept *
message_log_keep(struct account *account, uint64_t id)
{
	struct message_log *log = &account->log;
	size_t at = find_item(log, id);
	struct kept *kept;

	if (at == log->count || log->items[at].id != id || log->items[at].kept != NULL)
		return NULL;
	kept = xnew(struct kept);
	*kept = (struct kept){.is_stored = true, .id = id};
	log->items[at].kept = kept;
	log->undelivered--;
	return kept;
}

struct kept *
message_log_hold(struct account *account, uint64_t id)
{
	struct message_log *log = &account->log;
	size_t at = find_item(log, id);
	struct kept *kept = message_log_keep(account, id);

	if (kept == NULL && at < log->count && log->items[at].id == id)
		return log->items[at].kept;
	if (kept == NULL) {
		kept = xnew(struct kept);
		*kept = (struct kept){.is_stored = true, .has_arrived = true, .id = id};
	}
	return kept;
}

void
message_log_arrived(struct account *account, uint64_t id)
{
	size_t at = find_item(&account->log, id);

	if (at < account->log.count && account->log.items[at].id == id &&
	    account->log.items[at].kept == NULL)
		settle(account, at);
}

void
message_log_forget(struct account *account, uint64_t up_to)
{
	struct message_log *log = &account->log;

	for (size_t i = find_item(log, up_to + 1); i-- > 0;)
		if (log->items[i].kept == NULL)
			settle(account, i);
}

void
message_log_brought(struct account *account, uint64_t id, uint32_t bytes, unsigned flags,
		    bool has_arrived)
{
	struct message_log *log = &account->log;

	if ((flags & ENTRY_SENT) == 0) {
		if (has_arrived)
			log->settled_max = MAX(log->settled_max, id);
		else
			add_item(account,
				 (struct outstanding){.id = id,
						      .bytes = bytes,
						      .is_hidden = (flags & ENTRY_HIDDEN) != 0});
		note_change(account);
	}
	log->last_id = MAX(log->last_id, id);
}

size_t
message_log_undelivered(const struct account *account)
{
	return account->log.undelivered;
}

void
message_log_leave_to_archive(struct account *account, uint64_t until)
{
	struct message_log *log = &account->log;

	for (size_t i = find_item(log, until + 1); i-- > 0;)
		if (log->items[i].kept == NULL && !log->items[i].is_hidden)
			settle(account, i);
}

/* What nobody has any more a reference to. */
static void
kept_free(struct kept *kept)
{
	wire_unref(kept->wire);
	free(kept);
}

/* Whether nobody has it, nor may get it. */
static bool
kept_drop(struct kept *kept)
{
	return --kept->refs == 0 && !kept->has_arrived && !kept->is_refused;
}

/* To the bare JID: the account's rules decide again, before all that came later. */
static void
reroute(struct account *account, const struct wire *wire)
{
	struct stanza *stanza = wire_thaw(wire);

	if (stanza == NULL)
		return;
	stanza_set_to(stanza, account->jid);
	route_first(account->worker, stanza);
}

void
kept_release(struct account *account, struct kept *kept, bool has_arrived)
{
	struct message_log *log = &account->log;
	size_t at = find_item(log, kept->id);
	bool is_item = kept->is_stored && at < log->count && log->items[at].kept == kept;

	if (has_arrived && !kept->has_arrived) {
		kept->has_arrived = true;
		if (is_item)
			settle(account, at);
		is_item = false;
	}
	if (kept_drop(kept)) {
		if (is_item) {
			log->items[at].kept = NULL;
			log->undelivered++;
		} else if (!kept->is_stored && kept->wire != NULL) {
			reroute(account, kept->wire);
		}
	}
	if (kept->refs == 0)
		kept_free(kept);
}

void
kept_abandon(struct kept *kept)
{
	if (--kept->refs == 0)
		kept_free(kept);
}

/* What came lately */

static struct str
stable_id(const struct stanza *stanza)
{
	const struct element *origin = element_child(stanza->el, NS_SID, "origin-id");
	struct str id = origin ? element_attr(origin, "id") : STR_NONE;

	if (id.len == 0 && stanza->id.len >= ID_MIN)
		id = stanza->id;
	return id;
}

/* 0: it has nothing that tells it from others. */
static uint64_t
fingerprint(const struct stanza *stanza, bool is_sent)
{
	struct str id = stable_id(stanza),
		   peer = jid_bare_text(is_sent ? stanza->to : stanza->from);
	struct arena *arena;
	uint64_t hash;

	if (id.len == 0)
		return 0;
	arena = arena_new();
	hash = hash_str(arena_printf(arena, "%c%.*s %.*s", is_sent ? 's' : 'r', STR_ARG(peer),
				     STR_ARG(id)));
	arena_free(arena);
	return hash | 1;
}

static bool
is_repeat(struct account *account, const struct stanza *stanza, bool is_sent, uint64_t at_us)
{
	uint64_t hash = fingerprint(stanza, is_sent);

	return hash != 0 && repeats_note(&account->log.seen, hash, (uint32_t)(at_us / 1000000));
}

bool
message_log_is_repeat(struct account *account, const struct stanza *stanza, bool is_sent)
{
	return is_repeat(account, stanza, is_sent, time_wall_us());
}

/* Appending */

struct append {
	struct account *account;
	struct stanza *stanza;
	struct kept *kept;
	unsigned flags;
	uint32_t bytes;
	uint64_t sender; /* tag of its stream management; 0: none */
	uint32_t in;
};

static void
tell_stored(const struct append *append)
{
	struct account *account = append->account;
	struct event ev = {.worker = account->worker,
			   .arena = arena_new(),
			   .stanza = append->stanza,
			   .account = account,
			   .entry_id = append->kept->id,
			   .entry_flags = append->flags};

	ev.host = worker_host(account->worker, account->jid.domain);
	if (ev.host != NULL)
		hooks_run(POINT_MESSAGE_STORED, &ev);
	arena_free(ev.arena);
}

/* Archives have a size: the oldest entries make room. */
static void
prune(struct account *account, uint64_t bytes)
{
	uint64_t max = account->worker->config->limits.archive_bytes;
	struct store_request *request;

	if (max == 0 || bytes <= max)
		return;
	request = store_request_new(account->worker->store, account->worker->loop, NULL, NULL);
	store_log_prune(request, account->jid.text, MESSAGE_LOG, 0, max, PRUNE_AT_ONCE);
	store_submit(request);
}

static void
succeed(struct append *append, const struct store_result *result)
{
	struct account *account = append->account;
	struct kept *kept = append->kept;

	kept->id = result->id;
	account->log.last_id = MAX(account->log.last_id, kept->id);
	atomic_fetch_add_explicit(&account->worker->counters.messages_stored, 1,
				  memory_order_relaxed);
	if (!kept->is_sent && !kept->has_arrived)
		add_item(account, (struct outstanding){kept->id, kept, append->bytes,
						       (append->flags & ENTRY_HIDDEN) != 0});
	prune(account, result->bytes);
	tell_stored(append);
}

/* Full: the sender hears of it (XEP-0160 §2), nothing is dropped in silence. */
static void
refuse(struct append *append)
{
	uint64_t hash = fingerprint(append->stanza, (append->flags & ENTRY_SENT) != 0);

	append->kept->is_refused = true;
	if (hash != 0)
		repeats_forget(&append->account->log.seen, hash);
	if ((append->flags & ENTRY_SENT) == 0)
		route_refusal(append->account->worker, append->stanza, STANZA_RESOURCE_CONSTRAINT,
			      "the message cannot be stored");
}

static void
on_appended(struct store_request *request)
{
	struct append *append = request->owner;
	struct account *account = append->account;

	account->log.appends--;
	account->worker->unwritten_bytes -= append->bytes;
	account->log.appended++;
	if (request->status == STORE_OK)
		succeed(append, &request->results[0]);
	else
		refuse(append);
	if (append->sender != 0)
		sm_durable(account, append->sender, append->in, request->status == STORE_OK);
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		session_flush(session);
	}
	kept_release(account, append->kept, false);
	stanza_unref(append->stanza);
	free(append);
	store_request_free(request);
	message_drain_go_on(account);
	account_unpin(account);
}

void
message_log_append(struct account *account, struct stanza *stanza, unsigned flags,
		   const struct log_copy *copies, size_t count, struct session *sender, uint32_t in)
{
	struct worker *worker = account->worker;
	struct append *append = xnew(struct append);
	struct store_request *request =
		store_request_new(worker->store, worker->loop, on_appended, append);
	struct jid peer = (flags & ENTRY_SENT) != 0 ? stanza->to : stanza->from;
	struct buf text = {0}, meta = {0};

	append->account = account;
	append->stanza = stanza_ref(stanza);
	append->flags = flags;
	append->kept = xnew(struct kept);
	*append->kept =
		(struct kept){.refs = 1, .is_stored = true, .is_sent = (flags & ENTRY_SENT) != 0};
	account_pin(account);
	account->log.appends++;
	stanza_write(&text, stanza, NULL);
	append->bytes = (uint32_t)buf_len(&text);
	worker->unwritten_bytes += append->bytes;
	for (size_t i = 0; i < count; i++) {
		uint32_t number;

		append->kept->refs++;
		/* What waited for an inactive client comes before; this is too important to wait.
		 */
		(void)session_holds_back(copies[i].session, stanza, NULL);
		if (session_push(copies[i].session, stanza, NULL, append->kept, copies[i].form,
				 &number))
			sm_write_tag(&meta, sm_tag(copies[i].session), number, copies[i].form);
	}
	if (sender != NULL && sender->sm != NULL) {
		append->sender = sm_tag(sender);
		append->in = in;
		sm_write_tag(&meta, append->sender, in, SM_TAG_IN);
	}
	store_log_add(request, account->jid.text, MESSAGE_LOG,
		      &(struct store_entry){.at_us = time_wall_us(),
					    .with = peer.text,
					    .value = buf_str(&text),
					    .flags = flags,
					    .meta = buf_str(&meta)});
	buf_free(&text);
	buf_free(&meta);
	store_submit(request);
}

void
message_log_write_id(struct buf *out, const struct account *account, uint64_t id, bool is_delayed)
{
	if (is_delayed)
		delay_write(out, account->jid.domain, id);
	sid_write(out, account->jid.text, id);
}

/* Loading */

void
message_log_load(struct store_request *request, struct str bare)
{
	store_log_count(request, bare, MESSAGE_LOG);
	store_doc_get(request, bare, SETTLED_DOC);
}

/* The next number of TEXT, which is moved on; 0 at the end. */
static uint64_t
next_number(struct str *text)
{
	uint64_t n = 0;
	size_t i = 0;

	for (; i < text->len && text->p[i] >= '0' && text->p[i] <= '9'; i++)
		n = n * 10 + (uint64_t)(text->p[i] - '0');
	*text = str_from(*text, MIN(i + 1, text->len));
	return n;
}

bool
message_log_load_rest(struct account *account, const struct store_result *results,
		      struct store_request *request)
{
	struct str text = results[1].value;
	uint64_t id;

	if (results[0].count == 0)
		return false;
	account->log.settled_max = text.len > 0 ? next_number(&text) : 0;
	while (text.len > 0 && (id = next_number(&text)) > 0)
		add_item(account, (struct outstanding){.id = id});
	store_log_page(request, account->jid.text, MESSAGE_LOG,
		       &(struct store_page){.after = account->log.settled_max,
					    .mask = ENTRY_SENT,
					    .without_values = true});
	store_log_page(request, account->jid.text, MESSAGE_LOG,
		       &(struct store_page){.start_us = time_wall_us() - REPEATS_S * 1000000ull,
					    .limit = REPEATS_MAX,
					    .from_end = true});
	store_log_page(request, account->jid.text, MESSAGE_LOG,
		       &(struct store_page){.limit = 1, .from_end = true, .without_values = true});
	return true;
}

void
message_log_loaded(struct account *account, const struct store_result *results)
{
	for (const struct store_item *item = results[0].items; item != NULL; item = item->next)
		add_item(account,
			 (struct outstanding){.id = item->id,
					      .bytes = (uint32_t)item->value.len,
					      .is_hidden = (item->flags & ENTRY_HIDDEN) != 0});
	for (const struct store_item *item = results[1].items; item != NULL; item = item->next) {
		struct stanza *stanza = stanza_parse(item->value);

		if (stanza != NULL)
			(void)is_repeat(account, stanza, (item->flags & ENTRY_SENT) != 0,
					item->at_us);
		stanza_unref(stanza);
	}
	if (results[2].items != NULL)
		account->log.last_id = results[2].items->id;
}

void
message_log_free(struct account *account)
{
	save(account, true); /* nobody is left to try again */
	timer_cancel(account->worker->loop, &account->log.timer);
	free(account->log.items);
	repeats_free(&account->log.seen);
}
