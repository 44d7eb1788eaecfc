/* SPDX-License-Identifier: MIT */
/* tls_echo.c - DIRECTORY: prints its port, then echoes what comes over TLS. For test_gnutls.py. */
#include "io/conn.h"
#include "io/listener.h"

#include <stdio.h>
#include <stdlib.h>

static struct loop *loop;
static struct tls_context *context;

static size_t
echo(struct conn *conn, struct str bytes)
{
	conn_write(conn, bytes);
	return bytes.len;
}

static void
ended(struct conn *conn, enum conn_end end, const char *why)
{
	printf("%d %s\n", end, why);
	fflush(stdout);
	conn_free(conn);
}

static const struct conn_handlers handlers = {echo, NULL, NULL, ended};

static void
accepted(struct listener *listener UNUSED, int fd)
{
	conn_start_tls(conn_new(loop, fd, &handlers, NULL), context, NULL);
}

int
main(int argc, char **argv)
{
	struct arena *arena = arena_new();
	struct listener *listener;
	struct tls_host host = {.name = STR("localhost")};
	struct tls_options options = {.hosts = &host, .host_count = 1, .alpn = "xmpp-client"};
	struct str why = STR_NONE;

	assert(argc == 2);
	loop = loop_new();
	host.certificate_path = arena_printf(arena, "%s/crt", argv[1]).p;
	host.key_path = arena_printf(arena, "%s/key", argv[1]).p;
	if (tls_make_self_signed(arena, host.name, 1, host.certificate_path, host.key_path, &why) <
		    0 ||
	    tls_server_new(&options, &context, arena, &why) < 0 ||
	    listener_new(loop, STR("127.0.0.1"), 0, false, accepted, NULL, &listener, arena, &why) <
		    0) {
		fprintf(stderr, "%.*s\n", STR_ARG(why));
		return 1;
	}
	printf("%u\n", listener_port(listener));
	fflush(stdout);
	loop_run(loop);
	return 0;
}
