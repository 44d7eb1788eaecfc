/* SPDX-License-Identifier: MIT */
/*
 * relay.c - recado-relay: TLS and bytes, nothing else. The lower limit to compare a server with.
 *
 * Two connections whose first bytes hold "pair N " with the same N, as the chat messages of
 * recado-bench do, are joined: from there on what one sends, from its first byte, the other gets.
 * One thread, epoll and OpenSSL as they come; descriptors are read until nothing is there, and each
 * piece is written on at once.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (16u * 1024)
#define EVENTS 256
#define HELD_MAX (1u << 20) /* bytes for a partner who is not there yet or does not read */

struct end {
	int fd;
	SSL *ssl;
	struct end *partner;
	struct buf held;            /* read, and not yet taken by the partner */
	char pair[24];              /* N, until the partner is found */
	bool is_shaken, is_blocked; /* after the handshake; its socket is full */
	bool is_closed;             /* freed at the end of the turn */
	struct end *next_closed;
};

static int epoll_fd;
static struct map waiting; /* pair -> struct end */
static struct end *closed;

static void
watch(struct end *end, int op)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = end};

	/* A partner who does not read stops the one who writes. */
	if (end->is_shaken && buf_len(&end->held) >= HELD_MAX)
		event.events = 0;
	if (end->is_blocked)
		event.events |= EPOLLOUT;
	epoll_ctl(epoll_fd, op, end->fd, &event);
}

static void
close_end(struct end *end)
{
	struct end *partner = end->partner;

	if (end->is_closed)
		return;
	end->is_closed = true;
	end->next_closed = closed;
	closed = end;
	if (map_get(&waiting, str(end->pair)) == end)
		map_remove(&waiting, str(end->pair));
	if (partner != NULL) {
		end->partner = partner->partner = NULL;
		close_end(partner);
	}
}

static void
free_closed(void)
{
	while (closed != NULL) {
		struct end *end = closed;

		closed = end->next_closed;
		SSL_free(end->ssl);
		close(end->fd);
		buf_free(&end->held);
		free(end);
	}
}

/* Whether OpenSSL only waits for the socket. If not, END is closed. */
static bool
is_waiting(struct end *end, int rc)
{
	int error = SSL_get_error(end->ssl, rc);

	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return true;
	close_end(end);
	return false;
}

/* Writes what FROM holds to its partner, as far as that goes. */
static void
pass_on(struct end *from)
{
	struct end *to = from->partner;
	bool was_blocked = to->is_blocked, was_full = buf_len(&from->held) >= HELD_MAX;

	to->is_blocked = false;
	while (buf_len(&from->held) > 0) {
		struct str bytes = buf_str(&from->held);
		int rc;

		ERR_clear_error();
		rc = SSL_write(to->ssl, bytes.p, (int)MIN(bytes.len, CHUNK));
		if (rc > 0) {
			buf_consume(&from->held, (size_t)rc);
		} else if (is_waiting(to, rc)) {
			to->is_blocked = true;
			break;
		} else {
			return;
		}
	}
	buf_trim(&from->held);
	if (to->is_blocked != was_blocked)
		watch(to, EPOLL_CTL_MOD);
	if (was_full && buf_len(&from->held) < HELD_MAX)
		watch(from, EPOLL_CTL_MOD);
}

/* Looks for "pair N " and for the other one of that pair. */
static void
find_partner(struct end *end)
{
	struct str rest = buf_str(&end->held), number;
	struct end *partner;

	while (rest.len > 0 && !str_starts(rest, STR("pair ")))
		rest = str_from(rest, 1);
	if (rest.len == 0)
		return;
	rest = str_from(rest, 5);
	if (!str_split(&rest, ' ', &number) || number.len >= sizeof(end->pair))
		return;
	memcpy(end->pair, number.p, number.len);
	end->pair[number.len] = '\0';
	partner = map_remove(&waiting, str(end->pair));
	if (partner == NULL || partner == end) {
		map_put(&waiting, str(end->pair), end);
		return;
	}
	end->partner = partner;
	partner->partner = end;
	pass_on(end);
	if (!end->is_closed)
		pass_on(partner);
}

static void
shake_hands(struct end *end)
{
	int rc;

	ERR_clear_error();
	rc = SSL_accept(end->ssl);
	if (rc == 1)
		end->is_shaken = true;
	else
		is_waiting(end, rc);
}

static void
read_all(struct end *end)
{
	static char chunk[CHUNK];

	while (!end->is_closed && buf_len(&end->held) < HELD_MAX) {
		struct end *to = end->partner;
		int got, put = 0;

		ERR_clear_error();
		got = SSL_read(end->ssl, chunk, sizeof(chunk));
		if (got <= 0) {
			is_waiting(end, got);
			return;
		}
		if (to != NULL && !to->is_blocked && buf_len(&end->held) == 0)
			put = SSL_write(to->ssl, chunk, got);
		if (put < 0)
			put = 0; /* pass_on finds out why */
		buf_add(&end->held, str_of(chunk + put, (size_t)(got - put)));
		if (to == NULL)
			find_partner(end);
		else if (buf_len(&end->held) > 0 && !to->is_blocked)
			pass_on(end);
	}
	if (!end->is_closed)
		watch(end, EPOLL_CTL_MOD);
}

static void
ready(struct end *end, uint32_t events)
{
	if (end->is_closed)
		return;
	if (!end->is_shaken)
		shake_hands(end);
	if ((events & EPOLLOUT) && end->partner != NULL)
		pass_on(end->partner);
	if (end->is_shaken && !end->is_closed && (events & ~(uint32_t)EPOLLOUT))
		read_all(end);
}

static void
accept_all(int listen_fd, SSL_CTX *ctx)
{
	int fd, yes = 1;

	while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct end *end = xnew(struct end);

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		end->fd = fd;
		end->ssl = SSL_new(ctx);
		SSL_set_fd(end->ssl, fd);
		SSL_set_accept_state(end->ssl);
		watch(end, EPOLL_CTL_ADD);
	}
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4096) < 0) {
		perror("recado-relay: cannot listen");
		exit(1);
	}
	return fd;
}

static SSL_CTX *
make_ctx(const char *certificate, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256");
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	return ctx;
}

static volatile sig_atomic_t is_stopped;

static void
stop(int number UNUSED)
{
	is_stopped = 1;
}

static void
serve(int listen_fd, SSL_CTX *ctx)
{
	struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.ptr = NULL};

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) < 0) {
		perror("recado-relay: epoll");
		exit(1);
	}
	while (!is_stopped) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				accept_all(listen_fd, ctx);
			else
				ready(events[i].data.ptr, events[i].events);
		}
		free_closed();
	}
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"port", required_argument, NULL, 'p'},
						{"certificate", required_argument, NULL, 'c'},
						{"key", required_argument, NULL, 'k'},
						{0}};
	const char *certificate = NULL, *key = NULL;
	struct rlimit limit;
	uint64_t port = 0;
	int c, bad = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			bad |= str_to_u64(str(optarg), 65535, &port);
		else if (c == 'c')
			certificate = optarg;
		else if (c == 'k')
			key = optarg;
		else
			bad = 1;
	}
	if (bad || port == 0 || certificate == NULL || key == NULL) {
		fputs("usage: recado-relay --port=N --certificate=FILE --key=FILE\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	serve(listen_on((uint16_t)port), make_ctx(certificate, key));
	return 0;
}
