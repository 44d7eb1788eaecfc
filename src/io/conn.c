/* SPDX-License-Identifier: MIT */
/*
 * conn.c - a connection's life on its loop: reading, writing, pausing, moving, ending.
 *
 * All that is written in a turn goes out at its end, in conn_work. So does the news of the end,
 * which makes every other function safe to call from anywhere.
 */
#include "io/conn_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define EOF_FLUSH_MS 10000u /* for the rest of the output, once the peer has closed its side */

static void
gathered_enough(struct timer *timer)
{
	struct conn_io *io = CONTAINER(timer, struct conn_io, gathered_enough);

	LIST_EACH(&io->gathering, struct conn, work.link, conn)
	{
		conn_defer(conn);
	}
}

static void
io_free(struct loop_local *local)
{
	struct conn_io *io = CONTAINER(local, struct conn_io, local);

	conn_tls_io_end(io);
	while (io->spare_count > 0)
		buf_free(&io->spares[--io->spare_count]);
	free(io);
}

struct conn_io *
conn_io(struct loop *loop)
{
	struct loop_local **slot = loop_local(loop);
	struct conn_io *io;

	if (*slot != NULL)
		return CONTAINER(*slot, struct conn_io, local);
	io = xnew(struct conn_io);
	io->local.free = io_free;
	list_init(&io->gathering);
	io->gathered_enough.run = gathered_enough;
	conn_tls_io_init(io);
	*slot = &io->local;
	return io;
}

void
conn_defer(struct conn *conn)
{
	if (conn->loop == NULL)
		return;
	if (conn->is_gathering) {
		conn->is_gathering = false;
		list_remove(&conn->work.link);
	}
	loop_defer(conn->loop, &conn->work);
}

/* Watching */

static bool
wants_input(const struct conn *conn)
{
	if (conn->handshake != NULL && link_is_listed(&conn->handshake->step.link))
		return false; /* it will read */
	if (conn->has_eof)
		return false;
	/* A pause that ends before anything comes costs no system call: see ready(). */
	return conn->state == STATE_LINGERING ||
	       (conn->state == STATE_OPEN &&
		(!conn->is_paused || conn->handshake != NULL || (conn->watch.events & EPOLLIN)));
}

void
conn_rewatch(struct conn *conn)
{
	/* With nothing else to watch, this still reports a reset. */
	uint32_t events = conn->handshake != NULL ? EPOLLONESHOT : 0;

	if (conn->watch.fd < 0 || conn->loop == NULL)
		return;
	if (wants_input(conn))
		events |= EPOLLIN;
	if (conn->is_blocked)
		events |= EPOLLOUT;
	if (conn->state == STATE_ENDED)
		events = 0;
	else if (events == 0)
		events = EPOLLONESHOT;
	loop_watch(conn->loop, &conn->watch, events);
}

static const char *
socket_error(const struct conn *conn)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(conn->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error != 0 ? strerrordesc_np(error) : "closed by the peer";
}

/* Reading */

size_t
conn_receive(struct conn *conn, char *to, size_t size)
{
	ssize_t got = recv(conn->watch.fd, to, size, 0);

	if (got > 0)
		return (size_t)got;
	if (got == 0)
		conn_read_eof(conn, conn->is_secured ? "closed without close_notify" : "closed");
	else if (errno != EAGAIN && errno != EINTR)
		conn_end(conn, CONN_RESET, strerrordesc_np(errno));
	return 0;
}

/* After a handler: whether CONN is still there. */
static bool
is_alive(struct conn *conn)
{
	conn->is_calling = false;
	if (!conn->is_freed)
		return true;
	buf_free(&conn->in);
	free(conn);
	return false;
}

bool
conn_offer(struct conn *conn, struct str bytes)
{
	bool is_kept = buf_len(&conn->in) > 0;
	size_t taken;

	if (conn->state != STATE_OPEN)
		return true;
	if (is_kept || conn->is_paused) {
		buf_add(&conn->in, bytes);
		bytes = buf_str(&conn->in);
	}
	conn->has_kept = conn->is_paused;
	if (conn->is_paused || bytes.len == 0)
		return true;

	conn->has_read = true;
	conn->is_calling = true;
	taken = conn->handlers->data(conn, bytes);
	assert(taken <= bytes.len);
	if (!is_alive(conn))
		return false;
	if (is_kept)
		buf_consume(&conn->in, taken);
	else
		buf_add(&conn->in, str_from(bytes, taken));
	buf_trim(&conn->in);
	if (conn->handshake != NULL && conn->handshake->is_unchecked) {
		conn->handshake->is_unchecked = false;
		if (buf_len(&conn->in) > 0)
			conn_end(conn, CONN_TLS, "bytes between the request for TLS and TLS");
	}
	return true;
}

bool
conn_tell_secured(struct conn *conn)
{
	conn->is_secured = true;
	if (conn->handlers->secured == NULL)
		return true;
	conn->is_calling = true;
	conn->handlers->secured(conn);
	return is_alive(conn);
}

static void
read_plain(struct conn *conn)
{
	struct conn_io *io = conn_io(conn->loop);
	size_t got = conn_receive(conn, io->plain, READ_SIZE);

	if (got > 0)
		conn_offer(conn, str_of(io->plain, got));
}

static void
ready(struct watch *watch, uint32_t events)
{
	struct conn *conn = CONTAINER(watch, struct conn, watch);

	if (events & EPOLLOUT) {
		conn->is_blocked = false;
		conn_defer(conn);
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	if (conn->handshake != NULL) {
		loop_defer_heavy(conn->loop, &conn->handshake->step, conn->ssl != NULL);
	} else if (conn->state == STATE_FLUSHING || conn->is_paused) {
		if (events & (EPOLLHUP | EPOLLERR))
			conn_end(conn, CONN_RESET, socket_error(conn));
		else
			loop_watch(conn->loop, watch, conn->is_blocked ? EPOLLOUT : EPOLLONESHOT);
	} else if (conn->secured != NULL && conn->state == STATE_OPEN) {
		conn_tls_read(conn);
	} else {
		read_plain(conn);
	}
}

void
conn_pause(struct conn *conn)
{
	conn->is_paused = true;
}

void
conn_resume(struct conn *conn)
{
	if (!conn->is_paused)
		return;
	conn->is_paused = false;
	conn->has_kept = true;
	conn_defer(conn);
}

/* Writing */

/* Whoever asks what has arrived must not take these bytes for it. */
void
conn_give_up(struct conn *conn, struct buf *buf)
{
	conn->lost += buf_len(buf);
	buf_free(buf);
}

bool
conn_send(struct conn *conn, struct buf *buf)
{
	struct str bytes = buf_str(buf);
	ssize_t sent;

	if (bytes.len == 0)
		return true;
	if (conn->is_blocked)
		return false;
	if (conn->is_broken) {
		conn_give_up(conn, buf);
		return true;
	}
	sent = send(conn->watch.fd, bytes.p, bytes.len, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		/* What the peer sent before it went is still to be read: that finds the end. */
		conn->is_broken = true;
		conn_give_up(conn, buf);
		if (conn->is_paused || conn->state != STATE_OPEN)
			conn_end(conn, CONN_RESET, strerrordesc_np(errno));
		return true;
	}
	buf_consume(buf, sent > 0 ? (size_t)sent : 0);
	/* One short write is as good as EAGAIN, and saves it. */
	conn->is_blocked = buf_len(buf) > 0;
	return !conn->is_blocked;
}

/* An output that begins gets a buffer which has grown already, to as much as is usual in a turn. */
struct buf *
conn_output(struct conn *conn)
{
	if (conn->out.p == NULL && conn->loop != NULL && conn->watch.fd >= 0) {
		struct conn_io *io = conn_io(conn->loop);

		if (io->spare_count > 0)
			conn->out = io->spares[--io->spare_count];
	}
	return &conn->out;
}

static void
give_back_output(struct conn *conn)
{
	if (conn->out.p != NULL && conn->out.size <= SPARE_MAX && conn->watch.fd >= 0) {
		struct conn_io *io = conn_io(conn->loop);

		if (io->spare_count < SPARES) {
			io->spares[io->spare_count++] = conn->out;
			conn->out = (struct buf){0};
		}
	}
	buf_trim(&conn->out);
}

/* False: it never will. */
static bool
will_go_out(struct conn *conn)
{
	if (conn->state >= STATE_LINGERING || conn->is_broken) {
		conn_give_up(conn, &conn->out);
		return false;
	}
	conn->must_drain = true;
	return true;
}

void
conn_wrote(struct conn *conn)
{
	if (will_go_out(conn))
		conn_defer(conn);
}

void
conn_wrote_to_many(struct conn *conn)
{
	struct conn_io *io;
	uint64_t now;

	if (!will_go_out(conn) || conn->loop == NULL || link_is_listed(&conn->work.link))
		return;
	now = loop_now_ms(conn->loop);
	if ((uint32_t)now - conn->drained_ms >= CONN_GATHER_MS || conn->state != STATE_OPEN) {
		conn_defer(conn);
		return;
	}
	io = conn_io(conn->loop);
	if (list_is_empty(&io->gathering))
		timer_set(conn->loop, &io->gathered_enough, now + CONN_GATHER_MS);
	conn->is_gathering = true;
	list_add(&io->gathering, &conn->work.link);
}

void
conn_hold_output(struct conn *conn)
{
	conn->is_holding = conn->state == STATE_OPEN;
}

void
conn_release_output(struct conn *conn)
{
	if (!conn->is_holding)
		return;
	conn->is_holding = false;
	conn_defer(conn);
}

void
conn_write(struct conn *conn, struct str bytes)
{
	if (conn->state != STATE_OPEN)
		return;
	buf_add(conn_output(conn), bytes);
	conn_wrote(conn);
}

size_t
conn_waiting(const struct conn *conn)
{
	return buf_len(&conn->out) + buf_len(&conn->raw);
}

size_t
conn_unacknowledged(const struct conn *conn)
{
	int queued = 0;

	if (conn->watch.fd < 0)
		return conn_pair_unacknowledged(conn);
	if (ioctl(conn->watch.fd, SIOCOUTQ, &queued) < 0)
		queued = 0;
	return conn_waiting(conn) + conn->lost + (size_t)queued;
}

/* Ending */

static void
too_late(struct timer *timer)
{
	struct farewell *farewell = CONTAINER(timer, struct farewell, timer);
	bool is_flushed = farewell->conn->state == STATE_LINGERING;

	conn_end(farewell->conn, is_flushed ? CONN_EOF : CONN_RESET,
		 is_flushed ? "the peer did not close" : "the peer did not read to the end");
}

/* The output goes first, for at most TIMEOUT_MS. */
static void
begin_farewell(struct conn *conn, unsigned timeout_ms)
{
	conn->state = STATE_FLUSHING;
	conn->is_holding = false;
	conn->farewell = xnew(struct farewell);
	conn->farewell->conn = conn;
	conn->farewell->timer.run = too_late;
	conn->farewell->timer.due_ms = time_mono_ms() + timeout_ms;
	if (conn->loop != NULL)
		timer_set(conn->loop, &conn->farewell->timer, conn->farewell->timer.due_ms);
	if (conn->handshake != NULL)
		buf_clear(&conn->out); /* will never be encrypted */
	conn_defer(conn);
}

void
conn_shutdown(struct conn *conn, unsigned timeout_ms)
{
	if (conn->state == STATE_OPEN)
		begin_farewell(conn, timeout_ms);
}

/* RFC 8446 §6.1: nobody closes without it, not even second. */
static void
say_goodbye(struct conn *conn)
{
	if (conn->secured != NULL && !conn->is_broken)
		conn_tls_close_notify(conn);
}

/* All is out: now ours is the side that is closed. */
static void
close_output(struct conn *conn)
{
	if (conn->has_eof || conn->is_broken || conn->watch.fd < 0) {
		conn_pair_close(conn);
		say_goodbye(conn);
		conn_end(conn, CONN_EOF, "closed");
	} else if (conn->secured == NULL || conn_tls_close_notify(conn)) {
		conn->state = STATE_LINGERING;
		shutdown(conn->watch.fd, SHUT_WR);
	}
}

void
conn_read_eof(struct conn *conn, const char *why)
{
	if (conn->is_paused && conn->state == STATE_OPEN) {
		conn->has_eof = true; /* conn_work comes back to it after the pause */
	} else if (conn->state == STATE_OPEN && conn_waiting(conn) > 0 && conn->handshake == NULL &&
		   !conn->is_broken) {
		conn->has_eof = true;
		begin_farewell(conn, EOF_FLUSH_MS);
	} else if (conn->state == STATE_FLUSHING) {
		conn->has_eof = true; /* what we still had to say goes out all the same */
		conn_defer(conn);
	} else {
		if (conn->state == STATE_OPEN)
			say_goodbye(conn);
		conn_end(conn, CONN_EOF, why);
	}
}

void
conn_end(struct conn *conn, enum conn_end end, const char *why)
{
	if (conn->state == STATE_ENDED)
		return;
	conn->state = STATE_ENDED;
	if (conn->farewell == NULL)
		conn->farewell = xnew(struct farewell);
	else if (conn->loop != NULL)
		timer_cancel(conn->loop, &conn->farewell->timer);
	conn->farewell->conn = conn;
	conn->farewell->end = end;
	conn->farewell->why = why;
	if (conn->handshake != NULL)
		loop_defer_cancel(&conn->handshake->step);
	conn_rewatch(conn);
	conn_defer(conn);
}

/* The end of the turn */

static bool
flush(struct conn *conn)
{
	if (conn->watch.fd < 0)
		return conn_pair_flush(conn);
	if (conn->secured != NULL || conn->handshake != NULL)
		return conn_tls_flush(conn);
	return conn_send(conn, &conn->out);
}

/* All is out. False: CONN is gone. */
static bool
flushed(struct conn *conn)
{
	give_back_output(conn);
	buf_trim(&conn->raw);
	if (conn->state == STATE_FLUSHING)
		close_output(conn);
	if (!conn->must_drain || conn->state != STATE_OPEN)
		return true;
	conn->must_drain = false;
	conn->drained_ms = (uint32_t)loop_now_ms(conn->loop);
	if (conn->handlers->drained == NULL)
		return true;
	conn->is_calling = true;
	conn->handlers->drained(conn);
	return is_alive(conn);
}

static void
tell_end(struct conn *conn)
{
	loop_defer_cancel(&conn->work);
	if (conn->is_told)
		return;
	conn->is_told = true;
	conn->is_calling = true;
	conn->handlers->ended(conn, conn->farewell->end, conn->farewell->why);
	is_alive(conn);
}

static void
conn_work(struct deferred *deferred)
{
	struct conn *conn = CONTAINER(deferred, struct conn, work);

	if (conn->has_kept) {
		if (!conn_offer(conn, STR_NONE))
			return;
		conn_pair_resume(conn);
	}
	if (conn->has_eof && !conn->is_paused && conn->state == STATE_OPEN)
		conn_read_eof(conn, "closed");
	if (conn->state != STATE_ENDED && !conn->is_holding && flush(conn) && !flushed(conn))
		return;
	if (conn->state == STATE_ENDED)
		tell_end(conn);
	else
		conn_rewatch(conn);
}

/* Beginning */

/* An IPv4 address that came to an IPv6 socket is shown, limited and blocked as what it is. */
static void
set_peer(struct conn *conn)
{
	socklen_t len = sizeof(conn->peer);
	const unsigned char *v6 = conn->peer.v6.sin6_addr.s6_addr;
	struct sockaddr_in v4 = {.sin_family = AF_INET};

	if (getpeername(conn->watch.fd, &conn->peer.any, &len) < 0 ||
	    (conn->peer.any.sa_family != AF_INET && conn->peer.any.sa_family != AF_INET6)) {
		conn->peer.any.sa_family = AF_UNSPEC;
	} else if (conn->peer.any.sa_family == AF_INET6 &&
		   IN6_IS_ADDR_V4MAPPED(&conn->peer.v6.sin6_addr)) {
		v4.sin_port = conn->peer.v6.sin6_port;
		memcpy(&v4.sin_addr, v6 + 12, 4);
		conn->peer.v4 = v4;
	}
}

static struct conn *
new_conn(struct loop *loop, const struct conn_handlers *handlers, void *owner)
{
	struct conn *conn = xnew(struct conn);

	conn->loop = loop;
	conn->handlers = handlers;
	conn->owner = owner;
	conn->work.run = conn_work;
	conn->watch.fd = -1;
	conn->watch.ready = ready;
	return conn;
}

struct conn *
conn_new(struct loop *loop, int fd, const struct conn_handlers *handlers, void *owner)
{
	struct conn *conn = new_conn(loop, handlers, owner);
	int yes = 1;

	conn->watch.fd = fd;
	set_peer(conn);
	/* Output is gathered here; Nagle's algorithm would only delay it. Fails on Unix sockets. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	conn_defer(conn); /* to watch it: how is clear at the end of the turn */
	return conn;
}

void
conn_new_pair(struct loop *loop_a, const struct conn_handlers *handlers_a, void *owner_a,
	      struct loop *loop_b, const struct conn_handlers *handlers_b, void *owner_b,
	      struct conn **a, struct conn **b)
{
	*a = new_conn(loop_a, handlers_a, owner_a);
	*b = new_conn(loop_b, handlers_b, owner_b);
	(*a)->twin = *b;
	(*b)->twin = *a;
}

void
conn_free(struct conn *conn)
{
	if (conn == NULL)
		return;
	loop_defer_cancel(&conn->work);
	if (conn->watch.fd >= 0) {
		if (conn->loop != NULL)
			loop_watch(conn->loop, &conn->watch, 0);
		close(conn->watch.fd);
		conn->watch.fd = -1;
	}
	conn_pair_close(conn);
	conn_handshake_free(conn);
	conn_tls_free(conn);
	if (conn->farewell != NULL && conn->loop != NULL)
		timer_cancel(conn->loop, &conn->farewell->timer);
	free(conn->farewell);
	conn->farewell = NULL;
	buf_free(&conn->out);
	buf_free(&conn->raw);
	conn->state = STATE_ENDED;
	if (conn->is_calling) {
		conn->is_freed = true; /* the handler's bytes may stand in IN */
		return;
	}
	buf_free(&conn->in);
	free(conn);
}

/* Moving */

void
conn_detach(struct conn *conn)
{
	assert(!conn->is_calling && conn->loop != NULL);
	loop_defer_cancel(&conn->work);
	conn->is_gathering = false;
	if (conn->watch.fd >= 0)
		loop_watch(conn->loop, &conn->watch, 0);
	if (conn->farewell != NULL)
		timer_cancel(conn->loop, &conn->farewell->timer);
	conn_handshake_detach(conn);
	conn->loop = NULL;
}

void
conn_attach(struct conn *conn, struct loop *loop)
{
	assert(conn->loop == NULL);
	conn->loop = loop;
	conn_handshake_attach(conn);
	if (conn->farewell != NULL && conn->state != STATE_ENDED)
		timer_set(loop, &conn->farewell->timer, conn->farewell->timer.due_ms);
	if (buf_len(&conn->in) > 0 && !conn->is_paused)
		conn->has_kept = true;
	conn_rewatch(conn);
	conn_defer(conn);
}
