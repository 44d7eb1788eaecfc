/* SPDX-License-Identifier: MIT */
/* census.c - a part for each worker, which comes back filled in; the last one puts them together.
 */
#include "server/census.h"

#include "server/account.h"
#include "server/route.h"
#include "server/session.h"

#include <stdlib.h>

struct part {
	struct task back;
	struct taking *taking;
	struct arena *arena;
	uint64_t counts[CENSUS_KINDS];
	struct str *jids;
	size_t jid_count;
};

struct taking {
	struct arena *arena;
	struct loop *loop;
	struct str host;
	enum census_kind kind;
	size_t max;
	uint64_t active_ms;
	void (*done)(void *owner, const struct census *census);
	void *owner;
	unsigned waiting;
	size_t part_count;
	struct part parts[];
};

static int
by_text(const void *a, const void *b)
{
	return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static void
put_together(struct taking *taking)
{
	struct census census = {{0}, NULL, 0};

	for (size_t i = 0; i < taking->part_count; i++) {
		for (int k = 0; k < CENSUS_KINDS; k++)
			census.counts[k] += taking->parts[i].counts[k];
		census.jid_count += taking->parts[i].jid_count;
	}
	census.jids = arena_array(taking->arena, struct str, census.jid_count + 1);
	census.jid_count = 0;
	for (size_t i = 0; i < taking->part_count; i++)
		for (size_t k = 0; k < taking->parts[i].jid_count; k++)
			census.jids[census.jid_count++] = taking->parts[i].jids[k];
	qsort(census.jids, census.jid_count, sizeof(census.jids[0]), by_text);
	census.jid_count = MIN(census.jid_count, taking->max);
	taking->done(taking->owner, &census);
	for (size_t i = 0; i < taking->part_count; i++)
		arena_free(taking->parts[i].arena);
	arena_free(taking->arena);
}

static void
part_came(struct task *task)
{
	struct part *part = CONTAINER(task, struct part, back);

	if (--part->taking->waiting == 0)
		put_together(part->taking);
}

/* CSI's state is a module's; what the core knows of it is whether anything is held back. */
static bool
is_active(const struct account *account, uint64_t since_ms)
{
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (session->c2s != NULL && session->csi == NULL &&
		    session->last_active_ms >= since_ms)
			return true;
	}
	return false;
}

static void
count(struct part *part, const struct account *account, uint64_t since_ms)
{
	const struct taking *taking = part->taking;
	enum census_kind kind = is_active(account, since_ms) ? CENSUS_ACTIVE : CENSUS_IDLE;

	part->counts[CENSUS_ONLINE]++;
	part->counts[kind]++;
	if ((taking->kind == CENSUS_ONLINE || taking->kind == kind) &&
	    part->jid_count < taking->max)
		part->jids[part->jid_count++] = arena_dup(part->arena, account->jid.text);
}

static void
look(struct worker *worker, void *arg)
{
	struct part *part = arg;
	uint64_t now = loop_now_ms(worker->loop), ago = part->taking->active_ms;
	uint32_t at = 0;
	void *value;

	part->jids = arena_array(part->arena, struct str,
				 MIN(part->taking->max, worker->accounts.count) + 1);
	while (map_next(&worker->accounts, &at, &value)) {
		const struct account *account = value;

		if (account->session_count > 0 &&
		    str_equal(account->jid.domain, part->taking->host))
			count(part, account, now > ago ? now - ago : 0);
	}
	part->back.run = part_came;
	loop_post(part->taking->loop, &part->back);
}

void
census_take(struct server *server, struct loop *loop, struct str host, enum census_kind kind,
	    size_t max, uint64_t active_ms, void (*done)(void *owner, const struct census *census),
	    void *owner)
{
	struct arena *arena = arena_new();
	struct taking *taking =
		arena_alloc(arena, sizeof(*taking) + server->worker_count * sizeof(struct part));

	taking->arena = arena;
	taking->loop = loop;
	taking->host = arena_dup(arena, host);
	taking->kind = kind;
	taking->max = max;
	taking->active_ms = active_ms;
	taking->done = done;
	taking->owner = owner;
	taking->part_count = server->worker_count;
	taking->waiting = (unsigned)server->worker_count;
	for (size_t i = 0; i < server->worker_count; i++) {
		taking->parts[i].taking = taking;
		taking->parts[i].arena = arena_new();
		worker_call(server->workers[i], look, &taking->parts[i]);
	}
}
