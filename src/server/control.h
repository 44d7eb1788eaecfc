/* SPDX-License-Identifier: MIT */
/*
 * control.h - the control socket: a Unix stream socket that takes commands of the operator.
 *
 * One JSON object a line, in both directions:
 *   {"id": 1, "command": "account-add", "args": {"account": "romeo@example.com"}}
 *   {"id": 1, "ok": true, "result": {...}}
 *   {"id": 1, "ok": false, "error": {"condition": "conflict", "text": "..."}}
 * Commands may be sent without waiting for answers; answers may come in another order and carry the
 * command's id, which may be any JSON value. The command "help" lists all.
 *
 * Who may connect: root, the server's own user, and members of a group that is configured.
 */
#pragma once

#include "base/arena.h"
#include "io/loop.h"

#include <jansson.h>
#include <sys/types.h>

struct control;

enum control_arg_type { CONTROL_TEXT, CONTROL_INT, CONTROL_BOOL };

struct control_arg { /* a table of them ends with a name that is NULL */
	const char *name;
	enum control_arg_type type;
	bool is_required;
	const char *help;
};

struct control_call;

struct control_command { /* the same */
	const char *name;
	const char *help;
	const struct control_arg *args; /* may be NULL: none */
	/* On the control loop's thread. Answers at once or later, and once, on that thread. */
	void (*run)(struct control_call *call);
};

struct control_call {
	const struct control_command *command;
	json_t *args;        /* an object that fits the table; lives until the answer */
	struct arena *arena; /* the same */
	void *owner;         /* control_open's */
	void *data;          /* the command's own */
	/* the rest is control.c's */
	struct link link;
	struct control_peer *peer; /* NULL: it hung up */
	json_t *id;
};

/*
 * Listens at PATH, whose directory is made when it is missing, with mode 0600, or 0660 and GROUP
 * when that is not empty. What a server that crashed left there is replaced; a living server is a
 * failure. COMMANDS and OWNER must outlive the result. Returns 0, or -1 with *WHY in ARENA.
 */
MUST_CHECK int control_open(struct loop *loop, struct str path, struct str group,
			    const struct control_command *commands, void *owner,
			    struct control **out, struct arena *arena, struct str *why);
/* How long a line may be, for peers that come from now on; 64 KiB without it. */
void control_set_line_max(struct control *control, size_t bytes);
/* Removes the socket and hangs up. Calls that are under way may still be answered; nobody hears it.
 */
void control_close(struct control *control); /* takes NULL */

/* Arguments by name: STR_NONE, OTHERWISE or false when they were not given. */
struct str control_text(const struct control_call *call, const char *name);
int64_t control_int(const struct control_call *call, const char *name, int64_t otherwise);
bool control_bool(const struct control_call *call, const char *name);

/* Both end CALL, and run no other command. RESULT is taken over; NULL: an empty object. */
void control_reply(struct control_call *call, json_t *result);
/* CONDITION as in RFC 6120 §8.3.3, such as "item-not-found". TEXT is a sentence for the operator.
 */
void control_fail(struct control_call *call, const char *condition, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* A string of JSON; what is not UTF-8 becomes "?". */
json_t *control_json(struct str text);
