/* SPDX-License-Identifier: MIT */
/*
 * s2s_ack.c - knowing what has arrived: stream management (XEP-0198) between servers, and where the
 * other has none, pings, which are answered after what was sent before them.
 */
#include "server/s2s_private.h"

#include "base/log.h"
#include "base/rand.h"
#include "server/route.h"

#include <stdlib.h>

#define PING_APART_MS 200u
#define PING_AGAIN_MS 5000u
#define PING_PATIENCE_MS 60000u
#define RESUMABLE_MAX 1000u
#define RESUME_S 300u

struct resumable { /* an incoming stream that was lost */
	uint64_t until_ms;
	struct s2s_count *count;
	char *local, *remote, *id;
};

static bool
is_enabled(const struct s2s *s2s)
{
	return s2s->fed->worker->config->s2s.stream_management;
}

static void
send_ack(struct s2s *s2s)
{
	buf_printf(s2s_output(s2s), "<a xmlns='" NS_SM "' h='%u'/>",
		   (unsigned)count_safe(s2s->count));
	s2s_wrote(s2s);
}

static void
send_resumed(struct s2s *s2s)
{
	s2s->is_resuming = false;
	buf_printf(s2s_output(s2s), "<resumed xmlns='" NS_SM "' previd='%s' h='%u'/>", s2s->sm_id,
		   (unsigned)count_safe(s2s->count));
	s2s_wrote(s2s);
}

/* All that had come when somebody asked is safe. */
static void
on_safe(void *owner)
{
	struct s2s *s2s = owner;

	if (s2s->is_closing)
		return;
	if (s2s->is_resuming)
		send_resumed(s2s);
	else
		send_ack(s2s);
	if (s2s->ends_when_safe)
		s2s_close(s2s, s2s->last_condition, s2s->last_why);
}

void
ack_close(struct s2s *s2s, enum stream_condition condition, const char *why)
{
	if (s2s->is_closing || s2s->ends_when_safe)
		return;
	if (!s2s->has_sm) {
		s2s_close(s2s, condition, why);
		return;
	}
	s2s->ends_when_safe = true;
	s2s->last_condition = condition;
	s2s->last_why = why;
	conn_pause(s2s->conn);
	count_when_safe(s2s->count);
}

void
ack_came(struct s2s *s2s, struct stanza *stanza)
{
	if (s2s->has_sm)
		count_came(s2s->count, stanza);
}

/* Counts from here on, for the stream that our stanzas go out on. */
static void
start_counting(struct s2s *s2s)
{
	s2s->has_sm = true;
	count_free(s2s->count);
	s2s->count = count_new(s2s->fed->worker, on_safe, s2s);
	if (s2s->pair != NULL) {
		s2s->pair->acked = 0;
		s2s->pair->uncounted = s2s->pair->sent_count;
	}
}

void
ack_forget(struct s2s_pair *pair)
{
	free(pair->resume_id);
	pair->resume_id = NULL;
	count_free(pair->resume_count);
	pair->resume_count = NULL;
	pair_requeue(pair);
}

static void
enable(struct s2s *s2s)
{
	struct s2s_pair *pair = s2s->pair;

	ack_forget(pair);
	if (s2s->has_sm_feature && is_enabled(s2s)) {
		s2s_send_element(s2s, "<enable xmlns='" NS_SM "' resume='true'/>");
		start_counting(s2s);
	}
	pair_ready(pair, s2s);
}

void
ack_begin(struct s2s *s2s)
{
	struct s2s_pair *pair = s2s->pair;

	if (pair->resume_id == NULL || !s2s->has_sm_feature || !is_enabled(s2s)) {
		enable(s2s);
		return;
	}
	buf_printf(s2s_output(s2s), "<resume xmlns='" NS_SM "' previd='%s' h='%u'/>",
		   pair->resume_id,
		   pair->resume_count ? (unsigned)count_safe(pair->resume_count) : 0);
	s2s_wrote(s2s);
	s2s->state = S2S_WANTS_RESUMED;
}

/* False: more than was sent. */
static bool
take_count(struct s2s_pair *pair, struct str text)
{
	uint64_t h;
	uint32_t more;

	if (str_to_u64(text, UINT32_MAX, &h) < 0)
		return false;
	pair_arrived(pair, pair->uncounted);
	pair->uncounted = 0;
	more = (uint32_t)h - pair->acked;
	if (more > pair->sent_count)
		return false;
	pair->acked = (uint32_t)h;
	pair_arrived(pair, more);
	return true;
}

static void
take_ack(struct s2s *s2s, const struct element *el)
{
	s2s->awaits_ack = false;
	if (s2s->pair == NULL)
		return;
	if (!take_count(s2s->pair, element_attr(el, "h"))) {
		s2s_close(s2s, STREAM_UNDEFINED_CONDITION, "more acknowledged than was sent");
		return;
	}
	ack_request(s2s->pair);
}

/* Our request to resume was granted. */
static void
take_resumed(struct s2s *s2s, const struct element *el)
{
	struct s2s_pair *pair = s2s->pair;

	s2s->has_sm = s2s->may_resume = true;
	s2s->count = pair->resume_count;
	pair->resume_count = NULL;
	count_set_owner(s2s->count, s2s);
	if (!take_count(pair, element_attr(el, "h"))) {
		free(pair->resume_id);
		pair->resume_id = NULL;
		s2s_close(s2s, STREAM_UNDEFINED_CONDITION, "more acknowledged than was sent");
		return;
	}
	log_event(LOG_INFO, "s2s-resumed", LOG_STR("remote", pair->remote));
	LIST_EACH(&pair->sent, struct s2s_item, link, item)
	{
		pair_write(s2s, item);
	}
	pair_ready(pair, s2s);
}

static void
take_failed(struct s2s *s2s, const struct element *el)
{
	struct s2s_pair *pair = s2s->pair;

	if (s2s->state == S2S_WANTS_RESUMED) {
		if (element_attr(el, "h").p != NULL && !take_count(pair, element_attr(el, "h")))
			pair->acked = 0;
		enable(s2s);
	} else if (s2s->is_out && s2s->has_sm && pair != NULL) {
		s2s->has_sm = s2s->awaits_ack = false; /* by pings, then */
		pair->uncounted = 0;
	}
}

/* The other side's wishes, on a stream that it opened. */

static void
grant(struct s2s *s2s, const struct element *el)
{
	struct arena *arena = arena_new();
	struct str wish = element_attr(el, "resume");
	struct str id = rand_token(arena, 144);

	start_counting(s2s);
	s2s->may_resume = str_is(wish, "true") || str_is(wish, "1");
	free(s2s->sm_id);
	s2s->sm_id = str_dupz(id);
	if (s2s->may_resume)
		buf_printf(s2s_output(s2s),
			   "<enabled xmlns='" NS_SM "' id='%s' resume='true' max='%u'/>",
			   s2s->sm_id, RESUME_S);
	else
		buf_addz(s2s_output(s2s), "<enabled xmlns='" NS_SM "'/>");
	s2s_wrote(s2s);
	arena_free(arena);
}

static void
free_resumable(struct federation *fed, struct resumable *old)
{
	map_remove(&fed->resumable, str(old->id));
	count_free(old->count);
	free(old->local);
	free(old->remote);
	free(old->id);
	free(old);
}

/* The old stream may not have been found dead yet. */
static void
end_old_stream(struct s2s *s2s, struct str id)
{
	LIST_EACH(&s2s->fed->streams, struct s2s, link, other)
	{
		if (other != s2s && !other->is_closing && other->sm_id != NULL &&
		    str_is(id, other->sm_id) && other->remote != NULL &&
		    str_equal(str(other->remote), str(s2s->remote)))
			s2s_close(other, STREAM_CONFLICT, "resumed on another stream");
	}
}

static void
resume(struct s2s *s2s, const struct element *el)
{
	struct federation *fed = s2s->fed;
	struct str id = element_attr(el, "previd");
	struct resumable *old;

	end_old_stream(s2s, id);
	old = map_get(&fed->resumable, id);
	if (old == NULL || !str_is(str(old->remote), s2s->remote) ||
	    !str_is(str(old->local), s2s->local)) {
		s2s_send_element(s2s, "<failed xmlns='" NS_SM
				      "'><item-not-found xmlns='" NS_STANZA_ERROR "'/></failed>");
		return;
	}
	s2s->has_sm = s2s->may_resume = true;
	s2s->count = old->count;
	old->count = NULL;
	count_set_owner(s2s->count, s2s);
	free(s2s->sm_id);
	s2s->sm_id = xstrdup(old->id);
	free_resumable(fed, old);
	s2s->is_resuming = true;
	count_when_safe(s2s->count);
}

static void
take_wish(struct s2s *s2s, const struct element *el, bool is_resume)
{
	if (!is_enabled(s2s) || !s2s->stream.is_authenticated || s2s->has_sm) {
		s2s_send_element(s2s,
				 "<failed xmlns='" NS_SM
				 "'><unexpected-request xmlns='" NS_STANZA_ERROR "'/></failed>");
		return;
	}
	if (is_resume)
		resume(s2s, el);
	else
		grant(s2s, el);
}

static void
take_enabled(struct s2s *s2s, const struct element *el)
{
	struct str resume_wish = element_attr(el, "resume"), id = element_attr(el, "id");
	struct s2s_pair *pair = s2s->pair;

	if (pair == NULL || !(str_is(resume_wish, "true") || str_is(resume_wish, "1")) ||
	    id.len == 0 || id.len > 500)
		return;
	for (size_t i = 0; i < id.len; i++) /* it is written back as it came */
		if (id.p[i] == '\'' || id.p[i] == '<' || id.p[i] == '&')
			return;
	free(pair->resume_id);
	pair->resume_id = str_dupz(id);
	s2s->may_resume = true;
}

bool
ack_take(struct s2s *s2s, const struct element *el)
{
	if (!str_is(el->ns, NS_SM))
		return false;
	if (str_is(el->name, "r") && s2s->has_sm)
		count_when_safe(s2s->count);
	else if (str_is(el->name, "a") && s2s->has_sm)
		take_ack(s2s, el);
	else if (!s2s->is_out && str_is(el->name, "enable"))
		take_wish(s2s, el, false);
	else if (!s2s->is_out && str_is(el->name, "resume"))
		take_wish(s2s, el, true);
	else if (s2s->is_out && str_is(el->name, "enabled"))
		take_enabled(s2s, el);
	else if (s2s->is_out && s2s->state == S2S_WANTS_RESUMED && str_is(el->name, "resumed"))
		take_resumed(s2s, el);
	else if (s2s->is_out && str_is(el->name, "failed"))
		take_failed(s2s, el);
	else
		return false;
	return true;
}

/* For the next stream to go on where this one ended. */
void
ack_keep(struct s2s *s2s)
{
	struct federation *fed = s2s->fed;
	struct resumable *kept;

	if (s2s->is_out) {
		if (s2s->pair != NULL && s2s->has_sm) {
			count_free(s2s->pair->resume_count);
			s2s->pair->resume_count = s2s->count;
			count_set_owner(s2s->count, NULL);
			s2s->count = NULL;
		}
		return;
	}
	if (!s2s->has_sm || !s2s->may_resume || fed->resumable.count >= RESUMABLE_MAX)
		return;
	kept = xnew(struct resumable);
	kept->until_ms = loop_now_ms(fed->worker->loop) + RESUME_S * 1000;
	kept->count = s2s->count;
	count_set_owner(kept->count, NULL);
	s2s->count = NULL;
	kept->local = xstrdup(s2s->local);
	kept->remote = xstrdup(s2s->remote);
	kept->id = xstrdup(s2s->sm_id);
	kept = map_put(&fed->resumable, str(kept->id), kept);
	assert(kept == NULL); /* a token comes once */
}

void
ack_sweep(struct federation *fed)
{
	uint64_t now = loop_now_ms(fed->worker->loop);
	uint32_t at = 0;
	void *value;

	while (map_next(&fed->resumable, &at, &value)) {
		struct resumable *old = value;

		if (old->until_ms > now)
			continue;
		free_resumable(fed, old);
		at = 0;
	}
}

void
ack_free_all(struct federation *fed)
{
	uint32_t at = 0;
	void *value;

	while (map_next(&fed->resumable, &at, &value)) {
		free_resumable(fed, value);
		at = 0;
	}
	map_free(&fed->resumable);
}

/* Pings */

static void
write_ping(struct s2s_pair *pair, uint64_t now)
{
	struct buf *out = s2s_output(pair->out);

	buf_printf(out, "<iq type='get' id='%s'", pair->ping);
	xml_write_attr(out, "from", pair->local);
	xml_write_attr(out, "to", pair->remote);
	buf_addz(out, "><ping xmlns='urn:xmpp:ping'/></iq>");
	s2s_wrote(pair->out);
	pair->last_ping_ms = now;
}

static void
send_ping(struct s2s_pair *pair, uint64_t now)
{
	struct arena *arena = arena_new();
	struct str token = rand_token(arena, 96);

	snprintf(pair->ping, sizeof(pair->ping), "s2s-%.*s", STR_ARG(token));
	write_ping(pair, now);
	pair->pinged = pair->sent_count;
	pair->pinged_ms = now;
	arena_free(arena);
}

/*
 * Servers that nobody can call back do not answer: then the word of their TCP has to do. One that
 * has just been started may lose the answer while it calls back, so it is asked again.
 */
static void
request_by_ping(struct s2s_pair *pair)
{
	struct loop *loop = pair->fed->worker->loop;
	uint64_t now = loop_now_ms(loop), next = pair->pinged_ms + PING_APART_MS;

	if (pair->ping[0] != '\0' && now - pair->pinged_ms > PING_PATIENCE_MS &&
	    conn_unacknowledged(pair->out->conn) == 0) {
		pair_arrived(pair, pair->pinged);
		pair->ping[0] = '\0';
	}
	if (pair->ping[0] != '\0' && now - pair->last_ping_ms >= PING_AGAIN_MS)
		write_ping(pair, now);
	if (list_is_empty(&pair->sent) || pair->ping[0] != '\0')
		return;
	if (pair->pinged_ms == 0 || now >= next)
		send_ping(pair, now);
	else if (pair->out->timer.due_ms > next)
		timer_set(loop, &pair->out->timer, next);
}

void
ack_request(struct s2s_pair *pair)
{
	struct s2s *out = pair->out;

	if (!pair->is_ready || list_is_empty(&pair->sent))
		return;
	if (!out->has_sm) {
		request_by_ping(pair);
	} else if (!out->awaits_ack) {
		s2s_send_element(out, "<r xmlns='" NS_SM "'/>");
		out->awaits_ack = true;
		out->asked_ms = loop_now_ms(pair->fed->worker->loop);
	}
}

struct pong {
	char *local, *remote, *id;
};

static void
take_pong(struct worker *worker, void *arg)
{
	struct pong *pong = arg;
	struct s2s_pair *pair = pair_find(worker->federation, str(pong->local), str(pong->remote));

	if (pair != NULL && pair->ping[0] != '\0' && strcmp(pair->ping, pong->id) == 0) {
		pair->ping[0] = '\0';
		pair_arrived(pair, pair->pinged);
		if (pair->is_ready)
			ack_request(pair);
	}
	free(pong->local);
	free(pong->remote);
	free(pong->id);
	free(pong);
}

void
ack_pong(struct worker *worker, struct str local, struct str remote, struct str id)
{
	struct pong *pong = xnew(struct pong);

	pong->local = str_dupz(local);
	pong->remote = str_dupz(remote);
	pong->id = str_dupz(id);
	worker_call(s2s_home(worker, local, remote), take_pong, pong);
}
