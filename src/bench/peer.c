/* SPDX-License-Identifier: MIT */
/* peer.c - /proc/PID/stat, smaps_rollup, and the processor-time clock of each process. */
#include "bench/peer.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TREE_MAX 4096

struct process {
	pid_t pid, parent;
	bool is_ours;
};

int
peer_add_pid(struct peer *peer, long pid)
{
	if (pid <= 0 || peer->root_count == PEER_PIDS)
		return -1;
	peer->roots[peer->root_count++] = (pid_t)pid;
	return 0;
}

int
peer_add_pidfile(struct peer *peer, const char *path)
{
	FILE *file = fopen(path, "re");
	long pid = 0;

	if (file == NULL)
		return -1;
	if (fscanf(file, "%ld", &pid) != 1)
		pid = 0;
	fclose(file);
	return peer_add_pid(peer, pid);
}

/*
 * The fields of /proc/PID/stat that matter: the name in field 2 may hold anything, so counting
 * starts at its last ')'. TICKS: own user, own system, dead children's user and system.
 */
static int
read_stat(pid_t pid, pid_t *parent, unsigned long long ticks[4])
{
	char path[64], line[1024], *p;
	FILE *file;
	size_t n;
	long ppid;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if ((file = fopen(path, "re")) == NULL)
		return -1;
	n = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	line[n] = 0;
	if ((p = strrchr(line, ')')) == NULL ||
	    sscanf(p + 1, " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu", &ppid,
		   &ticks[0], &ticks[1], &ticks[2], &ticks[3]) != 5)
		return -1;
	*parent = (pid_t)ppid;
	return 0;
}

static size_t
list_processes(struct process *all)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	size_t n = 0;

	while (dir != NULL && n < TREE_MAX && (entry = readdir(dir)) != NULL) {
		unsigned long long ticks[4];
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid <= 0 || read_stat((pid_t)pid, &all[n].parent, ticks) < 0)
			continue;
		all[n].pid = (pid_t)pid;
		all[n++].is_ours = false;
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}

/* Marks the roots and, as long as any is new, whose parent is marked. Returns -1 when a root is
 * gone. */
static int
mark_tree(const struct peer *peer, struct process *all, size_t n)
{
	unsigned found = 0;
	bool is_growing = true;

	for (size_t i = 0; i < n; i++)
		for (unsigned r = 0; r < peer->root_count; r++)
			if (all[i].pid == peer->roots[r] && !all[i].is_ours) {
				all[i].is_ours = true;
				found++;
			}
	while (is_growing) {
		is_growing = false;
		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; k < n && !all[i].is_ours; k++)
				if (all[k].is_ours && all[k].pid == all[i].parent)
					is_growing = all[i].is_ours = true;
	}
	return found == peer->root_count ? 0 : -1;
}

static void
add_times(pid_t pid, struct peer_usage *out)
{
	uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	unsigned long long ticks[4];
	struct timespec ts;
	clockid_t clock;
	pid_t parent;

	if (read_stat(pid, &parent, ticks) < 0)
		return;
	out->user_ns += (ticks[0] + ticks[2]) * tick_ns;
	out->system_ns += (ticks[1] + ticks[3]) * tick_ns;
	/* The clock counts nanoseconds, threads that ended included; dead children it leaves out.
	 */
	if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &ts) == 0)
		out->cpu_ns += (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	else
		out->cpu_ns += (ticks[0] + ticks[1]) * tick_ns;
	out->cpu_ns += (ticks[2] + ticks[3]) * tick_ns;
}

static int
add_memory(pid_t pid, struct peer_usage *out)
{
	char path[64], line[256];
	unsigned long long kb;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup", (long)pid);
	if ((file = fopen(path, "re")) == NULL)
		return -1;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "Pss: %llu", &kb) == 1)
			out->pss_kb += kb;
		else if (sscanf(line, "Private_Clean: %llu", &kb) == 1 ||
			 sscanf(line, "Private_Dirty: %llu", &kb) == 1)
			out->private_kb += kb;
	}
	fclose(file);
	return 0;
}

static int
measure(const struct peer *peer, struct peer_usage *out, bool with_memory)
{
	struct process *all = xnew_array(struct process, TREE_MAX);
	size_t n = peer->root_count > 0 ? list_processes(all) : 0;
	int rc = mark_tree(peer, all, n);

	*out = (struct peer_usage){0};
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (!all[i].is_ours)
			continue;
		out->processes++;
		add_times(all[i].pid, out);
		if (with_memory)
			rc = add_memory(all[i].pid, out);
	}
	free(all);
	return rc;
}

int
peer_cpu(const struct peer *peer, struct peer_usage *out)
{
	return measure(peer, out, false);
}

int
peer_memory(const struct peer *peer, struct peer_usage *out)
{
	return measure(peer, out, true);
}

uint64_t
peer_own_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
