/* SPDX-License-Identifier: MIT */
/* loop.c - epoll(7), a heap of timers, lists of deferred work and a lock-free mailbox. */
#include "io/loop.h"

#include "io/loop_local.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_PER_TURN 256
#define DEFER_ROUNDS 4   /* work that defers work again runs in the same turn, but not for ever */
#define HEAVY_PER_TURN 2 /* SEC-17: what else waits is served between two handshakes */

struct loop {
	int epoll_fd; /* -1: simulated */
	int wake_fd;
	uint64_t now_ms;
	struct epoll_event events[EVENTS_PER_TURN];
	int event_at, event_count; /* of this turn */

	struct timer **timers; /* a heap, the earliest first */
	uint32_t timer_count, timer_size;

	struct link deferred, heavy;
	struct loop_local *local;

	/* What other threads touch, on a cache line of its own. */
	_Alignas(64) _Atomic(struct task *) mailbox; /* newest first */
	atomic_bool is_asleep;
	atomic_bool is_stopped;
};

static void
die(const char *what)
{
	perror(what);
	abort();
}

static struct loop *
new_loop(void)
{
	struct loop *loop = aligned_alloc(64, (sizeof(*loop) + 63) / 64 * 64);

	if (loop == NULL)
		die("recado: memory");
	memset(loop, 0, sizeof(*loop));
	loop->epoll_fd = loop->wake_fd = -1;
	list_init(&loop->deferred);
	list_init(&loop->heavy);
	loop->now_ms = time_mono_ms();
	return loop;
}

struct loop *
loop_new_simulated(void)
{
	return new_loop();
}

struct loop *
loop_new(void)
{
	struct loop *loop = new_loop();
	/* Edge-triggered, so that a wake-up need not be read: each write is an edge of its own. */
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};

	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		die("recado: epoll_create1");
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) < 0)
		die("recado: eventfd");
	return loop;
}

uint64_t
loop_now_ms(const struct loop *loop)
{
	return loop->now_ms;
}

struct loop_local **
loop_local(struct loop *loop)
{
	return &loop->local;
}

/* Timers */

static void
heap_put(struct loop *loop, uint32_t at, struct timer *timer)
{
	loop->timers[at] = timer;
	timer->index = at + 1;
}

static void
heap_up(struct loop *loop, uint32_t at, struct timer *timer)
{
	while (at > 0) {
		uint32_t parent = (at - 1) / 2;

		if (loop->timers[parent]->due_ms <= timer->due_ms)
			break;
		heap_put(loop, at, loop->timers[parent]);
		at = parent;
	}
	heap_put(loop, at, timer);
}

static void
heap_down(struct loop *loop, uint32_t at, struct timer *timer)
{
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= loop->timer_count)
			break;
		if (child + 1 < loop->timer_count &&
		    loop->timers[child + 1]->due_ms < loop->timers[child]->due_ms)
			child++;
		if (timer->due_ms <= loop->timers[child]->due_ms)
			break;
		heap_put(loop, at, loop->timers[child]);
		at = child;
	}
	heap_put(loop, at, timer);
}

static void
heap_settle(struct loop *loop, uint32_t at, struct timer *timer)
{
	if (at > 0 && timer->due_ms < loop->timers[(at - 1) / 2]->due_ms)
		heap_up(loop, at, timer);
	else
		heap_down(loop, at, timer);
}

void
timer_set(struct loop *loop, struct timer *timer, uint64_t due_ms)
{
	timer->due_ms = due_ms;
	if (timer->index != 0) {
		heap_settle(loop, timer->index - 1, timer);
		return;
	}
	if (loop->timer_count == loop->timer_size) {
		loop->timer_size = MAX(loop->timer_size * 2, 64);
		loop->timers = xrealloc(loop->timers, loop->timer_size * sizeof(struct timer *));
	}
	heap_up(loop, loop->timer_count++, timer);
}

void
timer_cancel(struct loop *loop, struct timer *timer)
{
	uint32_t at = timer->index - 1;
	struct timer *last;

	if (timer->index == 0)
		return;
	timer->index = 0;
	last = loop->timers[--loop->timer_count];
	if (last != timer)
		heap_settle(loop, at, last);
}

uint64_t
loop_next_timer_ms(const struct loop *loop)
{
	return loop->timer_count > 0 ? loop->timers[0]->due_ms : UINT64_MAX;
}

static bool
run_timers(struct loop *loop)
{
	/* One that sets itself for now again waits for the next turn. */
	uint32_t most = loop->timer_count, done = 0;

	for (; done < most && loop_next_timer_ms(loop) <= loop->now_ms; done++) {
		struct timer *timer = loop->timers[0];

		timer_cancel(loop, timer);
		timer->run(timer);
	}
	return done > 0;
}

/* Deferred work */

void
loop_defer(struct loop *loop, struct deferred *deferred)
{
	if (!link_is_listed(&deferred->link))
		list_add(&loop->deferred, &deferred->link);
}

void
loop_defer_heavy(struct loop *loop, struct deferred *deferred, bool goes_first)
{
	if (!link_is_listed(&deferred->link))
		list_add_before(goes_first ? loop->heavy.next : &loop->heavy, &deferred->link);
}

void
loop_defer_cancel(struct deferred *deferred)
{
	list_remove(&deferred->link);
}

static void
run_first(struct link *list)
{
	struct deferred *first = LIST_FIRST(list, struct deferred, link);

	list_remove(&first->link);
	first->run(first);
}

static bool
run_deferred(struct loop *loop)
{
	bool done = false;

	for (unsigned i = 0; i < HEAVY_PER_TURN && !list_is_empty(&loop->heavy); i++) {
		run_first(&loop->heavy);
		done = true;
	}
	for (unsigned i = 0; i < DEFER_ROUNDS && !list_is_empty(&loop->deferred); i++) {
		struct link mark = {0}; /* what is added meanwhile stands behind it */

		list_add(&loop->deferred, &mark);
		while (loop->deferred.next != &mark)
			run_first(&loop->deferred);
		list_remove(&mark);
		done = true;
	}
	return done;
}

/* The mailbox */

static void
wake(struct loop *loop)
{
	uint64_t one = 1;

	/* The first of several posters to a sleeping loop wakes it, the others need not. */
	if (!atomic_load(&loop->is_asleep) || !atomic_exchange(&loop->is_asleep, false))
		return;
	while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void
loop_post(struct loop *loop, struct task *task)
{
	struct task *head = atomic_load_explicit(&loop->mailbox, memory_order_relaxed);

	do
		task->next = head;
	while (!atomic_compare_exchange_weak(&loop->mailbox, &head, task));
	wake(loop);
}

static bool
run_mailbox(struct loop *loop)
{
	struct task *newest, *oldest = NULL;

	if (atomic_load_explicit(&loop->mailbox, memory_order_relaxed) == NULL)
		return false;
	newest = atomic_exchange(&loop->mailbox, NULL);
	while (newest != NULL) {
		struct task *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest != NULL) {
		struct task *next = oldest->next; /* run() may free or post it again */

		oldest->run(oldest);
		oldest = next;
	}
	return true;
}

void
loop_stop(struct loop *loop)
{
	atomic_store(&loop->is_stopped, true);
	wake(loop);
}

/* Descriptors */

static void
forget_events(struct loop *loop, const struct watch *watch)
{
	for (int i = loop->event_at; i < loop->event_count; i++)
		if (loop->events[i].data.ptr == watch)
			loop->events[i].data.ptr = NULL;
}

void
loop_watch(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};
	int op = events == 0 ? EPOLL_CTL_DEL : watch->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (events == watch->events)
		return;
	assert(loop->epoll_fd >= 0);
	if (epoll_ctl(loop->epoll_fd, op, watch->fd, &event) < 0)
		die("recado: epoll_ctl");
	watch->events = events;
	if (events == 0)
		forget_events(loop, watch);
}

static void
run_events(struct loop *loop)
{
	for (loop->event_at = 0; loop->event_at < loop->event_count;) {
		struct epoll_event *event = &loop->events[loop->event_at++];
		struct watch *watch = event->data.ptr;
		uint32_t events;

		if (watch == NULL)
			continue;
		/* What is no longer watched since this turn began is not reported. */
		events = event->events & (watch->events | EPOLLERR | EPOLLHUP);
		if (watch->events & EPOLLONESHOT)
			watch->events = EPOLLONESHOT; /* as the kernel has it now */
		if (events != 0)
			watch->ready(watch, events);
	}
	loop->event_count = 0;
}

/* How long to wait at most, in milliseconds. */
static int
waiting_time(struct loop *loop, int wait_ms)
{
	uint64_t due_ms = loop_next_timer_ms(loop), now_ms;

	if (!list_is_empty(&loop->deferred) || !list_is_empty(&loop->heavy))
		return 0;
	if (due_ms == UINT64_MAX || wait_ms == 0)
		return wait_ms;
	now_ms = time_mono_ms();
	if (due_ms <= now_ms)
		return 0;
	due_ms = MIN(due_ms - now_ms, 1u << 30);
	return wait_ms < 0 ? (int)due_ms : MIN(wait_ms, (int)due_ms);
}

static void
wait_for_events(struct loop *loop, int wait_ms)
{
	int wait = waiting_time(loop, wait_ms);

	if (wait != 0) {
		/* Whoever posts from here on wakes us; whoever posted before is seen below. */
		atomic_store(&loop->is_asleep, true);
		if (atomic_load(&loop->mailbox) != NULL || atomic_load(&loop->is_stopped))
			wait = 0;
	}
	loop->event_count = epoll_wait(loop->epoll_fd, loop->events, EVENTS_PER_TURN, wait);
	atomic_store_explicit(&loop->is_asleep, false, memory_order_relaxed);
	if (loop->event_count < 0) {
		if (errno != EINTR)
			die("recado: epoll_wait");
		loop->event_count = 0;
	}
}

bool
loop_turn(struct loop *loop, int wait_ms)
{
	bool done;

	if (loop->epoll_fd >= 0)
		wait_for_events(loop, wait_ms);
	loop->now_ms = time_mono_ms();
	done = loop->event_count > 0;
	run_events(loop);
	done |= run_mailbox(loop);
	done |= run_timers(loop);
	done |= run_deferred(loop);
	return done;
}

void
loop_run(struct loop *loop)
{
	while (!atomic_load_explicit(&loop->is_stopped, memory_order_relaxed))
		loop_turn(loop, -1);
	atomic_store(&loop->is_stopped, false);
}

void
loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	while (run_mailbox(loop))
		run_deferred(loop);
	if (loop->local != NULL)
		loop->local->free(loop->local);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	free(loop->timers);
	free(loop);
}
