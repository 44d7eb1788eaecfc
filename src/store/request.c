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
	case OP_AUTH_GET:
	case OP_AUTH_LIST:
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
	op->key = op->value = STR("");
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
store_log_append(struct store_request *r, struct str owner, const char *log, uint64_t at_us,
		 struct str with, struct str value, uint64_t max_count, uint64_t max_bytes)
{
	struct store_op *op = add(r, OP_LOG_APPEND, owner, log);

	op->at_us = at_us;
	op->key = copy(r, with);
	op->value = copy(r, value);
	op->max_count = max_count;
	op->max_bytes = max_bytes;
	return r->count - 1;
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
store_auth_list(struct store_request *r, struct str domain, struct str after, size_t limit)
{
	struct store_op *op = add(r, OP_AUTH_LIST, domain, NULL);

	op->key = copy(r, after);
	op->limit = limit;
	return r->count - 1;
}

size_t
store_owner_remove(struct store_request *r, struct str owner)
{
	add(r, OP_OWNER_REMOVE, owner, NULL);
	return r->count - 1;
}
