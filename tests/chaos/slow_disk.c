/* SPDX-License-Identifier: MIT */
/*
 * slow_disk.c - to be preloaded into a server: flushes that take long, or fail.
 *
 * The file that RECADO_DISK names holds two numbers: how many milliseconds each fsync and fdatasync
 * takes at least, and how many more of them may succeed before one fails with EIO (-1: all). It is
 * read anew at each flush.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);

static int
flush(int fd, long call)
{
	static _Atomic long flushes;
	const char *path = getenv("RECADO_DISK");
	FILE *file = path != NULL ? fopen(path, "re") : NULL;
	long ms = 0, may_succeed = -1;
	struct timespec ts;

	if (file != NULL) {
		if (fscanf(file, "%ld %ld", &ms, &may_succeed) != 2)
			ms = 0;
		fclose(file);
	}
	ts = (struct timespec){ms / 1000, ms % 1000 * 1000000};
	nanosleep(&ts, NULL);
	if (may_succeed >= 0 && flushes++ >= may_succeed) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(call, fd);
}

/* In place of the C library's. */
int
fsync(int fd)
{
	return flush(fd, SYS_fsync);
}

int
fdatasync(int fd)
{
	return flush(fd, SYS_fdatasync);
}
