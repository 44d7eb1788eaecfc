/* SPDX-License-Identifier: MIT */
/*
 * admin_sessions.c - listing and ending sessions: each worker looks at its own, on its thread, and
 * sends back what it found.
 */
#include "server/admin_sessions.h"

#include "base/utf8.h"
#include "server/c2s.h"
#include "server/route.h"

#include <stdlib.h>

#define LIMIT_MAX 1000

struct row { /* one session; its texts are in the part's arena */
	struct str jid, address, tls;
	uint64_t bound_at_us;
	int priority;
	bool is_available;
	unsigned worker;
};

struct listing {
	struct control_call *call;
	struct loop *loop;    /* the way back */
	struct str of, after; /* in the call's arena: read by the workers until all have answered */
	size_t limit;
	unsigned waiting; /* parts that have not come back */
	struct part *parts;
	size_t part_count;
};

struct part { /* of one worker */
	struct task back;
	struct listing *listing;
	struct arena *arena;
	const struct session **found; /* room for twice the limit */
	size_t found_count;
	struct row *rows;
	size_t count;
};

static int
by_jid(const void *a, const void *b)
{
	const struct session *const *x = a, *const *y = b;

	return str_compare((*x)->jid.text, (*y)->jid.text);
}

static int
row_by_jid(const void *a, const void *b)
{
	return str_compare(((const struct row *)a)->jid, ((const struct row *)b)->jid);
}

/* OF is empty (all), a host, an account, or a session. */
static bool
is_of(const struct session *session, struct str of)
{
	return of.len == 0 || str_equal(of, session->jid.domain) ||
	       str_equal(of, session->jid.text) || str_equal(of, jid_bare_text(session->jid));
}

/* Keeps the LIMIT first of all that were offered, in whatever order they come. */
static void
offer(struct part *part, const struct session *session)
{
	size_t limit = part->listing->limit;

	if (!is_of(session, part->listing->of) ||
	    str_compare(session->jid.text, part->listing->after) <= 0)
		return;
	part->found[part->found_count++] = session;
	if (part->found_count == 2 * limit) {
		qsort(part->found, part->found_count, sizeof(part->found[0]), by_jid);
		part->found_count = limit;
	}
}

static struct row
describe(struct arena *arena, const struct session *session)
{
	return (struct row){
		.jid = arena_dup(arena, session->jid.text),
		.address = c2s_peer_text(arena, session->c2s),
		.tls = arena_dup(arena, c2s_tls_version(session->c2s)),
		.bound_at_us = session->bound_at_us,
		.priority = session->priority,
		.is_available = session_is_available(session),
		.worker = session->worker->index,
	};
}

static void part_came(struct task *task);

static void
look(struct worker *worker, void *arg)
{
	struct part *part = arg;
	uint32_t at = 0;
	void *value;

	part->found = xnew_array(const struct session *, 2 * part->listing->limit);
	while (map_next(&worker->accounts, &at, &value)) {
		struct account *account = value;

		LIST_EACH(&account->sessions, struct session, link, session)
		if (!session->is_closing)
			offer(part, session);
	}
	qsort(part->found, part->found_count, sizeof(part->found[0]), by_jid);
	part->count = MIN(part->found_count, part->listing->limit);
	part->rows = arena_array(part->arena, struct row, part->count + 1);
	for (size_t i = 0; i < part->count; i++)
		part->rows[i] = describe(part->arena, part->found[i]);
	free(part->found);
	part->back.run = part_came;
	loop_post(part->listing->loop, &part->back);
}

static json_t *
row_json(const struct row *row)
{
	json_t *json = json_pack("{s:o, s:o, s:I, s:b, s:i, s:i}", "jid", control_json(row->jid),
				 "address", control_json(row->address), "since",
				 (json_int_t)(row->bound_at_us / 1000000), "available",
				 (int)row->is_available, "priority", row->priority, "worker",
				 (int)row->worker);

	json_object_set_new(json, "tls", row->tls.len > 0 ? control_json(row->tls) : json_null());
	return json;
}

/* All parts are there: the first of all of them, in order. */
static void
answer(struct listing *listing)
{
	struct arena *arena = listing->call->arena;
	json_t *list = json_array();
	struct row *rows;
	size_t count = 0, at = 0;

	for (size_t i = 0; i < listing->part_count; i++)
		count += listing->parts[i].count;
	rows = arena_array(arena, struct row, count + 1);
	for (size_t i = 0; i < listing->part_count; i++)
		for (size_t k = 0; k < listing->parts[i].count; k++)
			rows[at++] = listing->parts[i].rows[k];
	qsort(rows, count, sizeof(rows[0]), row_by_jid);
	for (size_t i = 0; i < count && i < listing->limit; i++)
		json_array_append_new(list, row_json(&rows[i]));
	for (size_t i = 0; i < listing->part_count; i++)
		arena_free(listing->parts[i].arena);
	control_reply(listing->call, json_pack("{s:o}", "sessions", list)); /* frees LISTING too */
}

static void
part_came(struct task *task)
{
	struct part *part = CONTAINER(task, struct part, back);

	if (--part->listing->waiting == 0)
		answer(part->listing);
}

/* A filter in the form that sessions have it: what cannot be prepared is nobody's. */
static struct str
prepare_filter(struct control_call *call, const char *name)
{
	struct str text = control_text(call, name);
	const char *why;
	struct jid jid;

	if (text.len == 0)
		return STR("");
	return jid_parse(call->arena, text, &jid, &why) == 0 ? jid.text : text;
}

void
admin_session_list(struct control_call *call)
{
	struct admin *admin = call->owner;
	struct listing *listing = arena_new_of(call->arena, struct listing);
	int64_t limit = control_int(call, "limit", LIMIT_MAX);

	if (limit < 1 || limit > LIMIT_MAX) {
		control_fail(call, "bad-request", "\"limit\" is from 1 to %d", LIMIT_MAX);
		return;
	}
	listing->call = call;
	listing->loop = admin->loop;
	listing->of = prepare_filter(call, "of");
	listing->after = control_text(call, "after");
	listing->limit = (size_t)limit;
	listing->part_count = admin->server->worker_count;
	listing->waiting = (unsigned)listing->part_count;
	listing->parts = arena_array(call->arena, struct part, listing->part_count);
	for (size_t i = 0; i < listing->part_count; i++) {
		listing->parts[i].listing = listing;
		listing->parts[i].arena = arena_new();
		worker_call(admin->server->workers[i], look, &listing->parts[i]);
	}
}

struct kick {
	struct task back;
	struct loop *loop; /* the way back */
	struct control_call *call;
	struct jid jid;
	const char *reason; /* NULL: none */
	unsigned ended;
};

static void
kick_came(struct task *task)
{
	struct kick *kick = CONTAINER(task, struct kick, back);

	if (kick->ended == 0)
		control_fail(kick->call, "item-not-found", "%.*s is not logged in",
			     STR_ARG(kick->jid.text));
	else
		control_reply(kick->call,
			      json_pack("{s:o, s:i}", "jid", control_json(kick->jid.text), "ended",
					(int)kick->ended));
}

static void
end_sessions(struct worker *worker, void *arg)
{
	struct kick *kick = arg;
	struct account *account = account_find(worker, jid_bare_text(kick->jid));

	if (account != NULL)
		LIST_EACH(&account->sessions, struct session, link, session)
		{
			if (session->is_closing ||
			    (kick->jid.resource.len > 0 &&
			     !str_equal(session->jid.resource, kick->jid.resource)))
				continue;
			kick->ended++;
			session_close(session, STREAM_POLICY_VIOLATION, kick->reason);
		}
	kick->back.run = kick_came;
	loop_post(kick->loop, &kick->back);
}

void
admin_session_kick(struct control_call *call)
{
	struct admin *admin = call->owner;
	struct kick *kick = arena_new_of(call->arena, struct kick);
	struct str reason = control_text(call, "reason");

	if (!utf8_is_xml(reason)) {
		control_fail(call, "bad-request", "the reason has a character that XML forbids");
		return;
	}
	if (admin_jid(call, "jid", &kick->jid) < 0)
		return;
	kick->call = call;
	kick->loop = admin->loop;
	kick->reason = reason.len > 0 ? arena_dup(call->arena, reason).p : NULL;
	worker_call(worker_home(admin->server->workers[0], jid_bare_text(kick->jid)), end_sessions,
		    kick);
}
