/* SPDX-License-Identifier: MIT */
/* check_ports.c - a server that runs should answer at its ports; else they should be free. */
#include "ctl/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 2000

/* "*" is all addresses to listen on; to connect, the machine's own. */
static socklen_t
fill_address(const struct config_listener *listener, bool to_connect, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	*out = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET6, listener->address.p, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)listener->port);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)listener->port);
	if (inet_pton(AF_INET, listener->address.p, &v4->sin_addr) != 1)
		v4->sin_addr.s_addr = htonl(to_connect ? INADDR_LOOPBACK : INADDR_ANY);
	return sizeof(*v4);
}

static int
connect_in_time(int fd, const struct sockaddr *address, socklen_t length)
{
	struct pollfd poll_fd = {fd, POLLOUT, 0};
	socklen_t size = sizeof(errno);
	int error = 0;

	if (connect(fd, address, length) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -1;
	if (poll(&poll_fd, 1, CONNECT_MS) != 1) {
		errno = ETIMEDOUT;
		return -1;
	}
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	errno = error;
	return error == 0 ? 0 : -1;
}

static int
try_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, address, length) == 0 && listen(fd, 1) == 0 ? 0 : -1;
}

static void
say_busy(struct check *c, const struct config_listener *listener)
{
	unsigned port = (unsigned)listener->port;

	if (errno == EADDRINUSE)
		check_say(c, LEVEL_ERROR, "port",
			  "%u is taken by another program; ss -ltnp tells by "
			  "which",
			  port);
	else if (errno == EACCES)
		check_say(c, LEVEL_WARNING, "port", "%u needs root, or CAP_NET_BIND_SERVICE", port);
	else
		check_say(c, LEVEL_ERROR, "port", "%u: cannot listen at %.*s: %s", port,
			  STR_ARG(listener->address), strerror(errno));
}

static void
check_port(struct check *c, const struct config_listener *listener)
{
	struct sockaddr_storage address;
	socklen_t length = fill_address(listener, c->is_running, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unsigned port = (unsigned)listener->port;

	if (fd < 0) {
		check_say(c, LEVEL_ERROR, "port", "%u: %s", port, strerror(errno));
	} else if (c->is_running) {
		if (connect_in_time(fd, (struct sockaddr *)&address, length) == 0)
			check_say(c, LEVEL_OK, "port", "%u is served", port);
		else
			check_say(c, LEVEL_ERROR, "port",
				  "%u is not served (%s); the server has not read this "
				  "configuration, or its log tells more",
				  port, strerror(errno));
	} else if (try_bind(fd, (struct sockaddr *)&address, length) == 0) {
		check_say(c, LEVEL_OK, "port", "%u is free", port);
	} else {
		say_busy(c, listener);
	}
	if (fd >= 0)
		close(fd);
}

void
check_ports(struct check *c)
{
	for (size_t i = 0; i < c->config->listener_count; i++)
		if (c->config->listeners[i].port != 0)
			check_port(c, &c->config->listeners[i]);
}
