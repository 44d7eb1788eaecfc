/* SPDX-License-Identifier: MIT */
/*
 * bench_store.c - what SQLite costs with synchronous=FULL: the figures under the store's layout.
 *
 * recado-bench-store DIRECTORY measures, on the file system of DIRECTORY: fdatasync alone; group
 * commits of 1 to 1000 log entries of 500 bytes for each candidate layout of the log; what a
 * savepoint adds; the reads; then the store itself (only that with the word "store" behind). It
 * leaves its files in DIRECTORY. doc/decisions.md holds the results.
 */
#include "base/time.h"
#include "store/store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define OWNERS 10000u
#define VALUE_SIZE 500u
#define PREFILL 200000u
#define RUN_NS 700000000u

static int64_t last_id;
static uint64_t seed = 88172645463325252u;

static uint32_t
next_owner(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed % OWNERS);
}

static void NORETURN
fail(const char *what, sqlite3 *db)
{
	fprintf(stderr, "recado-bench-store: %s: %s\n", what, db ? sqlite3_errmsg(db) : "");
	exit(EXIT_FAILURE);
}

static void
run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail(sql, db);
}

static sqlite3_stmt *
prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
		fail(sql, db);
	return stmt;
}

static void
step(sqlite3 *db, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		fail(sqlite3_sql(stmt), db);
	sqlite3_reset(stmt);
}

static uint64_t
cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int
compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorts the N times and prints the usual percentiles in microseconds. */
static void
print_latency(const char *name, uint64_t *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), compare_u64);
	printf("%-29s n %6zu  p50 %8.1f us  p99 %8.1f us  max %8.1f us\n", name, n,
	       (double)ns[n / 2] / 1e3, (double)ns[n * 99 / 100] / 1e3, (double)ns[n - 1] / 1e3);
}

/* Appends of 4 KiB, as to a new log file, or over bytes that are there already. */
static void
bench_sync(const char *dir, bool is_overwrite)
{
	static uint64_t ns[20000];
	static char page[4096];
	char path[4096];
	size_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/sync", dir);
	fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		fail("cannot make a file", NULL);
	for (size_t i = 0; is_overwrite && i < 1000; i++)
		if (pwrite(fd, page, sizeof(page), (off_t)(i * sizeof(page))) < 0)
			fail("write", NULL);
	fsync(fd);
	for (uint64_t from = time_mono_ns(), at = from; at - from < RUN_NS && n < COUNT(ns);) {
		size_t where = is_overwrite ? n % 1000 : n;
		uint64_t end;

		if (pwrite(fd, page, sizeof(page), (off_t)(where * sizeof(page))) < 0 ||
		    fdatasync(fd) < 0)
			fail("fdatasync", NULL);
		end = time_mono_ns();
		ns[n++] = end - at;
		at = end;
	}
	close(fd);
	unlink(path);
	print_latency(is_overwrite ? "fdatasync, overwriting 4 KiB" : "fdatasync, appending 4 KiB",
		      ns, n);
}

/* A candidate for the log's layout. */
struct layout {
	const char *name;
	const char *schema;
	const char *insert; /* ?1 owner, ?2 id, ?3 time, ?4 correspondent, ?5 value */
	const char *range;  /* ?1 owner: the newest 50 */
	bool is_text;       /* the owner is its JID, else a number */
};

static const struct layout layouts[] = {
	{"clustered, JID",
	 "CREATE TABLE entry(owner BLOB, log TEXT, id INTEGER, at INTEGER, peer BLOB,"
	 "value BLOB, PRIMARY KEY(owner, log, id)) WITHOUT ROWID",
	 "INSERT INTO entry VALUES(?1, 'archive', ?2, ?3, ?4, ?5)",
	 "SELECT id, at, peer, value FROM entry WHERE owner = ?1 AND log = 'archive' "
	 "ORDER BY id DESC LIMIT 50",
	 true},
	{"clustered, number",
	 "CREATE TABLE entry(log INTEGER, id INTEGER, at INTEGER, peer BLOB, value BLOB,"
	 "PRIMARY KEY(log, id)) WITHOUT ROWID",
	 "INSERT INTO entry VALUES(?1, ?2, ?3, ?4, ?5)",
	 "SELECT id, at, peer, value FROM entry WHERE log = ?1 ORDER BY id DESC LIMIT 50", false},
	{"append + index, JID",
	 "CREATE TABLE entry(id INTEGER PRIMARY KEY, owner BLOB, log TEXT, at INTEGER, peer BLOB,"
	 "value BLOB); CREATE INDEX entry_owner ON entry(owner, log)",
	 "INSERT INTO entry VALUES(?2, ?1, 'archive', ?3, ?4, ?5)",
	 "SELECT id, at, peer, value FROM entry WHERE owner = ?1 AND log = 'archive' "
	 "ORDER BY id DESC LIMIT 50",
	 true},
	{"append + index, number",
	 "CREATE TABLE entry(id INTEGER PRIMARY KEY, log INTEGER, at INTEGER, peer BLOB, value "
	 "BLOB);"
	 "CREATE INDEX entry_log ON entry(log)",
	 "INSERT INTO entry VALUES(?2, ?1, ?3, ?4, ?5)",
	 "SELECT id, at, peer, value FROM entry WHERE log = ?1 ORDER BY id DESC LIMIT 50", false},
	{"append + index + counters, number",
	 "CREATE TABLE entry(id INTEGER PRIMARY KEY, log INTEGER, at INTEGER, peer BLOB, value "
	 "BLOB);"
	 "CREATE INDEX entry_log ON entry(log);"
	 "CREATE TABLE log(id INTEGER PRIMARY KEY, entries INTEGER, bytes INTEGER);"
	 "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
	 "INSERT INTO log SELECT i, 0, 0 FROM n",
	 "INSERT INTO entry VALUES(?2, ?1, ?3, ?4, ?5)",
	 "SELECT id, at, peer, value FROM entry WHERE log = ?1 ORDER BY id DESC LIMIT 50", false},
};

struct bench {
	const struct layout *layout;
	sqlite3 *db;
	sqlite3_stmt *insert, *range, *count, *begin, *commit, *savepoint, *release;
	bool use_savepoint;
};

static void
bind_owner(struct bench *b, sqlite3_stmt *stmt)
{
	static char jid[64];
	uint32_t owner = next_owner();

	if (b->layout->is_text) {
		int len = snprintf(jid, sizeof(jid), "user%u@example.com", owner);
		sqlite3_bind_blob(stmt, 1, jid, len, SQLITE_STATIC);
	} else {
		sqlite3_bind_int64(stmt, 1, owner);
	}
}

static void
insert_rows(struct bench *b, unsigned rows)
{
	static char value[VALUE_SIZE] = "<message";

	step(b->db, b->begin);
	for (unsigned i = 0; i < rows; i++) {
		if (b->use_savepoint)
			step(b->db, b->savepoint);
		if (b->count != NULL) {
			bind_owner(b, b->count);
			step(b->db, b->count);
		}
		bind_owner(b, b->insert);
		sqlite3_bind_int64(b->insert, 2, ++last_id);
		sqlite3_bind_int64(b->insert, 3, 1732276800000000 + last_id);
		sqlite3_bind_blob(b->insert, 4, "juliet@example.com", 18, SQLITE_STATIC);
		sqlite3_bind_blob(b->insert, 5, value, sizeof(value), SQLITE_STATIC);
		step(b->db, b->insert);
		if (b->use_savepoint)
			step(b->db, b->release);
	}
	step(b->db, b->commit);
}

static void
bench_group(struct bench *b, unsigned rows)
{
	static uint64_t ns[100000];
	uint64_t from = time_mono_ns(), at = from, cpu = cpu_ns();
	size_t n = 0;

	while (at - from < RUN_NS && n < COUNT(ns)) {
		uint64_t end;

		insert_rows(b, rows);
		end = time_mono_ns();
		ns[n++] = end - at;
		at = end;
	}
	cpu = cpu_ns() - cpu;
	printf("  %4u a commit%s %7.0f rows/s, a row %7.2f us, CPU %6.2f us ", rows,
	       b->use_savepoint ? ", savepoints" : "", (double)n * rows * 1e9 / (double)(at - from),
	       (double)(at - from) / 1e3 / ((double)n * rows),
	       (double)cpu / 1e3 / ((double)n * rows));
	print_latency("", ns, n);
}

static void
bench_read(struct bench *b)
{
	static uint64_t ns[20000];
	size_t rows = 0;

	for (size_t i = 0; i < COUNT(ns); i++) {
		uint64_t from = time_mono_ns();

		bind_owner(b, b->range);
		while (sqlite3_step(b->range) == SQLITE_ROW)
			rows += sqlite3_column_bytes(b->range, 3) > 0;
		sqlite3_reset(b->range);
		ns[i] = time_mono_ns() - from;
	}
	printf("  read of the newest 50 (%.1f rows) ", (double)rows / (double)COUNT(ns));
	print_latency("", ns, COUNT(ns));
}

static void
bench_layout(const char *dir, const struct layout *layout)
{
	static const unsigned groups[] = {1, 10, 100, 1000};
	struct bench b = {.layout = layout};
	char path[4096], wal[4100];
	struct stat st;

	snprintf(path, sizeof(path), "%s/bench.db", dir);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	unlink(path);
	unlink(wal);
	if (sqlite3_open(path, &b.db) != SQLITE_OK)
		fail("cannot open", b.db);
	run(b.db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		  "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384");
	run(b.db, layout->schema);
	b.insert = prepare(b.db, layout->insert);
	b.range = prepare(b.db, layout->range);
	b.begin = prepare(b.db, "BEGIN");
	b.commit = prepare(b.db, "COMMIT");
	b.savepoint = prepare(b.db, "SAVEPOINT request");
	b.release = prepare(b.db, "RELEASE request");
	if (strstr(layout->schema, "TABLE log") != NULL)
		b.count = prepare(b.db, "UPDATE log SET entries = entries + 1, bytes = bytes + 500 "
					"WHERE id = ?1");
	for (unsigned i = 0; i < PREFILL / 1000; i++)
		insert_rows(&b, 1000);
	printf("%s:\n", layout->name);
	for (size_t i = 0; i < COUNT(groups); i++)
		bench_group(&b, groups[i]);
	b.use_savepoint = true;
	bench_group(&b, 100);
	bench_read(&b);
	if (stat(path, &st) == 0)
		printf("  %.0f bytes of file a row\n", (double)st.st_size / (double)last_id);
	sqlite3_finalize(b.insert);
	sqlite3_finalize(b.range);
	sqlite3_finalize(b.count);
	sqlite3_finalize(b.begin);
	sqlite3_finalize(b.commit);
	sqlite3_finalize(b.savepoint);
	sqlite3_finalize(b.release);
	sqlite3_close(b.db);
	unlink(path);
	last_id = 0;
}

/* The store itself: appends that a loop keeps under way, WINDOW at a time. */
struct asker {
	struct store *store;
	struct loop *loop;
	unsigned window, waiting;
	uint64_t end_ns, answered;
	bool is_read;
	uint64_t *ns; /* how long each took */
	size_t measured;
};

#define MEASURED_MAX 200000u

struct question {
	struct asker *asker;
	uint64_t from_ns;
};

static void ask(struct asker *asker);

static void
on_answer(struct store_request *r)
{
	struct question *question = r->owner;
	struct asker *asker = question->asker;
	uint64_t now = time_mono_ns();

	if (r->status != STORE_OK)
		fail("a request was refused", NULL);
	if (asker->measured < MEASURED_MAX)
		asker->ns[asker->measured++] = now - question->from_ns;
	asker->answered++;
	asker->waiting--;
	store_request_free(r);
	if (now < asker->end_ns)
		ask(asker);
	else if (asker->waiting == 0)
		loop_stop(asker->loop);
}

static void
ask(struct asker *asker)
{
	static const char value[VALUE_SIZE] = "<message";
	struct store_request *r = store_request_new(asker->store, asker->loop, on_answer, NULL);
	struct question *question = arena_new_of(r->arena, struct question);
	struct str jid = arena_printf(r->arena, "user%u@example.com", next_owner());

	*question = (struct question){asker, time_mono_ns()};
	r->owner = question;
	if (asker->is_read)
		store_log_range(r, jid, "archive", 0, 0, 50, true);
	else
		store_log_append(r, jid, "archive", 1, STR("juliet@example.com"),
				 str_of(value, sizeof(value)), 0, 0);
	asker->waiting++;
	store_submit(r);
}

static void
bench_window(struct asker *asker, unsigned window, uint64_t run_ns)
{
	uint64_t from = time_mono_ns(), cpu = cpu_ns();
	struct store_stats before, after;

	store_stats(asker->store, &before);
	asker->answered = asker->measured = 0;
	asker->end_ns = from + run_ns;
	for (asker->window = 0; asker->window < window; asker->window++)
		ask(asker);
	loop_run(asker->loop);
	cpu = cpu_ns() - cpu;
	store_stats(asker->store, &after);
	printf("  %4u under way %7.0f /s, CPU %6.2f us each, %6.1f a commit ", window,
	       (double)asker->answered * 1e9 / (double)(time_mono_ns() - from),
	       (double)cpu / 1e3 / (double)asker->answered,
	       after.commits > before.commits
		       ? (double)asker->answered / (double)(after.commits - before.commits)
		       : 0.0);
	print_latency("", asker->ns, asker->measured);
}

static void
bench_store(const char *driver, const char *path)
{
	static const unsigned windows[] = {1, 10, 100, 1000};
	struct arena *arena = arena_new();
	struct asker asker = {.loop = loop_new(), .ns = xnew_array(uint64_t, MEASURED_MAX)};
	struct str why;

	if (store_open(driver, path, &asker.store, arena, &why) < 0)
		fail(why.p, NULL);
	bench_window(&asker, 2000, 3 * (uint64_t)RUN_NS); /* so that it is not empty */
	printf("the store, %s, appends:\n", driver);
	for (size_t i = 0; i < COUNT(windows); i++)
		bench_window(&asker, windows[i], RUN_NS);
	printf("the store, %s, reads of the newest 50:\n", driver);
	asker.is_read = true;
	for (size_t i = 0; i < COUNT(windows); i++)
		bench_window(&asker, windows[i], RUN_NS);
	store_close(asker.store);
	loop_free(asker.loop);
	free(asker.ns);
	arena_free(arena);
}

int
main(int argc, char **argv)
{
	char path[4096];

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: recado-bench-store DIRECTORY [store]\n");
		return EXIT_FAILURE;
	}
	if (argc == 2) {
		bench_sync(argv[1], false);
		bench_sync(argv[1], true);
		for (size_t i = 0; i < COUNT(layouts); i++)
			bench_layout(argv[1], &layouts[i]);
	}
	snprintf(path, sizeof(path), "%s/store", argv[1]);
	bench_store("sqlite", path);
	bench_store("memory", path);
	return EXIT_SUCCESS;
}
