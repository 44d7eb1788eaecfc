/* SPDX-License-Identifier: MIT */
/*
 * listener.h - a listening TCP socket on a loop.
 *
 * Each worker may listen on the same address and port: the kernel spreads connections over them
 * (SO_REUSEPORT). The first of them finds out whether the port is free: another process that has
 * it, such as a server that was forgotten, would get some of the connections. A process without
 * free descriptors refuses connections and goes on.
 */
#pragma once

#include "base/arena.h"
#include "io/loop.h"

#define LISTENER_PER_TURN 16u /* connections accepted before other work gets its turn */

struct listener;

/* FD, connected, not blocking, is the callee's, for conn_new. May call listener_free. */
typedef void listener_accepted(struct listener *listener, int fd);

/*
 * Listens on ADDRESS, an IPv4 or IPv6 address or "*" for all of both, and PORT (0: any free one).
 * IS_JOINING: a listener of this process is there already. Returns 0, or -1 with *WHY in ARENA.
 */
MUST_CHECK int listener_new(struct loop *loop, struct str address, uint16_t port, bool is_joining,
			    listener_accepted *accepted, void *owner, struct listener **out,
			    struct arena *arena, struct str *why);
/* Takes over FD, a stream socket that listens already, as from systemd. */
struct listener *listener_new_on(struct loop *loop, int fd, listener_accepted *accepted,
				 void *owner);
/* Connections not yet accepted are reset. Takes NULL. */
void listener_free(struct listener *listener);

void *listener_owner(const struct listener *listener);
/* 0 for a socket that has none. */
uint16_t listener_port(const struct listener *listener);
/* Connections refused since descriptors ran out. */
uint64_t listener_refused(const struct listener *listener);
