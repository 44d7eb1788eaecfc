/* SPDX-License-Identifier: MIT */
/* test_listener.c - accepting, spreading over loops, and running out of descriptors. */
#include "peer.h"

#include "io/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>

struct door {
	struct listener *listener;
	int fds[64];
	unsigned count;
	bool closes; /* the listener, at the first guest */
};

static void
accepted(struct listener *listener, int fd)
{
	struct door *door = listener_owner(listener);

	assert(door->count < COUNT(door->fds));
	door->fds[door->count++] = fd;
	if (door->closes)
		listener_free(listener);
}

static void
close_guests(struct door *door)
{
	for (unsigned i = 0; i < door->count; i++)
		close(door->fds[i]);
}

static int
dial(const char *address, uint16_t port)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	inet_pton(AF_INET6, address, &v6.sin6_addr);
	rc = is_v4 ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
		   : connect(fd, (struct sockaddr *)&v6, sizeof(v6));
	if (rc < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

TEST(listener_accepts)
{
	struct loop *loop = loop_new();
	struct door door = {0};
	struct str why = STR_NONE;
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int fds[40];

	check_int(t,
		  listener_new(loop, STR("127.0.0.1"), 0, false, accepted, &door, &door.listener,
			       t->arena, &why),
		  0);
	check(t, listener_port(door.listener) > 0);
	for (unsigned i = 0; i < COUNT(fds); i++)
		fds[i] = dial("127.0.0.1", listener_port(door.listener));
	loop_turn(loop, 1000);
	check_int(t, door.count, LISTENER_PER_TURN);
	turn_until(loop, door.count == COUNT(fds));
	check_int(t, door.count, COUNT(fds));
	check(t, (fcntl(door.fds[0], F_GETFL) & O_NONBLOCK) != 0);
	check(t, (fcntl(door.fds[0], F_GETFD) & FD_CLOEXEC) != 0);
	check_int(t, getpeername(door.fds[0], (struct sockaddr *)&peer, &len), 0);
	for (unsigned i = 0; i < COUNT(fds); i++)
		close(fds[i]);
	close_guests(&door);
	listener_free(door.listener);
	loop_free(loop);
}

/* Two of one port, as two workers have; and one for both families. Another process gets none. */
TEST(listener_shares_a_port)
{
	struct loop *loop = loop_new();
	struct door a = {0}, b = {0};
	struct listener *other;
	struct str why = STR_NONE;
	int fds[60];

	check_int(t,
		  listener_new(loop, STR("*"), 0, false, accepted, &a, &a.listener, t->arena, &why),
		  0);
	check_int(t,
		  listener_new(loop, STR("*"), listener_port(a.listener), true, accepted, &b,
			       &b.listener, t->arena, &why),
		  0);
	check_int(t,
		  listener_new(loop, STR("*"), listener_port(a.listener), false, accepted, &b,
			       &other, t->arena, &why),
		  -1);
	check(t, str_find(why, ':') > 0);
	for (unsigned i = 0; i < COUNT(fds); i++)
		fds[i] = dial(i % 2 ? "127.0.0.1" : "::1", listener_port(a.listener));
	turn_until(loop, a.count + b.count == COUNT(fds));
	/* Where IPv6 is off only half of them come. */
	check(t, a.count + b.count == COUNT(fds) || (fds[0] < 0 && a.count + b.count == 30));
	check(t, a.count > 0 && b.count > 0);
	for (unsigned i = 0; i < COUNT(fds); i++)
		close(fds[i]);
	close_guests(&a);
	close_guests(&b);
	listener_free(a.listener);
	listener_free(b.listener);
	loop_free(loop);
}

TEST(listener_freed_by_its_first_guest)
{
	struct loop *loop = loop_new();
	struct door door = {.closes = true};
	struct str why = STR_NONE;
	int a, b;

	check_int(t,
		  listener_new(loop, STR("127.0.0.1"), 0, false, accepted, &door, &door.listener,
			       t->arena, &why),
		  0);
	a = dial("127.0.0.1", listener_port(door.listener));
	b = dial("127.0.0.1", listener_port(door.listener));
	turn_until(loop, door.count > 0);
	turn_all(loop);
	check_int(t, door.count, 1);
	close(a);
	close(b);
	close_guests(&door);
	loop_free(loop);
}

/* No descriptor is left: the client is told at once, the loop rests, and later all is well again.
 */
TEST(listener_without_descriptors)
{
	struct loop *loop = loop_new();
	struct door door = {0};
	struct str why = STR_NONE;
	struct rlimit limit, low;
	unsigned turns = 0;
	uint64_t begun_ms;
	char byte;
	int a, b;

	check_int(t,
		  listener_new(loop, STR("127.0.0.1"), 0, false, accepted, &door, &door.listener,
			       t->arena, &why),
		  0);
	a = dial("127.0.0.1", listener_port(door.listener));
	getrlimit(RLIMIT_NOFILE, &limit);
	low = limit;
	low.rlim_cur = (rlim_t)a + 1; /* all below are in use */
	setrlimit(RLIMIT_NOFILE, &low);
	begun_ms = time_mono_ms();
	while (time_mono_ms() - begun_ms < 250) {
		loop_turn(loop, 50);
		turns++;
	}
	check_int(t, door.count, 0);
	check(t, turns < 30);
	check_int(t, (intmax_t)listener_refused(door.listener), 1);
	check(t, recv(a, &byte, 1, 0) <= 0); /* closed or reset */
	setrlimit(RLIMIT_NOFILE, &limit);
	b = dial("127.0.0.1", listener_port(door.listener));
	turn_until(loop, door.count == 1);
	check_int(t, door.count, 1);
	close(a);
	close(b);
	close_guests(&door);
	listener_free(door.listener);
	loop_free(loop);
}

static const struct {
	const char *address, *why;
} bad[] = {
	{"localhost", "cannot listen on localhost port 5222: Invalid argument"},
	{"", "cannot listen on  port 5222: Invalid argument"},
	{"192.0.2.1", "cannot listen on 192.0.2.1 port 5222: Cannot assign requested address"},
};

TEST(listener_faults)
{
	struct loop *loop = loop_new();
	struct listener *listener;

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct str why = STR_NONE;

		test_row(t, bad[i].address);
		check_int(t,
			  listener_new(loop, str(bad[i].address), 5222, false, accepted, NULL,
				       &listener, t->arena, &why),
			  -1);
		check_str(t, why, bad[i].why);
	}
	loop_free(loop);
}
