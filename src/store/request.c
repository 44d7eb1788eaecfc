/* SPDX-License-Identifier: MIT */
/* request.c - building requests: each operation with copies of its arguments, in the request's
 * arena. */
#include "store/driver.h"

struct store_request *
store_request_new(struct store *store, struct loop *loop,
		  void (*done)(struct store_request *request), void *owner)
{
	struct arena *arena = arena_new();
	struct store_request *r = arena_new_of(arena, struct store_request);

	r->arena = arena;
	r->store = store;
	r->loop = loop;
	r->done = done;
	r->owner = owner;
	return r;
}

void
store_request_free(struct store_request *request)
{
	if (request != NULL)
		arena_free(request->arena); /* the request itself stands in it */
}

bool
op_writes(enum store_op_kind kind)
{
	switch (kind) {
	case OP_DOC_GET:
	case OP_SET_LIST:
	case OP_SET_GET:
	case OP_LOG_RANGE:
	case OP_LOG_COUNT:
	case OP_LOG_PAGE:
	case OP_LOG_OWNERS:
	case OP_AUTH_GET:
	case OP_AUTH_LIST:
	case OP_BACKUP:
		return false;
	default:
		return true;
	}
}

bool
op_can_refuse(enum store_op_kind kind)
{
	return kind == OP_LOG_APPEND || kind == OP_AUTH_CREATE || kind == OP_AUTH_PUT;
}

bool
op_refuses(enum store_op_kind kind, enum store_status status)
{
	return status != STORE_OK && op_can_refuse(kind);
}

struct str
owner_domain(struct str owner)
{
	ptrdiff_t at = str_find(owner, '@');

	return at < 0 ? owner : str_from(owner, (size_t)at + 1);
}

static struct str
copy(struct store_request *r, struct str text)
{
	return text.len > 0 ? arena_dup(r->arena, text) : STR("");
}

static struct store_op *
add(struct store_request *r, enum store_op_kind kind, struct str owner, const char *name)
{
	struct store_op *op = arena_new_of(r->arena, struct store_op);

	assert(str_find(owner, '\0') < 0);
	op->kind = kind;
	op->owner = copy(r, owner);
	op->name = copy(r, str(name));
	op->key = op->value = op->meta = STR("");
	if (r->writes && op_can_refuse(kind))
		r->is_guarded = true;
	r->writes = r->writes || op_writes(kind);
	if (r->ops == NULL)
		r->ops = op;
	else
		r->last_op->next = op;
	r->last_op = op;
	r->count++;
	return op;
}

size_t
store_doc_get(struct store_request *r, struct str owner, const char *name)
{
	add(r, OP_DOC_GET, owner, name);
	return r->count - 1;
}

size_t
store_doc_put(struct store_request *r, struct str owner, const char *name, struct str value)
{
	add(r, OP_DOC_PUT, owner, name)->value = copy(r, value);
	return r->count - 1;
}

size_t
store_doc_remove(struct store_request *r, struct str owner, const char *name)
{
	add(r, OP_DOC_REMOVE, owner, name);
	return r->count - 1;
}

size_t
store_set_list(struct store_request *r, struct str owner, const char *set)
{
	add(r, OP_SET_LIST, owner, set);
	return r->count - 1;
}

size_t
store_set_get(struct store_request *r, struct str owner, const char *set, struct str key)
{
	add(r, OP_SET_GET, owner, set)->key = copy(r, key);
	return r->count - 1;
}

size_t
store_set_put(struct store_request *r, struct str owner, const char *set, struct str key,
	      struct str value)
{
	struct store_op *op = add(r, OP_SET_PUT, owner, set);

	op->key = copy(r, key);
	op->value = copy(r, value);
	return r->count - 1;
}

size_t
store_set_remove(struct store_request *r, struct str owner, const char *set, struct str key)
{
	add(r, OP_SET_REMOVE, owner, set)->key = copy(r, key);
	return r->count - 1;
}

size_t
store_log_add(struct store_request *r, struct str owner, const char *log,
	      const struct store_entry *entry)
{
	struct store_op *op = add(r, OP_LOG_APPEND, owner, log);

	op->at_us = entry->at_us;
	op->key = copy(r, entry->with);
	op->value = copy(r, entry->value);
	op->flags = entry->flags;
	op->meta = copy(r, entry->meta);
	op->id = entry->id;
	op->max_count = entry->max_count;
	op->max_bytes = entry->max_bytes;
	return r->count - 1;
}

size_t
store_log_append(struct store_request *r, struct str owner, const char *log, uint64_t at_us,
		 struct str with, struct str value, uint64_t max_count, uint64_t max_bytes)
{
	return store_log_add(r, owner, log,
			     &(struct store_entry){.at_us = at_us,
						   .with = with,
						   .value = value,
						   .max_count = max_count,
						   .max_bytes = max_bytes});
}

size_t
store_log_page(struct store_request *r, struct str owner, const char *log,
	       const struct store_page *page)
{
	struct store_op *op = add(r, OP_LOG_PAGE, owner, log);

	op->page = arena_new_of(r->arena, struct store_page);
	*op->page = *page;
	op->page->with = copy(r, page->with);
	return r->count - 1;
}

size_t
store_log_get(struct store_request *r, struct str owner, const char *log, uint64_t id)
{
	return store_log_page(r, owner, log,
			      &(struct store_page){.after = id - 1, .before = id + 1});
}

size_t
store_log_edit(struct store_request *r, struct str owner, const char *log, uint64_t id,
	       uint32_t flags, struct str value)
{
	struct store_op *op = add(r, OP_LOG_EDIT, owner, log);

	op->id = id;
	op->flags = flags;
	op->value = copy(r, value);
	return r->count - 1;
}

size_t
store_log_prune(struct store_request *r, struct str owner, const char *log, uint64_t before,
		uint64_t max_bytes, size_t limit)
{
	struct store_op *op = add(r, OP_LOG_PRUNE, owner, log);

	op->before = before;
	op->max_bytes = max_bytes;
	op->limit = limit;
	return r->count - 1;
}

size_t
store_log_owners(struct store_request *r, const char *log, struct str after, size_t limit)
{
	struct store_op *op = add(r, OP_LOG_OWNERS, STR(""), log);

	op->key = copy(r, after);
	op->limit = limit;
	return r->count - 1;
}

/* Clocks may be set back by so much, and ids run ahead of them meanwhile. */
#define CLOCK_SLACK_US (25u * UINT64_C(3600000000))

bool
page_bounds(const struct store_page *page, uint64_t *first, uint64_t *last)
{
	*first = MAX(page->after + 1, page->start_us);
	*last = page->before > 0 ? page->before - 1 : INT64_MAX;
	if (page->end_us > 0 && page->end_us < INT64_MAX - CLOCK_SLACK_US)
		*last = MIN(*last, page->end_us + CLOCK_SLACK_US);
	return *first <= *last && page->after < INT64_MAX;
}

static bool
is_with(struct str with, struct str address)
{
	return str_equal(with, address) ||
	       (str_starts(address, with) && address.p[with.len] == '/' && str_find(with, '/') < 0);
}

bool
page_chooses(const struct store_page *page, const struct store_item *item)
{
	return (item->flags & page->mask) == page->flags &&
	       (page->start_us == 0 || item->at_us >= page->start_us) &&
	       (page->end_us == 0 || item->at_us <= page->end_us) &&
	       (page->with.len == 0 || is_with(page->with, item->with)) &&
	       (page->match == NULL || page->match(item, page->match_arg));
}

size_t
store_log_range(struct store_request *r, struct str owner, const char *log, uint64_t after,
		uint64_t before, size_t limit, bool from_end)
{
	struct store_op *op = add(r, OP_LOG_RANGE, owner, log);

	op->id = after;
	op->before = before;
	op->limit = limit;
	op->from_end = from_end;
	return r->count - 1;
}

size_t
store_log_trim(struct store_request *r, struct str owner, const char *log, uint64_t up_to)
{
	add(r, OP_LOG_TRIM, owner, log)->id = up_to;
	return r->count - 1;
}

size_t
store_log_remove(struct store_request *r, struct str owner, const char *log, uint64_t id)
{
	add(r, OP_LOG_REMOVE, owner, log)->id = id;
	return r->count - 1;
}

size_t
store_log_count(struct store_request *r, struct str owner, const char *log)
{
	add(r, OP_LOG_COUNT, owner, log);
	return r->count - 1;
}

size_t
store_auth_get(struct store_request *r, struct str owner)
{
	add(r, OP_AUTH_GET, owner, NULL);
	return r->count - 1;
}

size_t
store_auth_create(struct store_request *r, struct str owner, struct str value)
{
	add(r, OP_AUTH_CREATE, owner, NULL)->value = copy(r, value);
	return r->count - 1;
}

size_t
store_auth_put(struct store_request *r, struct str owner, struct str value)
{
	add(r, OP_AUTH_PUT, owner, NULL)->value = copy(r, value);
	return r->count - 1;
}

size_t
store_auth_swap(struct store_request *r, struct str owner, struct str old, struct str value)
{
	struct store_op *op = add(r, OP_AUTH_PUT, owner, NULL);

	assert(old.len > 0);
	op->key = copy(r, old);
	op->value = copy(r, value);
	return r->count - 1;
}

size_t
store_auth_list(struct store_request *r, struct str domain, struct str after, size_t limit)
{
	struct store_op *op = add(r, OP_AUTH_LIST, domain, NULL);

	op->key = copy(r, after);
	op->limit = limit;
	return r->count - 1;
}

size_t
store_backup(struct store_request *r, struct str to)
{
	add(r, OP_BACKUP, STR(""), NULL)->key = copy(r, to);
	return r->count - 1;
}

size_t
store_owner_remove(struct store_request *r, struct str owner)
{
	add(r, OP_OWNER_REMOVE, owner, NULL);
	return r->count - 1;
}
