/* SPDX-License-Identifier: MIT */
/*
 * test.h - the harness of the unit tests: TEST(name) { check_...(t, ...); }.
 *
 * A check that fails prints file, line and row, and the test goes on. Each test program is linked
 * with test.c, which holds main(): it runs every TEST of the program and prints
 * "N passed, N failed, N skipped". An argument runs only the tests whose name contains it.
 */
#pragma once

#include "base/arena.h"

#include <inttypes.h>

struct test {
	struct arena *arena; /* lives as long as the test */
	const char *name;
	char row[256];
	unsigned failures;
	const char *skipped; /* why, or NULL */
};

void test_add(const char *name, void (*run)(struct test *t));
/* Names the row of a table that the next checks are about. */
void test_row(struct test *t, const char *row);
/* Ends the test as skipped; say what was missing. Return after it. */
void test_skip(struct test *t, const char *why);

#define TEST(name)                                                                                 \
	static void test_##name(struct test *t);                                                   \
	__attribute__((constructor)) static void test_register_##name(void)                        \
	{                                                                                          \
		test_add(#name, test_##name);                                                      \
	}                                                                                          \
	static void test_##name(struct test *t)

#define check(t, claim) test_check(t, __FILE__, __LINE__, (claim), #claim)
#define check_int(t, got, want) test_check_int(t, __FILE__, __LINE__, (got), (want), #got)
#define check_str(t, got, want) test_check_str(t, __FILE__, __LINE__, (got), str(want), #got)
#define check_strs(t, got, want) test_check_str(t, __FILE__, __LINE__, (got), (want), #got)

bool test_check(struct test *t, const char *file, int line, bool claim, const char *text);
bool test_check_int(struct test *t, const char *file, int line, intmax_t got, intmax_t want,
		    const char *text);
bool test_check_str(struct test *t, const char *file, int line, struct str got, struct str want,
		    const char *text);
