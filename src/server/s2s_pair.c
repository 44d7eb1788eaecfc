/* SPDX-License-Identifier: MIT */
/*
 * s2s_pair.c - what is on its way from one of our domains to a remote one: the queue, and the calls
 * that are made for it.
 *
 * A server that can't be reached is called again after a while that doubles, with some chance in
 * it. What nobody can mend (no such domain, a certificate that is not its own) is remembered that
 * long, and refused at once.
 */
#include "server/s2s_private.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/rand.h"
#include "server/path.h"
#include "server/route.h"
#include "xmpp/content_ns.h"

#include <stdatomic.h>
#include <stdlib.h>

#define BACK_OFF_MIN_MS 1000u
#define BACK_OFF_MAX_MS 300000u
#define HOPELESS_MIN_MS 30000u
#define KEEP_MS 60000u            /* a pair with nothing to do */
#define WRITE_AHEAD (512u * 1024) /* bytes that wait in the connection */

static struct str
make_key(char *out, struct str local, struct str remote)
{
	memcpy(out, local.p, local.len);
	out[local.len] = ' ';
	memcpy(out + local.len + 1, remote.p, remote.len);
	return str_of(out, local.len + 1 + remote.len);
}

struct worker *
s2s_home(struct worker *worker, struct str local, struct str remote)
{
	struct server *server = worker->server;
	char text[2 * JID_PART_MAX + 1];

	if (server->worker_count == 1)
		return worker;
	return server->workers[hash_str(make_key(text, local, remote)) % server->worker_count];
}

struct s2s_pair *
pair_find(struct federation *fed, struct str local, struct str remote)
{
	char text[2 * JID_PART_MAX + 1];

	return map_get(&fed->pairs, make_key(text, local, remote));
}

static uint64_t
now_of(const struct s2s_pair *pair)
{
	return loop_now_ms(pair->fed->worker->loop);
}

static void on_timer(struct timer *timer);

static void
on_flushed(struct deferred *deferred)
{
	ack_request(CONTAINER(deferred, struct s2s_pair, flush));
}

struct s2s_pair *
pair_get(struct federation *fed, struct str local, struct str remote)
{
	struct s2s_pair *pair = pair_find(fed, local, remote);

	if (pair != NULL)
		return pair;
	pair = xalloc(sizeof(*pair) + local.len + 1 + remote.len);
	pair->fed = fed;
	pair->key = make_key(pair->text, local, remote);
	pair->local = str_first(pair->key, local.len);
	pair->remote = str_from(pair->key, local.len + 1);
	list_init(&pair->waiting);
	list_init(&pair->sent);
	list_init(&pair->checks);
	pair->timer.run = on_timer;
	pair->trim.run = spool_trim;
	pair->flush.run = on_flushed;
	pair->used_ms = now_of(pair);
	timer_set(fed->worker->loop, &pair->timer, pair->used_ms + KEEP_MS);
	map_put(&fed->pairs, pair->key, pair);
	return pair;
}

static void
pair_free(struct s2s_pair *pair)
{
	struct loop *loop = pair->fed->worker->loop;

	map_remove(&pair->fed->pairs, pair->key);
	list_remove(&pair->wanting);
	dial_free(pair->dial);
	timer_cancel(loop, &pair->timer);
	timer_cancel(loop, &pair->trim);
	loop_defer_cancel(&pair->flush);
	free(pair->resume_id);
	count_free(pair->resume_count);
	free(pair);
}

/* Items */

void
pair_item_done(struct s2s_item *item)
{
	struct s2s_pair *pair = item->pair;

	list_remove(&item->link);
	pair->sent_count -= item->is_written;
	pair->bytes -= item->bytes;
	stanza_unref(item->stanza);
	item->stanza = NULL;
	item->is_done = true;
	if (item->is_spooled && !item->has_id)
		return; /* the store's answer frees it */
	if (item->is_spooled)
		spool_done(pair, item->spool_id);
	free(item);
}

static bool
may_be_told(const struct stanza *stanza)
{
	/* Whoever tells all contacts that it goes, or asks who is there, waits for no answer. */
	return stanza->type != PRESENCE_PROBE && stanza->type != PRESENCE_UNAVAILABLE;
}

void
pair_refuse(struct s2s_item *item, enum stanza_condition condition, const char *why)
{
	struct worker *worker = item->pair->fed->worker;

	if (may_be_told(item->stanza))
		route_refusal(worker, item->stanza, condition, why[0] != '\0' ? why : NULL);
	if (item->stanza->kind == STANZA_MESSAGE && !stanza_may_be_refused(item->stanza))
		worker_dropped(worker);
	pair_item_done(item);
}

static void
refuse_all(struct link *list, enum stanza_condition condition, const char *why)
{
	LIST_EACH(list, struct s2s_item, link, item)
	{
		pair_refuse(item, condition, why);
	}
}

void
pair_refuse_sent(struct s2s_pair *pair, const char *why)
{
	free(pair->resume_id);
	pair->resume_id = NULL;
	refuse_all(&pair->sent, STANZA_NOT_ACCEPTABLE, why);
}

/* In both lists at once: what was sent stands before what waits. */
void
pair_requeue(struct s2s_pair *pair)
{
	while (!list_is_empty(&pair->sent)) {
		struct link *last = pair->sent.prev;

		list_remove(last);
		list_add_before(pair->waiting.next, last);
		CONTAINER(last, struct s2s_item, link)->is_written = false;
	}
	pair->sent_count = 0;
	pair->uncounted = 0;
	pair->ping[0] = '\0';
	pair->pinged = 0;
}

void
pair_arrived(struct s2s_pair *pair, unsigned n)
{
	for (; n > 0 && !list_is_empty(&pair->sent); n--)
		pair_item_done(LIST_FIRST(&pair->sent, struct s2s_item, link));
	if (pair->sent_count == 0 && pair->out != NULL && pair->out->ends_when_acked)
		ack_close(pair->out, STREAM_SYSTEM_SHUTDOWN, NULL);
}

/* Refuses what waits too long. Returns when the next does, or UINT64_MAX. */
static uint64_t
expire(struct s2s_pair *pair)
{
	struct link *lists[] = {&pair->sent, &pair->waiting};
	uint64_t now = now_of(pair), next = UINT64_MAX;

	for (size_t i = 0; i < COUNT(lists); i++)
		LIST_EACH(lists[i], struct s2s_item, link, item)
		{
			if (item->deadline_ms <= now && lists[i] == &pair->sent)
				continue; /* its number counts */
			if (item->deadline_ms <= now)
				pair_refuse(item, STANZA_REMOTE_SERVER_TIMEOUT, pair->why);
			else
				next = MIN(next, item->deadline_ms);
		}
	return next;
}

/* An operator may have it called without anything to send. */
static bool
has_work(const struct s2s_pair *pair)
{
	return pair->is_dialling || !list_is_empty(&pair->waiting) || !list_is_empty(&pair->sent) ||
	       !list_is_empty(&pair->checks);
}

static void
arm(struct s2s_pair *pair)
{
	uint64_t now = now_of(pair), due = now + KEEP_MS;

	if (!pair->is_ready && has_work(pair)) {
		due = MIN(due, expire(pair));
		if (pair->is_dialling && pair->out == NULL)
			due = MIN(due, pair->dial_deadline_ms);
		else if (pair->out == NULL && pair->retry_ms > now)
			due = MIN(due, pair->retry_ms);
	}
	timer_set(pair->fed->worker->loop, &pair->timer, MAX(due, now + 1));
}

static void
on_timer(struct timer *timer)
{
	struct s2s_pair *pair = CONTAINER(timer, struct s2s_pair, timer);
	uint64_t now = now_of(pair);

	if (!pair->is_ready)
		expire(pair);
	if (has_work(pair)) {
		pair_want(pair);
	} else if (pair->out == NULL && !pair->is_dialling && pair->appends == 0 &&
		   !timer_is_set(&pair->trim) && now >= pair->retry_ms &&
		   now - pair->used_ms >= KEEP_MS) {
		pair_free(pair);
		return;
	}
	arm(pair);
}

/* Calling */

static void
end_dial(struct s2s_pair *pair)
{
	struct federation *fed = pair->fed;
	struct s2s_pair *next;

	dial_free(pair->dial);
	pair->dial = NULL;
	if (!pair->is_dialling)
		return;
	pair->is_dialling = false;
	fed->dials--;
	next = LIST_FIRST(&fed->wanting, struct s2s_pair, wanting);
	if (next != NULL) {
		list_remove(&next->wanting);
		pair_want(next);
	}
}

static void
on_connected(struct dial *dial, int fd, const struct dial_facts *facts)
{
	s2s_out_begin(dial_owner(dial), fd, facts);
}

static void
on_dial_failed(struct dial *dial, enum dial_failure failure, const char *why)
{
	struct s2s_pair *pair = dial_owner(dial);
	/* What one of its servers said tells more than that there are no others. */
	bool is_known = failure == DIAL_UNREACHABLE && pair->last_why[0] != '\0';
	char text[sizeof(pair->last_why)];

	snprintf(text, sizeof(text), "%s", is_known ? pair->last_why : why);
	pair_failed(pair, failure != DIAL_DNS_FAILED && failure != DIAL_UNREACHABLE,
		    failure == DIAL_DNS_FAILED || failure == DIAL_UNREACHABLE
			    ? STANZA_REMOTE_SERVER_TIMEOUT
			    : STANZA_REMOTE_SERVER_NOT_FOUND,
		    text);
}

static const struct dial_handlers dial_handlers = {on_connected, on_dial_failed};

static void
call(struct s2s_pair *pair)
{
	struct federation *fed = pair->fed;
	const struct config *config = fed->worker->config;
	const struct config_remote *own = config_remote(config, pair->remote);
	struct arena *arena = arena_new();
	struct dial_options options = {
		.service = "_xmpp-server._tcp",
		.direct_service = "_xmpps-server._tcp",
		.port = 5269,
		.private_addresses = config->s2s.private_addresses,
	};
	struct str ascii;

	if (jid_domain_ascii(arena, pair->remote, &ascii) < 0) {
		pair_failed(pair, true, STANZA_REMOTE_SERVER_NOT_FOUND, "not a name for the DNS");
		arena_free(arena);
		return;
	}
	options.domain = ascii.p;
	if (own != NULL && own->address.len > 0) {
		options.address = own->address.p;
		options.port = (uint16_t)own->port;
		options.is_direct = own->tls == REMOTE_DIRECT_TLS;
	}
	pair->is_dialling = true;
	pair->last_why[0] = '\0';
	fed->dials++;
	pair->dial = dial_new(fed->worker->loop, fed->dns, &options, &dial_handlers, pair);
	/* The DNS, and one address after another: not for ever. */
	pair->dial_deadline_ms = now_of(pair) + config->s2s.connect_timeout;
	arm(pair);
	arena_free(arena);
}

void
pair_want(struct s2s_pair *pair)
{
	struct federation *fed = pair->fed;
	uint64_t now = now_of(pair);

	if (pair->is_ready) {
		pair_flush(pair);
	} else if (pair->is_dialling && pair->out == NULL && now >= pair->dial_deadline_ms) {
		pair_failed(pair, false, STANZA_REMOTE_SERVER_TIMEOUT, "its servers do not answer");
	} else if (pair->out != NULL || pair->is_dialling || link_is_listed(&pair->wanting) ||
		   fed->is_stopping || now < pair->retry_ms) {
		;
	} else if (!policy_allows(fed->worker->config, pair->remote)) {
		pair_failed(pair, true, STANZA_NOT_ALLOWED, "this server does not talk to it");
	} else if (fed->dials >= fed->worker->config->s2s.dials) {
		list_add(&fed->wanting, &pair->wanting);
	} else {
		call(pair);
	}
}

void
pair_nudge(struct s2s_pair *pair)
{
	if (pair == NULL || pair->is_ready || !has_work(pair))
		return;
	if (pair->out == NULL && !pair->is_dialling && !pair->is_hopeless)
		pair->retry_ms = 0;
	pair_want(pair);
	arm(pair);
}

static void
fail_checks(struct s2s_pair *pair, enum stanza_condition condition)
{
	LIST_EACH(&pair->checks, struct s2s_check, link, check)
	{
		list_remove(&check->link);
		check->error = condition;
		s2s_check_answer(check);
	}
}

void
pair_failed(struct s2s_pair *pair, bool is_hopeless, enum stanza_condition condition,
	    const char *why)
{
	uint64_t wait = is_hopeless ? HOPELESS_MIN_MS : BACK_OFF_MIN_MS;

	if (why != pair->why)
		snprintf(pair->why, sizeof(pair->why), "%s", why);
	wait = MIN(wait << MIN(pair->failures, 10), BACK_OFF_MAX_MS);
	pair->failures++;
	pair->retry_ms = now_of(pair) + wait / 2 + rand_below(wait);
	pair->is_hopeless = is_hopeless;
	pair->condition = condition;
	pair->is_ready = false;
	log_event(LOG_WARNING, "s2s-failed", LOG_STR("local", pair->local),
		  LOG_STR("remote", pair->remote), LOG_Z("why", pair->why),
		  LOG_INT("again-in-s", (pair->retry_ms - now_of(pair)) / 1000));
	fail_checks(pair, STANZA_REMOTE_SERVER_NOT_FOUND);
	if (is_hopeless) {
		pair_requeue(pair);
		refuse_all(&pair->waiting, condition, pair->why);
	}
	end_dial(pair);
	arm(pair);
}

void
pair_lost(struct s2s_pair *pair, const char *why)
{
	bool was_ready = pair->is_ready;

	pair->out = NULL;
	pair->is_ready = false;
	loop_defer_cancel(&pair->flush);
	if (!was_ready) {
		snprintf(pair->last_why, sizeof(pair->last_why), "%s", why ? why : "it hung up");
		fail_checks(pair, STANZA_REMOTE_SERVER_TIMEOUT);
		if (pair->dial != NULL && now_of(pair) < pair->dial_deadline_ms)
			dial_next(pair->dial); /* perhaps another of its servers is better */
		else
			pair_failed(pair, false, STANZA_REMOTE_SERVER_TIMEOUT, pair->last_why);
		return;
	}
	if (pair->resume_id == NULL)
		pair_requeue(pair);
	if (!pair->fed->is_stopping)
		path_lost(pair->fed->worker->server, pair->remote);
	fail_checks(pair, STANZA_REMOTE_SERVER_TIMEOUT);
	/* At once, but for a moment in which a server that starts anew can do so. */
	pair->retry_ms = now_of(pair) + 200 + rand_below(300);
	arm(pair);
}

void
pair_ready(struct s2s_pair *pair, struct s2s *out)
{
	end_dial(pair);
	list_remove(&pair->wanting);
	pair->out = out;
	out->pair = pair;
	if (out->is_out)
		out->state = S2S_IS_READY;
	pair->is_ready = true;
	pair->is_hopeless = false;
	pair->failures = 0;
	pair->retry_ms = 0;
	pair->why[0] = '\0';
	s2s_out_ask(out);
	pair_flush(pair);
	arm(pair);
}

/* Sending */

static bool
is_kept(const struct s2s_pair *pair, const struct s2s_item *item)
{
	return pair->out->has_sm || item->stanza->kind == STANZA_MESSAGE;
}

void
pair_write(struct s2s *out, const struct s2s_item *item)
{
	struct worker *worker = out->fed->worker;

	content_to_server(s2s_output(out), item->stanza);
	s2s_wrote(out);
	atomic_fetch_add_explicit(&worker->counters.stanzas_out, 1, memory_order_relaxed);
}

void
pair_flush(struct s2s_pair *pair)
{
	if (!pair->is_ready || pair->fed->is_stopping)
		return;
	while (!list_is_empty(&pair->waiting) && conn_waiting(pair->out->conn) < WRITE_AHEAD) {
		struct s2s_item *item = LIST_FIRST(&pair->waiting, struct s2s_item, link);

		pair_write(pair->out, item);
		pair->out->used_ms = pair->used_ms = now_of(pair);
		if (is_kept(pair, item)) {
			list_remove(&item->link);
			list_add(&pair->sent, &item->link);
			item->is_written = true;
			pair->sent_count++;
		} else {
			pair_item_done(item);
		}
	}
	if (!list_is_empty(&pair->sent))
		loop_defer(pair->fed->worker->loop, &pair->flush);
}

/* Something is due, perhaps sooner than what the timer is set for. */
static void
arm_for(struct s2s_pair *pair, uint64_t due)
{
	if (pair->is_dialling && pair->out == NULL)
		due = MIN(due, pair->dial_deadline_ms);
	else if (pair->out == NULL && pair->retry_ms > 0)
		due = MIN(due, pair->retry_ms);
	due = MAX(due, now_of(pair) + 1);
	if (!timer_is_set(&pair->timer) || due < pair->timer.due_ms)
		timer_set(pair->fed->worker->loop, &pair->timer, due);
}

void
pair_add(struct s2s_pair *pair, struct s2s_item *item)
{
	const struct config_s2s *config = &pair->fed->worker->config->s2s;
	uint64_t now = now_of(pair);

	item->pair = pair;
	if (item->is_spooled)
		pair->appends++;
	list_add(&pair->waiting, &item->link);
	pair->bytes += item->bytes;
	pair->used_ms = now;
	if (pair->is_hopeless && now < pair->retry_ms) {
		pair_refuse(item, pair->condition, pair->why);
	} else if (pair->bytes > config->queue_bytes) {
		pair_refuse(item, STANZA_RESOURCE_CONSTRAINT,
			    "too much waits for that server already");
	} else if (pair->is_ready) {
		pair_flush(pair);
	} else {
		pair_want(pair);
		if (!pair->is_ready && !list_is_empty(&pair->waiting))
			arm_for(pair, item->deadline_ms);
	}
}

/* Dialback checks */

void
s2s_check_free(struct s2s_check *check)
{
	free(check->local);
	free(check->remote);
	free(check->id);
	free(check->key);
	free(check);
}

void
s2s_check_answer(struct s2s_check *check)
{
	worker_call(check->asker, s2s_checked, check);
}

void
pair_check(struct worker *worker, void *arg)
{
	struct s2s_check *check = arg;
	struct s2s_pair *pair = pair_get(worker->federation, str(check->local), str(check->remote));

	list_add(&pair->checks, &check->link);
	pair->used_ms = now_of(pair);
	/* XEP-0288 §2.2: not on a stream that it opened itself. */
	if (pair->out != NULL && !pair->out->is_out) {
		pair->out->pair = NULL;
		pair->out = NULL;
		pair->is_ready = false;
		pair_requeue(pair);
	}
	if (pair->out != NULL && s2s_out_may_ask(pair->out))
		s2s_out_ask(pair->out);
	if (pair->out == NULL && !pair->is_dialling)
		pair->retry_ms = 0; /* it called us: it is there */
	pair_want(pair);
	arm(pair);
}

void
pair_free_all(struct federation *fed)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&fed->pairs, &at, &value)) {
		struct s2s_pair *pair = value;
		struct link *lists[] = {&pair->waiting, &pair->sent};

		for (size_t i = 0; i < COUNT(lists); i++)
			LIST_EACH(lists[i], struct s2s_item, link, item)
			{
				stanza_unref(item->stanza);
				free(item);
			}
		LIST_EACH(&pair->checks, struct s2s_check, link, check)
		{
			s2s_check_free(check);
		}
		pair_free(pair);
		at = 0;
	}
	map_free(&fed->pairs);
}
