/* SPDX-License-Identifier: MIT */
/* test_conn.c - connections without TLS: sockets and simulated pairs. */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>

/* A connection and the bare socket at its other end. */
static void
set_up(struct loop **loop, struct peer *peer, int *fd)
{
	int fds[2];

	*loop = loop_new();
	*peer = (struct peer){0};
	peer_sockets(fds);
	peer->conn = conn_new(*loop, fds[0], &peer_handlers, peer);
	*fd = fds[1];
}

static void
tear_down(struct loop *loop, struct peer *peer, int fd)
{
	peer_free(peer);
	loop_free(loop);
	if (fd >= 0)
		close(fd);
}

/* What FD has, up to SIZE bytes. */
static struct str
read_all(struct arena *arena, int fd, size_t size)
{
	char *p = arena_bytes(arena, size);
	ssize_t got;
	size_t len = 0;

	while (len < size && (got = read(fd, p + len, size - len)) > 0)
		len += (size_t)got;
	return str_of(p, len);
}

TEST(conn_reads_and_writes)
{
	struct loop *loop;
	struct peer peer;
	int fd;

	set_up(&loop, &peer, &fd);
	check_int(t, write(fd, "<stream>", 8), 8);
	turn_all(loop);
	check_str(t, buf_str(&peer.got), "<stream>");
	check_int(t, peer.calls, 1);
	/* All that is written in a turn leaves together, at its end. */
	conn_write(peer.conn, STR("<a/>"));
	buf_addz(conn_output(peer.conn), "<b/>");
	conn_wrote(peer.conn);
	check_int(t, (intmax_t)conn_waiting(peer.conn), 8);
	check_str(t, read_all(t->arena, fd, 100), "");
	turn_all(loop);
	check_str(t, read_all(t->arena, fd, 100), "<a/><b/>");
	check_int(t, peer.drained, 1);
	check_int(t, (intmax_t)conn_waiting(peer.conn), 0);
	check_strs(t, conn_peer_text(t->arena, peer.conn), STR("local"));
	check(t, conn_is_local(peer.conn) && !conn_is_secure(peer.conn));
	tear_down(loop, &peer, fd);
}

/* What is out after one turn at AT. */
static struct str
out_at(struct test *t, struct loop *loop, int fd, uint64_t at)
{
	time_simulate_set(at, 0);
	turn_all(loop);
	return read_all(t->arena, fd, 100);
}

static void *
gather(void *arg)
{
	struct test *t = arg;
	uint64_t at = time_mono_ms();
	struct loop *loop;
	struct peer peer;
	int fd;

	set_up(&loop, &peer, &fd);
	(void)out_at(t, loop, fd, at);
	/* Nothing went before: at once. */
	buf_addz(conn_output(peer.conn), "<a/>");
	conn_wrote_to_many(peer.conn);
	check_str(t, out_at(t, loop, fd, at), "<a/>");
	/* Now it waits, for what comes after it, at most that long. */
	buf_addz(conn_output(peer.conn), "<b/>");
	conn_wrote_to_many(peer.conn);
	check_str(t, out_at(t, loop, fd, at + CONN_GATHER_MS - 1), "");
	buf_addz(conn_output(peer.conn), "<c/>");
	conn_wrote_to_many(peer.conn);
	check_str(t, out_at(t, loop, fd, at + CONN_GATHER_MS), "<b/><c/>");
	check_int(t, peer.drained, 2);
	/* What is in a hurry takes along what waits, in order. */
	buf_addz(conn_output(peer.conn), "<d/>");
	conn_wrote_to_many(peer.conn);
	conn_write(peer.conn, STR("<e/>"));
	check_str(t, out_at(t, loop, fd, at + CONN_GATHER_MS), "<d/><e/>");
	/* So does the end. */
	buf_addz(conn_output(peer.conn), "<f/>");
	conn_wrote_to_many(peer.conn);
	conn_shutdown(peer.conn, 50);
	check_str(t, out_at(t, loop, fd, at + CONN_GATHER_MS), "<f/>");
	tear_down(loop, &peer, fd);
	/* And it may be gone before its time is. */
	set_up(&loop, &peer, &fd);
	conn_write(peer.conn, STR("<g/>"));
	check_str(t, out_at(t, loop, fd, at), "<g/>");
	buf_addz(conn_output(peer.conn), "<h/>");
	conn_wrote_to_many(peer.conn);
	conn_free(peer.conn);
	peer.conn = NULL;
	check_str(t, out_at(t, loop, fd, at + CONN_GATHER_MS), "");
	tear_down(loop, &peer, fd);
	return NULL;
}

TEST(conn_gathers_what_goes_to_many)
{
	pthread_t thread; /* the simulated clock ends with it */

	pthread_create(&thread, NULL, gather, t);
	pthread_join(thread, NULL);
}

TEST(conn_keeps_what_was_not_taken)
{
	struct loop *loop;
	struct peer peer;
	int fd;

	set_up(&loop, &peer, &fd);
	peer.most = 2;
	check_int(t, write(fd, "abcdefg", 7), 7);
	turn_all(loop);
	check_str(t, buf_str(&peer.got), "ab");
	check_int(t, write(fd, "h", 1), 1); /* more comes: all is offered again */
	turn_all(loop);
	check_str(t, buf_str(&peer.got), "abcd");
	/* Nothing is read, nor offered, in a pause. */
	peer.most = 0;
	conn_pause(peer.conn);
	check_int(t, write(fd, "ij", 2), 2);
	turn_all(loop);
	check_str(t, buf_str(&peer.got), "abcd");
	conn_resume(peer.conn);
	check_str(t, buf_str(&peer.got), "abcd"); /* not from inside a call */
	turn_all(loop);
	check_str(t, buf_str(&peer.got), "abcdefghij");
	tear_down(loop, &peer, fd);
}

TEST(conn_pauses_inside_data)
{
	struct loop *loop;
	struct peer peer;
	int fd;

	set_up(&loop, &peer, &fd);
	peer.most = 1;
	peer.pauses = true;
	check_int(t, write(fd, "wherefore", 9), 9);
	for (unsigned i = 1; i <= 9; i++) {
		turn_all(loop);
		check_int(t, (intmax_t)buf_len(&peer.got), i);
		check_int(t, peer.calls, i);
		conn_resume(peer.conn);
	}
	check_str(t, buf_str(&peer.got), "wherefore");
	tear_down(loop, &peer, fd);
}

/* The end waits until what came before it was taken. */
TEST(conn_half_close)
{
	struct loop *loop;
	struct peer peer;
	int fd;

	set_up(&loop, &peer, &fd);
	peer.pauses = true;
	peer.most = 3;
	check_int(t, write(fd, "abcdef", 6), 6);
	shutdown(fd, SHUT_WR);
	turn_all(loop);
	check(t, peer.ended == 0);
	conn_write(peer.conn, STR("answer"));
	peer.pauses = false;
	conn_resume(peer.conn);
	turn_all(loop);
	check_str(t, buf_str(&peer.got), "abcdef");
	check_int(t, peer.ended, 1);
	check_int(t, peer.end, CONN_EOF);
	check_str(t, read_all(t->arena, fd, 100), "answer");
	tear_down(loop, &peer, fd);
}

/* A reader who takes his time gets everything; one who goes gets it without hurting us. */
TEST(conn_slow_reader)
{
	struct loop *loop;
	struct peer peer;
	struct buf big = {0}, got = {0};
	int fd;

	set_up(&loop, &peer, &fd);
	for (unsigned i = 0; i < 2000000; i++)
		buf_add_char(&big, (char)('a' + i % 26));
	conn_write(peer.conn, buf_str(&big));
	turn_all(loop);
	check(t, conn_waiting(peer.conn) > 0 && peer.drained == 0);
	check(t, conn_unacknowledged(peer.conn) >= conn_waiting(peer.conn));
	while (buf_len(&got) < buf_len(&big)) {
		struct str some = read_all(t->arena, fd, 10000);

		if (some.len == 0 && !loop_turn(loop, 1000))
			break;
		buf_add(&got, some);
		turn_all(loop);
	}
	check(t, str_equal(buf_str(&got), buf_str(&big)));
	check_int(t, peer.drained, 1);
	conn_write(peer.conn, buf_str(&big));
	turn_all(loop);
	close(fd);
	turn_until(loop, peer.ended);
	check_int(t, peer.ended, 1);
	check_int(t, peer.end, CONN_RESET);
	buf_free(&big);
	buf_free(&got);
	tear_down(loop, &peer, -1);
}

TEST(conn_shutdown_flushes_first)
{
	struct loop *loop;
	struct peer peer;
	char last[100];
	int fd;

	set_up(&loop, &peer, &fd);
	conn_write(peer.conn, STR("</stream:stream>"));
	conn_shutdown(peer.conn, 1000);
	conn_write(peer.conn, STR("too late"));
	check_int(t, write(fd, "unread", 6), 6);
	turn_all(loop);
	check_int(t, read(fd, last, sizeof(last)), 16);
	check_int(t, read(fd, last, sizeof(last)), 0);
	check_int(t, peer.ended, 0); /* waits for the other side */
	close(fd);
	turn_until(loop, peer.ended);
	check_int(t, peer.end, CONN_EOF);
	check_int(t, peer.calls, 0);
	tear_down(loop, &peer, -1);
}

TEST(conn_shutdown_ends_in_time)
{
	struct loop *loop;
	struct peer peer;
	uint64_t begun_ms;
	int fd;

	set_up(&loop, &peer, &fd);
	begun_ms = time_mono_ms();
	conn_shutdown(peer.conn, 50); /* the peer does not close */
	turn_until(loop, peer.ended);
	check(t, time_mono_ms() - begun_ms >= 50 && time_mono_ms() - begun_ms < 1000);
	check_int(t, peer.end, CONN_EOF);
	tear_down(loop, &peer, fd);

	set_up(&loop, &peer, &fd);
	buf_room(conn_output(peer.conn), 4000000);
	buf_wrote(conn_output(peer.conn), 4000000);
	memset(conn_output(peer.conn)->p, 'x', 4000000);
	conn_wrote(peer.conn);
	conn_shutdown(peer.conn, 50); /* the peer does not read */
	turn_until(loop, peer.ended);
	check_int(t, peer.end, CONN_RESET);
	tear_down(loop, &peer, fd);
}

TEST(conn_freed_inside_data)
{
	struct loop *loop;
	struct peer peer;
	int fd;

	for (unsigned is_kept = 0; is_kept < 2; is_kept++) {
		set_up(&loop, &peer, &fd);
		if (is_kept) {
			peer.most = 1;
			check_int(t, write(fd, "ab", 2), 2);
			turn_all(loop);
		}
		peer.frees = true;
		check_int(t, write(fd, "c", 1), 1);
		turn_all(loop);
		check(t, peer.conn == NULL && peer.ended == 0);
		tear_down(loop, &peer, fd);
	}
}

/* A reset, as against an end: data in flight is lost and the owner must know. */
TEST(conn_reset)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	struct linger at_once = {1, 0};

	check_int(t, bind(listener, (struct sockaddr *)&address, len), 0);
	check_int(t, listen(listener, 4), 0);
	getsockname(listener, (struct sockaddr *)&address, &len);
	for (unsigned is_paused = 0; is_paused < 2; is_paused++) {
		struct loop *loop = loop_new();
		struct peer peer = {0};
		struct str text;

		check_int(t, connect(client, (struct sockaddr *)&address, len), 0);
		peer.conn = conn_new(loop, accept4(listener, NULL, NULL, SOCK_NONBLOCK),
				     &peer_handlers, &peer);
		text = conn_peer_text(t->arena, peer.conn);
		check_str(t, text, "127.0.0.1");
		check(t, conn_is_local(peer.conn));
		conn_set_user_timeout(peer.conn, 30000);
		if (is_paused) {
			conn_pause(peer.conn);
			check_int(t, write(client, "x", 1), 1);
			turn_all(loop);
		}
		setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(client);
		turn_until(loop, peer.ended);
		check_int(t, peer.ended, 1);
		check_int(t, peer.end, CONN_RESET);
		check_str(t, str(peer.why), "Connection reset by peer");
		client = socket(AF_INET, SOCK_STREAM, 0);
		peer_free(&peer);
		loop_free(loop);
	}
	close(client);
	close(listener);
}

struct resetter {
	struct task task;
	struct conn *conn;
	int client;
};

/* In the middle of a turn: the peer resets, and the owner, who can't know, writes. */
static void
reset_and_write(struct task *task)
{
	struct resetter *resetter = CONTAINER(task, struct resetter, task);
	struct linger at_once = {1, 0};

	setsockopt(resetter->client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(resetter->client);
	conn_write(resetter->conn, STR("<message/>"));
}

/* R1: what the kernel would not take any more has not arrived, whoever dropped it. */
TEST(conn_counts_what_is_lost)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	struct loop *loop = loop_new();
	struct peer peer = {0};
	struct resetter resetter = {.task.run = reset_and_write, .client = client};

	check_int(t, bind(listener, (struct sockaddr *)&address, len), 0);
	check_int(t, listen(listener, 4), 0);
	getsockname(listener, (struct sockaddr *)&address, &len);
	check_int(t, connect(client, (struct sockaddr *)&address, len), 0);
	peer.conn =
		conn_new(loop, accept4(listener, NULL, NULL, SOCK_NONBLOCK), &peer_handlers, &peer);
	turn_all(loop);
	resetter.conn = peer.conn;
	loop_post(loop, &resetter.task);
	loop_turn(loop, 0);
	check_int(t, (intmax_t)conn_unacknowledged(peer.conn), 10);
	buf_addz(conn_output(peer.conn), "<message/>");
	conn_wrote(peer.conn);
	check_int(t, (intmax_t)conn_unacknowledged(peer.conn), 20);
	turn_until(loop, peer.ended);
	check_int(t, (intmax_t)peer.unacknowledged, 20);
	peer_free(&peer);
	loop_free(loop);
	close(listener);
}

/* The peer has said all it had to say, and reads on: later output does not push out earlier. */
TEST(conn_writes_on_after_eof)
{
	struct loop *loop;
	struct peer peer;
	struct buf big = {0}, got = {0};
	int fd;

	set_up(&loop, &peer, &fd);
	for (unsigned i = 0; i < 2000000; i++)
		buf_add_char(&big, (char)('a' + i % 26));
	conn_write(peer.conn, buf_str(&big));
	shutdown(fd, SHUT_WR);
	turn_all(loop);
	check(t, conn_waiting(peer.conn) > 0 && peer.ended == 0);
	buf_addz(conn_output(peer.conn), "more");
	conn_wrote(peer.conn);
	for (unsigned i = 0; i < 10000 && buf_len(&got) < buf_len(&big) + 4; i++) {
		buf_add(&got, read_all(t->arena, fd, 10000));
		loop_turn(loop, 0);
	}
	buf_addz(&big, "more");
	check(t, str_equal(buf_str(&got), buf_str(&big)));
	turn_until(loop, peer.ended);
	check_int(t, peer.end, CONN_EOF);
	buf_free(&big);
	buf_free(&got);
	tear_down(loop, &peer, fd);
}

/* Detached and attached, with what was kept and what was written. */
TEST(conn_moves_between_loops)
{
	struct loop *loop, *other = loop_new();
	struct peer peer;
	int fd;

	set_up(&loop, &peer, &fd);
	peer.most = 1;
	check_int(t, write(fd, "abc", 3), 3);
	turn_all(loop);
	conn_write(peer.conn, STR("reply"));
	conn_detach(peer.conn);
	turn_all(loop);
	check_str(t, buf_str(&peer.got), "a");
	check(t, conn_loop(peer.conn) == NULL);
	check_int(t, write(fd, "d", 1), 1);
	peer.most = 0;
	conn_attach(peer.conn, other);
	turn_all(other);
	check_str(t, buf_str(&peer.got), "abcd");
	check_str(t, read_all(t->arena, fd, 10), "reply");
	tear_down(loop, &peer, fd);
	loop_free(other);
}

/* Simulated pairs */

static void
set_up_pair(struct loop *loops[2], struct peer *a, struct peer *b)
{
	loops[0] = loop_new_simulated();
	loops[1] = loop_new_simulated();
	*a = *b = (struct peer){0};
	conn_new_pair(loops[0], &peer_handlers, a, loops[1], &peer_handlers, b, &a->conn, &b->conn);
}

static void
turn_both(struct loop *loops[2])
{
	bool done;

	do {
		done = loop_turn(loops[0], 0);
		done |= loop_turn(loops[1], 0);
	} while (done);
}

static void
tear_down_pair(struct loop *loops[2], struct peer *a, struct peer *b)
{
	peer_free(a);
	peer_free(b);
	loop_free(loops[0]);
	loop_free(loops[1]);
}

TEST(pair_both_ways)
{
	struct loop *loops[2];
	struct peer a, b;

	set_up_pair(loops, &a, &b);
	conn_write(a.conn, STR("hello"));
	check(t, loop_turn(loops[0], 0));
	check_int(t, (intmax_t)buf_len(&b.got), 0);
	check(t, loop_turn(loops[1], 0));
	check_str(t, buf_str(&b.got), "hello");
	conn_write(b.conn, STR("you"));
	turn_both(loops);
	check_str(t, buf_str(&a.got), "you");
	check(t, a.drained == 1 && b.drained == 1);
	check_int(t, (intmax_t)conn_unacknowledged(a.conn), 0);
	/* An end comes behind what was written. */
	conn_write(a.conn, STR("bye"));
	conn_shutdown(a.conn, 1000);
	turn_both(loops);
	check_str(t, buf_str(&b.got), "hellobye");
	check(t, a.ended == 1 && a.end == CONN_EOF && b.ended == 1 && b.end == CONN_EOF);
	tear_down_pair(loops, &a, &b);
}

TEST(pair_has_a_window)
{
	struct loop *loops[2];
	struct buf big = {0};
	struct peer a, b;

	set_up_pair(loops, &a, &b);
	for (unsigned i = 0; i < 10000; i++)
		buf_add_char(&big, 'x');
	conn_pause(b.conn);
	for (unsigned i = 0; i < 50; i++) {
		conn_write(a.conn, buf_str(&big));
		turn_both(loops);
	}
	check(t, conn_waiting(a.conn) > 400000);
	conn_resume(b.conn);
	turn_both(loops);
	check_int(t, (intmax_t)buf_len(&b.got), 500000);
	check_int(t, (intmax_t)conn_waiting(a.conn), 0);
	conn_free(a.conn);
	a.conn = NULL;
	turn_both(loops);
	check_int(t, b.end, CONN_EOF);
	buf_free(&big);
	tear_down_pair(loops, &a, &b);
}

TEST(pair_starts_tls)
{
	struct loop *loops[2];
	struct peer a, b;

	set_up_pair(loops, &a, &b);
	a.tls_after = "<starttls/>";
	b.tls_after = "<proceed/>";
	b.server_name = "localhost";
	conn_write(b.conn, STR("<starttls/>"));
	turn_both(loops);
	check(t, a.secured == 1 && b.secured == 1 && conn_is_secure(a.conn));
	conn_write(b.conn, STR("<auth/>"));
	turn_both(loops);
	check_str(t, buf_str(&a.got), "<starttls/><auth/>");
	tear_down_pair(loops, &a, &b);
}

/* SEC-28 in simulation: both in one piece, and a second piece before the client has TLS. */
TEST(sec28_pair)
{
	for (unsigned is_late = 0; is_late < 2; is_late++) {
		struct loop *loops[2];
		struct peer a, b;

		set_up_pair(loops, &a, &b);
		a.tls_after = "<starttls/>";
		conn_write(b.conn, STR("<starttls/>"));
		if (is_late)
			turn_both(loops);
		conn_write(b.conn, STR("<auth/>"));
		turn_both(loops);
		check_int(t, a.ended, 1);
		check_int(t, a.end, CONN_TLS);
		check_str(t, buf_str(&a.got), "<starttls/>");
		tear_down_pair(loops, &a, &b);
	}
}
