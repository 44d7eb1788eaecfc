/* SPDX-License-Identifier: MIT */
/*
 * batch.h - requests that are carried out in order and become durable in one commit.
 *
 * A write is answered after its batch's commit returned, never before. A read is answered at once,
 * unless it may have seen what the batch wrote: what is not yet durable must not leave the store.
 * One thread at a time uses a batch.
 */
#pragma once

#include "store/driver.h"

#define BATCH_FILTER_BITS 4096u

struct queue {
	struct store_request *first, **last;
};

static inline void
queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

static inline void
queue_add(struct queue *queue, struct store_request *r)
{
	r->next = NULL;
	*queue->last = r;
	queue->last = &r->next;
}

static inline struct store_request *
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

struct batch {
	const struct store_driver *driver;
	void *state;
	bool is_open;         /* there is something to commit */
	bool is_full;         /* the last one that wrote found no room */
	struct queue pending; /* carried out, to be answered after the commit */
	uint64_t commits;     /* since the start, of batches that wrote */
	uint64_t full;        /* requests that were refused because there was no room */
	uint64_t written[BATCH_FILTER_BITS / 64]; /* a bit for each owner that it wrote to */
};

void batch_init(struct batch *b, const struct store_driver *driver, void *state);
/* Carries TODO out within the batch, which it opens if need be. */
void batch_run(struct batch *b, struct queue *todo);
/* Makes what was carried out durable, and answers it. */
void batch_commit(struct batch *b);
/* Frees what is pending, unanswered: a crash, before or after the commit. For simulation. */
void batch_crash(struct batch *b, bool is_on_disk);
