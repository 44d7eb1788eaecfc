/* SPDX-License-Identifier: MIT */
/*
 * admin_backup.c - a hot backup: the store copies its database a few pages at a time, then the
 * checksums are made off all loops.
 */
#include "server/admin_backup.h"

#include "base/log.h"
#include "server/admin_private.h"
#include "store/backup.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

struct backup {
	struct control_call *call;
	struct server *server; /* and the loop outlive the call, which struct admin does not */
	struct loop *loop;
	const char *directory, *data;
	struct str database, why;
	bool is_sealed;
};

static void
sealed(void *arg)
{
	struct backup *b = arg;

	if (!b->is_sealed) {
		control_fail(b->call, "internal-server-error", "%.*s", STR_ARG(b->why));
		return;
	}
	log_event(LOG_INFO, "backup-made", LOG_Z("directory", b->directory));
	control_reply(b->call, json_pack("{s:s}", "directory", b->directory));
}

static void
seal(void *arg)
{
	struct backup *b = arg;

	b->is_sealed = backup_seal(b->data, b->directory, b->call->arena, &b->why) == 0;
}

static void copy_pages(struct backup *b);

static void
on_copied(struct store_request *request)
{
	struct backup *b = request->owner;
	enum store_status status = request->results[0].status;
	uint64_t left = request->results[0].count;

	store_request_free(request);
	if (atomic_load(&b->server->is_stopping))
		control_fail(b->call, "service-unavailable", "the server is stopping");
	else if (status == STORE_CONFLICT)
		control_fail(b->call, "conflict", "another backup is under way");
	else if (status == STORE_MISSING)
		control_fail(b->call, "feature-not-implemented",
			     "this storage cannot be backed up while it is in use");
	else if (status != STORE_OK)
		control_fail(b->call, "resource-constraint", "cannot write %.*s",
			     STR_ARG(b->database));
	else if (left > 0)
		copy_pages(b);
	else
		store_offload(b->server->store, b->loop, seal, sealed, b);
}

/* A page is asked for when the last one is there: what else the store has to do comes between. */
static void
copy_pages(struct backup *b)
{
	struct store_request *request = store_request_new(b->server->store, b->loop, on_copied, b);

	store_backup(request, b->database);
	store_submit(request);
}

void
admin_backup(struct control_call *call)
{
	const struct admin *admin = call->owner;
	struct backup *b = arena_new_of(call->arena, struct backup);
	struct str directory = control_text(call, "directory");

	b->call = call;
	b->server = admin->server;
	b->loop = admin->loop;
	b->directory = arena_printf(call->arena, "%.*s", STR_ARG(directory)).p;
	b->data = arena_dup(call->arena, admin->config->data_directory).p;
	b->database = arena_printf(call->arena, "%s/recado.db", b->directory);
	if (directory.len == 0 || directory.p[0] != '/')
		control_fail(call, "bad-request", "the directory's path must be absolute");
	else if (mkdir(b->directory, 0700) < 0)
		control_fail(call, "conflict", "cannot make %s: %s", b->directory, strerror(errno));
	else
		copy_pages(b);
}
