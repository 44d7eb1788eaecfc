/* SPDX-License-Identifier: MIT */
/*
 * carry_ejabberd.c - what `ejabberdctl export_piefxis` wrote: a directory with one file for all
 * that includes one for each host, or, of `export_piefxis_host`, one that is for a host.
 */
#include "ctl/carry.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

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
		return carry_pie_file(carry, path);
	file = find_main_file(carry->ctl->arena, path);
	if (file != NULL)
		return carry_pie_file(carry, file);
	carry_complain(carry, "%s has no file of ejabberdctl export_piefxis", path);
	return -1;
}
