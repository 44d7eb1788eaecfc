/* SPDX-License-Identifier: MIT */
/* test_base.c - strings, buffers, maps, hashes, encodings, dates. */
#include "test.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/rand.h"
#include "base/time.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

TEST(arena_keeps_what_it_gave)
{
	struct arena *arena = arena_new();
	char *pieces[500];

	for (size_t i = 0; i < COUNT(pieces); i++) {
		pieces[i] = arena_alloc(arena, i * 7);
		check(t, ((uintptr_t)pieces[i] & 15) == 0);
		memset(pieces[i], (int)i, i * 7);
	}
	for (size_t i = 1; i < COUNT(pieces); i++)
		for (size_t k = 0; k < i * 7; k++)
			if (pieces[i][k] != (char)i) {
				check(t, false);
				return;
			}
	check_str(t, arena_printf(arena, "%d %s", 7, "dwarfs"), "7 dwarfs");
	arena_free(arena);
}

TEST(map_against_many_keys)
{
	struct map map = {0};
	static char keys[5000][16];
	uint32_t at = 0, seen = 0;
	void *value;

	for (size_t i = 0; i < COUNT(keys); i++) {
		snprintf(keys[i], sizeof(keys[i]), "key%zu", i);
		check(t, map_put(&map, str(keys[i]), keys[i]) == NULL);
	}
	for (size_t i = 0; i < COUNT(keys); i += 2)
		check(t, map_remove(&map, str(keys[i])) == keys[i]);
	for (size_t i = 0; i < COUNT(keys); i++)
		check(t, map_get(&map, str(keys[i])) == (i % 2 ? keys[i] : NULL));
	while (map_next(&map, &at, &value))
		seen++;
	check_int(t, seen, COUNT(keys) / 2);
	check(t, map_remove(&map, STR("nothing")) == NULL);
	map_free(&map);
}

/*
 * SEC-09: names that all collide under a key that somebody knows are spread by the process's own.
 * The test looks at how far entries lie from their place, not at time.
 */
TEST(sec09_collisions_need_the_key)
{
	struct hash_key known = {0, 0};
	static char names[1000][16];
	struct map map = {0};
	uint32_t farthest = 0;
	size_t count = 0;

	for (unsigned i = 0; count < COUNT(names); i++) {
		snprintf(names[count], sizeof(names[count]), "n%u", i);
		if ((hash_bytes(known, str(names[count])) & 0xfff) == 0)
			count++;
	}
	for (size_t i = 0; i < COUNT(names); i++)
		map_put(&map, str(names[i]), names[i]);
	for (uint32_t i = 0; i < map.size; i++)
		if (map.slots[i].value != NULL)
			farthest = MAX(farthest, (i - map.slots[i].hash) & (map.size - 1));
	check(t, farthest < 100);
	map_free(&map);
}

TEST(hash_depends_on_the_key)
{
	struct hash_key a = {1, 2}, b = {1, 3};

	check(t, hash_bytes(a, STR("romeo")) == hash_bytes(a, STR("romeo")));
	check(t, hash_bytes(a, STR("romeo")) != hash_bytes(b, STR("romeo")));
	check(t, hash_bytes(a, STR("romeo")) != hash_bytes(a, STR("romeo\0")));
}

static const struct {
	const char *text, *bytes; /* bytes NULL: refused */
} base64_cases[] = {
	{"", ""},        {"Zg==", "f"},        {"Zm8=", "fo"},
	{"Zm9v", "foo"}, {"Zm9vYg==", "foob"}, {"Zm9vYmE=", "fooba"},
	{"Zg=", NULL},   {"Zg", NULL},         {"Zh==", NULL},
	{"Z===", NULL},  {"Zm9=", NULL},       {"Zm 9v", NULL},
	{"====", NULL},  {"Zg==Zg==", NULL},
};

TEST(base64)
{
	for (size_t i = 0; i < COUNT(base64_cases); i++) {
		struct str out = STR_NONE;
		int rc = base64_decode(t->arena, str(base64_cases[i].text), &out);

		test_row(t, base64_cases[i].text);
		check_int(t, rc, base64_cases[i].bytes == NULL ? -1 : 0);
		if (rc == 0) {
			check_str(t, out, base64_cases[i].bytes);
			check_str(t, base64_encode(t->arena, out), base64_cases[i].text);
		}
	}
}

/* SEC-01: every sequence of up to three bytes, and four-byte ones at their borders. */
TEST(sec01_utf8_exhaustive)
{
	unsigned valid = 0;

	for (uint32_t n = 0; n < 1u << 24; n++) {
		char bytes[3] = {(char)(n >> 16), (char)(n >> 8), (char)n};
		size_t len;
		uint32_t c;
		char again[4];

		if (!utf8_is_valid(str_of(bytes, 3)) || (unsigned char)bytes[0] < 0xe0)
			continue;
		valid++;
		c = utf8_decode(str_of(bytes, 3), &len);
		if (len != 3 || c < 0x800 || (c >= 0xd800 && c < 0xe000) ||
		    utf8_encode(c, again) != 3 || memcmp(again, bytes, 3) != 0) {
			check(t, false);
			return;
		}
	}
	check_int(t, valid, 0x10000 - 0x800 - 0x800);
	check(t, utf8_is_valid(STR("\xf0\x90\x80\x80")) && utf8_is_valid(STR("\xf4\x8f\xbf\xbf")));
	check(t,
	      !utf8_is_valid(STR("\xf4\x90\x80\x80")) && !utf8_is_valid(STR("\xf0\x8f\xbf\xbf")));
	check(t, !utf8_is_valid(STR("\xc0\x80")) && !utf8_is_valid(STR("\xed\xa0\x80")));
}

static const struct {
	const char *text;
	int64_t us; /* -1: refused */
} dates[] = {
	{"1970-01-01T00:00:00Z", 0},
	{"2002-09-10T23:41:07Z", 1031701267000000},
	{"2002-09-10T18:41:07-05:00", 1031701267000000},
	{"2002-09-10T23:41:07.123Z", 1031701267123000},
	{"2002-09-10", -1},
	{"2002-13-10T23:41:07Z", -1},
	{"2002-09-10T23:41:07", -1},
	{"2002-09-10T23:41:07Zx", -1},
	{"", -1},
};

TEST(dates_of_xep0082)
{
	for (size_t i = 0; i < COUNT(dates); i++) {
		uint64_t us = 0;
		int rc = time_parse(str(dates[i].text), &us);

		test_row(t, dates[i].text);
		check_int(t, rc, dates[i].us < 0 ? -1 : 0);
		if (rc == 0)
			check_int(t, (intmax_t)us, dates[i].us);
	}
	check_str(t, time_format(t->arena, 1031701267123000, true), "2002-09-10T23:41:07.123Z");
}

static struct buf logged;

static void
collect(enum log_level level UNUSED, struct str line)
{
	buf_add(&logged, line);
	buf_add_char(&logged, '\n');
}

/* SEC-62: no control character of a peer reaches the log. */
TEST(log_escapes_and_folds)
{
	log_set_sink(collect);
	log_event(LOG_INFO, "x", LOG_Z("jid", "a\nlevel=error \"\x1b[2J"), LOG_INT("n", -3));
	check_str(t, buf_str(&logged),
		  "level=info event=x jid=\"a\\nlevel=error \\\"\\x1b[2J\" n=-3\n");
	buf_clear(&logged);
	for (unsigned i = 0; i < 5 * LOG_FOLD_MAX; i++)
		log_event(LOG_WARNING, "flood", LOG_INT("i", i));
	check(t, buf_len(&logged) < (LOG_FOLD_MAX + 1) * 40);
	log_set_sink(NULL);
	buf_free(&logged);
}

TEST(rand_tokens_differ)
{
	struct str a = rand_token(t->arena, 128), b = rand_token(t->arena, 128);

	check_int(t, (intmax_t)a.len, 22);
	check(t, !str_equal(a, b));
}
