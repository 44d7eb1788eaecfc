/* SPDX-License-Identifier: MIT */
/*
 * carry_ejabberd.c - what ejabberdctl wrote: with `export_piefxis` a directory with one file for
 * all that includes one for each host, with `export_piefxis_host` one that is for a host; with
 * `dump` a file of terms in Erlang, which begins with a curly bracket.
 */
#include "ctl/carry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The files for all end in the time they were made at, with no host in front of it. */
static const char *
find_main_file(struct arena *arena, const char *directory)
{
	struct dirent **names;
	int count = scandir(directory, &names, NULL, alphasort);
	const char *found = NULL;

	for (int i = 0; i < count; i++) {
		struct str name = str(names[i]->d_name);
		bool is_main = name.len > 4 && str_is(str_from(name, name.len - 4), ".xml") &&
			       strspn(name.p, "0123456789-") + 4 == name.len;

		if (is_main) /* the newest */
			found = arena_printf(arena, "%s/%s", directory, name.p).p;
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return found;
}

/* A document in XML, or terms. Terms are read several times over, so they are mapped. */
static int
read_file(struct carry *carry, const char *path, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	const char *text =
		fd >= 0 && size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (text == MAP_FAILED) {
		carry_complain(carry, "%s: %s", path, size > 0 ? strerror(error) : "empty");
		return -1;
	}
	if (str_starts(str_trim(str_of(text, MIN(size, (size_t)100))), STR("{")))
		rc = carry_mnesia(carry, path, str_of(text, size));
	else
		rc = carry_pie_file(carry, path);
	munmap((void *)(uintptr_t)text, size);
	return rc;
}

int
carry_ejabberd(struct carry *carry, const char *path)
{
	const char *file;
	struct stat st;

	if (stat(path, &st) < 0) {
		carry_complain(carry, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (!S_ISDIR(st.st_mode))
		return read_file(carry, path, (size_t)st.st_size);
	file = find_main_file(carry->ctl->arena, path);
	if (file != NULL)
		return carry_pie_file(carry, file);
	carry_complain(carry, "%s has no file of ejabberdctl export_piefxis", path);
	return -1;
}
