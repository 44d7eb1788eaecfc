/* SPDX-License-Identifier: MIT */
/* sqlite_shapes.c - the operations of each shape as statements. */
#include "store/sqlite.h"

#include <stdlib.h>

/* Statements return -1 when there is no room; so do the functions here, and the batch is lost then.
 */

/* STATEMENT's first row, one column of bytes, or STORE_MISSING. */
static int
get_value(struct sqlite_store *st, sqlite3_stmt *stmt, struct arena *arena,
	  struct store_result *result)
{
	int rc = sqlite_step(st, stmt);

	if (rc == SQLITE_ROW)
		result->value = sqlite_column(arena, stmt, 0);
	else
		result->status = STORE_MISSING;
	sqlite3_reset(stmt);
	return rc < 0 ? -1 : 0;
}

/* A statement that changes rows, or finds none: STORE_MISSING. */
static int
change(struct sqlite_store *st, sqlite3_stmt *stmt, struct store_result *result)
{
	if (sqlite_finish(st, stmt) < 0)
		return -1;
	if (sqlite3_changes(st->db) == 0)
		result->status = STORE_MISSING;
	return 0;
}

/* The number of JID, 0 when it has none. */
static int
find_owner(struct sqlite_store *st, struct str jid, int64_t *id)
{
	sqlite3_stmt *stmt = sqlite_statement(st, SQL_OWNER_FIND);
	int rc;

	sqlite_bind(stmt, 1, jid);
	rc = sqlite_step(st, stmt);
	*id = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_reset(stmt);
	return rc < 0 ? -1 : 0;
}

static int
find_or_add_owner(struct sqlite_store *st, struct str jid, int64_t *id)
{
	sqlite3_stmt *stmt;

	if (find_owner(st, jid, id) < 0)
		return -1;
	if (*id != 0)
		return 0;
	stmt = sqlite_statement(st, SQL_OWNER_ADD);
	sqlite_bind(stmt, 1, jid);
	if (sqlite_finish(st, stmt) < 0)
		return -1;
	*id = sqlite3_last_insert_rowid(st->db);
	return 0;
}

/* STATEMENT with its owner and name, which all of a shape begin with. */
static sqlite3_stmt *
keyed(struct sqlite_store *st, enum statement statement, int64_t owner, const struct store_op *op)
{
	sqlite3_stmt *stmt = sqlite_statement(st, statement);

	sqlite_bind_u64(stmt, 1, (uint64_t)owner);
	sqlite_bind(stmt, 2, op->name);
	return stmt;
}

/* What is not there needs no statement: an owner that never wrote has no number. */
static int
run_doc(struct sqlite_store *st, const struct store_op *op, struct arena *arena,
	struct store_result *result)
{
	sqlite3_stmt *stmt;
	int64_t owner;

	if (op->kind == OP_DOC_PUT) {
		if (find_or_add_owner(st, op->owner, &owner) < 0)
			return -1;
		stmt = keyed(st, SQL_DOC_PUT, owner, op);
		sqlite_bind(stmt, 3, op->value);
		return sqlite_finish(st, stmt);
	}
	if (find_owner(st, op->owner, &owner) < 0)
		return -1;
	if (op->kind == OP_DOC_GET)
		return get_value(st, keyed(st, SQL_DOC_GET, owner, op), arena, result);
	return change(st, keyed(st, SQL_DOC_REMOVE, owner, op), result);
}

/* The rows of STMT, key and value, as items. */
static int
list_items(struct sqlite_store *st, sqlite3_stmt *stmt, struct arena *arena,
	   struct store_result *result)
{
	struct store_item **last = &result->items;
	int rc;

	while ((rc = sqlite_step(st, stmt)) == SQLITE_ROW) {
		struct store_item *item = arena_new_of(arena, struct store_item);

		item->key = sqlite_column(arena, stmt, 0);
		item->value = sqlite_column(arena, stmt, 1);
		*last = item;
		last = &item->next;
		result->count++;
	}
	sqlite3_reset(stmt);
	return rc < 0 ? -1 : 0;
}

static int
run_set(struct sqlite_store *st, const struct store_op *op, struct arena *arena,
	struct store_result *result)
{
	sqlite3_stmt *stmt;
	int64_t owner;

	if (op->kind == OP_SET_PUT) {
		if (find_or_add_owner(st, op->owner, &owner) < 0)
			return -1;
		stmt = keyed(st, SQL_ITEM_PUT, owner, op);
		sqlite_bind(stmt, 3, op->key);
		sqlite_bind(stmt, 4, op->value);
		return sqlite_finish(st, stmt);
	}
	if (find_owner(st, op->owner, &owner) < 0)
		return -1;
	if (op->kind == OP_SET_LIST)
		return list_items(st, keyed(st, SQL_ITEM_LIST, owner, op), arena, result);
	stmt = keyed(st, op->kind == OP_SET_GET ? SQL_ITEM_GET : SQL_ITEM_REMOVE, owner, op);
	sqlite_bind(stmt, 3, op->key);
	return op->kind == OP_SET_GET ? get_value(st, stmt, arena, result)
				      : change(st, stmt, result);
}

struct log_row {
	int64_t id; /* 0: nothing was ever appended */
	uint64_t entries, bytes;
};

static int
find_log(struct sqlite_store *st, const struct store_op *op, struct log_row *log)
{
	sqlite3_stmt *stmt = sqlite_statement(st, SQL_LOG_FIND);
	int rc;

	*log = (struct log_row){0};
	sqlite_bind(stmt, 1, op->owner);
	sqlite_bind(stmt, 2, op->name);
	rc = sqlite_step(st, stmt);
	if (rc == SQLITE_ROW) {
		log->id = sqlite3_column_int64(stmt, 0);
		log->entries = (uint64_t)sqlite3_column_int64(stmt, 1);
		log->bytes = (uint64_t)sqlite3_column_int64(stmt, 2);
	}
	sqlite3_reset(stmt);
	return rc < 0 ? -1 : 0;
}

static int
add_log(struct sqlite_store *st, const struct store_op *op, struct log_row *log)
{
	int64_t owner;

	if (find_or_add_owner(st, op->owner, &owner) < 0 ||
	    sqlite_finish(st, keyed(st, SQL_LOG_ADD, owner, op)) < 0)
		return -1;
	log->id = sqlite3_last_insert_rowid(st->db);
	return 0;
}

/* Adds to the counters of a log; negative numbers take away. */
static int
count_log(struct sqlite_store *st, int64_t log, int64_t entries, int64_t bytes)
{
	sqlite3_stmt *stmt = sqlite_statement(st, SQL_LOG_COUNT);

	sqlite3_bind_int64(stmt, 1, log);
	sqlite3_bind_int64(stmt, 2, entries);
	sqlite3_bind_int64(stmt, 3, bytes);
	return sqlite_finish(st, stmt);
}

/* The id of a new entry: the next one, or what OP wants, or the next to that. */
static int
entry_id(struct sqlite_store *st, const struct store_op *op, uint64_t *id)
{
	sqlite3_stmt *stmt = sqlite_statement(st, SQL_ENTRY_IS);
	int rc = SQLITE_ROW;

	*id = op->id > 0 ? op->id : MAX(st->last_id + 1, op->at_us);
	while (op->id > 0 && rc == SQLITE_ROW) {
		sqlite_bind_u64(stmt, 1, *id);
		rc = sqlite_step(st, stmt);
		if (rc < 0)
			return -1;
		sqlite3_reset(stmt);
		*id += rc == SQLITE_ROW;
	}
	st->last_id = MAX(st->last_id, *id);
	return 0;
}

static int
log_append(struct sqlite_store *st, const struct store_op *op, struct store_result *result)
{
	struct log_row log;
	sqlite3_stmt *stmt;

	if (find_log(st, op, &log) < 0)
		return -1;
	if ((op->max_count > 0 && log.entries >= op->max_count) ||
	    (op->max_bytes > 0 && log.bytes + op->value.len > op->max_bytes)) {
		result->status = STORE_FULL;
		return 0;
	}
	if (log.id == 0 && add_log(st, op, &log) < 0)
		return -1;
	if (entry_id(st, op, &result->id) < 0)
		return -1;
	result->bytes = log.bytes + op->value.len;
	stmt = sqlite_statement(st, SQL_ENTRY_ADD);
	sqlite_bind_u64(stmt, 1, result->id);
	sqlite_bind_u64(stmt, 2, (uint64_t)log.id);
	sqlite_bind_u64(stmt, 3, op->at_us);
	sqlite_bind(stmt, 4, op->key);
	sqlite_bind(stmt, 5, op->value);
	sqlite_bind_u64(stmt, 6, op->flags);
	sqlite_bind(stmt, 7, op->meta);
	if (sqlite_finish(st, stmt) < 0)
		return -1;
	return count_log(st, log.id, 1, (int64_t)op->value.len);
}

static struct str
column_view(sqlite3_stmt *stmt, int at)
{
	const void *p = sqlite3_column_blob(stmt, at);

	return str_of(p ? p : "", (size_t)sqlite3_column_bytes(stmt, at));
}

/* The row of an entry; texts are views until the next step. */
static struct store_item
entry_view(sqlite3_stmt *stmt)
{
	return (struct store_item){
		.id = (uint64_t)sqlite3_column_int64(stmt, 0),
		.at_us = (uint64_t)sqlite3_column_int64(stmt, 1),
		.with = column_view(stmt, 2),
		.value = column_view(stmt, 3),
		.flags = (uint32_t)sqlite3_column_int64(stmt, 4),
		.meta = column_view(stmt, 5),
	};
}

static struct store_item *
entry_copy(struct arena *arena, const struct store_item *view)
{
	struct store_item *item = arena_new_of(arena, struct store_item);

	*item = *view;
	item->with = arena_dup(arena, view->with);
	item->value = arena_dup(arena, view->value);
	item->meta = arena_dup(arena, view->meta);
	return item;
}

static struct store_item *
entry_row(struct arena *arena, sqlite3_stmt *stmt)
{
	struct store_item view = entry_view(stmt);

	return entry_copy(arena, &view);
}

static int
log_range(struct sqlite_store *st, const struct store_op *op, int64_t log, struct arena *arena,
	  struct store_result *result)
{
	sqlite3_stmt *stmt =
		sqlite_statement(st, op->from_end ? SQL_ENTRY_BACKWARD : SQL_ENTRY_FORWARD);
	struct store_item **last = &result->items;
	int rc;

	sqlite_bind_u64(stmt, 1, (uint64_t)log);
	sqlite_bind_u64(stmt, 2, op->id);
	sqlite_bind_u64(stmt, 3, op->before > 0 ? op->before : UINT64_MAX);
	sqlite_bind_u64(stmt, 4, op->limit > 0 ? op->limit : UINT64_MAX);
	while ((rc = sqlite_step(st, stmt)) == SQLITE_ROW) {
		struct store_item *item = entry_row(arena, stmt);

		if (op->from_end) { /* the newest comes first, and is to stand last */
			item->next = result->items;
			result->items = item;
		} else {
			*last = item;
			last = &item->next;
		}
		result->count++;
	}
	sqlite3_reset(stmt);
	return rc < 0 ? -1 : 0;
}

/* Adds to RESULT what PAGE shows of the entry at STMT. */
static void
page_add(const struct store_page *page, struct store_item *view, struct arena *arena,
	 struct store_result *result, struct store_item ***last)
{
	struct store_item *item;
	size_t len = view->value.len;

	if (page->without_values)
		view->value = STR("");
	item = entry_copy(arena, view);
	if (page->without_values)
		item->value = (struct str){NULL, len};
	if (page->from_end) {
		item->next = result->items;
		result->items = item;
	} else {
		**last = item;
		*last = &item->next;
	}
	result->count++;
}

static int
log_page(struct sqlite_store *st, const struct store_op *op, int64_t log, struct arena *arena,
	 struct store_result *result)
{
	const struct store_page *page = op->page;
	struct store_item **last = &result->items;
	uint64_t from, to;
	size_t scanned = 0;
	sqlite3_stmt *stmt;
	int rc;

	if (log == 0 || !page_bounds(page, &from, &to))
		return 0;
	stmt = sqlite_statement(st, page->from_end ? SQL_ENTRY_PAGE_DOWN : SQL_ENTRY_PAGE_UP);
	sqlite_bind_u64(stmt, 1, (uint64_t)log);
	sqlite_bind_u64(stmt, 2, from);
	sqlite_bind_u64(stmt, 3, to);
	while ((rc = sqlite_step(st, stmt)) == SQLITE_ROW) {
		struct store_item view = entry_view(stmt);

		if (page->limit > 0 && result->count == page->limit)
			break;
		if (page->scan > 0 && scanned++ == page->scan) {
			result->is_partial = true;
			break;
		}
		result->id = view.id;
		if (page_chooses(page, &view))
			page_add(page, &view, arena, result, &last);
	}
	sqlite3_reset(stmt);
	return rc < 0 ? -1 : 0;
}

static int
log_edit(struct sqlite_store *st, const struct store_op *op, int64_t log,
	 struct store_result *result)
{
	sqlite3_stmt *stmt = sqlite_statement(st, SQL_ENTRY_LENGTH);
	int64_t before = 0;
	int rc;

	sqlite_bind_u64(stmt, 1, (uint64_t)log);
	sqlite_bind_u64(stmt, 2, op->id);
	rc = sqlite_step(st, stmt);
	if (rc == SQLITE_ROW)
		before = sqlite3_column_int64(stmt, 0);
	else
		result->status = STORE_MISSING;
	sqlite3_reset(stmt);
	if (rc != SQLITE_ROW)
		return rc < 0 ? -1 : 0;
	stmt = sqlite_statement(st, SQL_ENTRY_EDIT);
	sqlite_bind_u64(stmt, 1, (uint64_t)log);
	sqlite_bind_u64(stmt, 2, op->id);
	sqlite_bind_u64(stmt, 3, op->flags);
	sqlite_bind(stmt, 4, op->value);
	if (sqlite_finish(st, stmt) < 0)
		return -1;
	return count_log(st, log, 0, (int64_t)op->value.len - before);
}

/* Removes the entries with FIRST <= id <= LAST. */
static int
log_remove(struct sqlite_store *st, int64_t log, uint64_t first, uint64_t last,
	   struct store_result *result)
{
	static const enum statement both[] = {SQL_ENTRY_SUM, SQL_ENTRY_TRIM};
	int64_t bytes = 0;
	int rc = 0;

	for (size_t i = 0; i < COUNT(both); i++) {
		sqlite3_stmt *stmt = sqlite_statement(st, both[i]);

		sqlite_bind_u64(stmt, 1, (uint64_t)log);
		sqlite_bind_u64(stmt, 2, first);
		sqlite_bind_u64(stmt, 3, last);
		rc = sqlite_step(st, stmt);
		if (rc == SQLITE_ROW) {
			result->count = (uint64_t)sqlite3_column_int64(stmt, 0);
			bytes = sqlite3_column_int64(stmt, 1);
		}
		sqlite3_reset(stmt);
		if (rc < 0)
			return -1;
		if (result->count == 0)
			return 0;
	}
	return count_log(st, log, -(int64_t)result->count, -bytes);
}

/* The last id that is to go: see store_log_prune. */
static int
prune_up_to(struct sqlite_store *st, const struct store_op *op, const struct log_row *log,
	    uint64_t *up_to)
{
	sqlite3_stmt *stmt = sqlite_statement(st, SQL_ENTRY_OLDEST);
	uint64_t bytes = log->bytes;
	int rc;

	*up_to = 0;
	sqlite_bind_u64(stmt, 1, (uint64_t)log->id);
	sqlite_bind_u64(stmt, 2, op->limit);
	while ((rc = sqlite_step(st, stmt)) == SQLITE_ROW) {
		uint64_t id = (uint64_t)sqlite3_column_int64(stmt, 0);

		if (id >= op->before && (op->max_bytes == 0 || bytes <= op->max_bytes))
			break;
		*up_to = id;
		bytes -= (uint64_t)sqlite3_column_int64(stmt, 1);
	}
	sqlite3_reset(stmt);
	return rc < 0 ? -1 : 0;
}

static int
log_prune(struct sqlite_store *st, const struct store_op *op, const struct log_row *log,
	  struct store_result *result)
{
	uint64_t up_to;

	if (prune_up_to(st, op, log, &up_to) < 0)
		return -1;
	return up_to > 0 ? log_remove(st, log->id, 0, up_to, result) : 0;
}

static int
log_owners(struct sqlite_store *st, const struct store_op *op, struct arena *arena,
	   struct store_result *result)
{
	sqlite3_stmt *stmt = sqlite_statement(st, SQL_LOG_OWNERS);

	sqlite_bind(stmt, 1, op->key);
	sqlite_bind(stmt, 2, op->name);
	sqlite_bind_u64(stmt, 3, op->limit > 0 ? op->limit : UINT64_MAX);
	return list_items(st, stmt, arena, result);
}

static int
run_log(struct sqlite_store *st, const struct store_op *op, struct arena *arena,
	struct store_result *result)
{
	struct log_row log;

	if (op->kind == OP_LOG_APPEND)
		return log_append(st, op, result);
	if (find_log(st, op, &log) < 0)
		return -1;
	switch (op->kind) {
	case OP_LOG_RANGE:
		return log_range(st, op, log.id, arena, result);
	case OP_LOG_PAGE:
		return log_page(st, op, log.id, arena, result);
	case OP_LOG_EDIT:
		return log_edit(st, op, log.id, result);
	case OP_LOG_PRUNE:
		return log_prune(st, op, &log, result);
	case OP_LOG_TRIM:
		return log_remove(st, log.id, 0, op->id, result);
	case OP_LOG_REMOVE:
		if (log_remove(st, log.id, op->id, op->id, result) < 0)
			return -1;
		if (result->count == 0)
			result->status = STORE_MISSING;
		return 0;
	default:
		result->count = log.entries;
		result->bytes = log.bytes;
		return 0;
	}
}

static int
auth_list(struct sqlite_store *st, const struct store_op *op, struct arena *arena,
	  struct store_result *result)
{
	bool has_domain = op->owner.len > 0;
	sqlite3_stmt *stmt =
		sqlite_statement(st, has_domain ? SQL_AUTH_LIST_DOMAIN : SQL_AUTH_LIST);

	sqlite_bind(stmt, 1, op->key);
	sqlite_bind_u64(stmt, 2, op->limit > 0 ? op->limit : UINT64_MAX);
	if (has_domain)
		sqlite_bind(stmt, 3, op->owner);
	return list_items(st, stmt, arena, result);
}

static int
auth_create(struct sqlite_store *st, const struct store_op *op, struct store_result *result)
{
	sqlite3_stmt *stmt = sqlite_statement(st, SQL_AUTH_CREATE);

	sqlite_bind(stmt, 1, op->owner);
	sqlite_bind(stmt, 2, owner_domain(op->owner));
	sqlite_bind(stmt, 3, op->value);
	if (change(st, stmt, result) < 0)
		return -1;
	if (result->status == STORE_MISSING)
		result->status = STORE_CONFLICT;
	return 0;
}

static int
auth_swap(struct sqlite_store *st, const struct store_op *op, struct arena *arena,
	  struct store_result *result)
{
	sqlite3_stmt *stmt = sqlite_statement(st, SQL_AUTH_SWAP);

	sqlite_bind(stmt, 1, op->owner);
	sqlite_bind(stmt, 2, op->value);
	sqlite_bind(stmt, 3, op->key);
	if (change(st, stmt, result) < 0)
		return -1;
	if (result->status != STORE_MISSING)
		return 0;
	stmt = sqlite_statement(st, SQL_AUTH_GET); /* there, and another one, or not there */
	sqlite_bind(stmt, 1, op->owner);
	result->status = STORE_OK;
	if (get_value(st, stmt, arena, result) < 0)
		return -1;
	if (result->status == STORE_OK)
		result->status = STORE_CONFLICT;
	result->value = STR_NONE;
	return 0;
}

static int
run_auth(struct sqlite_store *st, const struct store_op *op, struct arena *arena,
	 struct store_result *result)
{
	sqlite3_stmt *stmt;

	if (op->kind == OP_AUTH_CREATE)
		return auth_create(st, op, result);
	if (op->kind == OP_AUTH_PUT && op->key.len > 0)
		return auth_swap(st, op, arena, result);
	stmt = sqlite_statement(st, op->kind == OP_AUTH_GET ? SQL_AUTH_GET : SQL_AUTH_PUT);
	sqlite_bind(stmt, 1, op->owner);
	if (op->kind == OP_AUTH_GET)
		return get_value(st, stmt, arena, result);
	sqlite_bind(stmt, 2, op->value);
	return change(st, stmt, result);
}

/* The entries before the logs, by which they are found; the number last. */
static int
owner_remove(struct sqlite_store *st, const struct store_op *op, struct store_result *result)
{
	static const enum statement clear[] = {SQL_DOC_CLEAR, SQL_ITEM_CLEAR, SQL_ENTRY_CLEAR,
					       SQL_LOG_CLEAR, SQL_OWNER_REMOVE};
	sqlite3_stmt *stmt = sqlite_statement(st, SQL_AUTH_REMOVE);
	int changes;
	int64_t owner;

	sqlite_bind(stmt, 1, op->owner);
	if (sqlite_finish(st, stmt) < 0 || find_owner(st, op->owner, &owner) < 0)
		return -1;
	changes = sqlite3_changes(st->db);
	for (size_t i = 0; owner != 0 && i < COUNT(clear); i++) {
		stmt = sqlite_statement(st, clear[i]);
		sqlite_bind_u64(stmt, 1, (uint64_t)owner);
		if (sqlite_finish(st, stmt) < 0)
			return -1;
		if (clear[i] != SQL_LOG_CLEAR && clear[i] != SQL_OWNER_REMOVE)
			changes += sqlite3_changes(st->db);
	}
	result->count = changes > 0;
	result->status = changes > 0 ? STORE_OK : STORE_MISSING;
	return 0;
}

int
sqlite_run(void *state, const struct store_op *op, struct arena *arena, struct store_result *result)
{
	struct sqlite_store *st = state;

	switch (op->kind) {
	case OP_DOC_GET:
	case OP_DOC_PUT:
	case OP_DOC_REMOVE:
		return run_doc(st, op, arena, result);
	case OP_SET_LIST:
	case OP_SET_GET:
	case OP_SET_PUT:
	case OP_SET_REMOVE:
		return run_set(st, op, arena, result);
	case OP_LOG_APPEND:
	case OP_LOG_RANGE:
	case OP_LOG_TRIM:
	case OP_LOG_REMOVE:
	case OP_LOG_COUNT:
	case OP_LOG_PAGE:
	case OP_LOG_EDIT:
	case OP_LOG_PRUNE:
		return run_log(st, op, arena, result);
	case OP_LOG_OWNERS:
		return log_owners(st, op, arena, result);
	case OP_AUTH_GET:
	case OP_AUTH_CREATE:
	case OP_AUTH_PUT:
		return run_auth(st, op, arena, result);
	case OP_AUTH_LIST:
		return auth_list(st, op, arena, result);
	case OP_OWNER_REMOVE:
		return owner_remove(st, op, result);
	case OP_BACKUP:
		sqlite_backup(st, op->key, result);
		return 0;
	case OP_KINDS:
		break;
	}
	assert(false);
	return 0;
}
