/* SPDX-License-Identifier: MIT */
/* test_tls.c - connections under TLS: handshakes, records, SNI, ALPN, STARTTLS, moves, bindings. */
#include "peer.h"

#include "base/rand.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/stat.h>

/* A directory with certificates for two hosts, and contexts on them. */
struct fixture {
	struct loop *loop;
	char dir[64];
	const char *a_cert, *a_key, *b_cert, *b_key;
	struct tls_context *server, *client; /* the client's verifies nothing */
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

/* What passes through a proxy that hands on one byte at a time. */
TEST(tls_byte_by_byte)
{
	struct fixture f;
	int to_server[2], to_client[2];
	char byte;

	set_up(t, &f);
	peer_sockets(to_server);
	peer_sockets(to_client);
	f.s.conn = conn_new(f.loop, to_server[0], &peer_handlers, &f.s);
	f.c.conn = conn_new(f.loop, to_client[0], &peer_handlers, &f.c);
	conn_start_tls(f.s.conn, f.server, NULL);
	conn_start_tls(f.c.conn, f.client, "a.example");
	conn_write(f.c.conn, STR("<auth/>"));
	conn_write(f.s.conn, STR("<success/>"));
	for (unsigned i = 0; i < 20000 && buf_len(&f.s.got) + buf_len(&f.c.got) < 17; i++) {
		if (read(to_client[1], &byte, 1) == 1)
			check_int(t, write(to_server[1], &byte, 1), 1);
		if (read(to_server[1], &byte, 1) == 1)
			check_int(t, write(to_client[1], &byte, 1), 1);
		turn_all(f.loop);
	}
	check_str(t, buf_str(&f.s.got), "<auth/>");
	check_str(t, buf_str(&f.c.got), "<success/>");
	check_int(t, f.s.calls, 1);
	close(to_server[1]);
	close(to_client[1]);
	tear_down(&f);
}

/* The client's last flight, its first data and its end in one segment. */
TEST(tls_all_at_once)
{
	struct fixture f;
	int fds[2], idle[2];
	char bytes[16384];
	ssize_t n;

	set_up(t, &f);
	peer_sockets(fds);
	peer_sockets(idle);
	f.c.conn = conn_new(f.loop, idle[0], &peer_handlers, &f.c);
	f.s.conn = conn_new(f.loop, fds[0], &peer_handlers, &f.s);
	conn_start_tls(f.s.conn, f.server, NULL);
	conn_start_tls(f.c.conn, f.client, "a.example");
	turn_all(f.loop);
	n = read(idle[1], bytes, sizeof(bytes));
	check_int(t, write(fds[1], bytes, (size_t)n), n);
	turn_all(f.loop);
	n = read(fds[1], bytes, sizeof(bytes));
	check_int(t, write(idle[1], bytes, (size_t)n), n);
	f.c.last_words = "<stream/>";
	turn_all(f.loop);
	n = read(idle[1], bytes, sizeof(bytes));
	check(t, n > 100);
	check_int(t, write(fds[1], bytes, (size_t)n), n);
	turn_until(f.loop, f.s.ended);
	check_int(t, f.s.secured, 1);
	check_int(t, f.s.end, CONN_EOF);
	check_str(t, str(f.s.why), "closed");
	check_str(t, buf_str(&f.s.got), "<stream/>");
	close(fds[1]);
	close(idle[1]);
	tear_down(&f);
}

static const struct {
	const char *sni, *certificate;
} sni_cases[] = {
	{"a.example", "a.example"},     {"b.example", "b.example"}, {"B.EXAMPLE", "b.example"},
	{"sub.b.example", "a.example"}, {"c.example", "a.example"}, {"", "a.example"},
	{"192.0.2.1", "a.example"},
};

TEST(sni_picks_the_certificate)
{
	for (size_t i = 0; i < COUNT(sni_cases); i++) {
		struct fixture f;
		struct tls_certificate_facts facts = {0};
		struct str der, why = STR_NONE;
		bool is_a = str_is(STR("a.example"), sni_cases[i].certificate);
		const unsigned char *p;
		X509 *got;
		char name[100] = "";

		test_row(t, sni_cases[i].sni);
		set_up(t, &f);
		shake_hands(&f, sni_cases[i].sni);
		check(t, f.s.secured && f.c.secured);
		der = conn_peer_certificate(t->arena, f.c.conn);
		p = (const unsigned char *)der.p;
		got = d2i_X509(NULL, &p, (long)der.len);
		X509_NAME_get_text_by_NID(X509_get_subject_name(got), NID_commonName, name,
					  sizeof(name));
		X509_free(got);
		check_str(t, str(name), sni_cases[i].certificate);
		check_int(t,
			  tls_certificate_facts(t->arena, is_a ? f.a_cert : f.b_cert, &facts, &why),
			  0);
		check_int(t, (intmax_t)facts.name_count, 1);
		check_str(t, facts.names[0], sni_cases[i].certificate);
		check_str(t, conn_sni(f.s.conn),
			  sni_cases[i].sni[0] == '1' ? "" : sni_cases[i].sni);
		check(t, conn_peer_certificate(t->arena, f.s.conn).p == NULL);
		tear_down(&f);
	}
}

static const struct {
	const char *offer;
	bool is_direct, is_good;
	const char *selected;
} alpn_cases[] = {
	{NULL, true, true, ""},
	{"xmpp-client", true, true, "xmpp-client"},
	{"xmpp-server", true, false, ""}, /* RFC 7301 §3.2: no_application_protocol */
	{"h2", true, false, ""},
	{"h2", false, true, ""}, /* after STARTTLS the protocol is known */
	{"xmpp-client", false, true, ""},
};

TEST(alpn)
{
	for (size_t i = 0; i < COUNT(alpn_cases); i++) {
		struct fixture f;
		struct tls_context *client;
		struct str why;

		test_row(t, alpn_cases[i].offer);
		set_up(t, &f);
		check_int(t,
			  tls_client_new(f.a_cert, false, alpn_cases[i].offer, &client, t->arena,
					 &why),
			  0);
		tls_unref(f.client);
		f.client = client;
		connect_peers(&f);
		if (alpn_cases[i].is_direct) {
			conn_start_tls(f.s.conn, f.server, NULL);
			conn_start_tls(f.c.conn, f.client, "a.example");
		} else {
			f.s.tls_after = "<starttls/>";
			f.s.context = f.server;
			f.c.tls_after = "<proceed/>";
			f.c.context = f.client;
			f.c.server_name = "a.example";
			conn_write(f.c.conn, STR("<starttls/>"));
		}
		turn_until(f.loop, (f.s.secured && f.c.secured) || f.s.ended);
		check_int(t, f.s.secured, alpn_cases[i].is_good);
		if (alpn_cases[i].is_good) {
			check_str(t, conn_alpn(f.s.conn), alpn_cases[i].selected);
		} else {
			check_int(t, f.s.end, CONN_TLS);
			turn_until(f.loop, f.c.ended);
			check_str(t, str(f.c.why), "tlsv1 alert no application protocol");
		}
		tear_down(&f);
	}
}

TEST(starttls)
{
	struct fixture f;

	set_up(t, &f);
	connect_peers(&f);
	f.s.tls_after = "<starttls/>";
	f.s.context = f.server;
	f.c.tls_after = "<proceed/>";
	f.c.context = f.client;
	f.c.server_name = "a.example";
	conn_write(f.c.conn, STR("<starttls/>"));
	turn_until(f.loop, f.s.secured && f.c.secured);
	conn_write(f.c.conn, STR("<auth/>"));
	turn_until(f.loop, buf_len(&f.s.got) > 11);
	check_str(t, buf_str(&f.s.got), "<starttls/><auth/>");
	check_str(t, buf_str(&f.c.got), "<proceed/>");
	tear_down(&f);
}

/* SEC-28: what stands in the clear behind the request, in one segment or in the next. */
static const struct {
	const char *first, *second;
} injections[] = {
	{"<starttls/><auth/>", NULL}, {"<starttls/> ", NULL},  {"<starttls/>\n", NULL},
	{"<starttls/>", "<auth/>"},   {"<starttls/>", "\r\n"}, {"<starttls/>", "\x16\x03\x01"},
};

TEST(sec28_plaintext_before_tls)
{
	for (size_t i = 0; i < COUNT(injections); i++) {
		struct fixture f;
		int fds[2];

		test_row(t, injections[i].first);
		set_up(t, &f);
		peer_sockets(fds);
		f.s.conn = conn_new(f.loop, fds[0], &peer_handlers, &f.s);
		f.s.tls_after = "<starttls/>";
		f.s.context = f.server;
		check(t, write(fds[1], injections[i].first, strlen(injections[i].first)) > 0);
		turn_all(f.loop);
		if (injections[i].second != NULL) {
			check(t, write(fds[1], injections[i].second, strlen(injections[i].second)) >
					 0);
			turn_all(f.loop);
			shutdown(fds[1], SHUT_WR);
			turn_until(f.loop, f.s.ended);
		}
		check_int(t, f.s.ended, 1);
		check_int(t, f.s.secured, 0);
		check_str(t, buf_str(&f.s.got), "<starttls/>");
		close(fds[1]);
		tear_down(&f);
	}
}

/* The same trick against a client: bytes behind <proceed/>. */
TEST(sec28_plaintext_before_tls_at_the_client)
{
	struct fixture f;
	int fds[2];

	set_up(t, &f);
	peer_sockets(fds);
	f.c.conn = conn_new(f.loop, fds[0], &peer_handlers, &f.c);
	f.c.tls_after = "<proceed/>";
	f.c.context = f.client;
	f.c.server_name = "a.example";
	check_int(t, write(fds[1], "<proceed/><stream>", 18), 18);
	turn_all(f.loop);
	check_int(t, f.c.end, CONN_TLS);
	check_str(t, str(f.c.why), "bytes between the request for TLS and TLS");
	close(fds[1]);
	tear_down(&f);
}

TEST(garbage_instead_of_a_handshake)
{
	static const char *const garbage[] = {
		"<?xml version='1.0'?><stream:stream to='a.example'>",
		"GET / HTTP/1.1\r\n\r\n",
		"\x16\x03\x01\xff\xff\x01",
		"\x15\x03\x01\x00\x02\x02\x28",
		"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
	};

	for (size_t i = 0; i < COUNT(garbage); i++) {
		struct fixture f;
		int fds[2];

		test_row(t, garbage[i]);
		set_up(t, &f);
		peer_sockets(fds);
		f.s.conn = conn_new(f.loop, fds[0], &peer_handlers, &f.s);
		conn_start_tls(f.s.conn, f.server, NULL);
		check(t, write(fds[1], garbage[i], strlen(garbage[i]) + 1) > 0);
		turn_all(f.loop);
		shutdown(fds[1], SHUT_WR);
		turn_until(f.loop, f.s.ended);
		check(t, f.s.ended == 1 && f.s.secured == 0 && f.s.calls == 0);
		close(fds[1]);
		tear_down(&f);
	}
}

TEST(tls_ends)
{
	struct fixture f;

	set_up(t, &f);
	shake_hands(&f, "a.example");
	conn_write(f.s.conn, STR("</stream:stream>"));
	conn_shutdown(f.s.conn, 1000);
	turn_until(f.loop, f.s.ended && f.c.ended);
	check_str(t, buf_str(&f.c.got), "</stream:stream>");
	check(t, f.c.end == CONN_EOF && f.s.end == CONN_EOF);
	check_str(t, str(f.c.why), "closed"); /* by close_notify, not a cut */
	tear_down(&f);

	set_up(t, &f);
	shake_hands(&f, "a.example");
	conn_write(f.c.conn, STR("</stream:stream>"));
	conn_shutdown(f.c.conn, 1000);
	turn_until(f.loop, f.s.ended && f.c.ended);
	check_str(t, buf_str(&f.s.got), "</stream:stream>");
	check_str(t, str(f.s.why), "closed");
	tear_down(&f);

	set_up(t, &f);
	shake_hands(&f, "a.example");
	conn_free(f.c.conn);
	f.c.conn = NULL;
	turn_until(f.loop, f.s.ended);
	check_int(t, f.s.end, CONN_EOF);
	check_str(t, str(f.s.why), "closed without close_notify");
	tear_down(&f);
}

/* A client made of OpenSSL alone, so that what it does is not limited to what ours can. */
struct raw {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

static void
raw_connect(struct fixture *f, struct raw *raw, int version)
{
	int fds[2];

	peer_sockets(fds);
	f->s.conn = conn_new(f->loop, fds[0], &peer_handlers, &f->s);
	conn_start_tls(f->s.conn, f->server, NULL);
	raw->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(raw->ctx, 0);
	SSL_CTX_set_min_proto_version(raw->ctx, version);
	SSL_CTX_set_max_proto_version(raw->ctx, version);
	raw->ssl = SSL_new(raw->ctx);
	raw->fd = fds[1];
	SSL_set_fd(raw->ssl, raw->fd);
	SSL_set_connect_state(raw->ssl);
}

static void
raw_free(struct raw *raw)
{
	SSL_free(raw->ssl);
	SSL_CTX_free(raw->ctx);
	close(raw->fd);
}

/* Whether the handshake came to a good end. */
static bool
raw_shake_hands(struct fixture *f, struct raw *raw)
{
	int rc = -1;

	for (unsigned i = 0; i < 20 && rc != 1 && f->s.ended == 0; i++) {
		rc = SSL_do_handshake(raw->ssl);
		turn_all(f->loop);
	}
	return rc == 1 && f->s.secured == 1;
}

/* What came to the client: LEN bytes, or fewer at the end. */
static struct str
raw_read(struct arena *arena, struct fixture *f, struct raw *raw, size_t len)
{
	char *p = arena_bytes(arena, len);
	size_t at = 0;

	for (unsigned i = 0; i < 1000 && at < len; i++) {
		int got = SSL_read(raw->ssl, p + at, (int)(len - at));

		if (got > 0)
			at += (size_t)got;
		else
			turn_all(f->loop);
	}
	return str_of(p, at);
}

/* RFC 8446 §6.1: who is told the end says so too, and first what it still had to say. */
TEST(tls_answers_close_notify)
{
	static const int all[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < 2 * COUNT(all); i++) {
		struct fixture f;
		struct raw raw;
		bool answers = i >= COUNT(all);

		set_up(t, &f);
		raw_connect(&f, &raw, all[i % COUNT(all)]);
		check(t, raw_shake_hands(&f, &raw));
		turn_all(f.loop);
		f.s.answer = answers ? "</stream:stream>" : NULL;
		check_int(t, SSL_write(raw.ssl, "</stream:stream>", 16), 16);
		SSL_shutdown(raw.ssl); /* comes with it, in one read(2) */
		turn_until(f.loop, f.s.ended);
		check_int(t, f.s.end, CONN_EOF);
		if (answers)
			check_str(t, raw_read(t->arena, &f, &raw, 16), "</stream:stream>");
		raw_read(t->arena, &f, &raw, 1);
		check(t, (SSL_get_shutdown(raw.ssl) & SSL_RECEIVED_SHUTDOWN) != 0);
		raw_free(&raw);
		tear_down(&f);
	}
}

static const struct {
	int version;
	const char *suites; /* of TLS 1.3, else ciphers */
	const char *cipher; /* NULL: refused */
} versions[] = {
	{TLS1_1_VERSION, "ALL", NULL},
	{TLS1_2_VERSION, "ALL", "ECDHE-ECDSA-AES256-GCM-SHA384"},
	{TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305"},
	{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", NULL}, /* CBC */
	{TLS1_2_VERSION, "AES128-GCM-SHA256", NULL},      /* no forward secrecy */
	{TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
	{TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"},
	{TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
	{TLS1_3_VERSION, "TLS_AES_128_CCM_SHA256", NULL},
	/* Whoever puts ChaCha20 first has no AES in hardware; else our order counts. */
	{TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
	 "TLS_CHACHA20_POLY1305_SHA256"},
	{TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
};

TEST(versions_and_ciphers)
{
	for (size_t i = 0; i < COUNT(versions); i++) {
		struct fixture f;
		struct raw raw;

		test_row(t, versions[i].suites);
		set_up(t, &f);
		raw_connect(&f, &raw, versions[i].version);
		if (versions[i].version == TLS1_3_VERSION)
			SSL_set_ciphersuites(raw.ssl, versions[i].suites);
		else
			SSL_set_cipher_list(raw.ssl, versions[i].suites);
		check_int(t, raw_shake_hands(&f, &raw), versions[i].cipher != NULL);
		if (f.s.secured) {
			check_str(t, conn_tls_cipher(f.s.conn), versions[i].cipher);
			check_int(t, SSL_write(raw.ssl, "<stream>", 8), 8);
			turn_until(f.loop, buf_len(&f.s.got) == 8);
			conn_write(f.s.conn, STR("<features/>"));
			check_str(t, raw_read(t->arena, &f, &raw, 11), "<features/>");
		}
		raw_free(&raw);
		tear_down(&f);
	}
}

/* Both ends have the same bindings, in every version (RFC 9266, RFC 5929). */
TEST(channel_bindings)
{
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct fixture f;
		struct raw raw;
		struct peer client;
		unsigned char ours[64], theirs[64];

		set_up(t, &f);
		raw_connect(&f, &raw, version);
		check(t, raw_shake_hands(&f, &raw));
		check_str(t, conn_tls_version(f.s.conn),
			  version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
		check_int(t, conn_channel_exporter(f.s.conn, ours), 0);
		check_int(t,
			  SSL_export_keying_material(raw.ssl, theirs, 32,
						     "EXPORTER-Channel-Binding", 24,
						     (const unsigned char *)"", 0, 1),
			  1);
		check(t, memcmp(ours, theirs, 32) == 0);
		raw_free(&raw);
		client = f.c;
		peer_free(&f.s);
		f.s = client;
		shake_hands(&f, "b.example");
		check_int(t, conn_channel_end_point(f.s.conn, ours), 32);
		check_int(t, conn_channel_end_point(f.c.conn, theirs), 32);
		check(t, memcmp(ours, theirs, 32) == 0);
		check_int(t, conn_channel_exporter(f.s.conn, ours), 0);
		check_int(t, conn_channel_exporter(f.c.conn, theirs), 0);
		check(t, memcmp(ours, theirs, 32) == 0);
		tear_down(&f);
	}
}

/* RFC 8446 §4.6.3 with OpenSSL at the other end: new keys in both directions, often. */
TEST(key_updates)
{
	struct fixture f;
	struct raw raw;

	set_up(t, &f);
	raw_connect(&f, &raw, TLS1_3_VERSION);
	check(t, raw_shake_hands(&f, &raw));
	for (unsigned i = 0; i < 100; i++) {
		check_int(t,
			  SSL_key_update(raw.ssl, i % 2 ? SSL_KEY_UPDATE_REQUESTED
							: SSL_KEY_UPDATE_NOT_REQUESTED),
			  1);
		buf_clear(&f.s.got);
		check_int(t, SSL_write(raw.ssl, "ping", 4), 4);
		turn_until(f.loop, buf_len(&f.s.got) == 4);
		conn_write(f.s.conn, STR("pong"));
		check_str(t, raw_read(t->arena, &f, &raw, 4), "pong");
	}
	raw_free(&raw);
	tear_down(&f);
}

/* SEC-17 */
TEST(sec17_no_renegotiation)
{
	struct fixture f;
	struct raw raw;

	set_up(t, &f);
	raw_connect(&f, &raw, TLS1_2_VERSION);
	check(t, raw_shake_hands(&f, &raw));
	check_int(t, SSL_renegotiate(raw.ssl), 1);
	SSL_do_handshake(raw.ssl);
	turn_all(f.loop);
	check(t, SSL_do_handshake(raw.ssl) != 1 && SSL_get_error(raw.ssl, -1) != SSL_ERROR_NONE);
	turn_all(f.loop);
	check_int(t, f.s.secured, 1); /* once */
	raw_free(&raw);
	turn_until(f.loop, f.s.ended);
	tear_down(&f);
}

/* SEC-17: many handshakes at once; a message between established ends passes between them. */
TEST(sec17_handshakes_in_small_portions)
{
	enum { STORM = 40 };
	struct fixture f;
	struct peer servers[STORM] = {0}, clients[STORM] = {0};
	unsigned done = 0, turns = 0;

	set_up(t, &f);
	shake_hands(&f, "a.example");
	for (unsigned i = 0; i < STORM; i++) {
		int fds[2];

		peer_sockets(fds);
		servers[i].conn = conn_new(f.loop, fds[0], &peer_handlers, &servers[i]);
		clients[i].conn = conn_new(f.loop, fds[1], &peer_handlers, &clients[i]);
		conn_start_tls(servers[i].conn, f.server, NULL);
		conn_start_tls(clients[i].conn, f.client, "a.example");
	}
	conn_write(f.c.conn, STR("now"));
	while (buf_len(&f.s.got) == 0 && turns++ < 100)
		loop_turn(f.loop, 1);
	check(t, turns <= 2);
	for (unsigned i = 0; i < STORM; i++)
		done += servers[i].secured;
	check_int(t, done, 0);
	for (unsigned i = 0; i < STORM; i++)
		turn_until(f.loop, servers[i].secured && clients[i].secured);
	for (unsigned i = 0; i < STORM; i++) {
		check(t, servers[i].secured == 1);
		peer_free(&servers[i]);
		peer_free(&clients[i]);
	}
	tear_down(&f);
}

/* Client certificates (XEP-0178): any is shown, only one with a good chain is verified. */
TEST(client_certificates)
{
	for (unsigned i = 0; i < 3; i++) { /* none, trusted, another one */
		struct fixture f;
		struct tls_host host;
		struct raw raw;
		struct str why = STR_NONE, der;

		set_up(t, &f);
		host = (struct tls_host){STR("a.example"), f.a_cert, f.a_key};
		tls_unref(f.server);
		check_int(t,
			  tls_server_new(&(struct tls_options){&host, 1, true, f.a_cert, NULL},
					 &f.server, t->arena, &why),
			  0);
		raw_connect(&f, &raw, i == 1 ? TLS1_2_VERSION : TLS1_3_VERSION);
		if (i > 0) {
			SSL_use_certificate_file(raw.ssl, i == 1 ? f.a_cert : f.b_cert,
						 SSL_FILETYPE_PEM);
			SSL_use_PrivateKey_file(raw.ssl, i == 1 ? f.a_key : f.b_key,
						SSL_FILETYPE_PEM);
		}
		check(t, raw_shake_hands(&f, &raw));
		der = conn_peer_certificate(t->arena, f.s.conn);
		check(t, (der.p != NULL) == (i > 0));
		check_int(t, conn_peer_verified(f.s.conn), i == 1);
		raw_free(&raw);
		tear_down(&f);
	}
}

/* A client that verifies: the right name, a wrong one, and another issuer. */
TEST(client_verifies)
{
	static const char *const names[] = {"a.example", "c.example", "b.example"};

	for (unsigned i = 0; i < COUNT(names); i++) {
		struct fixture f;
		struct str why = STR_NONE;

		test_row(t, names[i]);
		set_up(t, &f);
		tls_unref(f.client);
		check_int(t, tls_client_new(f.a_cert, true, NULL, &f.client, t->arena, &why), 0);
		shake_hands(&f, names[i]);
		check_int(t, f.c.secured, i == 0);
		if (i == 0)
			check(t, conn_peer_verified(f.c.conn));
		else
			check_str(t, str(f.c.why), "certificate verify failed");
		tear_down(&f);
	}
}

/* A reload makes a new context; connections of the old one live on, handshakes begun in it too. */
/* RFC 6698 §2.1, RFC 7671: of a.example's certificate, which nobody else vouches for. */
static const struct {
	uint8_t usage, selector, matching;
	bool is_right, is_trusted; /* the data; whether an authority is known that vouches for it */
	const char *base;
	bool counts, is_verified;
} pin_rows[] = {
	{3, 0, 0, true, false, "xmpp.a.example", true, true},
	{3, 0, 1, true, false, "xmpp.a.example", true, true},
	{3, 0, 2, true, false, "xmpp.a.example", true, true},
	{3, 1, 0, true, false, "xmpp.a.example", true, true},
	{3, 1, 1, true, false, "other.example", true, true}, /* names nobody: no matter */
	{3, 1, 2, true, false, "xmpp.a.example", true, true},
	{3, 1, 1, false, false, "xmpp.a.example", true, false},
	{3, 1, 1, false, true, "xmpp.a.example", true, false}, /* whatever others say */
	{2, 0, 1, true, false, "xmpp.a.example", true, false}, /* it is no authority */
	{1, 0, 1, true, true, "xmpp.a.example", true, true},
	{1, 0, 1, true, false, "xmpp.a.example", true, false}, /* an authority has to vouch too */
	{7, 0, 1, true, false, "xmpp.a.example", false, false},
	{3, 7, 1, true, true, "xmpp.a.example", false,
	 true}, /* of no use: as if it were not there */
	{3, 0, 7, true, true, "xmpp.a.example", false, true},
};

static struct str
pin_data(struct test *t, const char *path, uint8_t selector, uint8_t matching)
{
	FILE *file = fopen(path, "r");
	X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
	unsigned char *der = NULL, *out = (unsigned char *)arena_bytes(t->arena, 4096);
	int len = selector == 1 ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der)
				: i2d_X509(certificate, &der);
	unsigned got = (unsigned)len;

	fclose(file);
	if (matching == 0)
		memcpy(out, der, got);
	else
		EVP_Digest(der, (size_t)len, out, &got, matching == 2 ? EVP_sha512() : EVP_sha256(),
			   NULL);
	OPENSSL_free(der);
	X509_free(certificate);
	return str_of(out, got);
}

TEST(pins)
{
	for (size_t i = 0; i < COUNT(pin_rows); i++) {
		struct tls_pin pin = {.usage = pin_rows[i].usage,
				      .selector = pin_rows[i].selector,
				      .matching = pin_rows[i].matching};
		struct fixture f;
		struct str why;

		test_row(t, arena_printf(t->arena, "row %zu", i).p);
		set_up(t, &f);
		tls_unref(f.client);
		check_int(t,
			  tls_peer_new(NULL, pin_rows[i].is_trusted ? f.a_cert : f.b_cert,
				       "xmpp-client", &f.client, t->arena, &why),
			  0);
		pin.data = pin_data(t, pin_rows[i].is_right ? f.a_cert : f.b_cert, pin.selector,
				    pin.matching);
		connect_peers(&f);
		conn_start_tls(f.s.conn, f.server, NULL);
		conn_start_tls(f.c.conn, f.client, "a.example");
		conn_pin_tls(f.c.conn, pin_rows[i].base, &pin, 1);
		turn_until(f.loop, (f.s.secured && f.c.secured) || f.s.ended || f.c.ended);
		check(t, f.c.secured && conn_has_pins(f.c.conn) == pin_rows[i].counts);
		check_int(t, conn_peer_verified(f.c.conn), pin_rows[i].is_verified);
		check_int(t, conn_peer_is_pinned(f.c.conn),
			  pin_rows[i].is_verified && pin_rows[i].counts);
		tear_down(&f);
	}
}

TEST(reload)
{
	struct fixture f;
	struct peer later = {0}, late_client = {0};
	int fds[2];

	set_up(t, &f);
	shake_hands(&f, "a.example");
	peer_sockets(fds);
	later.conn = conn_new(f.loop, fds[0], &peer_handlers, &later);
	late_client.conn = conn_new(f.loop, fds[1], &peer_handlers, &late_client);
	conn_start_tls(later.conn, f.server, NULL);
	tls_unref(f.server);
	f.server = NULL;
	conn_start_tls(late_client.conn, f.client, "b.example");
	turn_until(f.loop, later.secured && late_client.secured);
	check_str(t, conn_sni(later.conn), "b.example");
	conn_write(f.c.conn, STR("still"));
	turn_until(f.loop, buf_len(&f.s.got) == 5);
	check_str(t, buf_str(&f.s.got), "still");
	peer_free(&later);
	peer_free(&late_client);
	tear_down(&f);
}

/* Faults in files: which, and what. */
TEST(bad_files)
{
	struct fixture f;
	struct tls_context *context;
	struct tls_certificate_facts facts;
	struct str why = STR_NONE;
	struct stat st;

	set_up(t, &f);
	for (unsigned i = 0; i < 3; i++) {
		struct tls_host host = {STR("a.example"), i == 0 ? "/nowhere/x.crt" : f.a_cert,
					i == 1 ? f.a_cert : f.b_key};
		const char *culprit = i == 0 ? host.certificate_path : host.key_path;

		check_int(t,
			  tls_server_new(&(struct tls_options){&host, 1}, &context, t->arena, &why),
			  -1);
		check(t, str_starts(why, str(culprit)));
	}
	check_int(t, tls_certificate_facts(t->arena, f.a_key, &facts, &why), -1);
	check_int(t, tls_certificate_facts(t->arena, "/nowhere/x.crt", &facts, &why), -1);
	check_str(t, why, "/nowhere/x.crt: No such file or directory");
	check_int(t, tls_certificate_facts(t->arena, f.a_cert, &facts, &why), 0);
	check_str(t, facts.subject, "CN=a.example");
	check(t,
	      facts.is_self_signed && facts.not_after_s - facts.not_before_s == 30 * 86400 + 3600);
	check_int(t, stat(f.a_key, &st), 0);
	check_int(t, st.st_mode & 0777, 0600);
	tear_down(&f);
}

/*
 * Moves between two threads that each run a loop, with data on the way in both directions. Whoever
 * has the connection echoes what comes, and after some of it sends the connection to the other
 * thread.
 */
enum { MOVES = 200, PIECE = 1000 };

struct mover {
	struct loop *loops[2];
	struct conn *conn;
	unsigned at, moves;
	size_t echoed;
	struct deferred leave;
	struct task arrive;
};

static size_t
mover_data(struct conn *conn, struct str bytes)
{
	struct mover *mover = conn_owner(conn);

	conn_write(conn, bytes);
	mover->echoed += bytes.len;
	if (mover->moves < MOVES && mover->echoed > mover->moves * (size_t)PIECE)
		loop_defer(mover->loops[mover->at], &mover->leave);
	return bytes.len;
}

static void
mover_ended(struct conn *conn, enum conn_end end UNUSED, const char *why UNUSED)
{
	struct mover *mover = conn_owner(conn);

	conn_free(conn);
	loop_stop(mover->loops[0]);
	loop_stop(mover->loops[1]);
}

static const struct conn_handlers mover_handlers = {mover_data, NULL, NULL, mover_ended};

static void
mover_leave(struct deferred *deferred)
{
	struct mover *mover = CONTAINER(deferred, struct mover, leave);

	conn_detach(mover->conn);
	mover->at = 1 - mover->at;
	mover->moves++;
	loop_post(mover->loops[mover->at], &mover->arrive);
}

static void
mover_arrive(struct task *task)
{
	struct mover *mover = CONTAINER(task, struct mover, arrive);

	conn_attach(mover->conn, mover->loops[mover->at]);
}

static void *
run_loop(void *loop)
{
	loop_run(loop);
	return NULL;
}

TEST(tls_moves_between_threads)
{
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct fixture f;
		struct raw raw;
		struct mover mover = {.leave.run = mover_leave, .arrive.run = mover_arrive};
		pthread_t threads[2];
		char piece[PIECE], back[PIECE];
		unsigned good = 0;

		set_up(t, &f);
		raw_connect(&f, &raw, version);
		check(t, raw_shake_hands(&f, &raw));
		mover.conn = f.s.conn;
		f.s.conn = NULL;
		conn_set_owner(mover.conn, &mover_handlers, &mover);
		conn_detach(mover.conn);
		for (unsigned i = 0; i < 2; i++)
			mover.loops[i] = loop_new();
		loop_post(mover.loops[0], &mover.arrive);
		for (unsigned i = 0; i < 2; i++)
			pthread_create(&threads[i], NULL, run_loop, mover.loops[i]);
		fcntl(raw.fd, F_SETFL, 0); /* blocks from here on */
		for (unsigned i = 0; i < 2 * MOVES; i++) {
			size_t got = 0;

			memset(piece, (int)i, PIECE);
			check_int(t, SSL_write(raw.ssl, piece, PIECE), PIECE);
			while (got < PIECE) {
				int n = SSL_read(raw.ssl, back + got, (int)(PIECE - got));

				if (n <= 0)
					break;
				got += (size_t)n;
			}
			good += got == PIECE && memcmp(piece, back, PIECE) == 0;
		}
		check_int(t, good, 2 * MOVES);
		SSL_shutdown(raw.ssl);
		raw_free(&raw);
		for (unsigned i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
		check_int(t, mover.moves, MOVES);
		for (unsigned i = 0; i < 2; i++)
			loop_free(mover.loops[i]);
		tear_down(&f);
	}
}
