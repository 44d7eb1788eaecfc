/* SPDX-License-Identifier: MIT */
/*
 * bench_io.c - recado-bench-io: what connections cost by themselves. See doc/decisions.md.
 *
 * Memory of an idle connection, in the clear and with TLS 1.2 (OpenSSL's session) and 1.3 (keys
 * taken over); processor time of a record; processor time of a move between two threads, with data
 * that is compared after each; and what the kernel takes for the sending of a small piece over
 * loopback.
 */
#include "io/conn.h"
#include "io/records.h"

#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIECE 200 /* bytes of a typical message */

static struct tls_context *context;

static void
need(bool claim, const char *what)
{
	if (!claim) {
		fprintf(stderr, "recado-bench-io: failed: %s\n", what);
		exit(1);
	}
}

static double
cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void
make_context(void)
{
	struct arena *arena = arena_new();
	char certificate[] = "/tmp/recado-bench-XXXXXX", key[] = "/tmp/recado-bench-XXXXXX";
	int a = mkstemp(certificate), b = mkstemp(key);
	struct tls_host host = {STR("localhost"), certificate, key};
	struct tls_options options = {.hosts = &host, .host_count = 1};
	struct str why = STR_NONE;

	need(a >= 0 && b >= 0, "temporary files");
	need(tls_make_self_signed(arena, host.name, 30, certificate, key, &why) == 0,
	     "certificate");
	need(tls_server_new(&options, &context, arena, &why) == 0, "context");
	unlink(certificate);
	unlink(key);
	close(a);
	close(b);
	arena_free(arena);
}

/* A blocking client of OpenSSL alone. */
static SSL *
connect_client(int fd, int version)
{
	static SSL_CTX *ctx;
	SSL *ssl;

	if (ctx == NULL)
		ctx = SSL_CTX_new(TLS_client_method());
	ssl = SSL_new(ctx);
	SSL_set_max_proto_version(ssl, version);
	SSL_set_fd(ssl, fd);
	need(SSL_connect(ssl) == 1, "handshake");
	return ssl;
}

/* Idle memory */

static unsigned secured;

static size_t
ignore_data(struct conn *conn, struct str bytes)
{
	(void)conn;
	return bytes.len;
}

static void
count_secured(struct conn *conn)
{
	(void)conn;
	secured++;
}

static void
unexpected_end(struct conn *conn, enum conn_end end, const char *why)
{
	(void)conn;
	(void)end;
	need(false, why);
}

static const struct conn_handlers idle_handlers = {ignore_data, count_secured, NULL,
						   unexpected_end};

static double
pss_kib(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	double kib = 0;

	need(file != NULL, "smaps_rollup");
	while (kib == 0 && fgets(line, sizeof(line), file) != NULL)
		(void)!sscanf(line, "Pss: %lf", &kib);
	fclose(file);
	return kib;
}

/* COUNT clients in a process of their own, which then waits for its end. */
static pid_t
fork_clients(int (*fds)[2], unsigned count, int version)
{
	pid_t pid = fork();

	need(pid >= 0, "fork");
	if (pid > 0)
		return pid;
	for (unsigned i = 0; i < count && version != 0; i++)
		connect_client(fds[i][1], version);
	for (;;)
		pause();
}

static void
open_some(struct loop *loop, int (*fds)[2], unsigned from, unsigned to, int version)
{
	for (unsigned i = from; i < to; i++) {
		struct conn *conn;

		fcntl(fds[i][0], F_SETFL, O_NONBLOCK);
		conn = conn_new(loop, fds[i][0], &idle_handlers, NULL);
		if (version != 0)
			conn_start_tls(conn, context, NULL);
		while (version != 0 && secured <= i)
			loop_turn(loop, 10);
	}
	loop_turn(loop, 0);
}

/* In a process of its own, so that nobody's garbage is reused. VERSION 0: in the clear. */
static void
measure_idle(const char *name, int version, unsigned count)
{
	pid_t pid = fork(), clients;
	int(*fds)[2];
	struct loop *loop;
	double before;

	need(pid >= 0, "fork");
	if (pid > 0) {
		waitpid(pid, NULL, 0);
		return;
	}
	fds = xalloc(count * sizeof(*fds));
	for (unsigned i = 0; i < count; i++)
		need(socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]) == 0, "socketpair");
	clients = fork_clients(fds, count, version);
	loop = loop_new();
	open_some(loop, fds, 0, 50, version); /* what is needed once */
	malloc_trim(0);
	before = pss_kib();
	open_some(loop, fds, 50, count, version);
	printf("idle, %-22s %8.0f bytes of PSS each\n", name,
	       (pss_kib() - before) * 1024 / (count - 50));
	fflush(stdout);
	kill(clients, SIGKILL);
	waitpid(clients, NULL, 0);
	_exit(0);
}

/* Records */

static void
measure_records(const char *name, unsigned suite)
{
	enum { ROUNDS = 20000 };
	static const unsigned char one[48] = {1}, two[48] = {2};
	static char text[PIECE], plain[PIECE + 64];
	struct record_ciphers *ciphers = record_ciphers_new();
	struct records ends[2][2]; /* of two connections that take turns, so that keys change */
	struct buf sealed = {0};
	double sealing = 0, opening = 0, at;

	for (unsigned i = 0; i < 2; i++) {
		need(records_init(&ends[i][0], ciphers, suite, one, two) == 0, "suite");
		need(records_init(&ends[i][1], ciphers, suite, two, one) == 0, "suite");
	}
	buf_room(&sealed, ROUNDS * (PIECE + 22));
	at = cpu_ns();
	for (unsigned i = 0; i < ROUNDS; i++)
		records_seal(&ends[i % 2][0], ciphers, str_of(text, PIECE), &sealed);
	sealing = cpu_ns() - at;
	at = cpu_ns();
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct str in = str_first(buf_str(&sealed), PIECE + 22);
		unsigned char alert;
		const char *why;
		size_t len;

		need(records_open(&ends[i % 2][1], ciphers, &in, plain, &len, &alert, &why) ==
				     RECORDS_OK &&
			     len == PIECE,
		     "opening");
		buf_consume(&sealed, PIECE + 22);
	}
	opening = cpu_ns() - at;
	printf("record of %d bytes, %-12s seal %5.0f ns, open %5.0f ns\n", PIECE, name,
	       sealing / ROUNDS, opening / ROUNDS);
	buf_free(&sealed);
	record_ciphers_free(ciphers);
}

/* Moves */

static struct {
	struct loop *loops[2];
	struct conn *conn;
	unsigned at, moves, wanted;
	double cpu_ns;
	struct deferred leave;
	struct task arrive;
} mover;

static void
leave(struct deferred *deferred)
{
	double begun = cpu_ns();

	(void)deferred;
	conn_detach(mover.conn);
	mover.cpu_ns += cpu_ns() - begun;
	mover.at = 1 - mover.at;
	mover.moves++;
	loop_post(mover.loops[mover.at], &mover.arrive);
}

static void
arrive(struct task *task)
{
	double begun = cpu_ns();

	(void)task;
	conn_attach(mover.conn, mover.loops[mover.at]);
	mover.cpu_ns += cpu_ns() - begun;
}

static size_t
echo(struct conn *conn, struct str bytes)
{
	conn_write(conn, bytes);
	if (mover.moves < mover.wanted)
		loop_defer(mover.loops[mover.at], &mover.leave);
	return bytes.len;
}

static void
stop_both(struct conn *conn, enum conn_end end, const char *why)
{
	(void)end;
	(void)why;
	conn_free(conn);
	loop_stop(mover.loops[0]);
	loop_stop(mover.loops[1]);
}

static const struct conn_handlers mover_handlers = {echo, NULL, NULL, stop_both};

static void *
run_loop(void *loop)
{
	loop_run(loop);
	return NULL;
}

static void
exchange(SSL *ssl, unsigned char fill)
{
	char sent[PIECE], got[PIECE];
	int at = 0, n;

	memset(sent, fill, PIECE);
	need(SSL_write(ssl, sent, PIECE) == PIECE, "write");
	for (; at < PIECE; at += n) {
		n = SSL_read(ssl, got + at, PIECE - at);
		need(n > 0, "read");
	}
	need(memcmp(sent, got, PIECE) == 0, "the echo differs");
}

static void
measure_moves(const char *name, int version, unsigned count)
{
	pthread_t threads[2];
	int fds[2];
	SSL *ssl;

	mover.wanted = count;
	mover.moves = mover.at = 0;
	mover.cpu_ns = 0;
	mover.leave.run = leave;
	mover.arrive.run = arrive;
	need(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "socketpair");
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	for (unsigned i = 0; i < 2; i++)
		mover.loops[i] = loop_new();
	mover.conn = conn_new(mover.loops[0], fds[0], &mover_handlers, NULL);
	conn_start_tls(mover.conn, context, NULL);
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, run_loop, mover.loops[i]);
	ssl = connect_client(fds[1], version);
	for (unsigned i = 0; i <= count; i++)
		exchange(ssl, (unsigned char)i);
	SSL_free(ssl);
	close(fds[1]);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	need(mover.moves == count, "moves");
	printf("move between threads, %s: %u, all data right, %.2f us of CPU each\n", name, count,
	       mover.cpu_ns / count / 1000);
	for (unsigned i = 0; i < 2; i++)
		loop_free(mover.loops[i]);
}

/* Loopback: the sender's thread also does most of the receiving, as far as the socket's queue. */

#define SOCKETS 100u
#define SEND_ROUNDS 2000u
#define COPY 450u /* of a message, sealed */

static void *
read_all(void *arg)
{
	int *fds = arg, epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[64];
	char bytes[4096];
	size_t left = (size_t)SOCKETS * SEND_ROUNDS * COPY;

	for (unsigned i = 0; i < SOCKETS; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};

		epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
	}
	while (left > 0) {
		int n = epoll_wait(epoll, events, COUNT(events), -1);

		for (int i = 0; i < n; i++) {
			ssize_t got = recv(events[i].data.fd, bytes, sizeof(bytes), MSG_DONTWAIT);

			left -= got > 0 ? (size_t)got : 0;
		}
	}
	close(epoll);
	return NULL;
}

static double
thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void
measure_sends(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), out[SOCKETS], in[SOCKETS], on = 1;
	static char copy[COPY];
	pthread_t reader;
	double began;

	need(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 10) == 0 &&
		     getsockname(listener, (struct sockaddr *)&address, &size) == 0,
	     "a socket to listen on");
	for (unsigned i = 0; i < SOCKETS; i++) {
		out[i] = socket(AF_INET, SOCK_STREAM, 0);
		need(connect(out[i], (struct sockaddr *)&address, size) == 0, "connect");
		in[i] = accept(listener, NULL, NULL);
		setsockopt(out[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	need(pthread_create(&reader, NULL, read_all, in) == 0, "a thread");
	began = thread_ns();
	for (unsigned round = 0; round < SEND_ROUNDS; round++)
		for (unsigned i = 0; i < SOCKETS; i++)
			need(send(out[i], copy, COPY, 0) == (ssize_t)COPY, "send");
	printf("sends of %u bytes, 100 connections: %.1f us each\n", COPY,
	       (thread_ns() - began) / (SOCKETS * SEND_ROUNDS) / 1e3);
	pthread_join(reader, NULL);
	for (unsigned i = 0; i < SOCKETS; i++) {
		close(out[i]);
		close(in[i]);
	}
	close(listener);
}

int
main(void)
{
	struct rlimit limit;

	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	make_context();
	measure_idle("in the clear", 0, 2000);
	measure_idle("TLS 1.2", TLS1_2_VERSION, 2000);
	measure_idle("TLS 1.3", TLS1_3_VERSION, 2000);
	measure_records("AES-128-GCM", 0x1301);
	measure_records("AES-256-GCM", 0x1302);
	measure_records("ChaCha20", 0x1303);
	measure_moves("TLS 1.2", TLS1_2_VERSION, 100000);
	measure_moves("TLS 1.3", TLS1_3_VERSION, 100000);
	measure_sends();
	tls_unref(context);
	return 0;
}
