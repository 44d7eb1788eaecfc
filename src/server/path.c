/* SPDX-License-Identifier: MIT */
/* path.c - news of broken ways, for all workers. */
#include "server/path.h"

#include "server/module.h"

#include <stdlib.h>

static void
run(struct worker *worker, void *arg)
{
	char *domain = arg;
	struct event ev = {.worker = worker, .arena = arena_new(), .contact = str(domain)};

	hooks_run(POINT_PATH_LOST, &ev);
	arena_free(ev.arena);
	free(domain);
}

void
path_lost(struct server *server, struct str domain)
{
	for (size_t i = 0; i < server->worker_count; i++)
		worker_call(server->workers[i], run, str_dupz(domain));
}
