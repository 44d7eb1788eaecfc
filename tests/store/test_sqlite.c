/* SPDX-License-Identifier: MIT */
/* test_sqlite.c - the data directory: who may read it, who may open it, what is refused. */
#include "fixture.h"

#include "base/time.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *
path_of(struct test *t, const char *dir, const char *name)
{
	return (char *)arena_printf(t->arena, "%s/%s", dir, name).p;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_mode & 07777;
}

TEST(nobody_else_may_read)
{
	static const char *const files[] = {"recado.db", "recado.db-wal", "lock"};
	mode_t old = umask(0);
	struct store_request *r;
	struct fixture f;

	fixture_open(&f, "sqlite");
	store_close(f.store);
	directory_remove(f.dir); /* made again by the store, in a name of a name */
	fixture_close(&(struct fixture){.driver = "memory", .loop = f.loop});
	f.loop = loop_new();
	check_int(t, store_open("sqlite", f.dir, &f.store, t->arena, &(struct str){0}), 0);
	r = request_new(&f);
	store_doc_put(r, STR("a@b"), "x", STR("y"));
	check_int(t, ask_status(&f, r), STORE_OK);
	check_int(t, mode_of(f.dir), 0700);
	for (size_t i = 0; i < COUNT(files); i++) {
		test_row(t, files[i]);
		check_int(t, mode_of(path_of(t, f.dir, files[i])), 0600);
	}
	umask(old);
	fixture_close(&f);
}

/* Opens DIR, which must be refused for a reason that contains WORDS. */
static void
check_refused(struct test *t, const char *driver, const char *dir, const char *words)
{
	struct store *store = NULL;
	struct str why = STR("");
	int rc = store_open(driver, dir, &store, t->arena, &why);

	if (check_int(t, rc, -1) && strstr(why.p, words) == NULL) {
		printf("the reason was: %.*s\n", STR_ARG(why));
		check(t, false);
	}
	if (rc == 0)
		store_close(store);
}

static void
run_sql(struct test *t, const char *dir, const char *sql)
{
	sqlite3 *db;

	check_int(t, sqlite3_open(path_of(t, dir, "recado.db"), &db), SQLITE_OK);
	check_int(t, sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

TEST(second_process_is_kept_out)
{
	struct fixture f;
	int status;
	pid_t pid;

	fixture_open(&f, "sqlite");
	test_row(t, "the same process");
	check_refused(t, "sqlite", f.dir,
		      arena_printf(t->arena, "is in use by process %d", (int)getpid()).p);
	test_row(t, "another process");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		t->failures = 0;
		check_refused(t, "sqlite", f.dir, "is in use by process");
		fflush(NULL);
		_exit(t->failures > 0);
	}
	waitpid(pid, &status, 0);
	check_int(t, status, 0);
	fixture_reopen(&f); /* the lock goes with the store */
	fixture_close(&f);
}

TEST(newer_format_is_refused)
{
	struct store_request *r;
	struct fixture f;
	struct stat before, after;

	fixture_open(&f, "sqlite");
	r = request_new(&f);
	store_doc_put(r, STR("a@b"), "x", STR("y"));
	check_int(t, ask_status(&f, r), STORE_OK);
	store_close(f.store);
	run_sql(t, f.dir, "PRAGMA user_version = 7");
	check_int(t, stat(path_of(t, f.dir, "recado.db"), &before), 0);
	check_refused(t, "sqlite", f.dir, "format 7, written by a newer Recado");
	check_int(t, stat(path_of(t, f.dir, "recado.db"), &after), 0);
	check(t,
	      before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && before.st_size == after.st_size);
	run_sql(t, f.dir, "PRAGMA user_version = 2");
	check_int(t, store_open("sqlite", f.dir, &f.store, t->arena, &(struct str){0}), 0);
	r = request_new(&f);
	store_doc_get(r, STR("a@b"), "x");
	ask(&f, r);
	check_str(t, r->results[0].value, "y");
	store_request_free(r);
	fixture_close(&f);
}

static void
write_file(struct test *t, const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	check(t, write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

TEST(what_is_not_ours_is_refused)
{
	char dir[64], text[2048];

	directory_new(dir);
	test_row(t, "another program's database");
	run_sql(t, dir, "CREATE TABLE other (x)");
	check_refused(t, "sqlite", dir, "not a database of Recado");
	test_row(t, "not a database");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	write_file(t, path_of(t, dir, "recado.db"), text);
	check_refused(t, "sqlite", dir, "not a database");
	test_row(t, "a symbolic link");
	unlink(path_of(t, dir, "recado.db"));
	check_int(t, symlink("elsewhere", path_of(t, dir, "recado.db")), 0);
	check_refused(t, "sqlite", dir, "cannot open");
	unlink(path_of(t, dir, "recado.db"));
	test_row(t, "a file where the directory should be");
	write_file(t, path_of(t, dir, "file"), "x");
	check_refused(t, "sqlite", path_of(t, dir, "file"), "Not a directory");
	test_row(t, "no directory to make it in");
	check_refused(t, "sqlite", path_of(t, dir, "a/b"), "cannot make the data directory");
	test_row(t, "no such driver");
	check_refused(t, "oracle", dir, "there is no storage driver 'oracle'");
	directory_remove(dir);
}

/* Whatever the number of accounts, opening and one log-in take no time. */
TEST(hundred_thousand_accounts)
{
	static char keys[500];
	struct store_request *r;
	uint64_t start, spent_ms;
	struct fixture f;

	memset(keys, 'k', sizeof(keys));
	fixture_open(&f, "sqlite");
	for (unsigned i = 0; i < 100000 / FRACTION; i += 10000) {
		r = request_new(&f);
		for (unsigned k = i; k < i + 10000; k++) {
			char jid[32];

			snprintf(jid, sizeof(jid), "user%u@example.com", k);
			store_auth_create(r, str(jid), str_of(keys, sizeof(keys)));
		}
		check_int(t, ask_status(&f, r), STORE_OK);
	}
	start = time_mono_ms();
	fixture_reopen(&f);
	r = request_new(&f);
	store_auth_get(r, STR("user17777@example.com"));
	store_auth_list(r, STR("example.com"), STR("user17777@example.com"), 50);
	ask(&f, r);
	spent_ms = time_mono_ms() - start;
	check_int(t, (intmax_t)r->results[0].value.len, sizeof(keys));
	check_int(t, (intmax_t)r->results[1].count, 50);
	if (!check(t, spent_ms < 2000)) /* closing, with its last sync, is in it */
		printf("took %" PRIu64 " ms\n", spent_ms);
	store_request_free(r);
	fixture_close(&f);
}
