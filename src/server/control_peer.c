/* SPDX-License-Identifier: MIT */
/* control_peer.c - reading and writing one connection to the control socket, within bounds. */
#include "server/control_peer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 16384u
#define OUT_BYTES_MAX (1u << 20) /* more than that waits: no new commands are read */
#define CALLS_MAX 64u

static bool
wants_more(const struct control_peer *peer)
{
	return !peer->is_reading_done && peer->call_count < CALLS_MAX &&
	       buf_len(&peer->out) < OUT_BYTES_MAX;
}

static void
flush(struct control_peer *peer)
{
	while (buf_len(&peer->out) > 0 && !peer->is_broken) {
		struct str text = buf_str(&peer->out);
		ssize_t n = send(peer->watch.fd, text.p, text.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 && errno != EINTR)
			peer->is_broken = true;
		if (n > 0)
			buf_consume(&peer->out, (size_t)n);
	}
	buf_trim(&peer->out);
}

static void
take_lines(struct control_peer *peer)
{
	ptrdiff_t found;

	while (wants_more(peer) &&
	       (found = str_find(str_from(buf_str(&peer->in), peer->searched), '\n')) >= 0) {
		size_t end = peer->searched + (size_t)found;
		struct str line = str_trim(str_first(buf_str(&peer->in), end));

		if (line.len > 0)
			control_take_line(peer, line);
		buf_consume(&peer->in, end + 1);
		peer->searched = 0;
	}
	if (wants_more(peer))
		peer->searched = buf_len(&peer->in);
	if (wants_more(peer) && buf_len(&peer->in) > peer->line_max) {
		peer->is_reading_done = true;
		json_t *error = json_pack("{s:b, s:{s:s, s:s}}", "ok", 0, "error", "condition",
					  "policy-violation", "text", "the line is too long");

		control_peer_send(peer, error);
	}
}

/* What has been read goes first: it may have waited for calls to end. */
static void
read_more(struct control_peer *peer)
{
	ssize_t n;

	take_lines(peer);
	while (wants_more(peer)) {
		n = recv(peer->watch.fd, buf_room(&peer->in, READ_BYTES), READ_BYTES, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			peer->is_reading_done = true;
			break;
		}
		buf_wrote(&peer->in, (size_t)n);
		take_lines(peer);
	}
	buf_trim(&peer->in);
}

/* Reads and writes what it can, then waits for the rest, or ends when there is none. */
static void
go_on(struct control_peer *peer)
{
	flush(peer);
	read_more(peer);
	flush(peer);
	if (peer->is_broken ||
	    (peer->is_reading_done && peer->call_count == 0 && buf_len(&peer->out) == 0))
		control_peer_free(peer);
	else
		loop_watch(peer->loop, &peer->watch,
			   (wants_more(peer) ? EPOLLIN : 0u) |
				   (buf_len(&peer->out) > 0 ? EPOLLOUT : 0u));
}

static void
on_ready(struct watch *watch, uint32_t events)
{
	struct control_peer *peer = CONTAINER(watch, struct control_peer, watch);

	if (events & EPOLLERR)
		peer->is_broken = true;
	go_on(peer);
}

static void
on_later(struct deferred *later)
{
	go_on(CONTAINER(later, struct control_peer, later));
}

struct control_peer *
control_peer_new(struct control *control, struct loop *loop, int fd, uid_t uid, pid_t pid,
		 size_t line_max)
{
	struct control_peer *peer = xnew(struct control_peer);

	peer->control = control;
	peer->loop = loop;
	peer->line_max = line_max;
	peer->uid = uid;
	peer->pid = pid;
	peer->watch = (struct watch){.fd = fd, .ready = on_ready};
	peer->later.run = on_later;
	list_init(&peer->calls);
	loop_watch(loop, &peer->watch, EPOLLIN);
	return peer;
}

void
control_peer_free(struct control_peer *peer)
{
	LIST_EACH(&peer->calls, struct control_call, link, call)
	{
		list_remove(&call->link);
		call->peer = NULL;
	}
	flush(peer);
	loop_defer_cancel(&peer->later);
	loop_watch(peer->loop, &peer->watch, 0);
	close(peer->watch.fd);
	list_remove(&peer->link);
	buf_free(&peer->in);
	buf_free(&peer->out);
	free(peer);
}

void
control_peer_send(struct control_peer *peer, json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);

	buf_addz(&peer->out, text);
	buf_add_char(&peer->out, '\n');
	free(text);
	json_decref(line);
	loop_defer(peer->loop, &peer->later);
}
