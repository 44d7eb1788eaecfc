/* SPDX-License-Identifier: MIT */
/*
 * peer.h - what the server under test costs: processor time and memory of its whole process tree,
 * read from the kernel, whatever the server is made of.
 */
#pragma once

#include "base/base.h"

#include <sys/types.h>

#define PEER_PIDS 64

struct peer {
	pid_t roots[PEER_PIDS]; /* their descendants count too */
	unsigned root_count;
};

struct peer_usage {
	uint64_t cpu_ns;             /* of all processes that live, and of their dead children */
	uint64_t user_ns, system_ns; /* the same, to the kernel's clock tick of 10 ms */
	uint64_t pss_kb;             /* memory, with what is shared divided by who shares it */
	uint64_t private_kb;         /* memory that no other process has a part in */
	unsigned processes;
};

/* Reads a pid from the first line of the file at PATH. Returns 0 or -1. */
MUST_CHECK int peer_add_pidfile(struct peer *peer, const char *path);
MUST_CHECK int peer_add_pid(struct peer *peer, long pid);

/* Fills the times; all 0 without roots. Returns 0, or -1 when a root is gone. */
MUST_CHECK int peer_cpu(const struct peer *peer, struct peer_usage *out);
/* Fills memory and times: slow for large processes. Needs the right to read their smaps_rollup. */
MUST_CHECK int peer_memory(const struct peer *peer, struct peer_usage *out);

/* Processor time that this process has used. */
uint64_t peer_own_cpu_ns(void);
