/* SPDX-License-Identifier: MIT */
/* offload.h - a few threads for slow, pure work, each piece answered on its asker's loop. */
#pragma once

#include "io/loop.h"

struct offload;

/* THREADS 0, for simulation: offload_step does the work. */
struct offload *offload_new(unsigned threads);
/* Finishes what waits, then frees. */
void offload_free(struct offload *pool);
void offload_add(struct offload *pool, struct loop *loop, void (*work)(void *arg),
		 void (*done)(void *arg), void *arg);
/* Waits until all work is answered. Returns whether there was any. */
bool offload_drain(struct offload *pool);
/* Does one piece of work on this thread. Returns whether there was one. */
bool offload_step(struct offload *pool);
/* Forgets what waits, as a crash does. For simulation. */
void offload_forget(struct offload *pool);
