/* SPDX-License-Identifier: MIT */
/* control_peer.h - one connection to the control socket: lines in, lines out. For control.c. */
#pragma once

#include "base/buf.h"
#include "server/control.h"

struct control_peer {
	struct link link; /* in control->peers */
	struct watch watch;
	struct deferred later; /* to send answers, and to read on after them */
	struct control *control;
	struct loop *loop;
	struct buf in, out;
	size_t searched;   /* of IN: so much has no line end in it */
	size_t line_max;   /* bytes */
	struct link calls; /* struct control_call: under way */
	unsigned call_count;
	uid_t uid;
	pid_t pid;
	bool is_reading_done; /* end of file, or a line that is no command of ours */
	bool is_broken;       /* it cannot be written to */
};

/* Takes FD over. LINE_MAX: bytes that a line may have. */
struct control_peer *control_peer_new(struct control *control, struct loop *loop, int fd, uid_t uid,
				      pid_t pid, size_t line_max);
/* Sends what it takes at once. Calls that are under way go on without it. */
void control_peer_free(struct control_peer *peer);
/* One line, at the end of the turn. LINE is taken over. */
void control_peer_send(struct control_peer *peer, json_t *line);

/* control.c: a line came. The answer may come before it returns. */
void control_take_line(struct control_peer *peer, struct str line);
