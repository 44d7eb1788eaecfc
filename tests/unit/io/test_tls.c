/* SPDX-License-Identifier: MIT */
/* test_tls.c - connections under TLS: handshakes, records, SNI, ALPN, STARTTLS, moves, bindings. */
#include "peer.h"

#include "base/rand.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/stat.h>

/* A directory with certificates for two hosts, and contexts on them. */
struct fixture {
	struct loop *loop;
	char dir[64];
	const char *a_cert, *a_key, *b_cert, *b_key;
	struct tls_context *server, *client;
	struct peer s, c;
};

static const char *
path_in(struct test *t, struct fixture *f, const char *name)
{
	return arena_printf(t->arena, "%s/%s", f->dir, name).p;
}

static void
set_up(struct test *t, struct fixture *f)
{
	struct str why = STR_NONE;
	struct tls_host hosts[2];

	*f = (struct fixture){.loop = loop_new()};
	snprintf(f->dir, sizeof(f->dir), "/tmp/recado-test-tls-XXXXXX");
	check(t, mkdtemp(f->dir) != NULL);
	f->a_cert = path_in(t, f, "a.crt");
	f->a_key = path_in(t, f, "a.key");
	f->b_cert = path_in(t, f, "b.crt");
	f->b_key = path_in(t, f, "b.key");
	check_int(t,
		  tls_make_self_signed(t->arena, STR("a.example"), 30, f->a_cert, f->a_key, &why),
		  0);
	check_int(t,
		  tls_make_self_signed(t->arena, STR("b.example"), 30, f->b_cert, f->b_key, &why),
		  0);
	hosts[0] = (struct tls_host){STR("a.example"), f->a_cert, f->a_key};
	hosts[1] = (struct tls_host){STR("b.example"), f->b_cert, f->b_key};
	check_int(t,
		  tls_server_new(&(struct tls_options){hosts, 2, false, NULL, "xmpp-client"},
				 &f->server, t->arena, &why),
		  0);
	check_int(t, tls_client_new(f->a_cert, false, NULL, &f->client, t->arena, &why), 0);
}

static void
tear_down(struct fixture *f)
{
	peer_free(&f->s);
	peer_free(&f->c);
	tls_unref(f->server);
	tls_unref(f->client);
	loop_free(f->loop);
	unlink(f->a_cert);
	unlink(f->a_key);
	unlink(f->b_cert);
	unlink(f->b_key);
	rmdir(f->dir);
}

static void
connect_peers(struct fixture *f)
{
	int fds[2];

	peer_sockets(fds);
	f->s.conn = conn_new(f->loop, fds[0], &peer_handlers, &f->s);
	f->c.conn = conn_new(f->loop, fds[1], &peer_handlers, &f->c);
}

/* Direct TLS between both. */
static void
shake_hands(struct fixture *f, const char *server_name)
{
	connect_peers(f);
	conn_start_tls(f->s.conn, f->server, NULL);
	conn_start_tls(f->c.conn, f->client, server_name);
	turn_until(f->loop, (f->s.secured && f->c.secured) || f->s.ended || f->c.ended);
}

TEST(tls_both_ways)
{
	struct fixture f;
	struct buf big = {0};

	set_up(t, &f);
	shake_hands(&f, "a.example");
	check(t, f.s.secured == 1 && f.c.secured == 1);
	check(t, conn_is_secure(f.s.conn));
	check_str(t, conn_tls_version(f.s.conn), "TLSv1.3");
	check_str(t, conn_tls_cipher(f.s.conn), "TLS_AES_128_GCM_SHA256");
	conn_write(f.c.conn, STR("<stream>"));
	conn_write(f.s.conn, STR("<features/>"));
	turn_until(f.loop, buf_len(&f.c.got) == 11 && buf_len(&f.s.got) == 8);
	check_str(t, buf_str(&f.s.got), "<stream>");
	check_str(t, buf_str(&f.c.got), "<features/>");
	/* Far more than the socket holds, in many records. */
	for (unsigned i = 0; i < 3000000; i++)
		buf_add_char(&big, (char)('a' + i % 23));
	buf_clear(&f.s.got);
	conn_write(f.c.conn, buf_str(&big));
	turn_until(f.loop, buf_len(&f.s.got) == buf_len(&big));
	check(t, str_equal(buf_str(&f.s.got), buf_str(&big)));
	turn_all(f.loop);
	check_int(t, (intmax_t)conn_waiting(f.c.conn), 0);
	check_int(t, f.c.drained, 2);
	buf_free(&big);
	tear_down(&f);
}
