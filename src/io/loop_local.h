/* SPDX-License-Identifier: MIT */
/* loop_local.h - for src/io alone: what the connections of one loop share, and slow work. */
#pragma once

#include "io/loop.h"

/* One per loop, made by conn.c on first use and freed with the loop. */
struct loop_local {
	void (*free)(struct loop_local *local);
};
struct loop_local **loop_local(struct loop *loop);

/*
 * Like loop_defer, for work that takes long, such as a step of a TLS handshake: only a few pieces
 * are done in a turn, so that everything else goes on between them (SEC-17). What was begun before
 * goes first: in a storm few are under way at once, with their memory, and those get done.
 */
void loop_defer_heavy(struct loop *loop, struct deferred *deferred, bool goes_first);
