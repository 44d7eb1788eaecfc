/* SPDX-License-Identifier: MIT */
/* s2s_count.c - numbers of stanzas that are done with in any order, and the store's word on them.
 */
#include "server/s2s_count.h"

#include <stdlib.h>

struct s2s_count {
	unsigned refs; /* its owner, each stanza under way, a request to the store */
	struct worker *worker;
	struct loop *loop;
	void (*when_safe)(void *owner);
	void *owner;
	uint32_t came, done, safe; /* safe <= done <= came, modulo 2^32 */
	uint32_t wanted, asked;
	bool is_wanted, is_asked; /* safety of WANTED; of ASKED, and the store has not answered */
	bool is_freed;
	bool *marks; /* a ring: those after DONE that are done with */
	uint32_t size;
};

struct under_way { /* in the stanza's arena */
	struct task task;
	struct s2s_count *count;
	struct stanza *stanza;
	uint32_t number;
};

struct s2s_count *
count_new(struct worker *worker, void (*safe)(void *owner), void *owner)
{
	struct s2s_count *count = xnew(struct s2s_count);

	count->refs = 1;
	count->worker = worker;
	count->loop = worker->loop;
	count->when_safe = safe;
	count->owner = owner;
	count->size = 16;
	count->marks = xnew_array(bool, count->size);
	return count;
}

static void
unref(struct s2s_count *count)
{
	if (--count->refs > 0)
		return;
	free(count->marks);
	free(count);
}

void
count_free(struct s2s_count *count)
{
	if (count == NULL)
		return;
	count->owner = NULL;
	count->is_freed = true;
	unref(count);
}

void
count_set_owner(struct s2s_count *count, void *owner)
{
	count->owner = owner;
}

uint32_t
count_safe(const struct s2s_count *count)
{
	return count->safe;
}

bool
count_is_waiting(const struct s2s_count *count)
{
	return count->is_wanted;
}

static void look(struct s2s_count *count);

static void
on_written(struct store_request *request)
{
	struct s2s_count *count = request->owner;

	store_request_free(request);
	count->is_asked = false;
	count->safe = count->asked;
	look(count);
	unref(count);
}

/* The store carries out in order: when this is answered, all before it is on the disk. */
static void
ask_store(struct s2s_count *count)
{
	struct store_request *request =
		store_request_new(count->worker->store, count->loop, on_written, count);

	count->is_asked = true;
	count->asked = count->done;
	count->refs++;
	store_log_trim(request, STR("s2s"), "spool", 0);
	store_submit(request);
}

static bool
is_reached(uint32_t number, uint32_t wanted)
{
	return (int32_t)(number - wanted) >= 0;
}

static void
look(struct s2s_count *count)
{
	if (!count->is_wanted || count->is_freed || count->owner == NULL)
		return;
	if (is_reached(count->safe, count->wanted)) {
		count->is_wanted = false;
		count->when_safe(count->owner);
	} else if (is_reached(count->done, count->wanted) && !count->is_asked) {
		ask_store(count);
	}
}

void
count_when_safe(struct s2s_count *count)
{
	count->wanted = count->came;
	count->is_wanted = true;
	look(count);
}

static void
grow(struct s2s_count *count)
{
	uint32_t size = count->size * 2;
	bool *marks = xnew_array(bool, size);

	for (uint32_t n = count->done + 1; n != count->came + 1; n++)
		marks[n % size] = count->marks[n % count->size];
	free(count->marks);
	count->marks = marks;
	count->size = size;
}

static void
mark(struct s2s_count *count, uint32_t number)
{
	count->marks[number % count->size] = true;
	while (count->done != count->came && count->marks[(count->done + 1) % count->size])
		count->marks[++count->done % count->size] = false;
	look(count);
}

static void
arrive(struct task *task)
{
	struct under_way *way = CONTAINER(task, struct under_way, task);
	struct s2s_count *count = way->count;

	mark(count, way->number);
	stanza_unref(way->stanza);
	unref(count);
}

/* On whatever thread it is. */
static void
finished(struct stanza *stanza)
{
	struct under_way *way = stanza->finish_arg;

	loop_post(way->count->loop, &way->task);
}

void
count_came(struct s2s_count *count, struct stanza *stanza)
{
	struct under_way *way;

	if (count->came - count->done + 1 >= count->size)
		grow(count);
	count->came++;
	/* What is not kept is done with; only messages are. */
	if (stanza == NULL || stanza->kind != STANZA_MESSAGE) {
		mark(count, count->came);
		return;
	}
	way = arena_new_of(stanza->arena, struct under_way);
	way->task.run = arrive;
	way->count = count;
	way->stanza = stanza;
	way->number = count->came;
	count->refs++;
	stanza->finish = finished;
	stanza->finish_arg = way;
}
