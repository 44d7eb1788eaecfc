/* SPDX-License-Identifier: MIT */
/* offload.c - a queue under a mutex, and the threads that empty it. */
#include "store/offload.h"

#include "base/arena.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct job {
	struct task task; /* the way back; its next links the queue before */
	struct loop *loop;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

struct offload {
	pthread_mutex_t mutex;
	pthread_cond_t wake, idle;
	size_t unanswered;
	struct task *first, **last;
	bool is_closing;
	unsigned threads;
	pthread_t thread[];
};

static void
job_done(struct task *task)
{
	struct job *job = CONTAINER(task, struct job, task);

	job->done(job->arg);
	free(job);
}

/* The oldest job, or NULL. */
static struct job *
take(struct offload *pool)
{
	struct task *task = pool->first;

	if (task == NULL)
		return NULL;
	pool->first = task->next;
	if (pool->first == NULL)
		pool->last = &pool->first;
	return CONTAINER(task, struct job, task);
}

/* Called, and returns, under the mutex. */
static void
carry_out(struct offload *pool, struct job *job)
{
	pthread_mutex_unlock(&pool->mutex);
	job->work(job->arg);
	loop_post(job->loop, &job->task);
	pthread_mutex_lock(&pool->mutex);
	if (--pool->unanswered == 0)
		pthread_cond_broadcast(&pool->idle);
}

static void *
offload_thread(void *arg)
{
	struct offload *pool = arg;
	struct job *job;

	pthread_mutex_lock(&pool->mutex);
	for (;;) {
		while ((job = take(pool)) == NULL && !pool->is_closing)
			pthread_cond_wait(&pool->wake, &pool->mutex);
		if (job == NULL)
			break;
		carry_out(pool, job);
	}
	pthread_mutex_unlock(&pool->mutex);
	arena_thread_end();
	return NULL;
}

struct offload *
offload_new(unsigned threads)
{
	struct offload *pool = xalloc(sizeof(*pool) + threads * sizeof(pthread_t));
	sigset_t all, old;

	pool->last = &pool->first;
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pthread_cond_init(&pool->idle, NULL);
	sigfillset(&all); /* signals are for the main thread */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (pool->threads < threads &&
	       pthread_create(&pool->thread[pool->threads], NULL, offload_thread, pool) == 0)
		pool->threads++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pool;
}

void
offload_free(struct offload *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->mutex);
	pool->is_closing = true;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->mutex);
	for (unsigned i = 0; i < pool->threads; i++)
		pthread_join(pool->thread[i], NULL);
	while (offload_step(pool))
		continue;
	pthread_cond_destroy(&pool->idle);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->mutex);
	free(pool);
}

void
offload_add(struct offload *pool, struct loop *loop, void (*work)(void *arg),
	    void (*done)(void *arg), void *arg)
{
	struct job *job = xnew(struct job);

	*job = (struct job){{NULL, job_done}, loop, work, done, arg};
	pthread_mutex_lock(&pool->mutex);
	*pool->last = &job->task;
	pool->last = &job->task.next;
	pool->unanswered++;
	pthread_cond_signal(&pool->wake);
	pthread_mutex_unlock(&pool->mutex);
}

bool
offload_step(struct offload *pool)
{
	struct job *job;

	pthread_mutex_lock(&pool->mutex);
	job = take(pool);
	if (job != NULL)
		carry_out(pool, job);
	pthread_mutex_unlock(&pool->mutex);
	return job != NULL;
}

void
offload_forget(struct offload *pool)
{
	struct job *job;

	pthread_mutex_lock(&pool->mutex);
	while ((job = take(pool)) != NULL)
		free(job);
	pool->unanswered = 0;
	pthread_mutex_unlock(&pool->mutex);
}

bool
offload_drain(struct offload *pool)
{
	bool has_any;

	pthread_mutex_lock(&pool->mutex);
	has_any = pool->unanswered > 0;
	while (pool->unanswered > 0 && pool->threads > 0)
		pthread_cond_wait(&pool->idle, &pool->mutex);
	pthread_mutex_unlock(&pool->mutex);
	while (offload_step(pool))
		continue;
	return has_any;
}
