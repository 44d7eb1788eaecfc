/* SPDX-License-Identifier: MIT */
/* test_repeats.c - how long a message is remembered, and how many are. */
#include "test.h"

#include "server/repeats.h"

TEST(told_again)
{
	struct repeats repeats = {0};

	check(t, !repeats_note(&repeats, 7, 100));
	check(t, !repeats_note(&repeats, 8, 100));
	check(t, repeats_note(&repeats, 7, 100));
	check(t, repeats_note(&repeats, 8, 100 + REPEATS_S * 2)); /* nothing came in between */
	repeats_forget(&repeats, 7);
	check(t, !repeats_note(&repeats, 7, 100)); /* refused, and sent again */
	check(t, repeats_note(&repeats, 7, 100));
	repeats_free(&repeats);
}

/* All of the last minutes, however many came in between, up to the bound. */
TEST(many_in_a_short_time)
{
	struct repeats repeats = {0};

	for (unsigned i = 1; i <= REPEATS_MAX; i++)
		check(t, !repeats_note(&repeats, i, 1000 + i / 10));
	for (unsigned i = 1; i <= REPEATS_MAX; i++)
		check(t, repeats_note(&repeats, i, 1200));
	check(t, !repeats_note(&repeats, REPEATS_MAX + 1, 1200));
	check_int(t, repeats.size, REPEATS_MAX);
	check(t, !repeats_note(&repeats, 1, 1200)); /* the oldest gave way */
	check(t, repeats_note(&repeats, 3, 1200));
	repeats_free(&repeats);
}

/* One message an hour needs no more memory than the least. */
TEST(few_in_a_long_time)
{
	struct repeats repeats = {0};

	for (unsigned i = 1; i <= 200; i++)
		check(t, !repeats_note(&repeats, i, i * 3600));
	check(t, repeats.size < 20);
	check(t, repeats_note(&repeats, 200, 200 * 3600));
	check(t, !repeats_note(&repeats, 100, 200 * 3600));
	repeats_free(&repeats);
}
