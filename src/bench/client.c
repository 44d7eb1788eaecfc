/* SPDX-License-Identifier: MIT */
/*
 * client.c - one connection of the load generator: socket, TLS, and stanzas out of bytes.
 *
 * A stanza is a TLS record of its own, as most client libraries send them, unless gathering was
 * asked for; records are written to the socket once per turn, and input is scanned where it was
 * read: the generator shares its processors with the server it measures.
 */
#include "bench/fleet_local.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void
watch(struct client *client, int operation, bool with_output)
{
	struct epoll_event event = {
		.events = EPOLLIN | (with_output ? (uint32_t)EPOLLOUT : 0),
		.data.ptr = client,
	};

	if (epoll_ctl(client->engine->epoll, operation, client->fd, &event) < 0)
		client_fail(client, "epoll: %s", strerror(errno));
}

/*
 * Sources vary over 127.0.0.0/8, because one pair of addresses has only some 28,000 ports, and
 * closed connections keep theirs for a minute.
 */
static void
bind_source(struct client *client, const struct sockaddr_in *to)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	int on = 1;

	if (ntohl(to->sin_addr.s_addr) >> 24 != 127)
		return;
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + client->engine->starts++ % 200);
	setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(client->fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		client_fail(client, "bind: %s", strerror(errno));
}

void
client_start(struct client *client)
{
	const struct options *options = client->engine->options;
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(options->port))};
	int on = 1;

	client->began_ns = time_mono_ns();
	client->scan = (struct scan){0};
	client->is_blocked = false;
	client->state = CLIENT_CONNECTING;
	if (inet_pton(AF_INET, options->address, &to.sin_addr) != 1) {
		client_fail(client, "not an IPv4 address: %s", options->address);
		return;
	}
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->fd < 0) {
		client_fail(client, "socket: %s", strerror(errno));
		return;
	}
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bind_source(client, &to);
	if (connect(client->fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		client_fail(client, "connect: %s", strerror(errno));
	watch(client, EPOLL_CTL_ADD, true);
}

void
client_stop(struct client *client)
{
	SSL_free(client->ssl);
	client->ssl = NULL;
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	buf_free(&client->in);
	buf_free(&client->out);
	buf_free(&client->sealed);
	free(client->jid);
	free(client->scram);
	client->jid = NULL;
	client->scram = NULL;
	client->acks.is_on = client->acks.is_resumed = false;
	client->state = CLIENT_OFF;
}

static void
begin_stream(struct client *client)
{
	if (client->engine->options->is_relay) {
		client_online(client);
		return;
	}
	client->state = CLIENT_NEGOTIATING;
	login_begin(client);
}

/* What OpenSSL or the socket said about N bytes: whether to wait for the descriptor. */
static bool
is_waiting(struct client *client, int n)
{
	int error;

	if (client->ssl == NULL)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	error = SSL_get_error(client->ssl, n);
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static void
lost(struct client *client)
{
	const struct job_handlers *handlers = client->engine->handlers;
	bool is_closing = client->state == CLIENT_CLOSING;

	if (!is_closing && handlers->lost == NULL) {
		client_fail(client, "the connection was lost");
		return;
	}
	client_stop(client);
	if (is_closing)
		handlers->closed(client);
	else
		handlers->lost(client);
}

static void
make_dirty(struct client *client)
{
	if (client->is_dirty)
		return;
	client->is_dirty = true;
	client->next_dirty = client->engine->dirty;
	client->engine->dirty = client;
}

/* Takes what OpenSSL has just written, on behalf of this client, to the BIO that all share. */
static void
take_sealed(struct client *client)
{
	char *p;
	long n = BIO_get_mem_data(client->engine->sealed, &p);

	if (n <= 0)
		return;
	buf_add(&client->sealed, str_of(p, (size_t)n));
	(void)BIO_reset(client->engine->sealed);
	make_dirty(client);
}

/* Encrypts what there is to send: one record, or more when it is long. */
static void
seal(struct client *client)
{
	while (client->ssl != NULL && buf_len(&client->out) > 0) {
		struct str out = buf_str(&client->out);
		int n = SSL_write(client->ssl, out.p, (int)out.len);

		if (n <= 0) { /* it goes to memory: there is nothing to wait for */
			client_fail(client, "TLS cannot write");
			buf_clear(&client->out);
			return;
		}
		buf_consume(&client->out, (size_t)n);
	}
	take_sealed(client);
}

static void
shake_hands(struct client *client)
{
	int n;

	ERR_clear_error();
	n = SSL_do_handshake(client->ssl);
	take_sealed(client);
	if (n == 1) {
		begin_stream(client);
		return;
	}
	if (!is_waiting(client, n)) {
		char text[200] = "closed";

		if (ERR_peek_error() != 0)
			ERR_error_string_n(ERR_get_error(), text, sizeof(text));
		client_fail(client, "TLS handshake: %s", text);
	}
}

void
client_start_tls(struct client *client)
{
	const struct options *options = client->engine->options;

	client->ssl = SSL_new(client->engine->tls);
	SSL_set_rfd(client->ssl, client->fd);
	BIO_up_ref(client->engine->sealed);
	SSL_set0_wbio(client->ssl, client->engine->sealed);
	SSL_set_tlsext_host_name(client->ssl, options->host);
	if (options->tls == BENCH_DIRECT_TLS && !options->is_relay)
		SSL_set_alpn_protos(client->ssl, (const unsigned char *)"\013xmpp-client", 12);
	SSL_set_connect_state(client->ssl);
	client->state = CLIENT_HANDSHAKE;
	shake_hands(client);
}

static void
finish_connect(struct client *client)
{
	socklen_t size = sizeof(int);
	int error = 0;

	getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error != 0) {
		client_fail(client, "connect: %s", strerror(error));
		return;
	}
	watch(client, EPOLL_CTL_MOD, false);
	if (client->engine->options->tls != BENCH_DIRECT_TLS) {
		begin_stream(client);
		return;
	}
	client_start_tls(client);
}

/* close_notify (RFC 8446 §6.1); then the server closes. */
static void
say_goodbye(struct client *client)
{
	if (client->ssl != NULL)
		SSL_shutdown(client->ssl);
	take_sealed(client);
}

/* What a server asks of a client, such as whether it lives (XEP-0199), or pushes (RFC 6121 §2.1.6).
 */
static void
answer_iq(struct client *client, struct str iq)
{
	struct str from = scan_attribute(iq, "from"), id = scan_attribute(iq, "id");

	buf_printf(&client->out, "<iq type='result' id='%.*s'", STR_ARG(id));
	if (from.p != NULL)
		buf_printf(&client->out, " to='%.*s'", STR_ARG(from));
	client_send(client, STR("/>"));
	acks_count(&client->acks, 1);
}

static bool
is_request(struct str stanza)
{
	struct str type = scan_attribute(stanza, "type");

	return scan_is(stanza, "iq") && (str_is(type, "get") || str_is(type, "set"));
}

static void
take_item(struct client *client, enum scan_item what, struct str item)
{
	if (what == SCAN_BAD)
		client_fail(client, "not XMPP: %.*s", STR_ARG(str_first(item, 200)));
	else if (what == SCAN_STANZA && scan_is(item, "stream:error"))
		client_fail(client, "%.*s", STR_ARG(item));
	else if (what == SCAN_END && client->state != CLIENT_CLOSING)
		client_fail(client, "the server closed the stream");
	else if (what == SCAN_STANZA && client->acks.is_on && acks_item(client, item))
		return;
	else if (what == SCAN_STANZA && client->state != CLIENT_CLOSING && is_request(item))
		answer_iq(client, item);
	else if (client->state == CLIENT_NEGOTIATING)
		login_item(client, what, item);
	else if (what == SCAN_END)
		say_goodbye(client);
	else if (what == SCAN_STANZA && client->state == CLIENT_ONLINE)
		client->engine->handlers->stanza(client, item);
}

/* Scans BYTES; returns what is left of them, an item that is not whole. */
static struct str
take_items(struct client *client, struct str bytes)
{
	enum scan_item what;
	struct str item = bytes;
	size_t used = 0;

	while (client->fd >= 0 && client->engine->failure[0] == 0 &&
	       (what = scan_next(&client->scan, bytes, &item, &used)) != SCAN_MORE) {
		bytes = str_from(bytes, used);
		take_item(client, what, item);
	}
	return bytes;
}

static void
take_bytes(struct client *client, struct str bytes)
{
	size_t before = buf_len(&client->in);
	struct str rest;

	/* A relayed stream has no header: its messages are children of a stream that was opened
	 * here. */
	if (client->engine->options->is_relay && client->scan.depth == 0)
		client->scan.depth = 1;
	if (before > 0) {
		buf_add(&client->in, bytes);
		bytes = buf_str(&client->in);
	}
	rest = take_items(client, bytes);
	if (client->fd < 0)
		return;
	if (before > 0) {
		buf_consume(&client->in, bytes.len - rest.len);
		if (rest.len == 0)
			buf_trim(&client->in);
	} else if (rest.len > 0) {
		buf_add(&client->in, rest);
	}
}

static void
take_input(struct client *client)
{
	bool is_more = true;

	while (is_more && client->fd >= 0) {
		char *input = client->engine->input;
		int n;

		if (client->ssl != NULL) {
			ERR_clear_error();
			n = SSL_read(client->ssl, input, INPUT_SIZE);
			take_sealed(client); /* an answer to a key update */
		} else {
			n = (int)recv(client->fd, input, INPUT_SIZE, 0);
		}
		if (n <= 0) {
			if (!is_waiting(client, n))
				lost(client);
			return;
		}
		take_bytes(client, str_of(input, (size_t)n));
		/* What the kernel still has wakes us again. */
		is_more = client->ssl != NULL && SSL_has_pending(client->ssl);
	}
}

void
client_flush(struct client *client)
{
	struct buf *out = client->ssl != NULL ? &client->sealed : &client->out;

	seal(client);
	while (client->fd >= 0 && buf_len(out) > 0) {
		ssize_t n = send(client->fd, out->p + out->start, buf_len(out), MSG_NOSIGNAL);

		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				lost(client);
			else if (!client->is_blocked)
				watch(client, EPOLL_CTL_MOD, client->is_blocked = true);
			return;
		}
		buf_consume(out, (size_t)n);
	}
	buf_trim(&client->out);
	buf_trim(&client->sealed);
	if (client->is_blocked && client->fd >= 0)
		watch(client, EPOLL_CTL_MOD, client->is_blocked = false);
}

void
client_ready(struct client *client, uint32_t events)
{
	if (client->state == CLIENT_CONNECTING)
		finish_connect(client);
	else if (client->state == CLIENT_HANDSHAKE)
		shake_hands(client);
	else if (client->fd >= 0 && (events & ~(uint32_t)EPOLLOUT) != 0)
		take_input(client);
	if (client->is_blocked && (events & EPOLLOUT) != 0)
		client_flush(client);
}

void
client_wrote(struct client *client)
{
	if (!client->engine->options->is_gathering)
		seal(client);
	make_dirty(client);
}

void
client_send(struct client *client, struct str bytes)
{
	buf_add(&client->out, bytes);
	client_wrote(client);
}

void
client_restart(struct client *client)
{
	client->scan = (struct scan){0};
}

void
client_close(struct client *client)
{
	client->state = CLIENT_CLOSING;
	if (!client->engine->options->is_relay)
		client_send(client, STR("</stream:stream>"));
	else
		say_goodbye(client);
}
