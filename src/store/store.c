/* SPDX-License-Identifier: MIT */
/*
 * store.c - the store thread: requests in order of submission, gathered into group commits.
 *
 * While one batch is being written to the disk the next gathers in the queue, so the slower the disk,
 * the larger the batches: nothing ever waits on purpose. A write is answered after its batch's commit
 * returned, never before. A read is answered at once, unless it may have seen what the batch wrote:
 * what is not yet durable must not leave the store.
 */
#include "store/driver.h"
#include "store/memory.h"
#include "store/offload.h"
#include "store/simulate.h"

#include "base/hash.h"
#include "base/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define BATCH_MAX 1024u		/* requests in one commit */
#define BATCH_BYTES (16u << 20) /* and their memory */
#define OFFLOAD_THREADS 2u
#define FILTER_BITS 4096u

struct queue {
	struct store_request *first, **last;
};

struct store {
	const struct store_driver *driver;
	void *state;
	struct offload *offload;

	pthread_mutex_t mutex; /* guards the queue, is_closing and stats */
	pthread_cond_t wake;
	struct queue queue;
	bool is_closing;
	struct store_stats stats;

	/* The store thread's own. */
	pthread_t thread;
	bool has_thread;
	bool is_open;			    /* a batch is */
	bool is_full;
	uint64_t written[FILTER_BITS / 64]; /* a bit for each owner that the batch wrote to */
	struct queue pending;		    /* carried out in this batch, to be answered after it */
};

static void
queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

static void
queue_add(struct queue *queue, struct store_request *r)
{
	r->next = NULL;
	*queue->last = r;
	queue->last = &r->next;
}

static struct store_request *
queue_take(struct queue *queue)
{
	struct store_request *r = queue->first;

	if (r == NULL)
		return NULL;
	queue->first = r->next;
	if (queue->first == NULL)
		queue->last = &queue->first;
	return r;
}

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
carry_out(struct store *st, struct store_request *r)
{
	const struct store_op *op = r->ops;

	r->status = STORE_OK;
	r->results = arena_array(r->arena, struct store_result, r->count);
	if (r->is_guarded && st->driver->mark(st->state) < 0)
		return -1;
	for (size_t i = 0; i < r->count; i++, op = op->next) {
		if (st->driver->run(st->state, op, r->arena, &r->results[i]) < 0)
			return -1;
		if (op_refuses(op->kind, r->results[i].status)) {
			/* Without a guard nothing was written before it. */
			if (r->is_guarded)
				st->driver->undo(st->state);
			refuse_from(r, i, r->results[i].status);
			break;
		}
	}
	if (r->is_guarded)
		st->driver->unmark(st->state);
	return 0;
}

/* Notes which owners R writes to. */
static void
filter_add(struct store *st, const struct store_request *r)
{
	for (const struct store_op *op = r->ops; op != NULL; op = op->next) {
		size_t bit = hash_str(op->owner) % FILTER_BITS;

		st->written[bit / 64] |= UINT64_C(1) << bit % 64;
	}
}

/* Whether R may have read what this batch wrote. */
static bool
filter_hit(const struct store *st, const struct store_request *r)
{
	for (const struct store_op *op = r->ops; op != NULL; op = op->next) {
		size_t bit = hash_str(op->owner) % FILTER_BITS;

		if (op->kind == OP_AUTH_LIST || st->written[bit / 64] >> bit % 64 & 1)
			return true;
	}
	return false;
}

static void
batch_begin(struct store *st)
{
	memset(st->written, 0, sizeof(st->written));
	queue_init(&st->pending);
	st->driver->begin(st->state);
	st->is_open = true;
}

static void
note_full(struct store *st, bool is_full)
{
	if (is_full && !st->is_full)
		log_event(LOG_ERROR, "store-full", LOG_Z("driver", st->driver->name));
	if (!is_full && st->is_full)
		log_event(LOG_WARNING, "store-has-room", LOG_Z("driver", st->driver->name));
	st->is_full = is_full;
}

/* Answers what waited for the commit. */
static void
answer_pending(struct store *st)
{
	struct store_request *r;

	while ((r = queue_take(&st->pending)) != NULL)
		answer(r);
}

/*
 * There was no room for the batch as a whole, and it is undone: each request of it again, in a batch
 * of its own, so that small ones and removals may pass, and reads see what is really there.
 */
static void
one_by_one(struct store *st)
{
	struct queue todo = st->pending;
	struct store_request *r;

	queue_init(&st->pending);
	while ((r = queue_take(&todo)) != NULL) {
		st->driver->begin(st->state);
		if (carry_out(st, r) < 0) {
			st->driver->rollback(st->state);
			refuse_from(r, 0, STORE_FULL);
		} else if (st->driver->commit(st->state) < 0) {
			refuse_from(r, 0, STORE_FULL);
		} else if (r->writes) {
			note_full(st, false);
		}
		pthread_mutex_lock(&st->mutex);
		st->stats.full += r->writes && r->status == STORE_FULL;
		pthread_mutex_unlock(&st->mutex);
		answer(r);
	}
}

/* Carries out TODO as one batch, but does not commit it. */
static void
batch_run(struct store *st, struct queue todo)
{
	struct store_request *r;

	if (!st->is_open)
		batch_begin(st);
	while ((r = queue_take(&todo)) != NULL) {
		if (carry_out(st, r) < 0) {
			note_full(st, true);
			st->driver->rollback(st->state);
			st->is_open = false;
			queue_add(&st->pending, r);
			*st->pending.last = todo.first;
			if (todo.first != NULL)
				st->pending.last = todo.last;
			one_by_one(st);
			return;
		}
		if (r->writes)
			filter_add(st, r);
		if (r->writes || filter_hit(st, r))
			queue_add(&st->pending, r);
		else
			answer(r);
	}
}

static void
batch_commit(struct store *st)
{
	bool has_writes = st->pending.first != NULL;

	if (!st->is_open)
		return;
	st->is_open = false;
	if (st->driver->commit(st->state) < 0) {
		note_full(st, true);
		one_by_one(st);
		return;
	}
	if (has_writes)
		note_full(st, false);
	pthread_mutex_lock(&st->mutex);
	st->stats.commits += has_writes;
	pthread_mutex_unlock(&st->mutex);
	answer_pending(st);
}

/* Takes the next batch out of the queue. Called under the mutex. */
static bool
take_batch(struct store *st, size_t max, struct queue *batch)
{
	size_t bytes = 0;

	queue_init(batch);
	for (size_t i = 0; i < max && bytes < BATCH_BYTES && st->queue.first != NULL; i++) {
		struct store_request *r = queue_take(&st->queue);

		bytes += r->size;
		st->stats.waiting--;
		st->stats.waiting_bytes -= r->size;
		st->stats.requests++;
		st->stats.writes += r->writes;
		queue_add(batch, r);
	}
	return batch->first != NULL;
}

static void *
store_thread(void *arg)
{
	struct store *st = arg;
	struct queue batch;

	pthread_mutex_lock(&st->mutex);
	for (;;) {
		bool is_idle;

		while (st->queue.first == NULL && !st->is_closing)
			pthread_cond_wait(&st->wake, &st->mutex);
		if (!take_batch(st, BATCH_MAX, &batch))
			break;
		pthread_mutex_unlock(&st->mutex);
		batch_run(st, batch);
		batch_commit(st);
		pthread_mutex_lock(&st->mutex);
		is_idle = st->queue.first == NULL;
		pthread_mutex_unlock(&st->mutex);
		st->driver->rest(st->state, is_idle);
		pthread_mutex_lock(&st->mutex);
	}
	pthread_mutex_unlock(&st->mutex);
	arena_thread_end();
	return NULL;
}

static struct store *
store_new(const struct store_driver *driver, void *state, unsigned offload_threads)
{
	struct store *st = xnew(struct store);

	st->driver = driver;
	st->state = state;
	st->offload = offload_new(offload_threads);
	queue_init(&st->queue);
	queue_init(&st->pending);
	pthread_mutex_init(&st->mutex, NULL);
	pthread_cond_init(&st->wake, NULL);
	return st;
}

static int
start_thread(struct store *st)
{
	sigset_t all, old;

	sigfillset(&all); /* signals are for the main thread */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	st->has_thread = pthread_create(&st->thread, NULL, store_thread, st) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return st->has_thread ? 0 : -1;
}

int
store_open(const char *driver, const char *path, struct store **out, struct arena *arena,
	   struct str *why)
{
	static const struct store_driver *const drivers[] = {&sqlite_driver, &memory_driver};
	const struct store_driver *found = NULL;
	void *state;

	for (size_t i = 0; i < COUNT(drivers); i++)
		if (strcmp(drivers[i]->name, driver) == 0)
			found = drivers[i];
	if (found == NULL) {
		*why = arena_printf(arena, "there is no storage driver '%s': choose sqlite or memory",
				    driver);
		return -1;
	}
	if (found->open(path, &state, arena, why) < 0)
		return -1;
	*out = store_new(found, state, OFFLOAD_THREADS);
	if (start_thread(*out) < 0) {
		*why = STR("cannot start the store's thread");
		store_close(*out);
		return -1;
	}
	return 0;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	offload_free(store->offload);
	pthread_mutex_lock(&store->mutex);
	store->is_closing = true;
	pthread_cond_signal(&store->wake);
	pthread_mutex_unlock(&store->mutex);
	if (store->has_thread)
		pthread_join(store->thread, NULL);
	while (store->queue.first != NULL || store->is_open) { /* only under simulation */
		store_simulate_batch(store, BATCH_MAX);
		batch_commit(store);
	}
	store->driver->close(store->state);
	pthread_cond_destroy(&store->wake);
	pthread_mutex_destroy(&store->mutex);
	free(store);
}

void
store_submit(struct store_request *request)
{
	struct store *st = request->store;

	assert(request->done == NULL || request->loop != NULL);
	request->size = arena_size(request->arena);
	pthread_mutex_lock(&st->mutex);
	assert(!st->is_closing);
	if (st->queue.first == NULL)
		pthread_cond_signal(&st->wake); /* else it is awake, and will look again */
	queue_add(&st->queue, request);
	st->stats.waiting++;
	st->stats.waiting_bytes += request->size;
	pthread_mutex_unlock(&st->mutex);
}

void
store_stats(struct store *store, struct store_stats *out)
{
	pthread_mutex_lock(&store->mutex);
	*out = store->stats;
	pthread_mutex_unlock(&store->mutex);
}

void
store_offload(struct store *store, struct loop *loop, void (*work)(void *arg),
	      void (*done)(void *arg), void *arg)
{
	offload_add(store->offload, loop, work, done, arg);
}

int
store_open_simulated(struct store **out)
{
	struct str why;
	void *state;

	if (memory_driver.open(NULL, &state, NULL, &why) < 0)
		return -1;
	*out = store_new(&memory_driver, state, 0);
	return 0;
}

bool
store_simulate_batch(struct store *store, size_t max)
{
	struct queue batch;
	bool has_any;

	assert(!store->has_thread);
	pthread_mutex_lock(&store->mutex);
	has_any = take_batch(store, max, &batch);
	pthread_mutex_unlock(&store->mutex);
	if (has_any)
		batch_run(store, batch);
	return has_any;
}

bool
store_step(struct store *store, size_t max)
{
	bool has_worked = offload_step(store->offload);

	has_worked = store_simulate_batch(store, max) || store->is_open || has_worked;
	batch_commit(store);
	return has_worked;
}

void
store_simulate_crash(struct store *store, bool is_on_disk)
{
	struct store_request *r;

	assert(!store->has_thread);
	if (store->is_open) {
		if (!is_on_disk || store->driver->commit(store->state) < 0)
			store->driver->rollback(store->state);
		store->is_open = false;
	}
	while ((r = queue_take(&store->pending)) != NULL)
		store_request_free(r);
	while ((r = queue_take(&store->queue)) != NULL)
		store_request_free(r);
	store->stats.waiting = store->stats.waiting_bytes = 0;
	offload_forget(store->offload);
}

void
store_simulate_full(struct store *store, bool is_full)
{
	assert(store->driver == &memory_driver);
	memory_set_full(store->state, is_full);
}
