/* SPDX-License-Identifier: MIT */
/* test.c - runs the tests that registered themselves, and counts. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

static struct {
	const char *name;
	void (*run)(struct test *t);
} tests[512];
static size_t count;

void
test_add(const char *name, void (*run)(struct test *t))
{
	assert(count < COUNT(tests));
	tests[count].name = name;
	tests[count++].run = run;
}

void
test_row(struct test *t, const char *row)
{
	snprintf(t->row, sizeof(t->row), "%s", row);
}

void
test_skip(struct test *t, const char *why)
{
	t->skipped = why;
}

static void
failed(struct test *t, const char *file, int line)
{
	t->failures++;
	printf("%s:%d: %s", file, line, t->name);
	if (t->row[0] != '\0')
		printf(" [%s]", t->row);
}

bool
test_check(struct test *t, const char *file, int line, bool claim, const char *text)
{
	if (!claim) {
		failed(t, file, line);
		printf(": not so: %s\n", text);
	}
	return claim;
}

bool
test_check_int(struct test *t, const char *file, int line, intmax_t got, intmax_t want,
	       const char *text)
{
	if (got != want) {
		failed(t, file, line);
		printf(": %s is %" PRIdMAX ", not %" PRIdMAX "\n", text, got, want);
	}
	return got == want;
}

bool
test_check_str(struct test *t, const char *file, int line, struct str got, struct str want,
	       const char *text)
{
	bool is_same = str_equal(got, want) && (got.p == NULL) == (want.p == NULL);

	if (!is_same) {
		failed(t, file, line);
		printf(": %s is %s\"%.*s\", not %s\"%.*s\"\n", text, got.p ? "" : "absent ",
		       STR_ARG(got), want.p ? "" : "absent ", STR_ARG(want));
	}
	return is_same;
}

int
main(int argc, char **argv)
{
	unsigned passed = 0, failures = 0, skipped = 0;

	for (size_t i = 0; i < count; i++) {
		struct test t = {.name = tests[i].name};

		if (argc > 1 && strstr(t.name, argv[1]) == NULL)
			continue;
		t.arena = arena_new();
		tests[i].run(&t);
		arena_free(t.arena);
		if (t.skipped != NULL) {
			printf("SKIP %s: %s\n", t.name, t.skipped);
			skipped++;
		} else if (t.failures > 0) {
			printf("FAIL %s\n", t.name);
			failures++;
		} else {
			passed++;
		}
	}
	arena_thread_end();
	printf("%u passed, %u failed, %u skipped\n", passed, failures, skipped);
	return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
