/* SPDX-License-Identifier: MIT */
/* test_threads.c - many loops on threads of their own ask one store: for TSan above all. */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOPS 4u
#define REQUESTS 1500u
#define WINDOW 50u

struct worker {
	pthread_t thread;
	struct store *store;
	struct loop *loop;
	struct str jid;
	unsigned sent, answered, errors, works;
	atomic_uint worked; /* on other threads */
	uint64_t last_id;
	char text[16];
};

static void send_some(struct worker *w);

/* Each reads what it wrote: the value of its newest put that was submitted before the get. */
static void
on_answer(struct store_request *r)
{
	struct worker *w = r->owner;
	char text[16];

	snprintf(text, sizeof(text), "%u", w->answered);
	w->errors += r->status != STORE_OK;
	w->errors += r->results[0].id <= w->last_id;
	w->errors += !str_is(r->results[2].value, text);
	w->errors += r->results[4].count != w->answered + 1;
	w->last_id = r->results[0].id;
	w->answered++;
	store_request_free(r);
	if (w->answered == REQUESTS && w->works == REQUESTS / 10)
		loop_stop(w->loop);
	else
		send_some(w);
}

static void
work(void *arg)
{
	struct worker *w = arg;

	w->worked++;
}

static void
work_done(void *arg)
{
	struct worker *w = arg;

	if (++w->works == REQUESTS / 10 && w->answered == REQUESTS)
		loop_stop(w->loop);
}

static void
send_some(struct worker *w)
{
	for (; w->sent < REQUESTS && w->sent < w->answered + WINDOW; w->sent++) {
		struct store_request *r;

		r = store_request_new(w->store, w->loop, on_answer, w);
		snprintf(w->text, sizeof(w->text), "%u", w->sent);
		store_log_append(r, STR("all@example.com"), "archive", w->sent, w->jid,
				 str(w->text), 0, 0);
		store_doc_put(r, w->jid, "last", str(w->text));
		store_doc_get(r, w->jid, "last");
		store_log_append(r, w->jid, "own", w->sent, STR(""), str(w->text), 0, 0);
		store_log_count(r, w->jid, "own");
		store_submit(r);
		if (w->sent % 10 == 0)
			store_offload(w->store, w->loop, work, work_done, w);
	}
}

static void *
worker_thread(void *arg)
{
	struct worker *w = arg;

	send_some(w);
	loop_run(w->loop);
	arena_thread_end();
	return NULL;
}

static void
check_all(struct test *t, struct fixture *f, struct worker *workers)
{
	unsigned next[LOOPS] = {0}, total = 0;
	struct store_request *r = request_new(f);
	uint64_t last_id = 0;

	store_log_range(r, STR("all@example.com"), "archive", 0, 0, 0, false);
	ask(f, r);
	for (const struct store_item *item = r->results[0].items; item != NULL; item = item->next) {
		unsigned w = (unsigned)(item->with.p[0] - 'a');
		char text[16];

		snprintf(text, sizeof(text), "%u", next[w]++);
		check(t, item->id > last_id && str_is(item->value, text));
		last_id = item->id;
		total++;
	}
	check_int(t, total, LOOPS * REQUESTS);
	for (unsigned i = 0; i < LOOPS; i++) {
		check_int(t, workers[i].errors, 0);
		check_int(t, workers[i].answered, REQUESTS);
		check_int(t, workers[i].works, REQUESTS / 10);
		check_int(t, workers[i].worked, REQUESTS / 10);
	}
	store_request_free(r);
}

TEST(loops_ask_in_parallel)
{
	static const char *const jids[LOOPS] = {"a@example.com", "b@example.com", "c@example.com",
						"d@example.com"};

	for (size_t d = 0; d < COUNT(fixture_drivers); d++) {
		struct worker workers[LOOPS];
		struct fixture f;

		test_row(t, fixture_drivers[d]);
		fixture_open(&f, fixture_drivers[d]);
		for (unsigned i = 0; i < LOOPS; i++) {
			workers[i] = (struct worker){
				.store = f.store, .loop = loop_new(), .jid = str(jids[i])};
			if (pthread_create(&workers[i].thread, NULL, worker_thread, &workers[i]) !=
			    0)
				abort();
		}
		for (unsigned i = 0; i < LOOPS; i++)
			pthread_join(workers[i].thread, NULL);
		check_all(t, &f, workers);
		fixture_close(&f); /* after it nobody wakes a loop */
		for (unsigned i = 0; i < LOOPS; i++)
			loop_free(workers[i].loop);
	}
}
