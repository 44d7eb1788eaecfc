/* SPDX-License-Identifier: MIT */
/* session_queue.c - writing stanzas to a session in order, and keeping them until they arrived. */
#include "server/session_queue.h"

#include "base/log.h"
#include "server/c2s.h"
#include "server/module.h"
#include "server/sm.h"
#include "xmpp/xep/forward.h"

#include <stdatomic.h>
#include <stdlib.h>

#define LOOK_BYTES 65536u /* ask TCP what has arrived when that much is unacknowledged */

static void
append(struct queued **first, struct queued **last, struct queued *q)
{
	q->next = NULL;
	if (*last != NULL)
		(*last)->next = q;
	else
		*first = q;
	*last = q;
}

static void
append_unacked(struct session *s, struct queued *q)
{
	append(&s->unacked, &s->unacked_last, q);
	s->unacked_bytes += q->len;
	s->unacked_count++;
}

static struct queued *
take_unacked(struct session *s)
{
	struct queued *q = s->unacked;

	s->unacked = q->next;
	if (s->unacked == NULL)
		s->unacked_last = NULL;
	s->unacked_bytes -= q->len;
	s->unacked_count--;
	return q;
}

static struct queued *
take_held(struct session *s)
{
	struct queued *q = s->held;

	s->held = q->next;
	if (s->held == NULL)
		s->held_last = NULL;
	s->held_others -= q->text != NULL;
	return q;
}

static void
queued_free(struct session *s, struct queued *q, bool has_arrived)
{
	if (q->kept != NULL)
		kept_release(s->account, q->kept, has_arrived);
	stanza_unref(q->stanza);
	free(q->text);
	free(q);
}

/* Writing */

/* What came to the account is still addressed to it (RFC 6121 §8.5.2.1); only `to` is added. */
static void
write_stanza(struct buf *out, const struct session *s, struct stanza *stanza,
	     const struct overlay *overlay)
{
	struct overlay addressed = overlay ? *overlay : (struct overlay){0};

	if (addressed.to.p == NULL && stanza->to.text.len == 0)
		addressed.to = s->jid.text;
	stanza_write(out, stanza, &addressed);
}

/* A stored message in the form in which this session gets it. */
static void
write_copy(struct buf *out, const struct session *s, struct stanza *stanza, enum copy_form form,
	   uint64_t id, bool is_delayed)
{
	struct overlay overlay = {.is_inside = form != COPY_DIRECT};
	struct buf extra = {0};

	message_log_write_id(&extra, s->account, id, is_delayed && form == COPY_DIRECT);
	overlay.extra = buf_str(&extra);
	if (form != COPY_DIRECT)
		forward_open_carbon(out, s->account->jid.text, s->jid.text, stanza,
				    form == COPY_SENT, is_delayed ? id : 0);
	write_stanza(out, s, stanza, &overlay);
	if (form != COPY_DIRECT)
		forward_close_carbon(out, form == COPY_SENT);
	buf_free(&extra);
}

/* In the place of one that cannot be written: the client counts it as one. */
static void
write_filler(struct buf *out, const struct session *s)
{
	struct jid host = {.text = s->jid.domain, .domain = s->jid.domain};
	struct stanza *iq = stanza_new(STANZA_IQ, IQ_GET, host, s->jid);

	stanza_set_id(iq, STR("filler"));
	element_append(iq->el, element_new(iq->arena, "urn:xmpp:ping", "ping"));
	stanza_freeze(iq);
	stanza_write(out, iq, NULL);
	stanza_unref(iq);
}

/* Q has been written, or stands for the connection that comes. */
static void
written(struct session *s, struct queued *q)
{
	q->is_written = true;
	if (s->c2s != NULL) {
		c2s_wrote(s->c2s);
		q->end = c2s_written(s->c2s);
	}
	atomic_fetch_add_explicit(&s->worker->counters.stanzas_out, 1, memory_order_relaxed);
}

static void
write_held(struct session *s, struct queued *q)
{
	struct buf *out = c2s_output(s->c2s);

	if (q->text != NULL)
		buf_add(out, str_of(q->text, q->len));
	else if (q->kept->is_refused)
		write_filler(out, s);
	else
		write_copy(out, s, q->stanza, (enum copy_form)q->form, q->kept->id, false);
	written(s, q);
	stanza_unref(q->stanza);
	q->stanza = NULL;
}

static char *
render(const struct session *s, struct stanza *stanza, const struct overlay *overlay, uint32_t *len)
{
	struct buf text = {0};
	char *copy;

	write_stanza(&text, s, stanza, overlay);
	copy = xalloc(buf_len(&text));
	memcpy(copy, buf_str(&text).p, buf_len(&text));
	*len = (uint32_t)buf_len(&text);
	buf_free(&text);
	return copy;
}

/* Whether what is kept until it is known to have arrived is more than may be: see sm.c. */
static void
check_bounds(struct session *s)
{
	if (s->sm == NULL) {
		if (s->unacked_bytes > LOOK_BYTES && s->c2s != NULL)
			session_look_what_arrived(s);
		return;
	}
	sm_ask(s);
	if (s->worker->config->limits.unacknowledged_stanzas > 0 &&
	    s->unacked_count > s->worker->config->limits.unacknowledged_stanzas)
		sm_overflow(s);
}

static void
settle_number(struct session *s, struct queued *q, uint32_t *number)
{
	q->is_numbered = true;
	if (s->sm != NULL)
		*number = q->number = sm_next_number(s);
}

/* It has to wait for an entry to be durable, or for those before it. */
static bool
hold(struct session *s, struct queued *q, struct stanza *stanza, const struct overlay *overlay,
     uint32_t *number)
{
	bool is_stored = q->kept != NULL && q->kept->is_stored;
	bool has_place = !(s->is_draining && (is_stored || s->held != NULL));

	if (is_stored)
		q->stanza = stanza_ref(stanza);
	else
		q->text = render(s, stanza, overlay, &q->len);
	if (has_place) {
		settle_number(s, q, number);
		s->reserved++;
	} else {
		q->is_untagged = true;
	}
	append(&s->held, &s->held_last, q);
	s->held_others += q->text != NULL;
	return s->sm != NULL && has_place;
}

/* Now, or when the client comes back. */
static bool
write_now(struct session *s, struct queued *q, struct stanza *stanza, const struct overlay *overlay,
	  uint32_t *number)
{
	bool is_stored = q->kept != NULL && q->kept->is_stored;
	bool has_number = s->sm != NULL;

	settle_number(s, q, number);
	if (!is_stored && s->sm != NULL)
		q->text = render(s, stanza, overlay, &q->len);
	if (s->c2s != NULL) {
		assert(!is_stored);
		if (q->text != NULL)
			buf_add(c2s_output(s->c2s), str_of(q->text, q->len));
		else
			write_stanza(c2s_output(s->c2s), s, stanza, overlay);
	}
	written(s, q);
	if (q->kept != NULL && q->len == 0)
		q->len = (uint32_t)(stanza->inner.len + stanza->rest.len);
	if (s->sm == NULL && q->kept == NULL)
		queued_free(s, q, false);
	else
		append_unacked(s, q);
	check_bounds(s);
	return has_number;
}

bool
session_push(struct session *s, struct stanza *stanza, const struct overlay *overlay,
	     struct kept *kept, enum copy_form form, uint32_t *number)
{
	bool is_stored = kept != NULL && kept->is_stored;
	struct queued *q;

	if (s->is_closing) {
		if (kept != NULL)
			kept_release(s->account, kept, false);
		return false;
	}
	/* Nothing to remember: the shortest way. */
	if (s->sm == NULL && kept == NULL && s->reserved + s->held_others == 0 && s->c2s != NULL) {
		write_stanza(c2s_output(s->c2s), s, stanza, overlay);
		c2s_wrote(s->c2s);
		atomic_fetch_add_explicit(&s->worker->counters.stanzas_out, 1,
					  memory_order_relaxed);
		return false;
	}
	q = xnew(struct queued);
	q->kept = kept;
	q->form = (uint8_t)form;
	if (s->c2s != NULL && (is_stored || s->reserved > 0 || s->held_others > 0 ||
			       (kept != NULL && s->held != NULL)))
		return hold(s, q, stanza, overlay, number);
	return write_now(s, q, stanza, overlay, number);
}

void
session_flush(struct session *s)
{
	/* What is written has its number by the order of writing: nothing may pass. */
	while (s->held != NULL && s->c2s != NULL && !s->is_closing && !s->has_unwritten) {
		struct queued *q = s->held;
		bool is_stored = q->kept != NULL && q->kept->is_stored;

		if (!q->is_numbered || (is_stored && q->kept->id == 0 && !q->kept->is_refused))
			return;
		if (s->sm != NULL && is_stored && q->is_untagged && !sm_tells(s, q->number))
			return;
		take_held(s);
		s->reserved -= s->reserved > 0;
		if (is_stored && q->kept->is_refused && s->sm == NULL) {
			queued_free(s, q, false);
			continue;
		}
		write_held(s, q);
		if (s->sm == NULL && q->kept == NULL)
			queued_free(s, q, false);
		else
			append_unacked(s, q);
		check_bounds(s);
		if (s->c2s != NULL)
			c2s_check_queue(s->c2s);
	}
}

bool
session_number_held(struct session *s)
{
	uint32_t number;

	for (struct queued *q = s->held; q != NULL; q = q->next)
		if (q->kept != NULL && q->kept->is_stored && q->kept->id == 0 && !q->is_numbered &&
		    !q->kept->is_refused)
			return false;
	for (struct queued *q = s->held; q != NULL; q = q->next)
		if (!q->is_numbered) {
			settle_number(s, q, &number);
			s->reserved++;
		}
	return true;
}

void
session_add_entry(struct session *s, struct kept *kept, enum copy_form form, size_t len)
{
	struct queued *q = xnew(struct queued);
	uint32_t number;

	kept->refs++;
	q->kept = kept;
	q->form = (uint8_t)form;
	q->len = (uint32_t)len;
	q->is_untagged = true;
	settle_number(s, q, &number);
	append_unacked(s, q);
}

static void
write_entry(struct session *s, struct queued *q, struct str text)
{
	struct stanza *stanza = text.p != NULL ? stanza_parse(text) : NULL;
	struct buf *out = c2s_output(s->c2s);

	if (stanza != NULL) {
		stanza_freeze(stanza);
		write_copy(out, s, stanza, (enum copy_form)q->form, q->kept->id, true);
		stanza_unref(stanza);
	} else {
		log_event(LOG_ERROR, "message-unreadable", LOG_STR("to", s->jid.text),
			  LOG_INT("id", q->kept->id));
		if (s->sm != NULL)
			write_filler(out, s);
	}
	written(s, q);
}

static struct str
text_of(const struct store_item *items, uint64_t id)
{
	while (items != NULL && items->id < id)
		items = items->next;
	return items != NULL && items->id == id ? items->value : STR_NONE;
}

void
session_write_entries(struct session *s, const struct store_item *items)
{
	for (struct queued *q = s->unacked; q != NULL && s->c2s != NULL; q = q->next)
		if (!q->is_written && q->kept != NULL)
			write_entry(s, q, text_of(items, q->kept->id));
	if (s->sm != NULL)
		sm_ask(s);
	if (s->c2s != NULL)
		c2s_check_queue(s->c2s);
}

/* Arriving */

void
session_acknowledged(struct session *s, uint32_t number)
{
	while (s->unacked != NULL && (int32_t)(number - s->unacked->number) >= 0)
		queued_free(s, take_unacked(s), true);
}

/* TLS only adds bytes, so at most as many of ours are unacknowledged as TCP says of its own. */
void
session_look_what_arrived(struct session *s)
{
	uint64_t written_bytes, arrived;
	size_t on_the_way;

	if (s->c2s == NULL)
		return;
	written_bytes = c2s_written(s->c2s);
	on_the_way = c2s_unacknowledged(s->c2s);
	arrived = written_bytes > on_the_way ? written_bytes - on_the_way : 0;
	while (s->unacked != NULL && s->unacked->is_written && s->unacked->end <= arrived)
		queued_free(s, take_unacked(s), true);
}

/* Detaching, resuming, ending */

void
session_queue_detach(struct session *s)
{
	while (s->held != NULL) {
		struct queued *q = take_held(s);

		uint32_t number;

		stanza_unref(q->stanza);
		q->stanza = NULL;
		if (!q->is_numbered && q->kept != NULL && q->kept->is_stored) {
			/* Behind a drain that is broken off: to be drained, too. */
			queued_free(s, q, false);
			continue;
		}
		if (!q->is_numbered)
			settle_number(s, q, &number);
		q->is_written = true;
		append_unacked(s, q);
	}
	s->has_unwritten = false;
	s->reserved = 0;
	for (struct queued *q = s->unacked; q != NULL; q = q->next)
		q->is_written = true;
}

void
session_queue_resend(struct session *s, const struct store_item *items)
{
	for (struct queued *q = s->unacked; q != NULL && s->c2s != NULL; q = q->next) {
		if (q->text != NULL) {
			buf_add(c2s_output(s->c2s), str_of(q->text, q->len));
			written(s, q);
		} else if (q->kept->is_stored) {
			write_entry(s, q, text_of(items, q->kept->id));
		} else {
			wire_write(c2s_output(s->c2s), q->kept->wire, NULL);
			written(s, q);
		}
	}
}

/* From the newest to the oldest, as each comes before all that is on its way (RFC 6120 §10.1). */
void
session_queue_give_up(struct session *s)
{
	struct queued *newest = NULL, *next;

	while (s->unacked != NULL || s->held != NULL) {
		struct queued *q = s->unacked != NULL ? take_unacked(s) : take_held(s);

		q->next = newest;
		newest = q;
	}
	s->reserved = 0;
	for (; newest != NULL; newest = next) {
		next = newest->next;
		queued_free(s, newest, false);
	}
}

void
session_queue_discard(struct session *s)
{
	while (s->unacked != NULL || s->held != NULL) {
		struct queued *q = s->unacked != NULL ? take_unacked(s) : take_held(s);

		if (q->kept != NULL)
			kept_abandon(q->kept);
		q->kept = NULL;
		queued_free(s, q, false);
	}
}
