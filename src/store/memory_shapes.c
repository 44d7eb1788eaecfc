/* SPDX-License-Identifier: MIT */
/*
 * memory_shapes.c - the operations of each shape on one ordered list.
 *
 * The key is the shape's letter, owner, NUL, name, NUL, and the item's own key: a log's is its id.
 * An account's is only letter and owner.
 */
#include "store/memory.h"
#include "store/ordered.h"

enum { SHAPE_AUTH = 'a', SHAPE_COUNTERS = 'c', SHAPE_DOC = 'd', SHAPE_LOG = 'l', SHAPE_SET = 's' };

struct counters {
	uint64_t entries, bytes;
};

/* What stands before the text of a log's entry. */
struct entry_head {
	uint64_t at_us;
	uint32_t with_len, meta_len;
	uint32_t flags;
};

/* The key of SHAPE, OWNER and NAME, without the item's own part. A view until the next call. */
static struct str
prefix(struct memory_store *st, char shape, struct str owner, struct str name)
{
	buf_clear(&st->key);
	buf_add_char(&st->key, shape);
	buf_add(&st->key, owner);
	if (shape != SHAPE_AUTH) {
		buf_add_char(&st->key, '\0');
		buf_add(&st->key, name);
		buf_add_char(&st->key, '\0');
	}
	return buf_str(&st->key);
}

static struct str
item_key(struct memory_store *st, char shape, const struct store_op *op)
{
	prefix(st, shape, op->owner, op->name);
	buf_add(&st->key, op->key);
	return buf_str(&st->key);
}

/* Most significant byte first, so that the order of bytes is that of numbers. */
static struct str
entry_key(struct memory_store *st, const struct store_op *op, uint64_t id)
{
	prefix(st, SHAPE_LOG, op->owner, op->name);
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_add_char(&st->key, (char)(id >> shift));
	return buf_str(&st->key);
}

static uint64_t
entry_id(struct str key)
{
	uint64_t id = 0;

	for (size_t i = key.len - 8; i < key.len; i++)
		id = id << 8 | (unsigned char)key.p[i];
	return id;
}

static struct counters
counters_of(struct memory_store *st, const struct store_op *op)
{
	struct str key = prefix(st, SHAPE_COUNTERS, op->owner, op->name);
	const struct ordered_item *item = ordered_get(st->list, key);
	struct counters counters = {0};

	if (item != NULL)
		memcpy(&counters, item->value.p, sizeof(counters));
	return counters;
}

static void
set_counters(struct memory_store *st, const struct store_op *op, struct counters counters)
{
	memory_put(st, prefix(st, SHAPE_COUNTERS, op->owner, op->name),
		   str_of(&counters, sizeof(counters)));
}

static void
get(struct memory_store *st, struct str key, struct arena *arena, struct store_result *result)
{
	const struct ordered_item *item = ordered_get(st->list, key);

	if (item == NULL)
		result->status = STORE_MISSING;
	else
		result->value = arena_dup(arena, item->value);
}

static struct store_item *
add_item(struct arena *arena, struct store_result *result, struct store_item ***last)
{
	struct store_item *item = arena_new_of(arena, struct store_item);

	if (*last == NULL)
		*last = &result->items;
	**last = item;
	*last = &item->next;
	result->count++;
	return item;
}

static void
set_list(struct memory_store *st, const struct store_op *op, struct arena *arena,
	 struct store_result *result)
{
	struct str at = prefix(st, SHAPE_SET, op->owner, op->name);
	struct store_item **last = NULL;

	for (const struct ordered_item *item = ordered_from(st->list, at);
	     item != NULL && str_starts(item->key, at); item = item->next[0]) {
		struct store_item *copy = add_item(arena, result, &last);

		copy->key = arena_dup(arena, str_from(item->key, at.len));
		copy->value = arena_dup(arena, item->value);
	}
}

static void
log_append(struct memory_store *st, const struct store_op *op, struct store_result *result)
{
	struct counters counters = counters_of(st, op);
	struct entry_head head = {op->at_us, (uint32_t)op->key.len, (uint32_t)op->meta.len,
				  op->flags};
	struct buf value = {0};

	if ((op->max_count > 0 && counters.entries >= op->max_count) ||
	    (op->max_bytes > 0 && counters.bytes + op->value.len > op->max_bytes)) {
		result->status = STORE_FULL;
		return;
	}
	buf_add(&value, str_of(&head, sizeof(head)));
	buf_add(&value, op->key);
	buf_add(&value, op->meta);
	buf_add(&value, op->value);
	result->id = op->id > 0 ? op->id : MAX(st->last_id + 1, op->at_us);
	while (op->id > 0 && ordered_get(st->list, entry_key(st, op, result->id)) != NULL)
		result->id++;
	st->last_id = MAX(st->last_id, result->id);
	result->bytes = counters.bytes + op->value.len;
	memory_put(st, entry_key(st, op, result->id), buf_str(&value));
	buf_free(&value);
	counters.entries++;
	counters.bytes += op->value.len;
	set_counters(st, op, counters);
}

static size_t
entry_bytes(struct str value)
{
	struct entry_head head;

	memcpy(&head, value.p, sizeof(head));
	return value.len - sizeof(head) - head.with_len - head.meta_len;
}

static struct store_item
entry_view(const struct ordered_item *from, struct str value)
{
	struct entry_head head;

	memcpy(&head, value.p, sizeof(head));
	value = str_from(value, sizeof(head));
	return (struct store_item){
		.id = entry_id(from->key),
		.at_us = head.at_us,
		.flags = head.flags,
		.with = str_first(value, head.with_len),
		.meta = str_first(str_from(value, head.with_len), head.meta_len),
		.value = str_from(value, head.with_len + head.meta_len),
	};
}

static void
fill_entry(struct arena *arena, const struct ordered_item *from, struct store_item *item)
{
	struct store_item *next = item->next;

	*item = entry_view(from, arena_dup(arena, from->value));
	item->next = next;
}

static void
log_range(struct memory_store *st, const struct store_op *op, struct arena *arena,
	  struct store_result *result)
{
	size_t limit = op->limit > 0 ? op->limit : SIZE_MAX;
	const struct ordered_item *first, *item;
	struct store_item **last = NULL;
	struct str end;
	size_t len;

	if (op->id == UINT64_MAX)
		return;
	first = ordered_from(st->list, entry_key(st, op, op->id + 1));
	end = entry_key(st, op, op->before > 0 ? op->before : UINT64_MAX);
	len = end.len - 8;
	if (op->from_end) { /* go back from the end to where the last LIMIT begin */
		const struct ordered_item *floor = first;

		item = first = ordered_before(st->list, end);
		for (size_t n = 0; n < limit && item != NULL && floor != NULL &&
				   str_compare(item->key, floor->key) >= 0;
		     n++, item = item->prev)
			first = item;
		if (first == NULL || floor == NULL || str_compare(first->key, floor->key) < 0)
			return;
	}
	for (item = first;
	     item != NULL && result->count < limit && str_starts(item->key, str_first(end, len)) &&
	     str_compare(item->key, end) < 0;
	     item = item->next[0])
		fill_entry(arena, item, add_item(arena, result, &last));
}

static void
page_add(const struct store_page *page, const struct ordered_item *from, struct arena *arena,
	 struct store_result *result, struct store_item ***last)
{
	struct store_item *item;

	if (page->from_end) {
		item = arena_new_of(arena, struct store_item);
		fill_entry(arena, from, item);
		item->next = result->items;
		result->items = item;
		result->count++;
	} else {
		item = add_item(arena, result, last);
		fill_entry(arena, from, item);
	}
	if (page->without_values)
		item->value = (struct str){NULL, item->value.len};
}

static void
log_page(struct memory_store *st, const struct store_op *op, struct arena *arena,
	 struct store_result *result)
{
	const struct store_page *page = op->page;
	struct store_item **last = NULL;
	const struct ordered_item *item;
	uint64_t from, to;
	size_t scanned = 0;

	if (!page_bounds(page, &from, &to))
		return;
	item = page->from_end ? ordered_before(st->list, entry_key(st, op, to + 1))
			      : ordered_from(st->list, entry_key(st, op, from));
	for (; item != NULL && str_starts(item->key, prefix(st, SHAPE_LOG, op->owner, op->name));
	     item = page->from_end ? item->prev : item->next[0]) {
		struct store_item view = entry_view(item, item->value);

		if (view.id < from || view.id > to ||
		    (page->limit > 0 && result->count == page->limit))
			break;
		if (page->scan > 0 && scanned++ == page->scan) {
			result->is_partial = true;
			break;
		}
		result->id = view.id;
		if (page_chooses(page, &view))
			page_add(page, item, arena, result, &last);
	}
}

static void
log_edit(struct memory_store *st, const struct store_op *op, struct store_result *result)
{
	const struct ordered_item *item = ordered_get(st->list, entry_key(st, op, op->id));
	struct counters counters = counters_of(st, op);
	struct buf value = {0};
	struct entry_head head;

	item = ordered_get(st->list, entry_key(st, op, op->id));
	if (item == NULL) {
		result->status = STORE_MISSING;
		return;
	}
	memcpy(&head, item->value.p, sizeof(head));
	head.flags = op->flags;
	counters.bytes += op->value.len;
	counters.bytes -= entry_bytes(item->value);
	buf_add(&value, str_of(&head, sizeof(head)));
	buf_add(&value, str_of(item->value.p + sizeof(head), head.with_len + head.meta_len));
	buf_add(&value, op->value);
	memory_put(st, entry_key(st, op, op->id), buf_str(&value));
	buf_free(&value);
	set_counters(st, op, counters);
}

static void log_remove(struct memory_store *st, const struct store_op *op, uint64_t first,
		       uint64_t last, struct store_result *result);

static void
log_prune(struct memory_store *st, const struct store_op *op, struct store_result *result)
{
	uint64_t bytes = counters_of(st, op).bytes, up_to = 0;
	const struct ordered_item *item = ordered_from(st->list, entry_key(st, op, 0));

	for (size_t n = 0; n < op->limit && item != NULL &&
			   str_starts(item->key, prefix(st, SHAPE_LOG, op->owner, op->name));
	     n++, item = item->next[0]) {
		if (entry_id(item->key) >= op->before &&
		    (op->max_bytes == 0 || bytes <= op->max_bytes))
			break;
		up_to = entry_id(item->key);
		bytes -= entry_bytes(item->value);
	}
	if (up_to > 0)
		log_remove(st, op, 0, up_to, result);
}

static void
log_owners(struct memory_store *st, const struct store_op *op, struct arena *arena,
	   struct store_result *result)
{
	size_t limit = op->limit > 0 ? op->limit : SIZE_MAX;
	struct store_item **last = NULL;
	const char letter = SHAPE_COUNTERS;

	for (const struct ordered_item *item = ordered_from(st->list, str_of(&letter, 1));
	     item != NULL && item->key.p[0] == SHAPE_COUNTERS && result->count < limit;
	     item = item->next[0]) {
		struct str owner = str_from(item->key, 1);
		struct counters counters;
		struct str name;

		owner = str_first(owner, (size_t)str_find(owner, '\0'));
		name = str_from(item->key, 2 + owner.len);
		memcpy(&counters, item->value.p, sizeof(counters));
		if (counters.entries > 0 && str_equal(str_first(name, name.len - 1), op->name) &&
		    str_compare(owner, op->key) > 0)
			add_item(arena, result, &last)->key = arena_dup(arena, owner);
	}
}

/* Removes the entries with FIRST <= id <= LAST. */
static void
log_remove(struct memory_store *st, const struct store_op *op, uint64_t first, uint64_t last,
	   struct store_result *result)
{
	struct counters counters = counters_of(st, op);
	const struct ordered_item *item, *next;
	struct str start = entry_key(st, op, first);
	size_t len = start.len - 8;

	for (item = ordered_from(st->list, start); item != NULL; item = next) {
		next = item->next[0];
		start = prefix(st, SHAPE_LOG, op->owner, op->name);
		if (!str_starts(item->key, start) || item->key.len != len + 8 ||
		    entry_id(item->key) > last)
			break;
		counters.entries--;
		counters.bytes -= entry_bytes(item->value);
		memory_drop(st, item->key);
		result->count++;
	}
	if (result->count > 0)
		set_counters(st, op, counters);
}

static void
auth_list(struct memory_store *st, const struct store_op *op, struct arena *arena,
	  struct store_result *result)
{
	struct str after = prefix(st, SHAPE_AUTH, op->key, STR(""));
	size_t limit = op->limit > 0 ? op->limit : SIZE_MAX;
	struct store_item **last = NULL;

	for (const struct ordered_item *item = ordered_from(st->list, after);
	     item != NULL && item->key.p[0] == SHAPE_AUTH && result->count < limit;
	     item = item->next[0]) {
		struct str owner = str_from(item->key, 1);
		struct store_item *copy;

		if (str_equal(item->key, after) ||
		    (op->owner.len > 0 && !str_equal(owner_domain(owner), op->owner)))
			continue;
		copy = add_item(arena, result, &last);
		copy->key = arena_dup(arena, owner);
		copy->value = arena_dup(arena, item->value);
	}
}

static void
owner_remove(struct memory_store *st, const struct store_op *op, struct store_result *result)
{
	static const char shapes[] = {SHAPE_COUNTERS, SHAPE_DOC, SHAPE_LOG, SHAPE_SET};
	bool has_any = memory_drop(st, prefix(st, SHAPE_AUTH, op->owner, STR("")));

	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct str start = prefix(st, shapes[i], op->owner, STR(""));
		const struct ordered_item *item;

		start.len--; /* the name's end is not part of it: all names */
		while ((item = ordered_from(st->list, start)) != NULL &&
		       str_starts(item->key, start)) {
			/* A log that was emptied leaves its counters, which are nobody's data. */
			has_any = memory_drop(st, item->key) &&
				  (has_any || shapes[i] != SHAPE_COUNTERS);
		}
	}
	result->count = has_any;
	result->status = has_any ? STORE_OK : STORE_MISSING;
}

static void
run_auth(struct memory_store *st, const struct store_op *op, struct arena *arena,
	 struct store_result *result)
{
	struct str key = prefix(st, SHAPE_AUTH, op->owner, STR(""));
	const struct ordered_item *there = ordered_get(st->list, key);

	if (op->kind == OP_AUTH_GET)
		get(st, key, arena, result);
	else if (op->kind == OP_AUTH_CREATE && there != NULL)
		result->status = STORE_CONFLICT;
	else if (op->kind == OP_AUTH_PUT && there == NULL)
		result->status = STORE_MISSING;
	else if (op->kind == OP_AUTH_PUT && op->key.len > 0 && !str_equal(op->key, there->value))
		result->status = STORE_CONFLICT;
	else
		memory_put(st, key, op->value);
}

int
memory_run(void *state, const struct store_op *op, struct arena *arena, struct store_result *result)
{
	char shape = op->kind <= OP_DOC_REMOVE ? SHAPE_DOC : SHAPE_SET;
	struct memory_store *st = state;
	struct counters counters;

	switch (op->kind) {
	case OP_DOC_GET:
	case OP_SET_GET:
		get(st, item_key(st, shape, op), arena, result);
		break;
	case OP_DOC_PUT:
	case OP_SET_PUT:
		memory_put(st, item_key(st, shape, op), op->value);
		break;
	case OP_DOC_REMOVE:
	case OP_SET_REMOVE:
		if (!memory_drop(st, item_key(st, shape, op)))
			result->status = STORE_MISSING;
		break;
	case OP_SET_LIST:
		set_list(st, op, arena, result);
		break;
	case OP_LOG_APPEND:
		log_append(st, op, result);
		break;
	case OP_LOG_RANGE:
		log_range(st, op, arena, result);
		break;
	case OP_LOG_PAGE:
		log_page(st, op, arena, result);
		break;
	case OP_LOG_EDIT:
		log_edit(st, op, result);
		break;
	case OP_LOG_PRUNE:
		log_prune(st, op, result);
		break;
	case OP_LOG_OWNERS:
		log_owners(st, op, arena, result);
		break;
	case OP_LOG_TRIM:
		log_remove(st, op, 0, op->id, result);
		break;
	case OP_LOG_REMOVE:
		log_remove(st, op, op->id, op->id, result);
		if (result->count == 0)
			result->status = STORE_MISSING;
		break;
	case OP_LOG_COUNT:
		counters = counters_of(st, op);
		result->count = counters.entries;
		result->bytes = counters.bytes;
		break;
	case OP_AUTH_GET:
	case OP_AUTH_CREATE:
	case OP_AUTH_PUT:
		run_auth(st, op, arena, result);
		break;
	case OP_AUTH_LIST:
		auth_list(st, op, arena, result);
		break;
	case OP_OWNER_REMOVE:
		owner_remove(st, op, result);
		break;
	case OP_BACKUP:
		result->status = STORE_MISSING;
		break;
	case OP_KINDS:
		assert(false);
	}
	return 0;
}
