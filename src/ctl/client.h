/* SPDX-License-Identifier: MIT */
/*
 * client.h - the other end of the control socket (server/control.h).
 */
#pragma once

#include "ctl/ctl.h"

#include <jansson.h>

struct client;

/* The server's socket: as the command line, the environment or the configuration has it. */
const char *client_socket_path(struct ctl *ctl);
/* Connects if that was not done. Returns 0, or -1: nobody listens (it is said unless QUIET). */
MUST_CHECK int client_connect(struct ctl *ctl, bool quiet);
void client_close(struct ctl *ctl);

/*
 * Sends a command; ARGS is taken over, and may be NULL. Returns 0, or -1 when the server hung up,
 * which is said.
 */
MUST_CHECK int client_send(struct ctl *ctl, json_int_t id, const char *command, json_t *args);
/* The next answer, which json_decref frees. NULL: the server hung up, which is said. */
json_t *client_receive(struct ctl *ctl);

/*
 * One command and its result, which json_decref frees. NULL with *CODE the exit code when it
 * failed; why is said.
 */
json_t *client_ask(struct ctl *ctl, const char *command, json_t *args, int *code);
/* What ANSWER's error says, for people. */
const char *client_error_text(const json_t *answer);
/* Says what went wrong, as JSON on standard output where that was asked for. */
void client_tell_error(const struct ctl *ctl, const json_t *answer);
