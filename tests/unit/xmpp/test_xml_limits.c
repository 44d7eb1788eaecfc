/* SPDX-License-Identifier: MIT */
/*
 * test_xml_limits.c - how much one element may have of everything, what it costs in time and
 * memory, and what is kept between elements (SEC-06, SEC-07, SEC-08, SEC-11).
 */
#include "test.h"

#include "base/buf.h"
#include "xmpp/xml_reader.h"
#include "xmpp/xml_writer.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

static const struct xml_limits wide = {1u << 30, 60000, 60000, 10000000};

/* PIECE COUNT times between BEFORE and AFTER. */
static struct str
repeated(struct arena *arena, const char *before, const char *piece, size_t count,
	 const char *after)
{
	struct buf buf = {0};
	struct str text;

	buf_addz(&buf, before);
	for (size_t i = 0; i < count; i++)
		buf_addz(&buf, piece);
	buf_addz(&buf, after);
	text = arena_dup(arena, buf_str(&buf));
	buf_free(&buf);
	return text;
}

/* What comes of TEXT, CUT bytes at a time, without root: an event, or -1 - fault. */
static int
outcome(struct str text, size_t cut, const struct xml_limits *limits)
{
	struct xml_reader *reader = xml_reader_new(limits, false);
	enum xml_event event = XML_MORE;
	int result;

	while (event == XML_MORE && text.len > 0) {
		struct str piece = str_first(text, cut);
		struct arena *arena;
		struct element *el;

		text = str_from(text, piece.len);
		event = xml_reader_next(reader, &piece, &arena, &el);
		arena_free(arena);
	}
	result = event == XML_WRONG ? -1 - (int)xml_reader_why(reader, NULL) : (int)event;
	xml_reader_free(reader);
	return result;
}

static void
check_outcome(struct test *t, struct str text, const struct xml_limits *limits, int want)
{
	check_int(t, outcome(text, text.len, limits), want);
	check_int(t, outcome(text, 1, limits), want);
}

#define TOO_LARGE (-1 - XML_TOO_LARGE)

TEST(sec11_bytes_to_the_byte)
{
	static const size_t sizes[] = {20, 511, 512, 513, 1000, 5000, 65536};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct str text = repeated(t->arena, "<a>", "x", sizes[i] - 7, "</a>");
		struct xml_limits limits = wide;

		limits.bytes = (uint32_t)text.len;
		check_outcome(t, text, &limits, XML_ELEMENT);
		limits.bytes--;
		check_outcome(t, text, &limits, TOO_LARGE);
		limits.bytes = 1;
		check_outcome(t, text, &limits, TOO_LARGE);
	}
}

TEST(sec07_depth_attributes_nodes)
{
	struct xml_limits limits = {10000, 5, 5, 5};

	check_outcome(t, STR("<a><b><c><d><e/></d></c></b></a>"), &limits, XML_ELEMENT);
	check_outcome(t, STR("<a><b><c><d><e><f"), &limits, XML_MORE);
	check_outcome(t, STR("<a><b><c><d><e><f>"), &limits, TOO_LARGE);
	check_outcome(t, STR("<a a='' b='' c='' d='' e=''/>"), &limits, XML_ELEMENT);
	check_outcome(t, STR("<a a='' b='' c='' d='' e='' f=''/>"), &limits, TOO_LARGE);
	check_outcome(t, STR("<a a='' b='' xmlns:c='c' d='' e='' f=''/>"), &limits, TOO_LARGE);
	check_outcome(t, STR("<a>1<b/>2<c/></a>"), &limits, XML_ELEMENT);
	check_outcome(t, STR("<a>1<b/>2<c/>3</a>"), &limits, TOO_LARGE);
	check_outcome(t, STR("<a><b/><b/><b/><b/><b/></a>"), &limits, TOO_LARGE);
}

/* Names and declarations have limits of their own. */
TEST(sec07_names_and_declarations)
{
	struct buf buf = {0};

	check_outcome(t, repeated(t->arena, "<", "n", 1024, "/>"), &wide, XML_ELEMENT);
	check_outcome(t, repeated(t->arena, "<", "n", 1025, "/>"), &wide, TOO_LARGE);
	check_outcome(t, repeated(t->arena, "<a ", "n", 1025, "=''/>"), &wide, TOO_LARGE);
	for (int count = 64; count <= 65; count++) {
		buf_clear(&buf);
		buf_addz(&buf, "<a");
		for (int i = 0; i < count; i++)
			buf_printf(&buf, " xmlns:p%d='urn:p'", i);
		buf_addz(&buf, "/>");
		check_outcome(t, buf_str(&buf), &wide, count == 64 ? XML_ELEMENT : TOO_LARGE);
	}
	buf_free(&buf);
	/* Those of a sibling are out of scope. */
	check_outcome(t,
		      repeated(t->arena, "<a>", "<b xmlns='urn:b' xmlns:c='urn:c'/>", 500, "</a>"),
		      &wide, XML_ELEMENT);
}

/* The stream's header counts as the elements do, and its declarations are held within bounds. */
TEST(sec12_header_limits)
{
	struct xml_limits limits = {200, 5, 5, 5};
	struct xml_reader *reader = xml_reader_new(&limits, true);
	struct str input = repeated(t->arena, "<s", " a", 100, ">");
	struct arena *arena;
	struct element *el;

	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_WRONG);
	xml_reader_restart(reader);
	input = repeated(t->arena, "<s a='", "a", 200, "'>");
	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_WRONG);
	check_int(t, xml_reader_why(reader, NULL), XML_TOO_LARGE);
	xml_reader_restart(reader);
	input = STR("<s a='' b='' c='' d='' e='' f=''>");
	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_WRONG);
	check_int(t, xml_reader_why(reader, NULL), XML_TOO_LARGE);
	xml_reader_free(reader);
}

/* New limits are for the next element. */
TEST(xml_limits_change_between_elements)
{
	struct xml_limits small = {10, 5, 5, 5};
	struct xml_reader *reader = xml_reader_new(&wide, false);
	struct str input = STR("<a>0123");
	struct arena *arena;
	struct element *el;

	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_MORE);
	xml_reader_set_limits(reader, &small);
	input = STR("456789</a><a>0123456789</a>");
	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_ELEMENT);
	arena_free(arena);
	check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_WRONG);
	check_int(t, xml_reader_why(reader, NULL), XML_TOO_LARGE);
	xml_reader_free(reader);
}

struct deep {
	struct str text;
	struct xml_limits limits;
	int whole, drip;
	size_t written;
};

static void *
read_deep(void *user)
{
	struct deep *deep = user;
	struct arena *arena = arena_new();
	struct element *el = xml_parse(arena, deep->text, &deep->limits, NULL);

	deep->whole = outcome(deep->text, deep->text.len, &deep->limits);
	deep->drip = outcome(deep->text, 7, &deep->limits);
	if (el != NULL)
		deep->written =
			xml_text(arena, element_copy(arena, el), STR("")).len + el->source.len;
	arena_free(arena);
	arena_thread_end();
	return NULL;
}

/* On a thread with little stack. */
static void
run_deep(struct test *t, struct deep *deep)
{
	pthread_attr_t attr;
	pthread_t thread;
	/* Most of the larger one is the sanitizer's own; 60,000 frames would not fit either. */
	size_t stack = (IS_SANITIZED ? 512 : 64) * 1024;

	check_int(t, pthread_attr_init(&attr), 0);
	check_int(t, pthread_attr_setstacksize(&attr, stack), 0);
	check_int(t, pthread_create(&thread, &attr, read_deep, deep), 0);
	check_int(t, pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
}

TEST(sec06_a_million_levels)
{
	struct deep deep = {repeated(t->arena, "", "<a>", 1000000, ""), wide, 0, 0, 0};

	deep.limits.depth = 64;
	run_deep(t, &deep);
	check_int(t, deep.whole, TOO_LARGE);
	check_int(t, deep.drip, TOO_LARGE);
}

/* As deep as a limit can be: read, copied and written in 64 KiB of stack. */
TEST(sec06_no_recursion)
{
	struct str text = repeated(t->arena, "", "<a>", 60000, "");
	struct deep deep = {arena_join(t->arena, text, repeated(t->arena, "", "</a>", 60000, "")),
			    wide, 0, 0, 0};

	run_deep(t, &deep);
	check_int(t, deep.whole, XML_ELEMENT);
	check_int(t, deep.drip, XML_ELEMENT);
	/* The innermost is written as <a/>. */
	check_int(t, (intmax_t)deep.written, (intmax_t)(2 * deep.text.len - 3));
}

/* Of this thread's processor time, whatever else the machine is doing. */
static double
seconds_for(struct str text, size_t cut)
{
	double best = 1e9;

	for (int i = 0; i < 4; i++) {
		struct timespec start, end;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
		if (outcome(text, cut, &wide) != XML_ELEMENT)
			return -1;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
		best = MIN(best, (double)(end.tv_sec - start.tv_sec) +
					 (double)(end.tv_nsec - start.tv_nsec) / 1e9);
	}
	return best;
}

static struct str
many_attributes(struct arena *arena, size_t count)
{
	struct buf buf = {0};
	struct str text;

	buf_addz(&buf, "<a");
	for (size_t i = 0; i < count; i++)
		buf_printf(&buf, " a%05zu=''", i);
	buf_addz(&buf, "/>");
	text = arena_dup(arena, buf_str(&buf));
	buf_free(&buf);
	return text;
}

/* 16 times the input in less than 100 times the time; were it quadratic, it would be 256. */
static void
check_linear(struct test *t, struct str small, struct str large)
{
	double few = seconds_for(small, small.len), many = seconds_for(large, large.len);

	check(t, few >= 0 && many >= 0);
	if (!check(t, many < few * 100))
		printf("%.6f s, and %.6f s for 16 times as much\n", few, many);
}

TEST(sec07_time_is_linear)
{
	static const struct {
		const char *before, *piece, *after;
	} rows[] = {
		{"<a>", "<b/>", "</a>"},      {"<a>", "&#65;", "</a>"},
		{"<a>", "]", "</a>"},         {"<a b='", "\r\n", "'/>"},
		{"<a>", "<b>\r</b>", "</a>"}, {"<a>", "<b xmlns:p='p'><p:c/></b>", "</a>"},
	};

	check_linear(t, many_attributes(t->arena, 3000), many_attributes(t->arena, 48000));
	for (size_t i = 0; i < COUNT(rows); i++) {
		test_row(t, rows[i].piece);
		check_linear(
			t, repeated(t->arena, rows[i].before, rows[i].piece, 5000, rows[i].after),
			repeated(t->arena, rows[i].before, rows[i].piece, 80000, rows[i].after));
	}
}

TEST(sec07_duplicate_among_many)
{
	struct str text = many_attributes(t->arena, 50000);

	check_outcome(t, text, &wide, XML_ELEMENT);
	text = arena_printf(t->arena, "%.*s a00007=''/>", (int)text.len - 2, text.p);
	check_outcome(t, text, &wide, -1 - XML_NOT_WELL_FORMED);
}

/* The most memory for the fewest bytes, over what an empty element takes. */
TEST(sec07_memory_is_a_multiple_of_input)
{
	static const struct {
		const char *before, *piece, *after;
	} rows[] = {
		{"<a>", "<b/>", "</a>"},
		{"<a>", "<b/>x", "</a>"},
		{"<a>", "<b c=''/>", "</a>"},
		{"<a>", "x", "</a>"},
		{"<a>", "&lt;", "</a>"},
		{"<a>", "<b>&lt;</b>", "</a>"},
		{"<a>", "<b xmlns:p='q'/>", "</a>"},
		{"<a b='", "\n", "'/>"},
		{"<a>", "<![CDATA[]]>", "</a>"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str text =
			repeated(t->arena, rows[i].before, rows[i].piece, 30000, rows[i].after);
		struct xml_reader *reader = xml_reader_new(&wide, false);
		struct arena *arena = NULL;
		struct element *el;
		double ratio = 0;

		test_row(t, rows[i].piece);
		/* In pieces, which makes the copy of the source move most often. */
		for (struct str rest = text; rest.len > 0 && arena == NULL;) {
			struct str piece = str_first(rest, 300);

			rest = str_from(rest, piece.len);
			check(t, xml_reader_next(reader, &piece, &arena, &el) != XML_WRONG);
		}
		if (check(t, arena != NULL))
			ratio = (double)arena_size(arena) / (double)text.len;
		if (!check(t, ratio > 0 && ratio < 80))
			printf("%.1f bytes for each of input\n", ratio);
		arena_free(arena);
		xml_reader_free(reader);
	}
}

TEST(sec08_a_megabyte_byte_by_byte)
{
	const double each_call = IS_SANITIZED ? 2000e-9 : 100e-9;
	static const struct {
		const char *before, *piece, *after;
	} rows[] = {
		{"<a>", "The quick brown fox. ", "</a>"},
		{"<a b='", "The quick brown fox. ", "'/>"},
		{"<a>", "]]&gt;", "</a>"},
		{"<a>", "<b c='d'>e</b>", "</a>"},
		{"<a><![CDATA[", "]] ", "]]></a>"},
		{"<a>", "\xe2\x82\xac", "</a>"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t count = (1u << 20) / strlen(rows[i].piece);
		struct str text =
			repeated(t->arena, rows[i].before, rows[i].piece, count, rows[i].after);
		double whole = seconds_for(text, 1 << 14), drip = seconds_for(text, 1);

		test_row(t, rows[i].piece);
		check(t, whole > 0 && drip > 0);
		/* A call costs some 30 ns here; anything that grew with the size would be minutes.
		 */
		if (!check(t, drip < 3 * whole + each_call * (double)text.len))
			printf("%.6f s whole, %.6f s byte by byte\n", whole, drip);
	}
}

static size_t
heap_in_use(void)
{
	return mallinfo2().uordblks;
}

/* 10,000 idle sessions: nothing but the reader itself for the usual header. */
TEST(xml_idle_reader_is_small)
{
	enum { READERS = 1000 };
	static const char header[] =
		"<?xml version='1.0'?><stream:stream to='example.com' version='1.0' xml:lang='en' "
		"xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
	static struct xml_reader *readers[READERS];
	size_t before = heap_in_use();

	for (size_t i = 0; i < READERS; i++) {
		struct str input = STR("<presence><show>away</show></presence>\n ");
		struct str start = str(header);
		struct arena *arena;
		struct element *el;

		readers[i] = xml_reader_new(&wide, true);
		check_int(t, xml_reader_next(readers[i], &start, &arena, &el), XML_HEADER);
		arena_free(arena);
		check_int(t, xml_reader_next(readers[i], &input, &arena, &el), XML_ELEMENT);
		arena_free(arena);
		check_int(t, xml_reader_next(readers[i], &input, &arena, &el), XML_MORE);
		check(t, !xml_reader_is_inside(readers[i]));
	}
	arena_thread_end();
	/* A sanitizer's heap counts otherwise. */
	if (heap_in_use() > before)
		check(t, (heap_in_use() - before) / READERS <= 80);
	for (size_t i = 0; i < READERS; i++)
		xml_reader_free(readers[i]);
}

/* SEC-13: keepalives cost no memory, however many. */
TEST(sec13_white_space_between_elements)
{
	struct xml_reader *reader = xml_reader_new(&wide, false);
	struct arena *arena;
	struct element *el;

	for (int i = 0; i < 100000; i++) {
		struct str input = STR(" \n");

		check_int(t, xml_reader_next(reader, &input, &arena, &el), XML_MORE);
	}
	check(t, !xml_reader_is_inside(reader));
	xml_reader_free(reader);
}
