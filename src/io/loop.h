/* SPDX-License-Identifier: MIT */
/*
 * loop.h - one thread's event loop: descriptors, timers, work for later, and a mailbox.
 *
 * Only loop_post may be called from another thread. Under simulation a loop has no thread and no
 * epoll: the harness calls loop_turn, and the clock is simulated (base/time.h).
 */
#pragma once

#include "base/list.h"
#include "base/time.h"

struct loop;

struct loop *loop_new(void);
/* A loop without descriptors and waiting, for simulation: loop_turn never blocks. */
struct loop *loop_new_simulated(void);
/* Takes NULL. Tasks that are still in the mailbox are run first. */
void loop_free(struct loop *loop);

/* Turns until loop_stop. */
void loop_run(struct loop *loop);
/* From any thread. */
void loop_stop(struct loop *loop);
/*
 * One turn: waits for events at most WAIT_MS (-1: until the next timer), then runs in this order
 * descriptors, mailbox, timers that are due, deferred work. Returns whether anything was done.
 */
bool loop_turn(struct loop *loop, int wait_ms);
/* The monotonic clock at the start of this turn. */
uint64_t loop_now_ms(const struct loop *loop);
/* When the next timer is due, or UINT64_MAX. */
uint64_t loop_next_timer_ms(const struct loop *loop);

/* A timer stands in its owner; zeroed it is not set. */
struct timer {
	uint64_t due_ms;
	uint32_t index; /* in the heap, plus 1; 0: not set */
	void (*run)(struct timer *timer);
};
/* Sets or moves TIMER. */
void timer_set(struct loop *loop, struct timer *timer, uint64_t due_ms);
void timer_cancel(struct loop *loop, struct timer *timer);

/* Work at the end of this turn, once however often it was asked for: how writes are gathered. */
struct deferred {
	struct link link;
	void (*run)(struct deferred *deferred);
};
void loop_defer(struct loop *loop, struct deferred *deferred);
void loop_defer_cancel(struct deferred *deferred);

/* A letter in a loop's mailbox, intrusive. Those of one thread run in the order of posting. */
struct task {
	struct task *next;
	void (*run)(struct task *task);
};
/* From any thread. Wakes the loop only when it sleeps. */
void loop_post(struct loop *loop, struct task *task);

/* A watched descriptor stands in its owner. */
struct watch {
	int fd;
	uint32_t events; /* what is watched now: EPOLLIN and so on */
	void (*ready)(struct watch *watch, uint32_t events);
};
/* Adds, changes or (EVENTS 0) removes. A removed watch gets no more calls, in this turn either. */
void loop_watch(struct loop *loop, struct watch *watch, uint32_t events);
