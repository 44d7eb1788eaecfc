/* SPDX-License-Identifier: MIT */
/*
 * test_faults.c - a disk that is full, fails, or loses its power.
 *
 * The calls that reach the disk are ours here: fdatasync and fsync by taking their names, the
 * writes through SQLite's own table of system calls.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWNER STR("romeo@montague.example")

static struct {
	atomic_int countdown; /* writes, or syncs, until the fault; 0: none */
	bool is_lasting;      /* all that follow fail, too */
	atomic_bool is_on;    /* a lasting fault has begun */
	atomic_uint hits;
	int error;
	bool at_sync;
	const char *watched; /* a directory whose files are copied when they are synced, or NULL */
	const char *shadow;  /* to here */
} fault;

/* The faults are ours, so the disk need not be real: in memory it is faster. */
__attribute__((constructor)) static void
stay_in_memory(void)
{
	if (access("/dev/shm", W_OK) == 0)
		fixture_base = "/dev/shm";
}

/* Whether this call, one of the kind that is counted, is to fail. */
static bool
strikes(void)
{
	bool is_hit = fault.is_on;

	if (!is_hit && fault.countdown > 0 && --fault.countdown == 0) {
		is_hit = true;
		fault.is_on = fault.is_lasting;
	}
	fault.hits += is_hit;
	return is_hit;
}

static pthread_mutex_t shadow_lock = PTHREAD_MUTEX_INITIALIZER;

/* What the disk would hold if the power failed from here on. */
static void
copy_to_shadow(int fd)
{
	char link[64], path[512], copy[600], bytes[65536];
	off_t at = 0;
	ssize_t len;
	int out;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0)
		abort();
	path[len] = '\0';
	if (strncmp(path, fault.watched, strlen(fault.watched)) != 0)
		return; /* another store's */
	snprintf(copy, sizeof(copy), "%s/%s", fault.shadow, strrchr(path, '/') + 1);
	out = open(copy, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	while (out >= 0 && (len = pread(fd, bytes, sizeof(bytes), at)) > 0) {
		if (write(out, bytes, (size_t)len) != len)
			abort();
		at += len;
	}
	close(out);
}

static int
sync_file(int fd, long call)
{
	struct stat st;

	if (fault.at_sync && strikes()) {
		errno = fault.error;
		return -1;
	}
	pthread_mutex_lock(&shadow_lock);
	if (fault.watched != NULL && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		copy_to_shadow(fd);
	pthread_mutex_unlock(&shadow_lock);
	return (int)syscall(call, fd);
}

/* In place of the C library's. */
int
fdatasync(int fd)
{
	return sync_file(fd, SYS_fdatasync);
}

int
fsync(int fd)
{
	return sync_file(fd, SYS_fsync);
}

static ssize_t
faulty_write(int fd, const void *bytes, size_t size)
{
	if (!fault.at_sync && strikes()) {
		errno = fault.error;
		return -1;
	}
	return write(fd, bytes, size);
}

static ssize_t
faulty_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	if (!fault.at_sync && strikes()) {
		errno = fault.error;
		return -1;
	}
	return pwrite(fd, bytes, size, at);
}

static void
set_fault(int countdown, int error, bool at_sync, bool is_lasting)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	vfs->xSetSystemCall(vfs, "write", (sqlite3_syscall_ptr)faulty_write);
	vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)faulty_pwrite);
	vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)faulty_pwrite);
	fault.is_on = false;
	fault.error = error;
	fault.at_sync = at_sync;
	fault.is_lasting = is_lasting;
	fault.hits = 0;
	fault.countdown = countdown;
}

static void
no_fault(void)
{
	fault.countdown = 0;
	fault.is_on = false;
}

/* Appends NUMBER with a doc that says the same. */
static struct store_request *
numbered(struct fixture *f, unsigned number)
{
	struct store_request *r = request_new(f);
	char text[16], value[3000];

	snprintf(text, sizeof(text), "%u", number);
	snprintf(value, sizeof(value), "%-2999u", number);
	store_doc_put(r, OWNER, "last", str(text));
	store_log_append(r, OWNER, "archive", 1, STR(""), str(value), 0, 0);
	return r;
}

/* Exactly the numbers below COUNT whose flag in ACKED is set are there, in order. */
static void
check_exactly(struct test *t, struct fixture *f, const bool *acked, unsigned count)
{
	struct store_request *r = request_new(f);
	const struct store_item *item;
	uint64_t number, last = 0;

	store_log_range(r, OWNER, "archive", 0, 0, 0, false);
	store_doc_get(r, OWNER, "last");
	ask(f, r);
	item = r->results[0].items;
	for (unsigned i = 0; i < count; i++) {
		if (!acked[i])
			continue;
		if (!check(t, item != NULL))
			break;
		check(t, str_to_u64(str_trim(item->value), 1000, &number) == 0 && number == i);
		item = item->next;
		last = i;
	}
	check(t, item == NULL);
	check_str(t, r->results[1].value, arena_printf(t->arena, "%" PRIu64, last).p);
	store_request_free(r);
}

#define ROWS 12u

/* One run with the fault at the Nth write. Returns whether it struck. */
static bool
run_full(struct test *t, int n, int error, bool is_lasting)
{
	bool acked[ROWS + 1] = {0};
	enum store_status status;
	struct store_request *r;
	struct fixture f;
	bool has_struck;

	fixture_open(&f, "sqlite");
	set_fault(n, error, false, is_lasting);
	for (unsigned i = 0; i < ROWS; i++) {
		status = ask_status(&f, numbered(&f, i));
		check(t, status == STORE_OK || status == STORE_FULL);
		acked[i] = status == STORE_OK;
		r = request_new(&f); /* reads go on */
		store_log_count(r, OWNER, "archive");
		check_int(t, ask_status(&f, r), STORE_OK);
	}
	has_struck = fault.hits > 0;
	no_fault();
	acked[ROWS] = true; /* it recovers by itself */
	check_int(t, ask_status(&f, numbered(&f, ROWS)), STORE_OK);
	check_exactly(t, &f, acked, ROWS + 1);
	fixture_reopen(&f);
	check_exactly(t, &f, acked, ROWS + 1);
	fixture_close(&f);
	return has_struck;
}

TEST(full_at_each_write)
{
	static const int errors[] = {ENOSPC, EDQUOT};
	char row[64];

	for (size_t e = 0; e < COUNT(errors); e++)
		for (int lasting = 0; lasting < 2; lasting++)
			for (int n = 1;; n += (lasting ? 7 : 3) * FRACTION) {
				snprintf(row, sizeof(row), "%s at write %d%s", strerror(errors[e]),
					 n, lasting ? " and all after" : "");
				test_row(t, row);
				if (!run_full(t, n, errors[e], lasting))
					break;
				check(t, n < 1000);
			}
}

/* A child that appends until the disk fails; each acknowledged number goes to OUT. */
static void NORETURN
run_until_abort(const char *dir, int n, bool at_sync, int out)
{
	struct fixture f = {.driver = "sqlite"};
	struct arena *arena = arena_new();
	struct str why;

	if (store_open("sqlite", dir, &f.store, arena, &why) < 0)
		_exit(4);
	f.loop = loop_new();
	set_fault(n, EIO, at_sync, false);
	for (unsigned i = 0; i < ROWS; i++)
		if (ask_status(&f, numbered(&f, i)) != STORE_OK || write(out, &i, sizeof(i)) < 0)
			_exit(3);
	if (fault.hits > 0)
		_exit(6);
	store_close(f.store);
	_exit(fault.hits > 0 ? 5 : 0);
}

/* Returns whether the child finished without a fault. Else it must have aborted. */
static bool
run_failing(struct test *t, int n, bool at_sync)
{
	struct fixture f = {.driver = "sqlite"};
	bool acked[ROWS] = {0};
	unsigned number, count = 0;
	int fds[2], status;
	pid_t pid;

	directory_new(f.dir);
	fflush(NULL);
	if (pipe(fds) < 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0) {
		close(fds[0]);
		signal(SIGABRT, SIG_DFL);
		run_until_abort(f.dir, n, at_sync, fds[1]);
	}
	close(fds[1]);
	while (read(fds[0], &number, sizeof(number)) == sizeof(number)) {
		acked[number] = true;
		count = number + 1;
	}
	close(fds[0]);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status)) /* unharmed, or struck when all was copied back */
		check(t, count == ROWS && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 5));
	else
		check_int(t, WTERMSIG(status), SIGABRT);
	if (check_int(t, store_open("sqlite", f.dir, &f.store, t->arena, &(struct str){0}), 0)) {
		struct store_request *r;

		f.loop = loop_new();
		r = request_new(&f);
		store_log_count(r, OWNER, "archive");
		ask(&f, r);
		/* The one under way may be there, or not. */
		check(t, r->results[0].count == count || r->results[0].count == count + 1);
		if (r->results[0].count == count + 1)
			acked[count++] = true;
		store_request_free(r);
		if (count > 0)
			check_exactly(t, &f, acked, count);
		store_close(f.store);
		loop_free(f.loop);
	}
	directory_remove(f.dir);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Nobody knows what is on the disk then: no later success may hide it. */
TEST(failing_disk_ends_the_process)
{
	char row[64];

	for (int at_sync = 0; at_sync < 2; at_sync++) {
		int n = 1;

		for (;; n += at_sync ? 1 : 5 * FRACTION) {
			snprintf(row, sizeof(row), "%s %d fails", at_sync ? "sync" : "write", n);
			test_row(t, row);
			if (run_failing(t, n, at_sync) || !check(t, n < 1000))
				break;
		}
		check(t, n > (at_sync ? (int)ROWS : 2 * (int)ROWS));
	}
}

/* From here on, WATCHED's files are copied to SHADOW when they are synced; NULL: no more. */
static void
set_shadow(const char *watched, const char *shadow)
{
	pthread_mutex_lock(&shadow_lock);
	fault.watched = watched;
	fault.shadow = shadow;
	pthread_mutex_unlock(&shadow_lock);
}

/* The state after a power cut now, in DIR: only what was synced. The store goes on meanwhile. */
static void
cut_power(struct test *t, const char *shadow, const char *dir)
{
	struct str command = arena_printf(t->arena, "rm -f %s/* && cp %s/* %s/", dir, shadow, dir);

	pthread_mutex_lock(&shadow_lock);
	check_int(t, system(command.p), 0);
	pthread_mutex_unlock(&shadow_lock);
}

/* After an acknowledgment the power fails, and all that was not synced is gone. */
TEST(power_cut_after_acknowledgment)
{
	struct fixture f, after = {.driver = "sqlite"};
	char shadow[64];
	bool acked[450];

	memset(acked, true, sizeof(acked));
	fixture_open(&f, "sqlite");
	directory_new(shadow);
	directory_new(after.dir);
	set_shadow(f.dir, shadow);
	fixture_reopen(&f); /* so that all files are synced once, as after a start */
	for (unsigned i = 0; i < COUNT(acked); i++) { /* past a checkpoint or two */
		if (!check_int(t, ask_status(&f, numbered(&f, i)), STORE_OK))
			break;
		if (i % 15 != 14)
			continue;
		cut_power(t, shadow, after.dir);
		if (check_int(t,
			      store_open("sqlite", after.dir, &after.store, t->arena,
					 &(struct str){0}),
			      0)) {
			after.loop = loop_new();
			check_exactly(t, &after, acked, i + 1);
			store_close(after.store);
			loop_free(after.loop);
		}
	}
	set_shadow(NULL, NULL);
	fixture_close(&f);
	directory_remove(after.dir);
	directory_remove(shadow);
}

/* The real thing: a file system of 2 MiB. */
TEST(full_file_system)
{
	struct fixture f = {.driver = "sqlite"};
	enum store_status status = STORE_OK;
	bool acked[1000] = {0};
	struct store_request *r;
	unsigned i = 0, refused = 0;
	char ballast[128];

	directory_new(f.dir);
	if (mount("recado-test", f.dir, "tmpfs", 0, "size=2m,mode=0700") < 0) {
		directory_remove(f.dir);
		test_skip(t, "needs the right to mount a tmpfs (root)");
		return;
	}
	snprintf(ballast, sizeof(ballast), "head -c 600000 /dev/zero > %s/ballast", f.dir);
	check_int(t, system(ballast), 0);
	check_int(t, store_open("sqlite", f.dir, &f.store, t->arena, &(struct str){0}), 0);
	f.loop = loop_new();
	for (; i < 700 && refused < 20; i++) {
		status = ask_status(&f, numbered(&f, i));
		acked[i] = status == STORE_OK;
		refused += status == STORE_FULL;
		check(t, status == STORE_OK || status == STORE_FULL);
	}
	check_int(t, refused, 20);
	check_exactly(t, &f, acked, i); /* reads go on */
	r = request_new(&f);
	store_doc_put(r, OWNER, "big", str_of(arena_alloc(t->arena, 100000), 100000));
	check_int(t, ask_status(&f, r), STORE_FULL);
	snprintf(ballast, sizeof(ballast), "%s/ballast", f.dir);
	check_int(t, unlink(ballast), 0); /* the operator makes room */
	acked[i] = true;
	check_int(t, ask_status(&f, numbered(&f, i++)), STORE_OK);
	fixture_reopen(&f);
	check_exactly(t, &f, acked, i);
	store_close(f.store);
	loop_free(f.loop);
	check_int(t, umount2(f.dir, MNT_DETACH), 0);
	directory_remove(f.dir);
}
