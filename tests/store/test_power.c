/* SPDX-License-Identifier: MIT */
/*
 * test_power.c - power cuts at every write of short runs, and at random ones of longer runs.
 *
 * Numbered requests are carried out on the disk of power.h. After a cut the store must open; every
 * number that was answered must be there, in order and whole, with nothing behind a gap; a request
 * of two operations must be there whole or not at all; and SQLite's own check must be content.
 * RECADO_POWER_CUTS=N makes the random part do N cuts, from RECADO_POWER_SEED on.
 */
#include "fixture.h"
#include "power.h"

#include "base/log.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#define OWNER STR("romeo@montague.example")
#define OUTSTANDING 40u

struct run {
	struct fixture f;
	struct disk *disk;
	uint64_t sent, answered, waiting;
};

/* NUMBER, and text that only it has. */
static struct str
value_of(struct arena *arena, uint64_t number)
{
	size_t len = 300 + number * 7919 % 3000;
	char *text = arena_alloc(arena, len + 1);

	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + (number * 31 + i * 7 + i / 26) % 26);
	memcpy(text, arena_printf(arena, "%-12" PRIu64, number).p, 12);
	return str_of(text, len);
}

static void
on_answer(struct store_request *r)
{
	struct run *run = r->owner;

	if (r->status != STORE_OK)
		abort();
	/* Answers come in order of submission: a number stands for all before it. */
	disk_note_answered(run->disk, ++run->answered);
	run->waiting--;
	store_request_free(r);
}

static void
send_one(struct run *run)
{
	struct store_request *r = store_request_new(run->f.store, run->f.loop, on_answer, run);
	struct arena *arena = arena_new();

	run->sent++;
	run->waiting++;
	store_doc_put(r, OWNER, "last", arena_printf(arena, "%" PRIu64, run->sent));
	store_log_append(r, OWNER, "archive", run->sent, STR("juliet@capulet.example"),
			 value_of(arena, run->sent), 0, 0);
	arena_free(arena);
	store_submit(r);
}

/* COUNT more, at most WINDOW of them at a time. */
static void
send_many(struct run *run, unsigned count, unsigned window)
{
	for (uint64_t end = run->sent + count; run->sent < end || run->waiting > 0;) {
		while (run->sent < end && run->waiting < window)
			send_one(run);
		loop_turn(run->f.loop, 1000);
	}
}

static bool
open_store(struct test *t, struct run *run)
{
	struct str why = STR_NONE;

	disk_use(run->disk);
	if (store_open("sqlite", run->f.dir, &run->f.store, t->arena, &why) == 0)
		return true;
	check_strs(t, why, STR(""));
	return false;
}

/* Whether SQLite finds fault with the database. */
static void
check_integrity(struct test *t, const char *dir)
{
	struct str path = arena_printf(t->arena, "%s/recado.db", dir);
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;

	check_int(t, sqlite3_open(path.p, &db), SQLITE_OK);
	check_int(t, sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL),
		  SQLITE_OK);
	if (check_int(t, sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL),
		      SQLITE_OK) &&
	    check_int(t, sqlite3_step(stmt), SQLITE_ROW))
		check_str(t, str((const char *)sqlite3_column_text(stmt, 0)), "ok");
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

/* How many are there; what is there must be whole and in order. */
static uint64_t
count_stored(struct test *t, struct run *run)
{
	struct store_request *r = request_new(&run->f);
	uint64_t count = 0, id = 0, last = 0;

	store_log_range(r, OWNER, "archive", 0, 0, 0, false);
	store_doc_get(r, OWNER, "last");
	ask(&run->f, r);
	for (const struct store_item *item = r->results[0].items; item != NULL; item = item->next) {
		struct str want = value_of(r->arena, ++count);

		if (!str_equal(item->value, want) || item->id <= id || item->at_us != count)
			check(t, false);
		id = item->id;
	}
	if (r->results[1].value.len > 0)
		check_int(t, str_to_u64(r->results[1].value, UINT64_MAX, &last), 0);
	check_int(t, (intmax_t)last, (intmax_t)count); /* both operations, or neither */
	store_request_free(r);
	return count;
}

/* Opens what a cut left, and counts. RUN goes on with it. */
static uint64_t
look(struct test *t, struct run *run)
{
	uint64_t count = 0;

	if (!open_store(t, run))
		return 0;
	count = count_stored(t, run);
	store_close(run->f.store);
	run->f.store = NULL;
	check_integrity(t, run->f.dir);
	return count;
}

static void
run_begin(struct run *run)
{
	log_set_level(LOG_WARNING); /* thousands of stores are made */
	*run = (struct run){.f = {.driver = "sqlite"}};
	directory_new(run->f.dir);
	run->f.loop = loop_new();
	run->disk = disk_new();
}

static void
run_end(struct run *run)
{
	loop_free(run->f.loop);
	directory_remove(run->f.dir);
	disk_free(run->disk);
}

/* One cut, and another one while the store recovers from it. */
static void
cut_twice(struct test *t, struct run *run, size_t at, enum cut how, uint64_t seed)
{
	uint64_t answered = disk_answered(run->disk, at), found;
	struct run after = {.f = run->f};
	struct disk *first;
	char row[80];

	snprintf(row, sizeof(row), "cut at %zu, way %d, seed %" PRIu64, at, (int)how, seed);
	test_row(t, row);
	first = after.disk = disk_cut(run->disk, at, how, seed);
	found = look(t, &after);
	check(t, found >= answered && found <= run->sent);
	if (seed % 4 == 3 && disk_length(first) > 0) {
		after.disk = disk_cut(first, (at * 31 + seed) % disk_length(first),
				      (enum cut)(seed / 4 % CUT_WAYS), seed);
		found = look(t, &after);
		check(t, found >= answered && found <= run->sent);
		disk_free(after.disk);
	}
	disk_free(first);
}

TEST(power_cut_at_every_write)
{
	struct run run;

	run_begin(&run);
	for (unsigned i = 0; i < 2; i++) { /* with closing in between, which copies the log back */
		if (!open_store(t, &run))
			return;
		send_many(&run, 6, 1);
		send_many(&run, 6, 3);
		store_close(run.f.store);
	}
	for (size_t at = 0; at <= disk_length(run.disk); at += FRACTION)
		for (unsigned how = 0; how < CUT_WAYS; how++)
			cut_twice(t, &run, at, how, at * CUT_WAYS + how);
	printf("%zu writes, flushes and answers, each cut in %d ways\n", disk_length(run.disk),
	       CUT_WAYS);
	run_end(&run);
}

static uint64_t
number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t number;

	return text != NULL && str_to_u64(str(text), UINT64_MAX, &number) == 0 ? number : otherwise;
}

static uint64_t
next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

/* Longer runs with requests in groups; each goes on with what the cut before has left. */
TEST(power_cuts_at_random)
{
	uint64_t seed = number_from("RECADO_POWER_SEED", 1), first = seed, answered, kept = 0, at;
	uint64_t cuts = number_from("RECADO_POWER_CUTS", 60 / FRACTION), unanswered = 0;
	struct disk *cut;
	struct run run;
	char row[80];

	run_begin(&run);
	for (uint64_t i = 0; i < cuts; i++) {
		if (i % 20 == 0) { /* else it takes ever longer to read all */
			disk_free(run.disk);
			run.disk = disk_new();
			run.sent = run.answered = kept = 0;
		}
		snprintf(row, sizeof(row), "seed %" PRIu64 ", cut %" PRIu64, first, i);
		test_row(t, row);
		if (!open_store(t, &run))
			break;
		send_many(&run, (unsigned)(next_random(&seed) % 300), OUTSTANDING);
		if (next_random(&seed) % 2 == 0)
			send_many(&run, (unsigned)(next_random(&seed) % 5), 1);
		store_close(run.f.store);
		at = next_random(&seed) % (disk_length(run.disk) + 1);
		cut = disk_cut(run.disk, at, (enum cut)(next_random(&seed) % CUT_WAYS),
			       next_random(&seed));
		answered = MAX(kept, disk_answered(run.disk, at));
		disk_free(run.disk);
		run.disk = cut;
		kept = look(t, &run);
		check(t, kept >= answered && kept <= run.sent);
		unanswered += kept - answered;
		run.sent = run.answered = kept;
	}
	printf("%" PRIu64 " random cuts, %" PRIu64 " requests kept that were not answered\n", cuts,
	       unanswered);
	run_end(&run);
}

/* The test can fail: a disk that does not flush loses what was answered. */
TEST(power_cut_of_a_disk_that_lies)
{
	struct run run, after;
	uint64_t found;

	run_begin(&run);
	if (!open_store(t, &run))
		return;
	send_many(&run, 5, 1);
	disk_lie(run.disk);
	send_many(&run, 5, 1);
	store_close(run.f.store);
	after = run;
	after.disk = disk_cut(run.disk, disk_length(run.disk), CUT_NOTHING, 1);
	found = look(t, &after);
	check_int(t, (intmax_t)found, 5);
	check_int(t, (intmax_t)disk_answered(run.disk, disk_length(run.disk)), 10);
	disk_free(after.disk);
	run_end(&run);
}
