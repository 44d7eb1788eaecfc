/* SPDX-License-Identifier: MIT */
/* batch.c - carrying a batch out, committing it, and answering. */
#include "store/batch.h"

#include "base/crash.h"
#include "base/hash.h"
#include "base/log.h"

/* On the asker's loop. */
static void
request_done(struct task *task)
{
	struct store_request *r = CONTAINER(task, struct store_request, task);

	r->done(r);
}

/* From here on the request is the asker's again. */
static void
answer(struct store_request *r)
{
	if (r->done == NULL) {
		store_request_free(r);
		return;
	}
	r->task.run = request_done;
	loop_post(r->loop, &r->task);
}

static void
refuse_from(struct store_request *r, size_t i, enum store_status status)
{
	r->status = status;
	for (; i < r->count; i++)
		r->results[i] = (struct store_result){.status = status};
}

/* All of R's operations, or none. Returns 0, or -1 when there was no room and the batch is lost. */
static int
carry_out(struct batch *b, struct store_request *r)
{
	const struct store_op *op = r->ops;

	r->status = STORE_OK;
	r->results = arena_array(r->arena, struct store_result, r->count);
	if (r->is_guarded && b->driver->mark(b->state) < 0)
		return -1;
	for (size_t i = 0; i < r->count; i++, op = op->next) {
		if (b->driver->run(b->state, op, r->arena, &r->results[i]) < 0)
			return -1;
		if (op_refuses(op->kind, r->results[i].status)) {
			/* Without a guard nothing was written before it. */
			if (r->is_guarded)
				b->driver->undo(b->state);
			refuse_from(r, i, r->results[i].status);
			break;
		}
	}
	if (r->is_guarded)
		b->driver->unmark(b->state);
	return 0;
}

/* Notes which owners R writes to. */
static void
filter_add(struct batch *b, const struct store_request *r)
{
	for (const struct store_op *op = r->ops; op != NULL; op = op->next) {
		size_t bit = hash_str(op->owner) % BATCH_FILTER_BITS;

		b->written[bit / 64] |= UINT64_C(1) << bit % 64;
	}
}

/* Whether R may have read what this batch wrote. */
static bool
filter_hit(const struct batch *b, const struct store_request *r)
{
	for (const struct store_op *op = r->ops; op != NULL; op = op->next) {
		size_t bit = hash_str(op->owner) % BATCH_FILTER_BITS;

		if (op->kind == OP_AUTH_LIST || op->kind == OP_LOG_OWNERS ||
		    b->written[bit / 64] >> bit % 64 & 1)
			return true;
	}
	return false;
}

static void
begin(struct batch *b)
{
	memset(b->written, 0, sizeof(b->written));
	b->driver->begin(b->state);
	b->is_open = true;
}

static void
note_full(struct batch *b, bool is_full)
{
	if (is_full && !b->is_full)
		log_event(LOG_ERROR, "store-full", LOG_Z("driver", b->driver->name));
	if (!is_full && b->is_full)
		log_event(LOG_WARNING, "store-has-room", LOG_Z("driver", b->driver->name));
	b->is_full = is_full;
}

static void
refuse_full(struct batch *b, struct store_request *r)
{
	refuse_from(r, 0, STORE_FULL);
	b->full++;
}

/*
 * There was no room for the batch as a whole, and it is undone: each request of it again, in a
 * batch of its own, so that small ones and removals may pass, and reads see what is really there.
 */
static void
one_by_one(struct batch *b)
{
	struct queue todo = b->pending;
	struct store_request *r;

	queue_init(&b->pending);
	while ((r = queue_take(&todo)) != NULL) {
		b->driver->begin(b->state);
		if (carry_out(b, r) < 0) {
			b->driver->rollback(b->state);
			refuse_full(b, r);
		} else if (b->driver->commit(b->state) < 0) {
			/* What was read is true all the same: only the last id was to be kept. */
			if (r->writes)
				refuse_full(b, r);
		} else if (r->writes) {
			note_full(b, false);
		}
		answer(r);
	}
}

void
batch_run(struct batch *b, struct queue *todo)
{
	struct store_request *r;

	if (!b->is_open)
		begin(b);
	while ((r = queue_take(todo)) != NULL) {
		CRASH_POINT("before-write");
		if (carry_out(b, r) < 0) {
			note_full(b, true);
			b->driver->rollback(b->state);
			b->is_open = false;
			for (; r != NULL; r = queue_take(todo))
				queue_add(&b->pending, r);
			one_by_one(b);
			return;
		}
		CRASH_POINT("after-write");
		if (r->writes)
			filter_add(b, r);
		if (r->writes || filter_hit(b, r))
			queue_add(&b->pending, r);
		else
			answer(r);
	}
}

void
batch_commit(struct batch *b)
{
	bool has_writes = b->pending.first != NULL;
	struct store_request *r;

	if (!b->is_open)
		return;
	b->is_open = false;
	CRASH_POINT("before-commit");
	if (b->driver->commit(b->state) < 0) {
		note_full(b, true);
		one_by_one(b);
		return;
	}
	if (has_writes) {
		note_full(b, false);
		b->commits++;
	}
	CRASH_POINT("after-commit");
	while ((r = queue_take(&b->pending)) != NULL) {
		answer(r);
		CRASH_POINT("after-answer");
	}
}

void
batch_crash(struct batch *b, bool is_on_disk)
{
	struct store_request *r;

	if (b->is_open && (!is_on_disk || b->driver->commit(b->state) < 0))
		b->driver->rollback(b->state);
	b->is_open = false;
	while ((r = queue_take(&b->pending)) != NULL)
		store_request_free(r);
}

void
batch_init(struct batch *b, const struct store_driver *driver, void *state)
{
	*b = (struct batch){.driver = driver, .state = state};
	queue_init(&b->pending);
}
