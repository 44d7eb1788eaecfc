/* SPDX-License-Identifier: MIT */
/* flush.c - fdatasync, timed. */
#include "bench/flush.h"

#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
flush_measure(const char *directory, unsigned ms, struct stats *stats)
{
	char path[4096], page[4096] = {0};
	uint64_t end_ns = time_mono_ns() + ms * (uint64_t)1000000u, began_ns;
	int fd;

	snprintf(path, sizeof(path), "%s/recado-bench-flush-%d", directory, (int)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		fprintf(stderr, "recado-bench: %s: %s\n", path, strerror(errno));
		return -1;
	}
	unlink(path);
	do {
		if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page))
			break;
		began_ns = time_mono_ns();
		if (fdatasync(fd) < 0)
			break;
		stats_add(stats, time_mono_ns() - began_ns);
	} while (time_mono_ns() < end_ns);
	close(fd);
	if (stats->count == 0)
		fprintf(stderr, "recado-bench: %s: cannot be flushed\n", directory);
	return stats->count > 0 ? 0 : -1;
}
