/* SPDX-License-Identifier: MIT */
/* test_loop.c - timers, deferred work, mailboxes between threads, descriptors. */
#include "test.h"

#include "base/rand.h"
#include "io/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct ticker {
	struct timer timer;
	struct loop *loop;
	uint64_t *last_due_ms;
	unsigned *count;
	bool repeats;
};

static void
tick(struct timer *timer)
{
	struct ticker *ticker = CONTAINER(timer, struct ticker, timer);

	assert(*ticker->last_due_ms <= timer->due_ms || ticker->repeats);
	*ticker->last_due_ms = timer->due_ms;
	++*ticker->count;
	if (ticker->repeats)
		timer_set(ticker->loop, timer, loop_now_ms(ticker->loop));
}

static void *
time_timers(void *arg)
{
	enum { COUNT_OF_THEM = 100000 };
	struct test *t = arg;
	struct loop *loop = loop_new_simulated();
	struct ticker *tickers = xnew_array(struct ticker, COUNT_OF_THEM);
	uint64_t last = 0, now = time_mono_ms();
	unsigned count = 0, set = 0;

	time_simulate_set(now, 0);
	loop_turn(loop, 0);
	for (unsigned i = 0; i < COUNT_OF_THEM; i++) {
		tickers[i] = (struct ticker){{.run = tick}, loop, &last, &count, false};
		timer_set(loop, &tickers[i].timer, now + rand_below(5000));
	}
	for (unsigned i = 0; i < COUNT_OF_THEM; i++) {
		struct timer *timer = &tickers[rand_below(COUNT_OF_THEM)].timer;

		if (rand_below(3) == 0)
			timer_cancel(loop, timer);
		else
			timer_set(loop, timer, now + rand_below(5000));
	}
	for (unsigned i = 0; i < COUNT_OF_THEM; i++)
		set += tickers[i].timer.index != 0;
	for (uint64_t at = now; at <= now + 5000; at += 100) {
		time_simulate_set(at, 0);
		check(t, loop_next_timer_ms(loop) >= last);
		loop_turn(loop, 0);
		check(t, last <= at && loop_next_timer_ms(loop) > at);
	}
	check_int(t, count, set);
	check(t, loop_next_timer_ms(loop) == UINT64_MAX);
	loop_free(loop);
	free(tickers);
	return NULL;
}

/* 10^5 timers, moved and cancelled at random, run in their order and never early. */
TEST(timers_in_order)
{
	pthread_t thread; /* the simulated clock ends with it */

	pthread_create(&thread, NULL, time_timers, t);
	pthread_join(thread, NULL);
}

TEST(timer_that_sets_itself_ends_the_turn)
{
	struct loop *loop = loop_new_simulated();
	uint64_t last = 0;
	unsigned count = 0;
	struct ticker ticker = {{.run = tick}, loop, &last, &count, true};

	timer_set(loop, &ticker.timer, 0);
	loop_turn(loop, 0);
	check_int(t, count, 1);
	loop_turn(loop, 0);
	check_int(t, count, 2);
	timer_cancel(loop, &ticker.timer);
	timer_cancel(loop, &ticker.timer);
	check(t, !loop_turn(loop, 0));
	loop_free(loop);
}

struct chore {
	struct deferred deferred;
	struct loop *loop;
	struct chore *next;
	unsigned runs;
};

static void
do_chore(struct deferred *deferred)
{
	struct chore *chore = CONTAINER(deferred, struct chore, deferred);

	chore->runs++;
	if (chore->next != NULL)
		loop_defer(chore->loop, &chore->next->deferred);
}

TEST(deferred_work_runs_once)
{
	struct loop *loop = loop_new_simulated();
	struct chore a = {.loop = loop}, b = {.loop = loop}, c = {.loop = loop};

	a.deferred.run = b.deferred.run = c.deferred.run = do_chore;
	a.next = &b;
	for (unsigned i = 0; i < 3; i++) {
		loop_defer(loop, &a.deferred);
		loop_defer(loop, &c.deferred);
	}
	loop_defer_cancel(&c.deferred);
	check(t, loop_turn(loop, 0));
	check(t, a.runs == 1 && b.runs == 1 && c.runs == 0);
	check(t, !loop_turn(loop, 0));
	/* One that asks for itself again does not hang the turn. */
	c.next = &c;
	loop_defer(loop, &c.deferred);
	loop_turn(loop, 0);
	check(t, c.runs >= 1 && c.runs < 100);
	loop_defer_cancel(&c.deferred);
	loop_free(loop);
}

/* Mailboxes: several threads post to one, in order per thread, and none is lost or run twice. */
enum { POSTERS = 4, LETTERS = 20000 };

struct letter {
	struct task task;
	unsigned from, number;
	struct office *office;
};

struct office {
	struct loop *loop;
	unsigned next[POSTERS], got;
	bool is_wrong;
	pthread_t thread;
};

struct poster {
	struct office *office;
	unsigned number;
	pthread_t thread;
};

static void
take_letter(struct task *task)
{
	struct letter *letter = CONTAINER(task, struct letter, task);
	struct office *office = letter->office;

	if (office->next[letter->from]++ != letter->number)
		office->is_wrong = true;
	if (++office->got == POSTERS * LETTERS)
		loop_stop(office->loop);
	free(letter);
}

static void *
post_letters(void *arg)
{
	struct poster *poster = arg;

	for (unsigned i = 0; i < LETTERS; i++) {
		struct letter *letter = xnew(struct letter);

		letter->task.run = take_letter;
		letter->from = poster->number;
		letter->number = i;
		letter->office = poster->office;
		loop_post(poster->office->loop, &letter->task);
		if (i % 1000 == 0)
			usleep(100); /* so that the loop falls asleep now and then */
	}
	return NULL;
}

static void *
run_office(void *arg)
{
	loop_run(((struct office *)arg)->loop);
	return NULL;
}

TEST(mailbox_between_threads)
{
	struct office office = {.loop = loop_new()};
	struct poster posters[POSTERS];

	pthread_create(&office.thread, NULL, run_office, &office);
	for (unsigned i = 0; i < POSTERS; i++) {
		posters[i] = (struct poster){.office = &office, .number = i};
		pthread_create(&posters[i].thread, NULL, post_letters, &posters[i]);
	}
	for (unsigned i = 0; i < POSTERS; i++)
		pthread_join(posters[i].thread, NULL);
	pthread_join(office.thread, NULL);
	check_int(t, office.got, POSTERS * LETTERS);
	check(t, !office.is_wrong);
	loop_free(office.loop);
}

static void
count_task(struct task *task)
{
	struct letter *letter = CONTAINER(task, struct letter, task);

	letter->number++;
}

TEST(loop_free_runs_what_was_posted)
{
	struct loop *loop = loop_new();
	struct letter letter = {.task.run = count_task};

	loop_post(loop, &letter.task);
	loop_free(loop);
	check_int(t, letter.number, 1);
}

TEST(stop_before_run)
{
	struct loop *loop = loop_new();

	loop_stop(loop);
	loop_run(loop);
	check(t, true);
	loop_free(loop);
}

/* Descriptors: both are ready in one turn; whoever comes first removes the other. */
struct rival {
	struct watch watch;
	struct loop *loop;
	struct rival *other;
	unsigned calls;
};

static void
remove_other(struct watch *watch, uint32_t events UNUSED)
{
	struct rival *rival = CONTAINER(watch, struct rival, watch);

	rival->calls++;
	loop_watch(rival->loop, &rival->other->watch, 0);
	loop_watch(rival->loop, watch, 0);
}

TEST(removed_watch_gets_no_more_calls)
{
	struct loop *loop = loop_new();
	struct rival rivals[2] = {0};
	int pipes[2][2];

	for (unsigned i = 0; i < 2; i++) {
		check_int(t, pipe2(pipes[i], O_NONBLOCK | O_CLOEXEC), 0);
		check_int(t, write(pipes[i][1], "x", 1), 1);
		rivals[i].watch.fd = pipes[i][0];
		rivals[i].watch.ready = remove_other;
		rivals[i].loop = loop;
		rivals[i].other = &rivals[1 - i];
		loop_watch(loop, &rivals[i].watch, EPOLLIN);
	}
	check(t, loop_turn(loop, 1000));
	check_int(t, rivals[0].calls + rivals[1].calls, 1);
	check(t, !loop_turn(loop, 0));
	for (unsigned i = 0; i < 4; i++)
		close(pipes[i / 2][i % 2]);
	loop_free(loop);
}

TEST(waits_no_longer_than_asked)
{
	struct loop *loop = loop_new();
	uint64_t last = 0, begun_ms = time_mono_ms();
	unsigned count = 0;
	struct ticker ticker = {{.run = tick}, loop, &last, &count, false};

	loop_turn(loop, 20);
	check(t, time_mono_ms() - begun_ms >= 20);
	timer_set(loop, &ticker.timer, time_mono_ms() + 30);
	while (count == 0)
		loop_turn(loop, -1);
	check(t, time_mono_ms() - begun_ms >= 50);
	loop_free(loop);
}
