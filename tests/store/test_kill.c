/* SPDX-License-Identifier: MIT */
/*
 * test_kill.c - kill -9 in the middle of appends, some dozens of times in one data directory.
 *
 * A child appends numbered entries and writes the number of each that was acknowledged to a pipe.
 * After each kill: every acknowledged one is there, once and in order, nothing is there that was
 * not sent, and a request of several operations is there whole or not at all.
 */
#include "fixture.h"

#include "base/rand.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KILLS 40u
#define WINDOW 100u
#define OWNER STR("romeo@montague.example")

struct child {
	struct fixture f;
	uint64_t next; /* to send */
	uint64_t waiting;
	int out;
};

static void
on_append(struct store_request *r)
{
	struct child *child = r->owner;
	uint64_t number;

	if (r->status != STORE_OK || str_to_u64(r->results[1].value, UINT64_MAX, &number) < 0 ||
	    write(child->out, &number, sizeof(number)) != sizeof(number))
		_exit(3);
	child->waiting--;
	store_request_free(r);
}

static void
send_next(struct child *child)
{
	struct store_request *r;
	char text[32], value[600];

	r = store_request_new(child->f.store, child->f.loop, on_append, child);
	snprintf(text, sizeof(text), "%" PRIu64, child->next++);
	snprintf(value, sizeof(value), "%-599s", text);
	store_doc_put(r, OWNER, "last", str(text));
	store_doc_get(r, OWNER, "last");
	store_log_append(r, OWNER, "archive", 1, STR(""), str(value), 0, 0);
	store_submit(r);
	child->waiting++;
}

static void NORETURN
run_child(const char *dir, uint64_t next, int out)
{
	struct child child = {.f = {.driver = "sqlite"}, .next = next, .out = out};
	struct arena *arena = arena_new();
	struct str why;

	if (store_open("sqlite", dir, &child.f.store, arena, &why) < 0)
		_exit(4);
	child.f.loop = loop_new();
	for (;;) {
		while (child.waiting < WINDOW)
			send_next(&child);
		loop_turn(child.f.loop, -1);
	}
}

/* Waits for the first acknowledgment, then a while, kills, and reads the others. */
static uint64_t
run_and_kill(struct test *t, const char *dir, uint64_t next)
{
	struct timespec ts = {0, (long)rand_below(60000000)};
	uint64_t number = 0, acked = 0;
	int fds[2], status;
	pid_t pid;

	if (pipe(fds) < 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0) {
		close(fds[0]);
		run_child(dir, next, fds[1]);
	}
	close(fds[1]);
	for (unsigned i = 0; read(fds[0], &number, sizeof(number)) == sizeof(number); i++) {
		check_int(t, (intmax_t)number, (intmax_t)(next + i));
		acked = number;
		if (i == 0) {
			nanosleep(&ts, NULL);
			kill(pid, SIGKILL);
		}
	}
	close(fds[0]);
	waitpid(pid, &status, 0);
	check(t, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return acked;
}

/* Returns the last number that is there. */
static uint64_t
check_log(struct test *t, struct fixture *f, uint64_t acked)
{
	struct store_request *r = request_new(f);
	uint64_t last = 0, number, id = 0;

	store_log_range(r, OWNER, "archive", 0, 0, 0, false);
	store_doc_get(r, OWNER, "last");
	store_log_count(r, OWNER, "archive");
	ask(f, r);
	for (const struct store_item *item = r->results[0].items; item != NULL; item = item->next) {
		if (str_to_u64(str_trim(item->value), UINT64_MAX, &number) < 0)
			number = 0;
		if (number != last + 1 || item->id <= id)
			check(t, false);
		last = number;
		id = item->id;
	}
	check(t, last >= acked);
	check(t, str_to_u64(r->results[1].value, UINT64_MAX, &number) == 0 && number == last);
	check_int(t, (intmax_t)r->results[2].count, (intmax_t)last);
	check_int(t, (intmax_t)r->results[2].bytes, (intmax_t)last * 599);
	store_request_free(r);
	return last;
}

TEST(killed_at_any_moment)
{
	struct fixture f = {.driver = "sqlite"};
	uint64_t last = 0, acked, unacked = 0;

	directory_new(f.dir);
	for (unsigned i = 0; i < KILLS; i++) {
		struct arena *arena = arena_new();
		struct str why = STR_NONE;

		acked = run_and_kill(t, f.dir, last + 1);
		check(t, acked > last);
		if (!check_int(t, store_open("sqlite", f.dir, &f.store, arena, &why), 0))
			printf("%.*s\n", STR_ARG(why));
		else {
			f.loop = loop_new();
			last = check_log(t, &f, acked);
			unacked += last - acked;
			store_close(f.store);
			loop_free(f.loop);
		}
		arena_free(arena);
	}
	printf("%u kills, %" PRIu64 " entries, %" PRIu64 " of them not acknowledged\n", KILLS, last,
	       unacked);
	directory_remove(f.dir);
}
