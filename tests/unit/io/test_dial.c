/* SPDX-License-Identifier: MIT */
/* test_dial.c - records of the DNS, the order of SRV targets, addresses, and attempts that overlap.
 */
#include "test.h"

#include "base/buf.h"
#include "io/dial.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

static const struct {
	enum dns_type type;
	struct str data;
	const char *target; /* NULL: refused */
} records[] = {
	{DNS_A, STR("\x7f\x00\x00\x01"), ""},
	{DNS_A, STR("\x7f\x00\x00"), NULL},
	{DNS_A, STR("\x7f\x00\x00\x01\x00"), NULL},
	{DNS_AAAA, STR("0123456789abcdef"), ""},
	{DNS_AAAA, STR("0123456789abcde"), NULL},
	{DNS_SRV, STR("\0\1\0\2\x14\x95\1a\7example\0"), "a.example"},
	{DNS_SRV, STR("\0\0\0\0\0\0\0"), ""}, /* "." */
	{DNS_SRV, STR("\0\1\0\2\x14\x95"), NULL},
	{DNS_SRV, STR("\0\1\0\2\x14"), NULL},
	{DNS_SRV, STR("\0\1\0\2\x14\x95\1a"), NULL},      /* no end */
	{DNS_SRV, STR("\0\1\0\2\x14\x95\2a"), NULL},      /* label past the end */
	{DNS_SRV, STR("\0\1\0\2\x14\x95\1a\0x"), NULL},   /* more behind */
	{DNS_SRV, STR("\0\1\0\2\x14\x95\xc0\x0c"), NULL}, /* a pointer: a loop */
	{DNS_SRV, STR("\0\1\0\2\x14\x95\3a.b\0"), NULL},  /* a dot within a label */
	{DNS_SRV, STR("\0\1\0\2\x14\x95\3a\0b\0"), NULL}, /* a NUL within */
	{DNS_SRV, STR("\0\1\0\2\x14\x95\3a b\0"), NULL},
	{DNS_SRV, STR(""), NULL},
};

TEST(sec44_dns_read_record)
{
	for (size_t i = 0; i < COUNT(records); i++) {
		struct dns_record out = {0};
		int rc = dns_read_record(records[i].type, records[i].data, &out);

		test_row(t, arena_printf(t->arena, "row %zu", i).p);
		check_int(t, rc, records[i].target != NULL ? 0 : -1);
		if (rc == 0)
			check_str(t, str(out.target), records[i].target);
	}
}

/* A name may be as long as the DNS has them, and no longer. */
TEST(sec44_dns_long_names)
{
	for (size_t labels = 1; labels <= 5; labels++) {
		struct buf data = {0};
		struct dns_record out;

		buf_add(&data, STR("\0\1\0\2\x14\x95"));
		for (size_t i = 0; i < labels; i++) {
			buf_add_char(&data, 63);
			for (size_t k = 0; k < 63; k++)
				buf_add_char(&data, 'a');
		}
		buf_add_char(&data, '\0');
		test_row(t, arena_printf(t->arena, "%zu labels", labels).p);
		check_int(t, dns_read_record(DNS_SRV, buf_str(&data), &out), labels <= 3 ? 0 : -1);
		buf_free(&data);
	}
}

static const struct {
	const char *address;
	bool is_private;
} addresses[] = {
	{"127.0.0.1", true},
	{"10.1.2.3", true},
	{"172.16.0.1", true},
	{"172.32.0.1", false},
	{"192.168.1.1", true},
	{"169.254.169.254", true},
	{"100.64.0.1", true},
	{"100.128.0.1", false},
	{"0.0.0.0", true},
	{"224.0.0.1", true},
	{"255.255.255.255", true},
	{"8.8.8.8", false},
	{"198.18.0.1", true},
	{"192.0.2.1", false},
	{"::1", true},
	{"::", true},
	{"fe80::1", true},
	{"fd00::1", true},
	{"fc00::1", true},
	{"fec0::1", true},
	{"ff02::1", true},
	{"2001:db8::1", false},
	{"::ffff:127.0.0.1", true},
	{"::ffff:8.8.8.8", false},
	{"64:ff9b::10.0.0.1", true},
	{"64:ff9b::8.8.8.8", false},
	{"2a00::1", false},
};

TEST(sec44_dial_is_private)
{
	for (size_t i = 0; i < COUNT(addresses); i++) {
		union dial_address address = {0};

		test_row(t, addresses[i].address);
		if (inet_pton(AF_INET, addresses[i].address, &address.v4.sin_addr) == 1)
			address.v4.sin_family = AF_INET;
		else if (inet_pton(AF_INET6, addresses[i].address, &address.v6.sin6_addr) == 1)
			address.v6.sin6_family = AF_INET6;
		check(t, address.any.sa_family != 0);
		check_int(t, dial_is_private(&address), addresses[i].is_private);
	}
}

/* RFC 2782: by priority; within one, as often first as the weight says. */
TEST(dial_order)
{
	unsigned firsts[4] = {0};

	for (unsigned n = 0; n < 4000; n++) {
		struct dial_target targets[] = {
			{.priority = 20, .weight = 1, .port = 3},
			{.priority = 10, .weight = 30, .port = 1},
			{.priority = 10, .weight = 10, .port = 2},
			{.priority = 10, .weight = 0, .port = 0},
		};

		dial_order(targets, COUNT(targets));
		check_int(t, targets[3].priority, 20);
		check(t, targets[0].port < 3);
		firsts[targets[0].port]++;
	}
	check(t, firsts[1] > 2700 && firsts[1] < 3200);
	check(t, firsts[2] > 800 && firsts[2] < 1200);
	check(t, firsts[0] > 20 && firsts[0] < 300);
}

struct outcome {
	int fd;
	bool has_failed;
	enum dial_failure failure;
};

static void
on_connected(struct dial *dial, int fd, const struct dial_facts *facts)
{
	struct outcome *outcome = dial_owner(dial);

	(void)facts;
	outcome->fd = fd;
}

static void
on_failed(struct dial *dial, enum dial_failure failure, const char *why)
{
	struct outcome *outcome = dial_owner(dial);

	(void)why;
	outcome->has_failed = true;
	outcome->failure = failure;
}

static const struct dial_handlers handlers = {on_connected, on_failed};

/* On loopback, to a port that listens, and to one that does not any more. */
TEST(dial_connects_or_tells)
{
	struct loop *loop = loop_new();
	struct dns *dns = dns_new(loop, NULL, NULL);
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(own);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct outcome outcome = {.fd = -1};
	struct dial_options options = {
		.domain = "a.example", .address = "127.0.0.1", .service = "", .direct_service = ""};
	struct dial *dial;

	check_int(t, bind(listener, (struct sockaddr *)&own, len), 0);
	check_int(t, listen(listener, 1), 0);
	check_int(t, getsockname(listener, (struct sockaddr *)&own, &len), 0);
	options.port = ntohs(own.sin_port);
	dial = dial_new(loop, dns, &options, &handlers, &outcome);
	for (unsigned i = 0; i < 1000 && outcome.fd < 0 && !outcome.has_failed; i++)
		loop_turn(loop, 10);
	check(t, outcome.fd >= 0);
	close(outcome.fd);
	close(listener);
	dial_next(dial); /* there is no other */
	for (unsigned i = 0; i < 1000 && !outcome.has_failed; i++)
		loop_turn(loop, 10);
	check_int(t, outcome.failure, DIAL_UNREACHABLE);
	dial_free(dial);

	outcome = (struct outcome){.fd = -1};
	options.address = NULL;
	options.domain = "127.0.0.1"; /* a domain that is an address, and a private one */
	dial = dial_new(loop, dns, &options, &handlers, &outcome);
	for (unsigned i = 0; i < 1000 && !outcome.has_failed; i++)
		loop_turn(loop, 10);
	check_int(t, outcome.failure, DIAL_FORBIDDEN);
	dial_free(dial);
	dns_free(dns);
	loop_free(loop);
}
