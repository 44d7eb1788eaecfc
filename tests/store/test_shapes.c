/* SPDX-License-Identifier: MIT */
/*
 * test_shapes.c - what every driver must do, told as steps: a request, and the answer to expect.
 *
 * Each table runs from an empty store, against each driver, one operation a request.
 */
#include "fixture.h"

#include "base/buf.h"
#include "base/time.h"
#include "store/driver.h"

#include <stdio.h>

#define ROMEO "romeo@montague.example"
#define JULIET "juliet@capulet.example"

struct step {
	enum store_op_kind kind;
	const char *owner, *name, *key, *value;
	uint64_t a, b; /* ids count from the first that the table appended; limits as they are */
	size_t limit;
	bool from_end;
	/* expected */
	enum store_status status;
	const char *answer; /* a value, the items, or "entries/bytes"; NULL: not looked at */
};

static const struct step doc_steps[] = {
	{OP_DOC_GET, ROMEO, "vcard", .status = STORE_MISSING},
	{OP_DOC_PUT, ROMEO, "vcard", .value = "one"},
	{OP_DOC_GET, ROMEO, "vcard", .answer = "one"},
	{OP_DOC_PUT, ROMEO, "vcard", .value = "two"},
	{OP_DOC_GET, ROMEO, "vcard", .answer = "two"},
	{OP_DOC_GET, JULIET, "vcard", .status = STORE_MISSING},
	{OP_DOC_GET, ROMEO, "vcard2", .status = STORE_MISSING},
	{OP_DOC_GET, ROMEO, "vcar", .status = STORE_MISSING},
	{OP_DOC_PUT, ROMEO, "", .value = ""},
	{OP_DOC_GET, ROMEO, "", .answer = ""},
	{OP_DOC_PUT, JULIET, "vcard", .value = "hers"},
	{OP_DOC_REMOVE, ROMEO, "vcard"},
	{OP_DOC_REMOVE, ROMEO, "vcard", .status = STORE_MISSING},
	{OP_DOC_REMOVE, "nobody@example.com", "vcard", .status = STORE_MISSING},
	{OP_DOC_GET, ROMEO, "vcard", .status = STORE_MISSING},
	{OP_DOC_GET, JULIET, "vcard", .answer = "hers"},
};

static const struct step set_steps[] = {
	{OP_SET_LIST, ROMEO, "roster", .answer = ""},
	{OP_SET_GET, ROMEO, "roster", JULIET, .status = STORE_MISSING},
	{OP_SET_PUT, ROMEO, "roster", "b", "2"},
	{OP_SET_PUT, ROMEO, "roster", "a", "1"},
	{OP_SET_PUT, ROMEO, "roster", "ab", "3"},
	{OP_SET_PUT, ROMEO, "roster", "\xc3\xa9", "5"}, /* by bytes: after all of ASCII */
	{OP_SET_PUT, ROMEO, "roster", "z", "4"},
	{OP_SET_PUT, ROMEO, "roster", "", "0"},
	{OP_SET_PUT, ROMEO, "rost", "x", "other"},
	{OP_SET_PUT, ROMEO, "roster2", "x", "other"},
	{OP_SET_PUT, ROMEO "x", "roster", "x", "other"},
	{OP_SET_LIST, ROMEO, "roster", .answer = "=0 a=1 ab=3 b=2 z=4 \xc3\xa9=5"},
	{OP_SET_PUT, ROMEO, "roster", "a", "changed"},
	{OP_SET_GET, ROMEO, "roster", "a", .answer = "changed"},
	{OP_SET_REMOVE, ROMEO, "roster", "ab"},
	{OP_SET_REMOVE, ROMEO, "roster", "ab", .status = STORE_MISSING},
	{OP_SET_REMOVE, ROMEO, "roster", "", .status = STORE_OK},
	{OP_SET_LIST, ROMEO, "roster", .answer = "a=changed b=2 z=4 \xc3\xa9=5"},
	{OP_SET_LIST, JULIET, "roster", .answer = ""},
	{OP_SET_LIST, ROMEO, "rost", .answer = "x=other"},
};

static const struct step log_steps[] = {
	{OP_LOG_RANGE, ROMEO, "offline", .answer = ""},
	{OP_LOG_COUNT, ROMEO, "offline", .answer = "0/0"},
	{OP_LOG_TRIM, ROMEO, "offline", .a = 100, .answer = "0/0"},
	{OP_LOG_REMOVE, ROMEO, "offline", .a = 1, .status = STORE_MISSING},
	{OP_LOG_APPEND, ROMEO, "offline", JULIET, "zero"},
	{OP_LOG_APPEND, JULIET, "offline", ROMEO, "hers"},
	{OP_LOG_APPEND, ROMEO, "offline", "", "two"},
	{OP_LOG_APPEND, ROMEO, "offline", JULIET, ""},
	{OP_LOG_APPEND, ROMEO, "archive", JULIET, "other"},
	{OP_LOG_APPEND, ROMEO, "offline", JULIET, "five"},
	{OP_LOG_RANGE, ROMEO, "offline",
	 .answer = "0:" JULIET "=zero 2:=two 3:" JULIET "= 5:" JULIET "=five"},
	{OP_LOG_COUNT, ROMEO, "offline", .answer = "4/11"},
	{OP_LOG_RANGE, ROMEO, "offline", .a = 0, .b = 3, .answer = "2:=two"},
	{OP_LOG_RANGE, ROMEO, "offline", .limit = 2, .answer = "0:" JULIET "=zero 2:=two"},
	{OP_LOG_RANGE, ROMEO, "offline", .limit = 2, .from_end = true,
	 .answer = "3:" JULIET "= 5:" JULIET "=five"},
	{OP_LOG_RANGE, ROMEO, "offline", .a = 0, .b = 5, .limit = 1, .from_end = true,
	 .answer = "3:" JULIET "="},
	{OP_LOG_RANGE, ROMEO, "offline", .a = 0, .b = 1, .answer = ""},
	{OP_LOG_RANGE, ROMEO, "offline", .a = 5, .answer = "", .from_end = true},
	{OP_LOG_RANGE, ROMEO, "offline", .a = 99, .answer = ""},
	/* limits count what is there now, before the append */
	{OP_LOG_APPEND, ROMEO, "offline", "", "x", .a = 4, .status = STORE_FULL},
	{OP_LOG_APPEND, ROMEO, "offline", "", "1234", .b = 14, .status = STORE_FULL},
	{OP_LOG_APPEND, ROMEO, "offline", "", "123", .a = 5, .b = 14},
	{OP_LOG_COUNT, ROMEO, "offline", .answer = "5/14"},
	{OP_LOG_REMOVE, ROMEO, "offline", .a = 1, .status = STORE_MISSING}, /* juliet's */
	{OP_LOG_REMOVE, ROMEO, "offline", .a = 2},
	{OP_LOG_REMOVE, ROMEO, "offline", .a = 2, .status = STORE_MISSING},
	{OP_LOG_COUNT, ROMEO, "offline", .answer = "4/11"},
	{OP_LOG_TRIM, ROMEO, "offline", .a = 4, .answer = "2/0"},
	{OP_LOG_COUNT, ROMEO, "offline", .answer = "2/7"},
	{OP_LOG_RANGE, ROMEO, "offline", .answer = "5:" JULIET "=five 6:=123"},
	{OP_LOG_TRIM, ROMEO, "offline", .a = 1000, .answer = "2/0"},
	{OP_LOG_COUNT, ROMEO, "offline", .answer = "0/0"},
	/* ids of what is gone do not come again */
	{OP_LOG_APPEND, ROMEO, "offline", "", "new"},
	{OP_LOG_RANGE, ROMEO, "offline", .answer = "7:=new"},
	{OP_LOG_RANGE, JULIET, "offline", .answer = "1:" ROMEO "=hers"},
	{OP_LOG_RANGE, ROMEO, "archive", .answer = "4:" JULIET "=other"},
};

static const struct step auth_steps[] = {
	{OP_AUTH_GET, ROMEO, .status = STORE_MISSING},
	{OP_AUTH_PUT, ROMEO, .value = "keys", .status = STORE_MISSING},
	{OP_AUTH_GET, ROMEO, .status = STORE_MISSING},
	{OP_AUTH_CREATE, ROMEO, .value = "keys"},
	{OP_AUTH_CREATE, ROMEO, .value = "others", .status = STORE_CONFLICT},
	{OP_AUTH_GET, ROMEO, .answer = "keys"},
	{OP_AUTH_PUT, ROMEO, .value = "new keys"},
	{OP_AUTH_GET, ROMEO, .answer = "new keys"},
	/* a swap: only of what stands there */
	{OP_AUTH_PUT, ROMEO, .key = "keys", .value = "x", .status = STORE_CONFLICT},
	{OP_AUTH_PUT, JULIET, .key = "keys", .value = "x", .status = STORE_MISSING},
	{OP_AUTH_GET, ROMEO, .answer = "new keys"},
	{OP_AUTH_PUT, ROMEO, .key = "new keys", .value = "newer keys"},
	{OP_AUTH_GET, ROMEO, .answer = "newer keys"},
	{OP_AUTH_PUT, ROMEO, .key = "newer keys", .value = "new keys"},
	{OP_AUTH_CREATE, "a@x.example", .value = "1"},
	{OP_AUTH_CREATE, "b@y.example", .value = "2"},
	{OP_AUTH_CREATE, "c@x.example", .value = "3"},
	{OP_AUTH_CREATE, "d@x.example", .value = "4"},
	{OP_AUTH_LIST, "",
	 .answer = "a@x.example=1 b@y.example=2 c@x.example=3 d@x.example=4 " ROMEO "=new keys"},
	{OP_AUTH_LIST, "x.example", .answer = "a@x.example=1 c@x.example=3 d@x.example=4"},
	{OP_AUTH_LIST, "x.example", .limit = 2, .answer = "a@x.example=1 c@x.example=3"},
	{OP_AUTH_LIST, "x.example", .key = "c@x.example", .limit = 2, .answer = "d@x.example=4"},
	{OP_AUTH_LIST, "x.example", .key = "d@x.example", .limit = 2, .answer = ""},
	{OP_AUTH_LIST, "", .key = "b", .limit = 1, .answer = "b@y.example=2"},
	{OP_AUTH_LIST, "example", .answer = ""},
	{OP_OWNER_REMOVE, "c@x.example", .answer = "1/0"},
	{OP_OWNER_REMOVE, "c@x.example", .status = STORE_MISSING, .answer = "0/0"},
	{OP_AUTH_LIST, "x.example", .answer = "a@x.example=1 d@x.example=4"},
};

static const struct step remove_steps[] = {
	{OP_AUTH_CREATE, ROMEO, .value = "keys"},
	{OP_DOC_PUT, ROMEO, "vcard", .value = "v"},
	{OP_DOC_PUT, ROMEO, "private", .value = "p"},
	{OP_SET_PUT, ROMEO, "roster", "a", "1"},
	{OP_SET_PUT, ROMEO, "blocked", "a", "1"},
	{OP_LOG_APPEND, ROMEO, "offline", JULIET, "zero"},
	{OP_LOG_APPEND, ROMEO, "archive", JULIET, "one"},
	{OP_DOC_PUT, ROMEO "x", "vcard", .value = "stays"}, /* a neighbour by prefix */
	{OP_SET_PUT, ROMEO "x", "roster", "a", "stays"},
	{OP_LOG_APPEND, ROMEO "x", "offline", "", "stays"},
	{OP_OWNER_REMOVE, ROMEO, .answer = "1/0"},
	{OP_AUTH_GET, ROMEO, .status = STORE_MISSING},
	{OP_DOC_GET, ROMEO, "vcard", .status = STORE_MISSING},
	{OP_DOC_GET, ROMEO, "private", .status = STORE_MISSING},
	{OP_SET_LIST, ROMEO, "roster", .answer = ""},
	{OP_SET_LIST, ROMEO, "blocked", .answer = ""},
	{OP_LOG_RANGE, ROMEO, "offline", .answer = ""},
	{OP_LOG_RANGE, ROMEO, "archive", .answer = ""},
	{OP_LOG_COUNT, ROMEO, "archive", .answer = "0/0"},
	{OP_OWNER_REMOVE, ROMEO, .status = STORE_MISSING, .answer = "0/0"},
	{OP_DOC_GET, ROMEO "x", "vcard", .answer = "stays"},
	{OP_SET_LIST, ROMEO "x", "roster", .answer = "a=stays"},
	{OP_LOG_RANGE, ROMEO "x", "offline", .answer = "2:=stays"},
	{OP_LOG_APPEND, ROMEO, "offline", "", "again"},
	{OP_LOG_RANGE, ROMEO, "offline", .answer = "3:=again"},
	{OP_LOG_COUNT, ROMEO, "offline", .answer = "1/5"},
	/* without an account, as a room; and with nothing but an emptied log */
	{OP_OWNER_REMOVE, ROMEO "x", .answer = "1/0"},
	{OP_LOG_TRIM, ROMEO, "offline", .a = 99, .answer = "1/0"},
	{OP_OWNER_REMOVE, ROMEO, .status = STORE_MISSING, .answer = "0/0"},
};

static const struct {
	const char *name;
	const struct step *steps;
	size_t count;
} tables[] = {
	{"doc", doc_steps, COUNT(doc_steps)},          {"set", set_steps, COUNT(set_steps)},
	{"log", log_steps, COUNT(log_steps)},          {"auth", auth_steps, COUNT(auth_steps)},
	{"remove", remove_steps, COUNT(remove_steps)},
};

/* FIRST_ID is added to the ids, so that tables can count from 0. */
static void
add_step(struct store_request *r, const struct step *s, uint64_t first_id)
{
	struct str owner = str(s->owner), key = str(s->key), value = str(s->value);

	switch (s->kind) {
	case OP_DOC_GET:
		store_doc_get(r, owner, s->name);
		break;
	case OP_DOC_PUT:
		store_doc_put(r, owner, s->name, value);
		break;
	case OP_DOC_REMOVE:
		store_doc_remove(r, owner, s->name);
		break;
	case OP_SET_LIST:
		store_set_list(r, owner, s->name);
		break;
	case OP_SET_GET:
		store_set_get(r, owner, s->name, key);
		break;
	case OP_SET_PUT:
		store_set_put(r, owner, s->name, key, value);
		break;
	case OP_SET_REMOVE:
		store_set_remove(r, owner, s->name, key);
		break;
	case OP_LOG_APPEND:
		store_log_append(r, owner, s->name, 1790000000000000 + s->value[0], key, value,
				 s->a, s->b);
		break;
	case OP_LOG_RANGE: /* from the start when neither bound is given */
		store_log_range(r, owner, s->name, s->a + s->b > 0 ? first_id + s->a : 0,
				s->b > 0 ? first_id + s->b : 0, s->limit, s->from_end);
		break;
	case OP_LOG_TRIM:
		store_log_trim(r, owner, s->name, first_id + s->a);
		break;
	case OP_LOG_REMOVE:
		store_log_remove(r, owner, s->name, first_id + s->a);
		break;
	case OP_LOG_COUNT:
		store_log_count(r, owner, s->name);
		break;
	case OP_AUTH_GET:
		store_auth_get(r, owner);
		break;
	case OP_AUTH_CREATE:
		store_auth_create(r, owner, value);
		break;
	case OP_AUTH_PUT:
		if (s->key != NULL)
			store_auth_swap(r, owner, key, value);
		else
			store_auth_put(r, owner, value);
		break;
	case OP_AUTH_LIST:
		store_auth_list(r, owner, key, s->limit);
		break;
	case OP_OWNER_REMOVE:
		store_owner_remove(r, owner);
		break;
	case OP_LOG_PAGE: /* these have a test of their own, log_pages */
	case OP_LOG_EDIT:
	case OP_LOG_PRUNE:
	case OP_LOG_OWNERS:
	case OP_BACKUP:
	case OP_KINDS:
		break;
	}
}

static void
check_answer(struct test *t, const struct step *s, const struct store_result *result,
	     uint64_t first_id)
{
	check_int(t, result->status, s->status);
	if (s->answer == NULL)
		return;
	switch (s->kind) {
	case OP_SET_LIST:
	case OP_AUTH_LIST:
		check_str(t, items_text(t->arena, result->items), s->answer);
		break;
	case OP_LOG_RANGE:
		check_str(t, entries_text(t->arena, result->items, first_id), s->answer);
		for (const struct store_item *item = result->items; item != NULL; item = item->next)
			check_int(t, (intmax_t)item->at_us - 1790000000000000,
				  item->value.len > 0 ? item->value.p[0] : 0);
		break;
	case OP_LOG_COUNT:
	case OP_LOG_TRIM:
	case OP_OWNER_REMOVE:
		check_str(t,
			  arena_printf(t->arena, "%" PRIu64 "/%" PRIu64, result->count,
				       result->bytes),
			  s->answer);
		break;
	default:
		check_str(t, result->value, s->answer);
	}
}

/* An entry of the log "pages"; returns its id. WITH is also its value, FLAGS its length. */
static uint64_t
append(struct fixture *f, const char *owner, uint64_t at_us, const char *with)
{
	struct store_request *r = request_new(f);
	uint64_t id;

	store_log_add(r, str(owner), "pages",
		      &(struct store_entry){.at_us = at_us,
					    .with = str(with),
					    .value = str(with),
					    .flags = (uint32_t)strlen(with),
					    .meta = STR("m")});
	ask(f, r);
	id = r->results[0].id;
	store_request_free(r);
	return id;
}

/* The whole table; with REOPEN, the store is closed and opened between any two steps. */
static void
run_table(struct test *t, const char *driver, size_t table, bool reopen)
{
	uint64_t first_id = 0, last_id = 0;
	struct fixture f;

	fixture_open(&f, driver);
	append(&f, "clock@example.com", 1790000000001000, ""); /* ids run on by one from here */
	for (size_t i = 0; i < tables[table].count; i++) {
		const struct step *s = &tables[table].steps[i];
		struct store_request *r = request_new(&f);
		char row[64];

		snprintf(row, sizeof(row), "%s %s %zu", driver, tables[table].name, i);
		test_row(t, row);
		add_step(r, s, first_id);
		ask(&f, r);
		check_answer(t, s, &r->results[0], first_id);
		/* What refuses its request is the request's status too, and else that is good. */
		check_int(t, r->status, op_refuses(s->kind, s->status) ? s->status : STORE_OK);
		if (s->kind == OP_LOG_APPEND && r->status == STORE_OK) {
			check(t, r->results[0].id > last_id);
			last_id = r->results[0].id;
			if (first_id == 0)
				first_id = last_id;
		}
		store_request_free(r);
		if (reopen)
			fixture_reopen(&f);
	}
	fixture_close(&f);
}

static bool
has_slash(const struct store_item *item, const void *arg)
{
	return str_find(item->value, *(const char *)arg) >= 0;
}

/* Entries at 10, 20, 30, 25 (a clock set back) and 40 seconds, of two correspondents. */
static const struct {
	const char *what;
	struct store_page page; /* times and ids in seconds after the first entry's */
	const char *answer;
	bool is_partial;
} pages[] = {
	{"all", {0}, "a a/1 b b/2 a/22 ", false},
	{"the oldest two", {.limit = 2}, "a a/1 ", false},
	{"the newest two", {.limit = 2, .from_end = true}, "b/2 a/22 ", false},
	{"a bare address", {.with = STR("a")}, "a a/1 a/22 ", false},
	{"a full address", {.with = STR("b/2")}, "b/2 ", false},
	{"a full address has no resources", {.with = STR("a/2")}, "", false},
	{"from a time on", {.start_us = 20}, "a/1 b b/2 a/22 ", false},
	{"up to a time", {.end_us = 25}, "a a/1 b/2 ", false},
	{"by flags", {.mask = 2, .flags = 2}, "a/1 b/2 ", false},
	{"by a function", {.match = has_slash, .match_arg = "/"}, "a/1 b/2 a/22 ", false},
	{"a scan that ends early", {.with = STR("b"), .scan = 3}, "b ", true},
	{"and from the end", {.with = STR("a"), .scan = 2, .from_end = true}, "a/22 ", true},
	{"lengths alone", {.without_values = true}, "1 3 1 3 4 ", false},
};

static void
run_pages(struct test *t, const char *driver)
{
	static const struct {
		unsigned at;
		const char *with;
	} entries[] = {{10, "a"}, {20, "a/1"}, {30, "b"}, {25, "b/2"}, {40, "a/22"}};
	const uint64_t base = 1790000000000000;
	uint64_t ids[COUNT(entries)];
	struct store_request *r;
	struct fixture f;

	fixture_open(&f, driver);
	for (size_t i = 0; i < COUNT(entries); i++) {
		ids[i] = append(&f, ROMEO, base + entries[i].at * 1000000, entries[i].with);
		check(t, ids[i] >= base + entries[i].at * 1000000);
		check(t, i == 0 || ids[i] > ids[i - 1]);
		append(&f, JULIET, base + i, "c");
	}
	for (size_t i = 0; i < COUNT(pages); i++) {
		struct store_page page = pages[i].page;
		struct buf text = {0};

		test_row(t, pages[i].what);
		page.start_us = page.start_us > 0 ? base + page.start_us * 1000000 : 0;
		page.end_us = page.end_us > 0 ? base + page.end_us * 1000000 : 0;
		r = request_new(&f);
		store_log_page(r, STR(ROMEO), "pages", &page);
		ask(&f, r);
		for (struct store_item *item = r->results[0].items; item; item = item->next)
			if (item->value.p != NULL)
				buf_printf(&text, "%.*s ", STR_ARG(item->value));
			else
				buf_printf(&text, "%zu ", item->value.len);
		check_str(t, buf_len(&text) > 0 ? buf_str(&text) : STR(""), pages[i].answer);
		check(t, r->results[0].is_partial == pages[i].is_partial);
		buf_free(&text);
		store_request_free(r);
	}

	r = request_new(&f);
	store_log_edit(r, STR(ROMEO), "pages", ids[1], 7, STR("changed"));
	store_log_edit(r, STR(ROMEO), "pages", ids[1] - 1, 7, STR("changed"));
	store_log_get(r, STR(ROMEO), "pages", ids[1]);
	store_log_count(r, STR(ROMEO), "pages");
	store_log_owners(r, "pages", STR(""), 0);
	store_log_owners(r, "pages", STR(JULIET), 1);
	store_log_prune(r, STR(ROMEO), "pages", ids[1], 0, 10);
	store_log_prune(r, STR(ROMEO), "pages", 0, 8, 10);
	store_log_prune(r, STR(ROMEO), "pages", UINT64_MAX, 0, 1);
	store_log_count(r, STR(ROMEO), "pages");
	ask(&f, r);
	check_int(t, r->results[1].status, STORE_MISSING);
	check_str(t, r->results[2].items->value, "changed");
	check_str(t, r->results[2].items->with, "a/1");
	check_str(t, r->results[2].items->meta, "m");
	check_int(t, r->results[2].items->flags, 7);
	check_int(t, (intmax_t)r->results[3].bytes, 1 + 7 + 1 + 3 + 4);
	check_int(t, (intmax_t)r->results[4].count, 2);
	check_str(t, r->results[4].items->key, JULIET);
	check_str(t, r->results[5].items->key, ROMEO);
	check_int(t, (intmax_t)r->results[6].count, 1); /* the first, by age */
	check_int(t, (intmax_t)r->results[7].count, 1); /* the second, by size */
	check_int(t, (intmax_t)r->results[8].count, 1); /* one at a time */
	check_int(t, (intmax_t)r->results[9].count, 2);
	check_int(t, (intmax_t)r->results[9].bytes, 7);
	store_request_free(r);
	fixture_close(&f);
}

TEST(log_pages)
{
	for (size_t d = 0; d < COUNT(fixture_drivers); d++)
		run_pages(t, fixture_drivers[d]);
}

TEST(shapes)
{
	for (size_t d = 0; d < COUNT(fixture_drivers); d++)
		for (size_t i = 0; i < COUNT(tables); i++)
			run_table(t, fixture_drivers[d], i, false);
}

TEST(shapes_survive_closing)
{
	for (size_t i = 0; i < COUNT(tables); i++)
		run_table(t, "sqlite", i, true);
}

/* Entries that are brought keep their ids, or get the next that are free; new ones follow all. */
TEST(entries_that_are_brought)
{
	for (size_t d = 0; d < COUNT(fixture_drivers); d++) {
		static const struct {
			uint64_t at_us, id, got; /* got 0: more than all before */
		} entries[] = {{1000, 0, 0}, {10, 10, 10}, {10, 10, 11}, {10, 10, 12},
			       {5, 7, 7},    {8, 8, 8},    {2000, 0, 0}};
		uint64_t highest = 0;
		struct store_request *r;
		struct fixture f;

		test_row(t, fixture_drivers[d]);
		fixture_open(&f, fixture_drivers[d]);
		r = request_new(&f);
		for (size_t i = 0; i < COUNT(entries); i++)
			store_log_add(r, STR(ROMEO), "log",
				      &(struct store_entry){.at_us = entries[i].at_us,
							    .id = entries[i].id,
							    .with = STR(JULIET),
							    .value = STR("x")});
		store_log_range(r, STR(ROMEO), "log", 0, 0, 0, false);
		ask(&f, r);
		for (size_t i = 0; i < COUNT(entries); i++) {
			uint64_t id = r->results[i].id;

			if (entries[i].got > 0)
				check_int(t, (intmax_t)id, (intmax_t)entries[i].got);
			else
				check(t, id > highest);
			highest = MAX(highest, id);
		}
		check_int(t, (intmax_t)r->results[COUNT(entries)].count, COUNT(entries));
		check_int(t, (intmax_t)r->results[COUNT(entries)].items->id, 7);
		store_request_free(r);
		fixture_close(&f);
	}
}

/* Every byte in keys, correspondents and values, and the largest that is expected. */
TEST(values_are_bytes)
{
	size_t size = 1 << 20;
	char *big = arena_bytes(t->arena, size);

	for (size_t i = 0; i < size; i++)
		big[i] = (char)(i * 7 >> 3);
	for (size_t d = 0; d < COUNT(fixture_drivers); d++) {
		struct str key = str_of("a\0b\xff\0", 5), value = str_of(big, size);
		struct store_request *r;
		struct fixture f;

		test_row(t, fixture_drivers[d]);
		fixture_open(&f, fixture_drivers[d]);
		r = request_new(&f);
		store_doc_put(r, STR(ROMEO), "photo", value);
		store_set_put(r, STR(ROMEO), "set", key, value);
		store_set_put(r, STR(ROMEO), "set", str_of("a", 1), STR("other"));
		store_log_append(r, STR(ROMEO), "log", 1, key, value, 0, 0);
		store_auth_create(r, STR(ROMEO), key);
		store_doc_get(r, STR(ROMEO), "photo");
		store_set_list(r, STR(ROMEO), "set");
		store_set_get(r, STR(ROMEO), "set", key);
		store_log_range(r, STR(ROMEO), "log", 0, 0, 0, false);
		store_auth_get(r, STR(ROMEO));
		ask(&f, r);
		check_int(t, r->status, STORE_OK);
		check(t, str_equal(r->results[5].value, value));
		if (check_int(t, (intmax_t)r->results[6].count, 2)) {
			check(t, str_equal(r->results[6].items->next->key, key));
			check(t, str_equal(r->results[6].items->next->value, value));
		}
		check(t, str_equal(r->results[7].value, value));
		if (check_int(t, (intmax_t)r->results[8].count, 1)) {
			check(t, str_equal(r->results[8].items->with, key));
			check(t, str_equal(r->results[8].items->value, value));
		}
		check(t, str_equal(r->results[9].value, key));
		store_request_free(r);
		fixture_close(&f);
	}
}

#define MANY (100000u / FRACTION)

/* Appends COUNT entries to OWNER's log, between those of JULIET. Returns the first id. */
static uint64_t
fill_log(struct fixture *f, struct str owner, unsigned count)
{
	uint64_t first = 0;

	for (unsigned i = 0; i < count; i += 1000) {
		struct store_request *r = request_new(f);

		for (unsigned k = i; k < MIN(count, i + 1000); k++) {
			store_log_append(r, owner, "archive", k, STR("x"), STR("0123456789"), 0, 0);
			store_log_append(r, STR(JULIET), "archive", k, STR("x"), STR("0"), 0, 0);
		}
		ask(f, r);
		first = first > 0 ? first : r->results[0].id;
		store_request_free(r);
	}
	return first;
}

/* Reads pages at the end and in the middle of a log of COUNT entries. Returns the best time of a
 * dozen: whatever else the machine does only makes one slower. */
static uint64_t
read_log(struct test *t, struct fixture *f, struct str owner, uint64_t first, unsigned count)
{
	uint64_t best_ns = UINT64_MAX;

	for (unsigned round = 0; round < 12; round++) {
		uint64_t start = time_mono_ns();

		for (unsigned i = 0; i < 100; i++) {
			struct store_request *r = request_new(f);

			store_log_range(r, owner, "archive", 0, 0, 50, true);
			store_log_range(r, owner, "archive", first + count, 0, 50, false);
			store_log_count(r, owner, "archive");
			ask(f, r);
			check_int(t, (intmax_t)r->results[0].count, 50);
			check_int(t, (intmax_t)r->results[1].count, 50);
			check_int(t, (intmax_t)r->results[2].count, count);
			check_int(t, (intmax_t)(r->results[0].items->id - first), 2 * count - 100);
			check_int(t, (intmax_t)(r->results[1].items->id - first), count + 2);
			store_request_free(r);
		}
		best_ns = MIN(best_ns, time_mono_ns() - start);
	}
	return best_ns;
}

/* What is read of a log of 10^5 entries takes no longer than of one of 200: a walk takes 500 times
 * that.
 */
TEST(long_logs_are_fast)
{
	for (size_t d = 0; d < COUNT(fixture_drivers); d++) {
		uint64_t first, few_ns, many_ns;
		struct fixture f;

		test_row(t, fixture_drivers[d]);
		fixture_open(&f, fixture_drivers[d]);
		first = fill_log(&f, STR("few@example.com"), 200);
		few_ns = read_log(t, &f, STR("few@example.com"), first, 200);
		first = fill_log(&f, STR(ROMEO), MANY);
		many_ns = read_log(t, &f, STR(ROMEO), first, MANY);
		if (!check(t, many_ns < few_ns * 50))
			printf("%" PRIu64 " ns, and %" PRIu64 " for few\n", many_ns, few_ns);
		fixture_close(&f);
	}
}

/* Pages of 7 through 1000 accounts of two hosts, each seen once and in order. */
TEST(accounts_are_paged)
{
	for (size_t d = 0; d < COUNT(fixture_drivers); d++) {
		struct str after = STR("");
		struct store_request *r;
		unsigned seen = 0;
		struct fixture f;
		size_t count;

		test_row(t, fixture_drivers[d]);
		fixture_open(&f, fixture_drivers[d]);
		r = request_new(&f);
		for (unsigned i = 0; i < 1000; i++)
			store_auth_create(r,
					  arena_printf(t->arena, "user%03u@%s.example", i,
						       i % 2 ? "odd" : "even"),
					  STR("keys"));
		check_int(t, ask_status(&f, r), STORE_OK);
		do {
			r = request_new(&f);
			store_auth_list(r, STR("odd.example"), after, 7);
			ask(&f, r);
			count = r->results[0].count;
			for (const struct store_item *item = r->results[0].items; item != NULL;
			     item = item->next) {
				check_str(
					t, item->key,
					arena_printf(t->arena, "user%03u@odd.example", seen * 2 + 1)
						.p);
				after = arena_dup(t->arena, item->key);
				seen++;
			}
			store_request_free(r);
		} while (count == 7);
		check_int(t, seen, 500);
		fixture_close(&f);
	}
}
