/* SPDX-License-Identifier: MIT */
/*
 * sm_record.c - sessions that outlive the server: their records in the store, and sessions made of
 * them again.
 *
 * A record is an item of its host's set "sm", by the session's tag: lines "name value", and after
 * an empty line the presence. What was sent and not acknowledged stands in the notes of the
 * account's log, and, where an entry does not tell of the session, in the record's lines "sent".
 */
#include "base/log.h"
#include "server/account.h"
#include "server/c2s.h"
#include "server/message_log.h"
#include "server/module.h"
#include "server/outgoing.h"
#include "server/route.h"
#include "server/session_queue.h"
#include "server/sm.h"

#include <inttypes.h>
#include <stdlib.h>

#define SET "sm"
/* The client may have had stanzas after those that were stored, whose numbers died with the server.
 * What comes until it is back must not have such a number: it would pass for acknowledged. */
#define UNKNOWN_MAX (1u << 20)
#define TAG_SIZE 13u /* kind, tag, number */
#define DIRECTED_MAX 64u

/* Notes in the log */

void
sm_write_tag(struct buf *meta, uint64_t tag, uint32_t number, unsigned kind)
{
	char bytes[TAG_SIZE];

	bytes[0] = (char)kind;
	memcpy(bytes + 1, &tag, sizeof(tag));
	memcpy(bytes + 9, &number, sizeof(number));
	buf_add(meta, str_of(bytes, sizeof(bytes)));
}

/* Writing */

static struct str
tag_text(struct arena *arena, uint64_t tag)
{
	return arena_printf(arena, "%" PRIu64, tag);
}

static void
write_sent(struct buf *text, const struct queued *q)
{
	for (; q != NULL; q = q->next)
		if (q->is_untagged && q->is_numbered && q->kept != NULL && q->kept->id != 0)
			buf_printf(text, "sent %" PRIu64 " %u %u\n", q->kept->id, q->number,
				   q->form);
}

static void
write_directed(struct buf *text, const struct session *s)
{
	uint32_t at = 0, n = 0;
	void *key;

	while (s->directed != NULL && n++ < DIRECTED_MAX && map_next(s->directed, &at, &key))
		buf_printf(text, "directed %s\n", (const char *)key);
}

static void
write_record(struct buf *text, const struct session *s, uint32_t handled)
{
	const struct sm *sm = s->sm;

	buf_printf(text, "jid %.*s\nsecret %s\nin %u\nacked %u\nout %u\nposition %" PRIu64 "\n",
		   STR_ARG(s->jid.text), sm->secret, handled, sm->acked, sm->out, sm->position);
	buf_printf(text, "max %" PRIu64 "\nexpires %" PRIu64 "\nbound %" PRIu64 "\npriority %d\n",
		   sm->max_ms, s->c2s == NULL ? sm->expires_us : 0, s->bound_at_us, s->priority);
	buf_printf(text, "flags %s%s%s\n", s->is_interested ? "i" : "", s->wants_carbons ? "c" : "",
		   sm->is_resumable ? "r" : "");
	if (s->client_id[0] != '\0')
		buf_printf(text, "client %s\n", s->client_id);
	write_sent(text, s->unacked);
	write_sent(text, s->held);
	write_directed(text, s);
	buf_addz(text, "\n");
	if (s->presence != NULL)
		wire_write(text, s->presence, NULL);
}

void
sm_record_put(struct session *s, struct store_request *request)
{
	uint32_t handled = outgoing_handled(s, s->sm->in);
	struct buf text = {0};

	s->sm->submitted = handled;
	write_record(&text, s, handled);
	store_set_put(request, s->jid.domain, SET, tag_text(request->arena, s->sm->tag),
		      buf_str(&text));
	if (s->account->log.is_dirty)
		message_log_put(s->account, request);
	buf_free(&text);
}

void
sm_record_remove(const struct session *s)
{
	struct store_request *request =
		store_request_new(s->worker->store, s->worker->loop, NULL, NULL);

	store_set_remove(request, s->jid.domain, SET, tag_text(request->arena, s->sm->tag));
	store_submit(request);
}

struct recording {
	struct account *account;
	uint64_t tag;
	uint32_t handled, told;
	void (*done)(void *arg);
	void *arg;
};

/* The number up to which a record made now tells of all that the log does not. */
static uint32_t
tells_up_to(const struct session *s)
{
	for (const struct queued *q = s->held; q != NULL; q = q->next)
		if (q->is_untagged && q->is_numbered && q->kept != NULL && q->kept->id == 0 &&
		    !q->kept->is_refused)
			return q->number - 1;
	return s->sm->out;
}

static void
note_told(struct session *s, uint32_t number)
{
	s->sm->is_telling = false;
	if ((int32_t)(number - s->sm->told) > 0)
		s->sm->told = number;
	session_flush(s);
}

bool
sm_tells(struct session *s, uint32_t number)
{
	if ((int32_t)(number - s->sm->told) <= 0)
		return true;
	if (!s->sm->is_telling)
		sm_record(s, NULL, NULL);
	s->sm->is_telling = true;
	return false;
}

static void
on_recorded(struct store_request *request)
{
	struct recording *r = request->owner;
	struct session *s;

	sm_durable(r->account, r->tag, r->handled, request->status == STORE_OK);
	s = sm_find(r->account, r->tag);
	if (s != NULL) {
		s->sm->records--;
		if (s->sm->is_outdated)
			sm_directed_changed(s);
		if (s->c2s != NULL)
			c2s_release_output(s->c2s); /* the <enabled/>, if this is the first */
		note_told(s, r->told);              /* on a full disk, too: better twice than not */
	}
	if (r->done != NULL)
		r->done(r->arg);
	account_unpin(r->account);
	free(r);
	store_request_free(request);
}

void
sm_record(struct session *s, void (*done)(void *arg), void *arg)
{
	struct recording *r = xnew(struct recording);
	struct store_request *request =
		store_request_new(s->worker->store, s->worker->loop, on_recorded, r);

	s->sm->records++;
	sm_record_put(s, request);
	*r = (struct recording){s->account,     s->sm->tag, s->sm->submitted,
				tells_up_to(s), done,       arg};
	account_pin(s->account);
	store_submit(request);
}

/* Who enters fifty rooms at once needs no fifty records. */
void
sm_directed_changed(struct session *s)
{
	if (s->sm == NULL || !s->sm->is_resumable)
		return;
	s->sm->is_outdated = s->sm->records > 0;
	if (!s->sm->is_outdated)
		sm_record(s, NULL, NULL);
}

/* Reading */

#define SENT_MAX 100000u

struct sent { /* a stanza that was sent to the session and is in the log */
	uint64_t id;
	uint32_t number, len;
	uint8_t form;
	bool is_untagged;
};

struct restoring {
	struct waiter waiter;
	struct worker *worker; /* the account's home */
	struct account *account;
	struct arena *arena;
	struct str text; /* the record */
	uint64_t tag;
	struct jid jid;
	void (*run)(void *arg);
	void *arg;
	/* of the record */
	struct str secret, flags, client, presence;
	uint64_t max_ms, expires_us, bound_us, position;
	uint32_t in, acked, out;
	int priority;
	struct sent *sent;
	size_t sent_count, sent_size;
	struct str directed[DIRECTED_MAX];
	size_t directed_count;
};

static void
restoring_end(struct restoring *r)
{
	void (*run)(void *arg) = r->run;
	void *arg = r->arg;

	if (r->account != NULL)
		account_unpin(r->account);
	free(r->sent);
	arena_free(r->arena);
	if (run != NULL)
		run(arg);
}

static void
drop_record(struct restoring *r)
{
	struct store_request *request =
		store_request_new(r->worker->store, r->worker->loop, NULL, NULL);

	store_set_remove(request, r->jid.domain, SET, tag_text(request->arena, r->tag));
	store_submit(request);
	restoring_end(r);
}

static void
add_sent(struct restoring *r, struct sent sent)
{
	if (r->sent_count == SENT_MAX)
		return;
	if (r->sent_count == r->sent_size) {
		r->sent_size = MAX(r->sent_size * 2, 16u);
		r->sent = xrealloc(r->sent, r->sent_size * sizeof(sent));
	}
	r->sent[r->sent_count++] = sent;
}

static uint64_t
number_of(struct str text)
{
	uint64_t n;

	return str_to_u64(text, UINT64_MAX, &n) == 0 ? n : 0;
}

static void
read_sent(struct restoring *r, struct str value)
{
	struct str id, number, form;

	if (!str_split(&value, ' ', &id) || !str_split(&value, ' ', &number) ||
	    !str_split(&value, ' ', &form) || number_of(id) == 0 || number_of(form) > COPY_SENT)
		return;
	add_sent(r, (struct sent){.id = number_of(id),
				  .number = (uint32_t)number_of(number),
				  .form = (uint8_t)number_of(form),
				  .is_untagged = true});
}

static void
read_line(struct restoring *r, struct str name, struct str value)
{
	const char *why;

	if (str_is(name, "jid") && jid_parse(r->arena, value, &r->jid, &why) < 0)
		r->jid = (struct jid){0};
	else if (str_is(name, "secret"))
		r->secret = value;
	else if (str_is(name, "in"))
		r->in = (uint32_t)number_of(value);
	else if (str_is(name, "acked"))
		r->acked = (uint32_t)number_of(value);
	else if (str_is(name, "out"))
		r->out = (uint32_t)number_of(value);
	else if (str_is(name, "position"))
		r->position = number_of(value);
	else if (str_is(name, "max"))
		r->max_ms = number_of(value);
	else if (str_is(name, "expires"))
		r->expires_us = number_of(value);
	else if (str_is(name, "bound"))
		r->bound_us = number_of(value);
	else if (str_is(name, "priority"))
		r->priority = str_starts(value, STR("-")) ? -(int)number_of(str_from(value, 1))
							  : (int)number_of(value);
	else if (str_is(name, "flags"))
		r->flags = value;
	else if (str_is(name, "client") && value.len <= CLIENT_ID_SIZE)
		r->client = value;
	else if (str_is(name, "sent"))
		read_sent(r, value);
	else if (str_is(name, "directed") && r->directed_count < COUNT(r->directed))
		r->directed[r->directed_count++] = value;
}

/* Returns 0, or -1 when it is no record of a session that can be resumed. */
static int
read_record(struct restoring *r)
{
	struct str text = r->text, line, name;

	while (str_split(&text, '\n', &line) && str_split(&line, ' ', &name) && name.len > 0)
		read_line(r, name, line);
	r->presence = text;
	return r->jid.resource.len > 0 && r->jid.local.len > 0 && r->secret.len == 22 &&
			       str_find(r->flags, 'r') >= 0
		       ? 0
		       : -1;
}

/* Making a session of it */

static void
read_tags(struct restoring *r, const struct store_item *item)
{
	struct str meta = item->meta;

	for (; meta.len >= TAG_SIZE; meta = str_from(meta, TAG_SIZE)) {
		uint32_t number;
		uint64_t tag;

		memcpy(&tag, meta.p + 1, sizeof(tag));
		memcpy(&number, meta.p + 9, sizeof(number));
		if (tag != r->tag)
			continue;
		if (meta.p[0] == SM_TAG_IN)
			r->in = (int32_t)(number - r->in) > 0 ? number : r->in;
		else
			add_sent(r, (struct sent){item->id, number, (uint32_t)item->value.len,
						  (uint8_t)meta.p[0], false});
	}
}

static int
by_number(const void *a, const void *b)
{
	int32_t order =
		(int32_t)(((const struct sent *)a)->number - ((const struct sent *)b)->number);

	return order < 0 ? -1 : order > 0;
}

static void
queue_sent(struct restoring *r, struct session *s)
{
	if (r->sent_count > 0)
		qsort(r->sent, r->sent_count, sizeof(r->sent[0]), by_number);
	for (size_t i = 0; i < r->sent_count; i++) {
		const struct sent *sent = &r->sent[i];

		if ((int32_t)(sent->number - s->sm->acked) <= 0) {
			message_log_arrived(r->account, sent->id);
			continue;
		}
		session_add_entry(s, message_log_hold(r->account, sent->id),
				  (enum copy_form)sent->form, sent->len);
		s->unacked_last->number = sent->number;
		s->unacked_last->is_written = true;
		s->unacked_last->is_untagged = sent->is_untagged;
		s->sm->out = sent->number;
	}
}

static void
restore_directed(struct restoring *r, struct session *s)
{
	for (size_t i = 0; i < r->directed_count; i++) {
		char *key = str_dupz(r->directed[i]);

		if (s->directed == NULL)
			s->directed = xnew(struct map);
		free(map_put(s->directed, str(key), key));
	}
}

static void
make_session(struct restoring *r)
{
	struct session *s = session_new(r->account, r->jid.resource, NULL);
	struct sm *sm = sm_new(s);
	struct stanza *presence = r->presence.len > 0 ? stanza_parse(r->presence) : NULL;
	uint64_t now_us = time_wall_us(), left_ms = r->max_ms;

	sm->tag = r->tag;
	memcpy(sm->secret, r->secret.p, r->secret.len);
	sm->in = sm->submitted = sm->durable = r->in;
	sm->acked = r->acked;
	sm->out = r->out;
	sm->max_ms = r->max_ms;
	sm->position = r->position;
	sm->is_resumable = sm->is_restored = true;
	s->bound_at_us = r->bound_us;
	if (r->client.len > 0)
		memcpy(s->client_id, r->client.p, r->client.len);
	s->priority = (int8_t)r->priority;
	s->is_interested = str_find(r->flags, 'i') >= 0;
	s->wants_carbons = str_find(r->flags, 'c') >= 0;
	if (presence != NULL)
		wire_replace(&s->presence, wire_freeze(presence));
	stanza_unref(presence);
	restore_directed(r, s);
	queue_sent(r, s);
	sm->out += UNKNOWN_MAX;
	if (r->expires_us > now_us)
		left_ms = MIN(left_ms, (r->expires_us - now_us) / 1000);
	else if (r->expires_us > 0)
		left_ms = 0;
	sm->expires_us = now_us + left_ms * 1000;
	timer_set(s->worker->loop, &sm->expiry, loop_now_ms(s->worker->loop) + left_ms);
	log_event(LOG_INFO, "session-restored", LOG_STR("jid", s->jid.text),
		  LOG_INT("unacknowledged", s->unacked_count));
}

static bool
is_wanted(const struct restoring *r)
{
	return r->account->state == ACCOUNT_READY && sm_find(r->account, r->tag) == NULL &&
	       account_session(r->account, r->jid.resource) == NULL;
}

static void
on_log(struct store_request *request)
{
	struct restoring *r = request->owner;

	for (const struct store_item *item = request->results[0].items; item; item = item->next)
		read_tags(r, item);
	store_request_free(request);
	if (is_wanted(r))
		make_session(r);
	restoring_end(r);
}

static void
on_account(struct waiter *waiter, struct account *account)
{
	struct restoring *r = CONTAINER(waiter, struct restoring, waiter);
	struct store_request *request;

	r->account = account;
	account_pin(account);
	if (!is_wanted(r)) {
		/* Its address is another session's by now, or it was restored for its client. */
		if (sm_find(account, r->tag) == NULL)
			drop_record(r);
		else
			restoring_end(r);
		return;
	}
	request = store_request_new(r->worker->store, r->worker->loop, on_log, r);
	store_log_page(request, account->jid.text, MESSAGE_LOG,
		       &(struct store_page){.after = r->position, .without_values = true});
	store_submit(request);
}

static void
restore(struct worker *worker, void *arg)
{
	struct restoring *r = arg;

	r->worker = worker;
	r->waiter.run = on_account;
	account_wait(account_get(worker, jid_bare_text(r->jid)), &r->waiter);
}

static struct restoring *
restoring_new(struct str tag, struct str text)
{
	struct arena *arena = arena_new();
	struct restoring *r = arena_new_of(arena, struct restoring);

	r->arena = arena;
	r->text = arena_dup(arena, text);
	if (str_to_u64(tag, UINT64_MAX, &r->tag) < 0)
		r->tag = 0;
	return r;
}

static void
on_list(struct store_request *request)
{
	struct worker *worker = request->owner;

	for (const struct store_item *item = request->results[0].items; item; item = item->next) {
		struct restoring *r = restoring_new(item->key, item->value);

		if (r->tag != 0 && read_record(r) == 0)
			worker_call(worker_home(worker, jid_bare_text(r->jid)), restore, r);
		else
			restoring_end(r);
	}
	store_request_free(request);
}

void
sm_restore_all(struct worker *worker)
{
	for (size_t i = 0; i < worker->config->host_count; i++) {
		struct store_request *request =
			store_request_new(worker->store, worker->loop, on_list, worker);

		store_set_list(request, worker->config->hosts[i].name, SET);
		store_submit(request);
	}
}

struct finding {
	struct account *account;
	uint64_t tag;
	void (*run)(void *arg);
	void *arg;
};

static void
on_found(struct store_request *request)
{
	struct finding *f = request->owner;
	struct str key = tag_text(request->arena, f->tag);
	struct restoring *r = restoring_new(key, request->results[0].value);

	r->run = f->run;
	r->arg = f->arg;
	if (request->results[0].status == STORE_OK && read_record(r) == 0 &&
	    str_equal(jid_bare_text(r->jid), f->account->jid.text))
		restore(f->account->worker, r);
	else
		restoring_end(r);
	account_unpin(f->account);
	free(f);
	store_request_free(request);
}

void
sm_restore_one(struct account *account, uint64_t tag, void (*run)(void *arg), void *arg)
{
	struct finding *f = xnew(struct finding);
	struct store_request *request =
		store_request_new(account->worker->store, account->worker->loop, on_found, f);

	*f = (struct finding){account, tag, run, arg};
	account_pin(account);
	store_set_get(request, account->jid.domain, SET, tag_text(request->arena, tag));
	store_submit(request);
}

/* At the end of the process */

void
sm_discard_all(struct worker *worker)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&worker->accounts, &at, &value)) {
		struct account *account = value;

		LIST_EACH(&account->sessions, struct session, link, session)
		{
			if (session->c2s == NULL)
				session_discard(session);
		}
	}
}
