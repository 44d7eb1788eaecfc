/* SPDX-License-Identifier: MIT */
/*
 * mam_query.c - reads a question to an archive, and answers it in steps (XEP-0313 §4, §5).
 *
 * A page is gathered by requests that each look at a bounded number of entries, so that a filter
 * that hardly anything passes costs others nothing (SEC-24); when it has looked at SCAN_MAX, the
 * page ends there, and the asker goes on with the next. It is then sent in one go: its bytes are
 * bounded too.
 */
#include "modules/mam_query.h"

#include "modules/fulltext.h"

#include "xmpp/xep/delay.h"
#include "xmpp/xep/forms.h"
#include "xmpp/xep/rsm.h"

#include <stdio.h>
#include <stdlib.h>

#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_VALIDATE "http://jabber.org/protocol/xdata-validate"

#define PAGE_DEFAULT 100u /* results, for who does not say */
#define PAGE_MAX 250u
#define PAGE_BYTES 524288u /* of messages in a page, unless the first is larger */
#define IDS_MAX 100u
#define STEP 64u        /* results of one request */
#define STEP_SCAN 2000u /* entries that one request looks at */
#define SCAN_MAX 20000u /* and all of a page */

struct found {
	uint64_t id, at_us;
	struct str message; /* as it is to be sent */
};

struct running {
	struct held_iq *held;
	struct mam_query query;
	struct mam_archive archive;
	struct found found[PAGE_MAX + 1]; /* in the order of finding */
	size_t count, bytes, scanned;
	bool is_complete;  /* there is no more in this direction */
	bool is_cut_short; /* by a bound of ours, which says nothing of what follows */
};

struct str
mam_id_text(char out[MAM_ID_SIZE], uint64_t id)
{
	int len = snprintf(out, MAM_ID_SIZE, "%llu", (unsigned long long)id);

	return str_of(out, (size_t)len);
}

uint64_t
mam_id_parse(struct str text)
{
	uint64_t id;

	/* Ours have one form only: what is not that was never given out. */
	if (text.len == 0 || text.p[0] == '0' || str_to_u64(text, INT64_MAX, &id) < 0)
		return 0;
	return id;
}

/* ---- reading ---- */

static void
add_anchor(struct mam_query *query, uint64_t id)
{
	query->anchors[query->anchor_count++] = id;
}

/* An id that TEXT names, which must be there. False: it is none. */
static bool
read_anchor(struct mam_query *query, struct str text, uint64_t *id)
{
	*id = mam_id_parse(text);
	if (*id == 0)
		return false;
	add_anchor(query, *id);
	return true;
}

static bool
is_known_field(struct str var, bool knows_groupchat)
{
	static const char *const names[] = {"FORM_TYPE", "with",     "start", "end",
					    "before-id", "after-id", "ids"};

	for (size_t i = 0; i < COUNT(names); i++)
		if (str_is(var, names[i]))
			return true;
	return knows_groupchat && str_is(var, "include-groupchat");
}

static enum stanza_condition
read_times(const struct form *form, struct store_page *page)
{
	struct str start = form_value(form, "start"), end = form_value(form, "end");

	if (start.len > 0 && time_parse(start, &page->start_us) < 0)
		return STANZA_BAD_REQUEST;
	if (end.len > 0 && time_parse(end, &page->end_us) < 0)
		return STANZA_BAD_REQUEST;
	/* 0 is "no bound" to the store. */
	if (end.len > 0 && page->end_us == 0)
		page->end_us = 1;
	return STANZA_NO_ERROR;
}

static enum stanza_condition
read_ids(struct arena *arena, const struct form *form, struct mam_query *out)
{
	const struct form_field *ids = form_field(form, "ids");
	struct str before = form_value(form, "before-id"), after = form_value(form, "after-id");

	if (before.len > 0 && !read_anchor(out, before, &out->page.before))
		return STANZA_ITEM_NOT_FOUND;
	if (after.len > 0 && !read_anchor(out, after, &out->page.after))
		return STANZA_ITEM_NOT_FOUND;
	if (ids == NULL)
		return STANZA_NO_ERROR;
	if (ids->value_count > IDS_MAX)
		return STANZA_POLICY_VIOLATION;
	out->ids = arena_array(arena, uint64_t, ids->value_count + 1);
	for (size_t i = 0; i < ids->value_count; i++) {
		out->ids[out->id_count] = mam_id_parse(ids->values[i]);
		if (out->ids[out->id_count++] == 0)
			return STANZA_ITEM_NOT_FOUND;
	}
	return STANZA_NO_ERROR;
}

static enum stanza_condition
read_form(struct arena *arena, const struct element *x, bool knows_groupchat, struct mam_query *out)
{
	struct form form;
	struct str with;
	struct jid jid;
	const char *why;
	enum stanza_condition condition;

	if (form_parse(arena, x, &form, &why) < 0 || form.kind != FORM_SUBMIT ||
	    !str_is(form.form_type, NS_MAM))
		return STANZA_BAD_REQUEST;
	for (size_t i = 0; i < form.field_count; i++)
		if (form.fields[i].var.len > 0 && !str_is(form.fields[i].var, FULLTEXT_FIELD) &&
		    !is_known_field(form.fields[i].var, knows_groupchat))
			return STANZA_FEATURE_NOT_IMPLEMENTED; /* §4.1.5 */
	with = form_value(&form, "with");
	if (with.len > 0) {
		if (jid_parse(arena, with, &jid, &why) < 0)
			return STANZA_JID_MALFORMED;
		out->page.with = jid.text;
	}
	out->page.match_arg = fulltext_new(arena, form_value(&form, FULLTEXT_FIELD));
	out->page.match = out->page.match_arg != NULL ? fulltext_match : NULL;
	out->has_groupchat_field = form_field(&form, "include-groupchat") != NULL;
	if (form_bool(&form, "include-groupchat", &out->groupchat) < 0)
		return STANZA_BAD_REQUEST;
	condition = read_times(&form, &out->page);
	return condition != STANZA_NO_ERROR ? condition : read_ids(arena, &form, out);
}

/* §4.3.2: in RSM the ids are the archive's; `before` alone pages from the end. */
static enum stanza_condition
read_rsm(struct arena *arena, const struct element *query, struct mam_query *out)
{
	struct rsm rsm;
	const char *why;
	uint64_t id;

	if (rsm_parse(arena, query, &rsm, &why) < 0)
		return STANZA_BAD_REQUEST;
	if (rsm.index != RSM_NONE) /* XEP-0059 §2.5: it may be refused */
		return STANZA_FEATURE_NOT_IMPLEMENTED;
	out->max = rsm.max == RSM_NONE ? PAGE_DEFAULT : MIN(rsm.max, PAGE_MAX);
	out->is_backward = rsm.before.p != NULL && rsm.after.len == 0;
	if (rsm.after.len > 0) {
		if (!read_anchor(out, rsm.after, &id))
			return STANZA_ITEM_NOT_FOUND;
		out->page.after = MAX(out->page.after, id);
	}
	if (rsm.before.len > 0) {
		if (!read_anchor(out, rsm.before, &id))
			return STANZA_ITEM_NOT_FOUND;
		if (out->page.before == 0 || id < out->page.before)
			out->page.before = id;
	}
	return STANZA_NO_ERROR;
}

enum stanza_condition
mam_query_parse(struct arena *arena, const struct element *query, bool knows_groupchat,
		struct mam_query *out)
{
	const struct element *x = element_child(query, NS_FORMS, "x");
	enum stanza_condition condition = STANZA_NO_ERROR;

	*out = (struct mam_query){.queryid = element_attr(query, "queryid")};
	out->is_flipped = element_child(query, NS_MAM, "flip-page") != NULL;
	if (x != NULL)
		condition = read_form(arena, x, knows_groupchat, out);
	return condition != STANZA_NO_ERROR ? condition : read_rsm(arena, query, out);
}

struct element *
mam_form(struct arena *arena, bool knows_groupchat)
{
	struct element *query = element_new(arena, NS_MAM, "query");
	struct element *x = form_new(arena, FORM_ASK, NS_MAM), *ids, *validate;

	form_add_field(arena, x, FIELD_JID, "with", NULL);
	form_add_field(arena, x, FIELD_TEXT, "start", NULL);
	form_add_field(arena, x, FIELD_TEXT, "end", NULL);
	form_add_field(arena, x, FIELD_TEXT, "before-id", NULL);
	form_add_field(arena, x, FIELD_TEXT, "after-id", NULL);
	ids = form_add_field(arena, x, FIELD_LIST_MULTI, "ids", NULL);
	validate = element_add(arena, ids, NS_VALIDATE, "validate");
	element_setz(arena, validate, "datatype", "xs:string");
	element_add(arena, validate, NULL, "open");
	form_add_field(arena, x, FIELD_TEXT, FULLTEXT_FIELD, NULL);
	if (knows_groupchat)
		form_add_field(arena, x, FIELD_BOOL, "include-groupchat", NULL);
	element_append(query, x);
	return query;
}

/* ---- answering ---- */

void
mam_write_message(struct buf *out, struct str value, struct str extra)
{
	/* What stanza_write wrote inherits its namespace; here it stands in another one's. */
	const char *end = memchr(value.p, '>', value.len);
	bool is_empty = end != NULL && end > value.p && end[-1] == '/';
	size_t name, head;

	assert(value.len > 1 && value.p[0] == '<' && end != NULL);
	name = 1 + strcspn(value.p + 1, " />");
	head = (size_t)(end - value.p) - (is_empty ? 1 : 0);
	buf_add(out, str_first(value, name));
	buf_addz(out, " xmlns='" NS_CLIENT "'");
	buf_add(out, str_of(value.p + name, head - name));
	if (!is_empty) {
		buf_add_char(out, '>');
		buf_add(out, extra);
		buf_add(out, str_from(value, head + 1));
	} else if (extra.len > 0) {
		buf_add_char(out, '>');
		buf_add(out, extra);
		buf_addz(out, "</");
		buf_add(out, str_of(value.p + 1, name - 1));
		buf_add_char(out, '>');
	} else {
		buf_addz(out, "/>");
	}
}

static void
running_free(struct running *r)
{
	if (r->archive.free != NULL)
		r->archive.free(r->archive.arg);
	free(r);
}

static void
refuse(struct running *r, enum stanza_condition condition)
{
	held_refuse(r->held, condition, NULL);
	running_free(r);
}

static void
send_result(struct running *r, const struct found *found)
{
	struct stanza *iq = r->held->iq, *message;
	struct buf inner = {0};
	char id[MAM_ID_SIZE];

	message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL, jid_bare(iq->to), iq->from);
	if (iq->to.text.len == 0) {
		struct jid own = jid_bare(iq->from); /* the asker's own account */

		stanza_set_from(message, own);
	}
	buf_addz(&inner, "<result xmlns='" NS_MAM "'");
	xml_write_attr(&inner, "queryid", r->query.queryid);
	xml_write_attr(&inner, "id", mam_id_text(id, found->id));
	buf_addz(&inner, "><forwarded xmlns='" NS_FORWARD "'>");
	delay_write(&inner, STR_NONE, found->at_us);
	buf_add(&inner, found->message);
	buf_addz(&inner, "</forwarded></result>");
	stanza_freeze_as(message, element_new(message->arena, NS_MAM, "result"), buf_str(&inner));
	buf_free(&inner);
	route(r->held->worker, message);
}

static void
finish(struct running *r)
{
	struct arena *arena = r->held->arena;
	struct element *fin = element_new(arena, NS_MAM, "fin");
	struct rsm_page page = {.first_index = RSM_NONE, .count = RSM_NONE};
	/* Found from the end, the newest come first. */
	bool is_newest_first = r->query.is_backward;
	char first[MAM_ID_SIZE], last[MAM_ID_SIZE];

	for (size_t i = 0; i < r->count; i++)
		send_result(
			r,
			&r->found[is_newest_first == r->query.is_flipped ? i : r->count - 1 - i]);
	if (r->count > 0) {
		page.first = mam_id_text(first, r->found[is_newest_first ? r->count - 1 : 0].id);
		page.last = mam_id_text(last, r->found[is_newest_first ? 0 : r->count - 1].id);
	}
	if (r->is_complete)
		element_setz(arena, fin, "complete", "true");
	rsm_add_page(arena, fin, &page);
	held_reply(r->held, fin);
	running_free(r);
}

/* One more. False: the page is full, and ITEM no longer in it. */
static bool
add_found(struct running *r, const struct store_item *item)
{
	struct found *found = &r->found[r->count];
	struct buf message = {0};

	if (r->count == r->query.max)
		return false;
	if (r->count > 0 && r->bytes + item->value.len > PAGE_BYTES) {
		r->is_cut_short = true;
		return false;
	}
	if (r->archive.write == NULL) {
		mam_write_message(&message, item->value, STR_NONE);
	} else if (!r->archive.write(r->archive.arg, item, &message)) {
		buf_free(&message);
		return true;
	}
	found->id = item->id;
	found->at_us = item->at_us;
	found->message = arena_dup(r->held->arena, buf_str(&message));
	r->bytes += found->message.len;
	r->count++;
	buf_free(&message);
	return true;
}

/* In the direction of paging. Returns whether the page can take more. */
static bool
add_items(struct running *r, const struct store_result *result)
{
	const struct store_item **items =
		arena_array(r->held->arena, const struct store_item *, result->count + 1);
	size_t n = 0;

	for (const struct store_item *item = result->items; item != NULL; item = item->next)
		items[n++] = item;
	for (size_t i = 0; i < n; i++)
		if (!add_found(r, items[r->query.is_backward ? n - 1 - i : i]))
			return false;
	return true;
}

static void ask(struct running *r);

static bool
is_of_archive(const struct running *r, const struct store_result *result)
{
	return result->status == STORE_OK && result->items != NULL &&
	       (result->items->flags & r->archive.mask) == r->archive.flags;
}

/* The last result is the page; those before it are of the anchors. */
static void
on_page(struct store_request *request)
{
	struct running *r = request->owner;
	const struct store_result *result = &request->results[request->count - 1];
	bool has_room;

	for (size_t i = 0; i + 1 < request->count; i++)
		if (!is_of_archive(r, &request->results[i])) {
			refuse(r, STANZA_ITEM_NOT_FOUND);
			store_request_free(request);
			return;
		}
	r->query.anchor_count = 0;
	has_room = add_items(r, result);
	r->scanned += result->is_partial ? STEP_SCAN : (size_t)result->count;
	r->is_complete = has_room && !result->is_partial && result->count < STEP;
	if (result->id > 0) {
		if (r->query.is_backward)
			r->query.page.before = result->id;
		else
			r->query.page.after = result->id;
	}
	store_request_free(request);
	if (has_room && !r->is_complete && r->scanned < SCAN_MAX)
		ask(r);
	else
		finish(r);
}

static void
ask(struct running *r)
{
	struct held_iq *held = r->held;
	struct store_request *request =
		store_request_new(held->worker->store, held->worker->loop, on_page, r);
	struct store_page page = r->query.page;

	for (size_t i = 0; i < r->query.anchor_count; i++)
		store_log_get(request, r->archive.owner, r->archive.log, r->query.anchors[i]);
	page.mask |= r->archive.mask;
	page.flags |= r->archive.flags;
	page.limit = STEP;
	page.scan = STEP_SCAN;
	page.from_end = r->query.is_backward;
	store_log_page(request, r->archive.owner, r->archive.log, &page);
	store_submit(request);
}

static int
by_id(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* §4.1.3: just those, of which none may be missing; the other filters hold for them too. */
static void
on_ids(struct store_request *request)
{
	struct running *r = request->owner;
	const struct store_page *page = &r->query.page;

	for (size_t i = 0; i < request->count; i++)
		if (!is_of_archive(r, &request->results[i])) {
			refuse(r, STANZA_ITEM_NOT_FOUND);
			store_request_free(request);
			return;
		}
	r->is_complete = true;
	for (size_t i = r->query.anchor_count; i < request->count; i++) {
		const struct store_item *item = request->results[i].items;

		if (item->id <= page->after || (page->before > 0 && item->id >= page->before) ||
		    item->at_us < page->start_us ||
		    (page->end_us > 0 && item->at_us > page->end_us) ||
		    (page->match != NULL && !page->match(item, page->match_arg)))
			continue;
		if (!add_found(r, item)) {
			r->is_complete = false;
			break;
		}
	}
	qsort(r->found, r->count, sizeof(r->found[0]), by_id);
	r->query.is_backward = false;
	store_request_free(request);
	finish(r);
}

static void
ask_for_ids(struct running *r)
{
	struct held_iq *held = r->held;
	struct store_request *request =
		store_request_new(held->worker->store, held->worker->loop, on_ids, r);

	for (size_t i = 0; i < r->query.anchor_count; i++)
		store_log_get(request, r->archive.owner, r->archive.log, r->query.anchors[i]);
	for (size_t i = 0; i < r->query.id_count; i++)
		store_log_get(request, r->archive.owner, r->archive.log, r->query.ids[i]);
	store_submit(request);
}

static struct running *
running_new(struct held_iq *held, const struct mam_archive *archive)
{
	struct running *r = xnew(struct running);

	r->held = held;
	r->archive = *archive;
	r->archive.owner = arena_dup(held->arena, archive->owner);
	return r;
}

void
mam_query_run(struct held_iq *held, const struct mam_query *query,
	      const struct mam_archive *archive)
{
	struct running *r = running_new(held, archive);

	r->query = *query;
	if (query->ids != NULL && query->id_count == 0)
		r->is_complete = true, finish(r);
	else if (query->ids != NULL)
		ask_for_ids(r);
	else
		ask(r);
}

static void
add_end(struct arena *arena, struct element *metadata, const char *name,
	const struct store_item *item)
{
	struct element *end = element_add(arena, metadata, NULL, name);
	char id[MAM_ID_SIZE];

	element_set(arena, end, "id", mam_id_text(id, item->id));
	element_set(arena, end, "timestamp", time_format(arena, item->at_us, true));
}

static void
on_metadata(struct store_request *request)
{
	struct running *r = request->owner;
	struct arena *arena = r->held->arena;
	struct element *metadata = element_new(arena, NS_MAM, "metadata");

	if (request->results[0].items != NULL && request->results[1].items != NULL) {
		add_end(arena, metadata, "start", request->results[0].items);
		add_end(arena, metadata, "end", request->results[1].items);
	}
	store_request_free(request);
	held_reply(r->held, metadata);
	running_free(r);
}

void
mam_metadata_run(struct held_iq *held, const struct mam_archive *archive)
{
	struct running *r = running_new(held, archive);
	struct store_request *request =
		store_request_new(held->worker->store, held->worker->loop, on_metadata, r);
	struct store_page page = {
		.mask = archive->mask, .flags = archive->flags, .limit = 1, .without_values = true};

	store_log_page(request, r->archive.owner, r->archive.log, &page);
	page.from_end = true;
	store_log_page(request, r->archive.owner, r->archive.log, &page);
	store_submit(request);
}
