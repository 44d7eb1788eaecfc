/* SPDX-License-Identifier: MIT */
/*
 * config_socket.c - where the control socket is, by a file that may have faults: the operator of a
 * running server must reach it most of all when the file is broken.
 */
#include "server/config.h"

#include <libconfig.h>
#include <stdlib.h>

static struct str
resolve(struct arena *arena, const char *file, struct str path)
{
	const char *slash = strrchr(file, '/');
	struct str directory = str_of(file, slash ? (size_t)(slash - file) + 1 : 0);

	return path.p[0] == '/' ? arena_dup(arena, path) : arena_join(arena, directory, path);
}

struct str
config_find_control_socket(const char *path, struct arena *arena)
{
	struct str result = STR("/run/recado/control.sock");
	const char *socket = NULL, *directory = NULL;
	config_t settings;

	config_init(&settings);
	if (config_read_file(&settings, path) == CONFIG_TRUE) {
		config_lookup_string(&settings, "control_socket", &socket);
		config_lookup_string(&settings, "run_directory", &directory);
		if (socket != NULL && socket[0] != '\0')
			result = resolve(arena, path, str(socket));
		else if (directory != NULL && directory[0] != '\0')
			result = arena_join(arena, resolve(arena, path, str(directory)),
					    STR("/control.sock"));
	}
	config_destroy(&settings);
	return result;
}
