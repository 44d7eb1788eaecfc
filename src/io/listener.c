/* SPDX-License-Identifier: MIT */
/* listener.c - bind(2), listen(2) and accept4(2), and what to do when descriptors run out. */
#include "io/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096       /* the kernel cuts it to net.core.somaxconn */
#define BACK_OFF_MS 100u   /* without descriptors or memory */
#define REFUSE_AT_ONCE 64u /* connections, each time */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct listener {
	struct watch watch;
	struct timer back_off;
	struct loop *loop;
	listener_accepted *accepted;
	void *owner;
	int reserve_fd; /* given up for a moment to refuse a connection when there is no other */
	uint64_t refused;
	bool is_calling, is_freed;
};

static void
release(struct listener *listener)
{
	close(listener->watch.fd);
	if (listener->reserve_fd >= 0)
		close(listener->reserve_fd);
	free(listener);
}

/* A client that is left in the queue would wait for long, and wake us in every turn. */
static void
refuse(struct listener *listener)
{
	for (unsigned i = 0; i < REFUSE_AT_ONCE && listener->reserve_fd >= 0; i++) {
		int fd;

		close(listener->reserve_fd);
		fd = accept4(listener->watch.fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0) {
			listener->refused++;
			close(fd);
		}
		listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			break;
	}
	loop_watch(listener->loop, &listener->watch, 0);
	timer_set(listener->loop, &listener->back_off, time_mono_ms() + BACK_OFF_MS);
}

static void
try_again(struct timer *timer)
{
	struct listener *listener = CONTAINER(timer, struct listener, back_off);

	if (listener->reserve_fd < 0)
		listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	loop_watch(listener->loop, &listener->watch, EPOLLIN);
}

static void
ready(struct watch *watch, uint32_t events UNUSED)
{
	struct listener *listener = CONTAINER(watch, struct listener, watch);

	listener->is_calling = true;
	for (unsigned i = 0; i < LISTENER_PER_TURN && !listener->is_freed; i++) {
		int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			listener->accepted(listener, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			refuse(listener);
			break;
		} else if (errno == EAGAIN) {
			break;
		} /* else that one connection failed: accept(2), "Error handling" */
	}
	listener->is_calling = false;
	if (listener->is_freed)
		release(listener);
}

struct listener *
listener_new_on(struct loop *loop, int fd, listener_accepted *accepted, void *owner)
{
	struct listener *listener = xnew(struct listener);
	int yes = 1;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)); /* inherited */
	listener->watch.fd = fd;
	listener->watch.ready = ready;
	listener->back_off.run = try_again;
	listener->loop = loop;
	listener->accepted = accepted;
	listener->owner = owner;
	listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	loop_watch(loop, &listener->watch, EPOLLIN);
	return listener;
}

/* Bound, to be shared from then on; with IS_JOINING also with who has it now. */
static bool
bind_shared(int fd, const union address *address, socklen_t len, bool is_joining)
{
	int yes = 1;

	if (is_joining)
		return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) == 0 &&
		       bind(fd, &address->any, len) == 0;
	return bind(fd, &address->any, len) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) == 0;
}

/* A socket that listens, or -1 with errno. */
static int
bind_socket(const union address *address, socklen_t len, bool is_for_both, bool is_joining)
{
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int yes = 1, only_v6 = !is_for_both, error;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
	    (address->any.sa_family != AF_INET6 ||
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof(only_v6)) == 0) &&
	    bind_shared(fd, address, len, is_joining) && listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int
bind_to(struct arena *arena, struct str text, uint16_t port, bool is_joining)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	const char *z = arena_dup(arena, text).p;
	int fd;

	if (str_is(text, "*")) {
		v6.sin6_addr = in6addr_any;
		fd = bind_socket(&(union address){.v6 = v6}, sizeof(v6), true, is_joining);
		if (fd >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
			return fd;
		return bind_socket(&(union address){.v4 = v4}, sizeof(v4), false, is_joining);
	}
	if (z != NULL && inet_pton(AF_INET, z, &v4.sin_addr) == 1)
		return bind_socket(&(union address){.v4 = v4}, sizeof(v4), false, is_joining);
	if (z != NULL && inet_pton(AF_INET6, z, &v6.sin6_addr) == 1)
		return bind_socket(&(union address){.v6 = v6}, sizeof(v6), false, is_joining);
	errno = EINVAL;
	return -1;
}

int
listener_new(struct loop *loop, struct str address, uint16_t port, bool is_joining,
	     listener_accepted *accepted, void *owner, struct listener **out, struct arena *arena,
	     struct str *why)
{
	int fd = bind_to(arena, address, port, is_joining);

	if (fd < 0) {
		*why = arena_printf(arena, "cannot listen on %.*s port %u: %s", STR_ARG(address),
				    port, strerrordesc_np(errno));
		return -1;
	}
	*out = listener_new_on(loop, fd, accepted, owner);
	return 0;
}

void
listener_free(struct listener *listener)
{
	if (listener == NULL)
		return;
	loop_watch(listener->loop, &listener->watch, 0);
	timer_cancel(listener->loop, &listener->back_off);
	listener->is_freed = true;
	if (!listener->is_calling)
		release(listener);
}

void *
listener_owner(const struct listener *listener)
{
	return listener->owner;
}

uint16_t
listener_port(const struct listener *listener)
{
	union address address = {0};
	socklen_t len = sizeof(address);

	if (getsockname(listener->watch.fd, &address.any, &len) < 0)
		return 0;
	if (address.any.sa_family == AF_INET)
		return ntohs(address.v4.sin_port);
	return address.any.sa_family == AF_INET6 ? ntohs(address.v6.sin6_port) : 0;
}

uint64_t
listener_refused(const struct listener *listener)
{
	return listener->refused;
}
