/* SPDX-License-Identifier: MIT */
/* test_bench.c - the load generator's own parts: what it measures with must be right. */
#include "bench/peer.h"
#include "bench/scan.h"
#include "bench/scram.h"
#include "bench/stats.h"

#include "test.h"

#include <unistd.h>

#define HEADER "<?xml version='1.0'?><stream:stream id='a>b' xmlns='jabber:client'>"

static const struct {
	const char *stream, *items; /* the kinds of all items: H header, S stanza, E end, B bad */
	const char *last;           /* the text of the last */
} streams[] = {
	{HEADER, "H", HEADER},
	{HEADER "<a/>", "HS", "<a/>"},
	{HEADER " \n<iq><q x='/>'><i/></q></iq>", "HS", "<iq><q x='/>'><i/></q></iq>"},
	{HEADER "<m>a &lt; b</m><p y=\"'>\"/></stream:stream>", "HSSE", "</stream:stream>"},
	{HEADER "<m><b>", "H", HEADER},
	{HEADER "<m><!-- no --></m>", "HB", NULL},
	{"</stream:stream>", "B", NULL},
};

static void
check_stream(struct test *t, size_t row, size_t step)
{
	struct str all = str(streams[row].stream), item = STR_NONE, kept = STR_NONE;
	struct scan scan = {0};
	size_t from = 0, n = 0, used;
	char kinds[16] = "";

	for (size_t end = MIN(step, all.len); end <= all.len && n < 15; end += step) {
		enum scan_item what;
		struct str seen = str_first(all, end);

		while (n < 15 &&
		       (what = scan_next(&scan, str_from(seen, from), &item, &used)) != SCAN_MORE) {
			kinds[n++] = "?HSEB"[what];
			from += used;
			kept = item;
			if (what == SCAN_BAD)
				n = 15;
		}
	}
	test_row(t, streams[row].stream);
	check_str(t, str(kinds), streams[row].items);
	if (streams[row].last != NULL)
		check_str(t, kept, streams[row].last);
}

TEST(scan_whole)
{
	for (size_t i = 0; i < COUNT(streams); i++)
		check_stream(t, i, strlen(streams[i].stream));
}

TEST(scan_byte_by_byte)
{
	for (size_t i = 0; i < COUNT(streams); i++)
		check_stream(t, i, 1);
}

TEST(scan_parts)
{
	struct str iq =
		STR("<iq from='a@b/c' myid='no' id=\"x'1\" type='result'><q id='2'>text</q></iq>");

	check_str(t, scan_attribute(iq, "id"), "x'1");
	check_str(t, scan_attribute(iq, "from"), "a@b/c");
	check(t, scan_attribute(iq, "to").p == NULL);
	check_str(t, scan_between(iq, "<q id='2'>", "<"), "text");
	check(t, scan_between(iq, "<r>", "<").p == NULL);
	check(t, scan_is(iq, "iq") && !scan_is(iq, "i") && scan_is(STR("<iq/>"), "iq"));
	check(t, scan_contains(iq, "text</q>"));
}

TEST(percentiles)
{
	static struct stats stats, other;

	for (uint64_t i = 1; i <= 50000; i++)
		stats_add(&stats, i * 1000);
	for (uint64_t i = 50001; i <= 100000; i++)
		stats_add(&other, i * 1000);
	stats_merge(&stats, &other);
	check_int(t, (intmax_t)stats.count, 100000);
	check_int(t, (intmax_t)stats.max, 100000000);
	for (unsigned percent = 1; percent <= 99; percent += 7) {
		double got = (double)stats_percentile(&stats, percent), want = percent * 1e6;

		check(t, got >= want && got < want * 1.017);
	}
	check_int(t, (intmax_t)stats_percentile(&stats, 100), 100000000);
	stats_clear(&stats);
	check_int(t, (intmax_t)stats_percentile(&stats, 50), 0);
	stats_add(&stats, 7);
	check_int(t, (intmax_t)stats_percentile(&stats, 50), 7);
}

/* The exchange of RFC 7677 §3. */
TEST(scram_sha_256)
{
	struct scram_cache cache = {0};
	struct scram scram = {0};
	const char *why = NULL;
	struct str out, server_first = STR("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
					   "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");

	check_str(t, scram_first(&scram, t->arena, false, "user", STR("rOprNGfwEbeRWgbNEkqO")),
		  "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
	for (int twice = 0; twice < 2; twice++) { /* the second from the cache */
		check_int(t,
			  scram_final(&scram, t->arena, &cache, "pencil", server_first, &out, &why),
			  0);
		check_str(t, out,
			  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
			  "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
	}
	check(t,
	      scram_check(&scram, t->arena, STR("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")));
	check(t, !scram_check(&scram, t->arena,
			      STR("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=")));
	check_int(t,
		  scram_final(&scram, t->arena, &cache, "pencil", STR("r=other,s=AAAA,i=1"), &out,
			      &why),
		  -1);
	scram_cache_free(&cache);
}

TEST(peer_sees_this_process)
{
	struct peer peer = {0}, gone = {0};
	struct peer_usage usage;
	volatile unsigned burn = 0;
	uint64_t before;

	check_int(t, peer_add_pid(&peer, getpid()), 0);
	check_int(t, peer_cpu(&peer, &usage), 0);
	before = usage.cpu_ns;
	while (peer_own_cpu_ns() < before + 30000000u)
		burn++;
	check_int(t, peer_memory(&peer, &usage), 0);
	check(t, usage.cpu_ns >= before + 30000000u && usage.cpu_ns < before + 3000000000u);
	check(t, usage.pss_kb > 100 && usage.private_kb <= usage.pss_kb);
	check_int(t, usage.processes, 1);
	check_int(t, peer_add_pid(&gone, 0x7ffffff0), 0);
	check_int(t, peer_cpu(&gone, &usage), -1);
}
