/* SPDX-License-Identifier: MIT */
/*
 * store.c - the queue of requests, and the store thread that takes batches from it.
 *
 * While one batch is being written to the disk the next gathers in the queue, so the slower the
 * disk, the larger the batches: nothing ever waits on purpose.
 */
#include "store/batch.h"
#include "store/memory.h"
#include "store/offload.h"
#include "store/simulate.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define BATCH_MAX 1024u         /* requests in one commit */
#define BATCH_BYTES (16u << 20) /* and their memory */
#define OFFLOAD_THREADS 2u

struct store {
	struct offload *offload;

	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t wake, idle;
	struct queue queue;
	bool is_busy; /* the store thread has a batch */
	bool is_closing;
	struct store_stats stats;

	bool has_thread;
	pthread_t thread;
	struct batch batch; /* the store thread's own */
};

/* Takes the next batch out of the queue. Called under the mutex. */
static bool
take(struct store *st, size_t max, struct queue *todo)
{
	size_t bytes = 0;

	queue_init(todo);
	for (size_t i = 0; i < max && bytes < BATCH_BYTES && st->queue.first != NULL; i++) {
		struct store_request *r = queue_take(&st->queue);

		bytes += r->size;
		st->stats.waiting--;
		st->stats.waiting_bytes -= r->size;
		st->stats.requests++;
		st->stats.writes += r->writes;
		queue_add(todo, r);
	}
	return todo->first != NULL;
}

/* Notes what the last batch did. Returns whether more waits. */
static bool
note_batch(struct store *st)
{
	bool has_any;

	pthread_mutex_lock(&st->mutex);
	has_any = st->queue.first != NULL;
	st->stats.commits = st->batch.commits;
	st->stats.full = st->batch.full;
	pthread_mutex_unlock(&st->mutex);
	return has_any;
}

static void *
store_thread(void *arg)
{
	struct store *st = arg;
	struct queue todo;

	pthread_mutex_lock(&st->mutex);
	for (;;) {
		while (st->queue.first == NULL && !st->is_closing)
			pthread_cond_wait(&st->wake, &st->mutex);
		if (!take(st, BATCH_MAX, &todo))
			break;
		st->is_busy = true;
		pthread_mutex_unlock(&st->mutex);
		batch_run(&st->batch, &todo);
		batch_commit(&st->batch);
		st->batch.driver->rest(st->batch.state, !note_batch(st));
		pthread_mutex_lock(&st->mutex);
		st->is_busy = false;
		if (st->queue.first == NULL)
			pthread_cond_broadcast(&st->idle);
	}
	pthread_mutex_unlock(&st->mutex);
	arena_thread_end();
	return NULL;
}

static struct store *
store_new(const struct store_driver *driver, void *state, unsigned offload_threads)
{
	struct store *st = xnew(struct store);

	batch_init(&st->batch, driver, state);
	st->offload = offload_new(offload_threads);
	queue_init(&st->queue);
	pthread_mutex_init(&st->mutex, NULL);
	pthread_cond_init(&st->wake, NULL);
	pthread_cond_init(&st->idle, NULL);
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
		*why = arena_printf(
			arena, "there is no storage driver '%s': choose sqlite or memory", driver);
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

bool
store_drain(struct store *store)
{
	bool has_any = offload_drain(store->offload);

	pthread_mutex_lock(&store->mutex);
	while (store->has_thread && (store->is_busy || store->queue.first != NULL)) {
		has_any = true;
		pthread_cond_wait(&store->idle, &store->mutex);
	}
	pthread_mutex_unlock(&store->mutex);
	while (!store->has_thread && store_step(store, BATCH_MAX))
		has_any = true;
	return has_any;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	store_drain(store);
	offload_free(store->offload);
	pthread_mutex_lock(&store->mutex);
	store->is_closing = true;
	pthread_cond_signal(&store->wake);
	pthread_mutex_unlock(&store->mutex);
	if (store->has_thread)
		pthread_join(store->thread, NULL);
	store->batch.driver->close(store->batch.state);
	pthread_cond_destroy(&store->idle);
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
	struct queue todo;
	bool has_any;

	assert(!store->has_thread);
	pthread_mutex_lock(&store->mutex);
	has_any = take(store, max, &todo);
	pthread_mutex_unlock(&store->mutex);
	if (has_any)
		batch_run(&store->batch, &todo);
	return has_any;
}

bool
store_step(struct store *store, size_t max)
{
	bool has_worked = offload_step(store->offload);

	has_worked = store_simulate_batch(store, max) || store->batch.is_open || has_worked;
	batch_commit(&store->batch);
	note_batch(store);
	return has_worked;
}

void
store_simulate_crash(struct store *store, bool is_on_disk)
{
	struct store_request *r;

	assert(!store->has_thread);
	batch_crash(&store->batch, is_on_disk);
	while ((r = queue_take(&store->queue)) != NULL)
		store_request_free(r);
	store->stats.waiting = store->stats.waiting_bytes = 0;
	offload_forget(store->offload);
}

void
store_simulate_copy(const struct store *store, bool is_on_disk, struct store **out)
{
	assert(store->batch.driver == &memory_driver);
	*out = store_new(&memory_driver, memory_copy(store->batch.state, is_on_disk), 0);
}

void
store_simulate_full(struct store *store, bool is_full)
{
	assert(store->batch.driver == &memory_driver);
	memory_set_full(store->batch.state, is_full);
}
