/* SPDX-License-Identifier: MIT */
/* test_batches.c - order, atomicity, what is answered when, and what a crash leaves. */
#include "fixture.h"

#include "store/simulate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROMEO STR("romeo@montague.example")
#define JULIET STR("juliet@capulet.example")

/* Each row: what stands before the operation that refuses, and that operation's status. */
static void
add_refused(struct store_request *r, enum store_status status)
{
	store_doc_put(r, ROMEO, "vcard", STR("changed"));
	store_set_put(r, ROMEO, "roster", STR("new"), STR("x"));
	store_set_remove(r, ROMEO, "roster", STR("old"));
	store_log_append(r, ROMEO, "offline", 1, STR(""), STR("x"), 0, 0);
	store_log_trim(r, ROMEO, "archive", UINT64_MAX);
	store_auth_create(r, STR("new@x.example"), STR("x"));
	store_owner_remove(r, JULIET);
	if (status == STORE_CONFLICT)
		store_auth_create(r, ROMEO, STR("x"));
	else if (status == STORE_MISSING)
		store_auth_put(r, STR("nobody@x.example"), STR("x"));
	else
		store_log_append(r, ROMEO, "offline", 1, STR(""), STR("x"), 2, 0);
	store_doc_get(r, ROMEO, "vcard");
}

static void
prepare(struct fixture *f, struct test *t)
{
	struct store_request *r = request_new(f);

	store_auth_create(r, ROMEO, STR("keys"));
	store_auth_create(r, JULIET, STR("keys"));
	store_doc_put(r, ROMEO, "vcard", STR("v"));
	store_doc_put(r, JULIET, "vcard", STR("v"));
	store_set_put(r, ROMEO, "roster", STR("old"), STR("1"));
	store_log_append(r, ROMEO, "offline", 1, STR(""), STR("one"), 0, 0);
	store_log_append(r, ROMEO, "archive", 1, STR(""), STR("one"), 0, 0);
	check_int(t, ask_status(f, r), STORE_OK);
}

/* All that prepare() wrote, and nothing else. */
static void
check_untouched(struct fixture *f, struct test *t)
{
	struct store_request *r = request_new(f);

	store_doc_get(r, ROMEO, "vcard");
	store_set_list(r, ROMEO, "roster");
	store_log_count(r, ROMEO, "offline");
	store_log_range(r, ROMEO, "offline", 0, 0, 0, false);
	store_log_range(r, ROMEO, "archive", 0, 0, 0, false);
	store_log_count(r, ROMEO, "archive");
	store_auth_list(r, STR(""), STR(""), 0);
	store_doc_get(r, JULIET, "vcard");
	ask(f, r);
	check_str(t, r->results[0].value, "v");
	check_str(t, items_text(t->arena, r->results[1].items), "old=1");
	check_int(t, (intmax_t)r->results[2].count, 1);
	check_int(t, (intmax_t)r->results[3].count, 1);
	check_int(t, (intmax_t)r->results[4].count, 1);
	check_int(t, (intmax_t)r->results[5].bytes, 3);
	check_str(t, items_text(t->arena, r->results[6].items),
		  "juliet@capulet.example=keys romeo@montague.example=keys");
	check_str(t, r->results[7].value, "v");
	store_request_free(r);
}

TEST(refused_request_changes_nothing)
{
	static const enum store_status statuses[] = {STORE_CONFLICT, STORE_MISSING, STORE_FULL};
	struct fixture f;

	for (size_t d = 0; d < COUNT(fixture_drivers); d++) {
		test_row(t, fixture_drivers[d]);
		fixture_open(&f, fixture_drivers[d]);
		prepare(&f, t);
		for (size_t i = 0; i < COUNT(statuses); i++) {
			struct store_request *r = request_new(&f);

			add_refused(r, statuses[i]);
			ask(&f, r);
			check_int(t, r->status, statuses[i]);
			check_int(t, r->results[0].status, STORE_OK);
			check_int(t, r->results[7].status, statuses[i]);
			check_int(t, r->results[8].status, statuses[i]); /* not carried out */
			check(t, r->results[8].value.p == NULL);
			store_request_free(r);
			check_untouched(&f, t);
		}
		fixture_close(&f);
	}
}

struct many {
	struct test *t;
	unsigned answered, refused;
	uint64_t last_id;
};

static void
on_append(struct store_request *r)
{
	struct many *many = r->owner;

	if (r->status == STORE_OK) {
		check(many->t, r->results[0].id > many->last_id);
		many->last_id = r->results[0].id;
	} else {
		check_int(many->t, r->status, STORE_CONFLICT);
		many->refused++;
	}
	many->answered++;
	store_request_free(r);
}

/* Every third of them is refused; its neighbours in the same batch must not notice. */
static void
submit_many(struct fixture *f, struct many *many, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct store_request *r = store_request_new(f->store, f->loop, on_append, many);

		store_log_append(r, ROMEO, "archive", i, STR(""),
				 arena_printf(many->t->arena, "%u", i), 0, 0);
		if (i % 3 == 1)
			store_auth_create(r, JULIET, STR(""));
		store_submit(r);
	}
}

TEST(group_commit_keeps_order)
{
	for (size_t d = 0; d < COUNT(fixture_drivers); d++) {
		struct many many = {.t = t};
		struct store_stats stats;
		struct store_request *r;
		struct fixture f;
		unsigned expect = 0;

		test_row(t, fixture_drivers[d]);
		fixture_open(&f, fixture_drivers[d]);
		r = request_new(&f);
		store_auth_create(r, JULIET, STR("keys"));
		check_int(t, ask_status(&f, r), STORE_OK);
		submit_many(&f, &many, 3000);
		/* A read that was submitted after the writes sees them all. */
		r = request_new(&f);
		store_log_range(r, ROMEO, "archive", 0, 0, 0, false);
		ask(&f, r);
		check_int(t, (intmax_t)r->results[0].count, 2000);
		for (const struct store_item *item = r->results[0].items; item; item = item->next) {
			check_str(t, item->value, arena_printf(t->arena, "%u", expect).p);
			expect += expect % 3 == 0 ? 2 : 1;
		}
		store_request_free(r);
		check_int(t, many.answered, 3000); /* and its answer comes after theirs */
		check_int(t, many.refused, 1000);
		store_stats(f.store, &stats);
		check_int(t, (intmax_t)stats.waiting, 0);
		check_int(t, (intmax_t)stats.waiting_bytes, 0);
		check_int(t, (intmax_t)stats.requests, 3002);
		check_int(t, (intmax_t)stats.writes, 3001);
		if (d == 0) /* the memory driver is too fast to gather */
			check(t, stats.commits > 1 && stats.commits < 1000);
		fixture_close(&f);
	}
}

/* Answers come though the store is closed meanwhile, and tell the truth. */
TEST(closing_finishes)
{
	struct many many = {.t = t};
	struct store_request *r;
	struct fixture f;

	fixture_open(&f, "sqlite");
	r = request_new(&f);
	store_auth_create(r, JULIET, STR("keys"));
	check_int(t, ask_status(&f, r), STORE_OK);
	submit_many(&f, &many, 300);
	r = store_request_new(f.store, NULL, NULL, NULL); /* nobody waits */
	store_log_append(r, ROMEO, "archive", 0, STR(""), STR("last"), 0, 0);
	store_submit(r);
	fixture_reopen(&f);
	while (loop_turn(f.loop, 0))
		continue;
	check_int(t, many.answered, 300);
	r = request_new(&f);
	store_log_count(r, ROMEO, "archive");
	ask(&f, r);
	check_int(t, (intmax_t)r->results[0].count, 201);
	store_request_free(r);
	fixture_close(&f);
}

struct work {
	pthread_t ran_on, answered_on;
	atomic_bool is_done;
	unsigned sleep_ms;
};

static void
work(void *arg)
{
	struct work *w = arg;
	struct timespec ts = {0, (long)w->sleep_ms * 1000000};

	nanosleep(&ts, NULL);
	w->ran_on = pthread_self();
}

static void
work_done(void *arg)
{
	struct work *w = arg;

	w->answered_on = pthread_self();
	w->is_done = true;
}

static void
submit_another(struct store_request *r)
{
	struct many *many = r->owner;

	check_int(many->t, r->status, STORE_OK);
	if (++many->answered < 5) {
		struct store_request *next;

		next = store_request_new(r->store, r->loop, submit_another, many);
		store_doc_put(next, ROMEO, "last", STR("x"));
		store_submit(next);
	}
	store_request_free(r);
}

/* An answer that asks again: how a program ends though it doesn't know what is under way. */
TEST(draining_leaves_nothing)
{
	for (size_t d = 0; d < COUNT(fixture_drivers); d++) {
		struct work w = {.sleep_ms = 50};
		struct many many = {.t = t};
		struct store_request *r;
		struct fixture f;
		bool has_any = true;

		test_row(t, fixture_drivers[d]);
		fixture_open(&f, fixture_drivers[d]);
		check(t, !store_drain(f.store));
		r = store_request_new(f.store, f.loop, submit_another, &many);
		store_doc_put(r, ROMEO, "last", STR("x"));
		store_submit(r);
		store_offload(f.store, f.loop, work, work_done, &w);
		while (has_any) {
			has_any = store_drain(f.store);
			has_any = loop_turn(f.loop, 0) || has_any;
		}
		check_int(t, many.answered, 5);
		check(t, w.is_done);
		fixture_close(&f);
	}
}

/* Ids stay ahead of all that were ever given out, though nothing is left of them. */
TEST(ids_are_never_used_twice)
{
	uint64_t last_id = 0;
	struct fixture f;

	fixture_open(&f, "sqlite");
	for (unsigned i = 0; i < 5; i++) {
		struct store_request *r = request_new(&f);

		store_log_append(r, ROMEO, "archive", 0, STR(""), STR("x"), 0, 0);
		store_log_append(r, ROMEO, "archive", 0, STR(""), STR("x"), 0, 0);
		if (i % 2)
			store_log_trim(r, ROMEO, "archive", UINT64_MAX);
		else
			store_owner_remove(r, ROMEO);
		ask(&f, r);
		check(t, r->results[0].id > last_id);
		check(t, r->results[1].id > r->results[0].id);
		last_id = r->results[1].id;
		store_request_free(r);
		fixture_reopen(&f);
	}
	fixture_close(&f);
}

/* The simulated store, and how often each of a test's requests was answered. */
struct simulation {
	struct test *t;
	struct store *store;
	struct loop *loop;
	unsigned answers[16];
	enum store_status status[16];
	struct str value[16];
};

static struct simulation *simulation; /* one at a time */

static void
on_simulated(struct store_request *r)
{
	uintptr_t i = (uintptr_t)r->owner;

	simulation->answers[i]++;
	simulation->status[i] = r->status;
	simulation->value[i] = arena_dup(simulation->t->arena, r->results[0].value);
	store_request_free(r);
}

/* Submits as number I a put of VALUE for OWNER, or, VALUE NULL, a get. */
static void
simulate(unsigned i, struct str owner, const char *value)
{
	struct store_request *r;

	r = store_request_new(simulation->store, simulation->loop, on_simulated,
			      (void *)(uintptr_t)i);
	if (value != NULL)
		store_doc_put(r, owner, "vcard", str(value));
	else
		store_doc_get(r, owner, "vcard");
	store_submit(r);
}

static void
deliver(void)
{
	while (loop_turn(simulation->loop, 0))
		continue;
}

static void
simulation_open(struct simulation *s, struct test *t)
{
	*s = (struct simulation){.t = t};
	check_int(t, store_open_simulated(&s->store), 0);
	s->loop = loop_new_simulated();
	simulation = s;
}

static void
simulation_close(struct simulation *s)
{
	store_close(s->store);
	loop_free(s->loop);
}

TEST(writes_are_answered_after_the_commit)
{
	struct simulation s;

	simulation_open(&s, t);
	simulate(0, ROMEO, "one");
	simulate(1, JULIET, NULL); /* cannot have seen the write */
	simulate(2, ROMEO, NULL);  /* has */
	deliver();
	check_int(t, s.answers[1], 0);
	check(t, store_simulate_batch(s.store, 10));
	check(t, !store_simulate_batch(s.store, 10));
	deliver();
	check_int(t, s.answers[0], 0);
	check_int(t, s.answers[1], 1);
	check_int(t, s.answers[2], 0);
	check(t, store_step(s.store, 10));
	deliver();
	check_int(t, s.answers[0], 1);
	check_int(t, s.answers[1], 1);
	check_int(t, s.answers[2], 1);
	check_str(t, s.value[2], "one");
	check(t, !store_step(s.store, 10));
	simulation_close(&s);
}

TEST(step_takes_no_more_than_it_is_told)
{
	struct simulation s;

	simulation_open(&s, t);
	for (unsigned i = 0; i < 5; i++)
		simulate(i, ROMEO, "x");
	for (unsigned steps = 0; steps < 3; steps++) {
		check(t, store_step(s.store, 2));
		deliver();
		for (unsigned i = 0; i < 5; i++)
			check_int(t, s.answers[i], i < steps * 2 + 2);
	}
	check(t, !store_step(s.store, 2));
	simulation_close(&s);
}

TEST(crash_forgets_what_was_not_committed)
{
	struct simulation s;

	simulation_open(&s, t);
	simulate(0, ROMEO, "kept");
	check(t, store_step(s.store, 10));
	simulate(1, ROMEO, "lost");
	simulate(2, JULIET, "lost");
	simulate(3, ROMEO, NULL);
	check(t, store_simulate_batch(s.store, 10));
	simulate(4, ROMEO, "lost");
	store_simulate_crash(s.store, false);
	simulate(5, ROMEO, NULL);
	simulate(6, JULIET, NULL);
	check(t, store_step(s.store, 10));
	deliver();
	for (unsigned i = 0; i <= 6; i++)
		check_int(t, s.answers[i], i == 0 || i > 4);
	check_str(t, s.value[5], "kept");
	check(t, s.value[6].p == NULL);
	simulation_close(&s);
}

TEST(crash_may_come_after_the_commit)
{
	struct simulation s;

	simulation_open(&s, t);
	simulate(0, ROMEO, "on disk");
	check(t, store_simulate_batch(s.store, 10));
	simulate(1, ROMEO, "lost");
	store_simulate_crash(s.store, true);
	simulate(2, ROMEO, NULL);
	check(t, store_step(s.store, 10));
	deliver();
	check_int(t, s.answers[0], 0);
	check_int(t, s.answers[1], 0);
	check_str(t, s.value[2], "on disk");
	simulation_close(&s);
}

TEST(simulated_disk_fills_and_recovers)
{
	struct store_stats stats;
	struct simulation s;

	simulation_open(&s, t);
	simulate(0, ROMEO, "before");
	check(t, store_step(s.store, 10));
	store_simulate_full(s.store, true);
	simulate(1, ROMEO, "refused");
	simulate(2, ROMEO, NULL); /* must not show what was refused */
	simulate(3, JULIET, "refused");
	simulate(4, JULIET, NULL);
	check(t, store_step(s.store, 10));
	store_simulate_full(s.store, false);
	simulate(5, JULIET, "after");
	simulate(6, JULIET, NULL);
	check(t, store_step(s.store, 10));
	deliver();
	for (unsigned i = 0; i <= 6; i++) {
		check_int(t, s.answers[i], 1);
		check_int(t, s.status[i], i == 1 || i == 3 ? STORE_FULL : STORE_OK);
	}
	check_str(t, s.value[2], "before");
	check(t, s.value[4].p == NULL);
	check_str(t, s.value[6], "after");
	store_stats(s.store, &stats);
	check_int(t, (intmax_t)stats.full, 2);
	simulation_close(&s);
}

/* Slow work runs elsewhere, answers here, and holds up no request. */
TEST(offload_delays_no_request)
{
	struct work works[4] = {{.sleep_ms = 300}, {.sleep_ms = 300}, {0}, {0}};
	struct store_request *r;
	struct fixture f;
	bool is_busy = true;

	fixture_open(&f, "sqlite");
	for (size_t i = 0; i < COUNT(works); i++)
		store_offload(f.store, f.loop, work, work_done, &works[i]);
	r = request_new(&f);
	store_doc_put(r, ROMEO, "vcard", STR("v"));
	check_int(t, ask_status(&f, r), STORE_OK);
	check(t, !works[0].is_done && !works[1].is_done);
	while (is_busy) {
		loop_turn(f.loop, 1000);
		is_busy = false;
		for (size_t i = 0; i < COUNT(works); i++)
			is_busy = is_busy || !works[i].is_done;
	}
	for (size_t i = 0; i < COUNT(works); i++) {
		check(t, !pthread_equal(works[i].ran_on, pthread_self()));
		check(t, pthread_equal(works[i].answered_on, pthread_self()));
	}
	fixture_close(&f);
}

TEST(offload_under_simulation)
{
	struct work w = {0};
	struct simulation s;

	simulation_open(&s, t);
	store_offload(s.store, s.loop, work, work_done, &w);
	deliver();
	check(t, !w.is_done);
	check(t, store_step(s.store, 1));
	check(t, !w.is_done);
	deliver();
	check(t, w.is_done && pthread_equal(w.ran_on, pthread_self()));
	w.is_done = false;
	store_offload(s.store, s.loop, work, work_done, &w);
	store_simulate_crash(s.store, false);
	check(t, !store_step(s.store, 1));
	deliver();
	check(t, !w.is_done);
	simulation_close(&s);
}
