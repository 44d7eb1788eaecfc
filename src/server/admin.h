/* SPDX-License-Identifier: MIT */
/*
 * admin.h - what recadoctl may ask of a running server: the commands of the control socket
 * (control.h), carried out on the main thread's loop, with letters to the workers.
 */
#pragma once

#include "server/server.h"

struct admin;

/* Opens the control socket that CONFIG names. Returns 0, or -1 with *WHY. */
MUST_CHECK int admin_open(struct server *server, struct loop *loop, struct config *config,
			  struct admin **out, struct arena *arena, struct str *why);
/* After a reload; from the loop's thread. */
void admin_switch_config(struct admin *admin, struct config *config);
void admin_close(struct admin *admin); /* takes NULL */

/* main.c. All or nothing; 0 with *OUT the keys that need a restart, or -1 with *OUT the faults. */
MUST_CHECK int program_reload(struct arena *arena, struct str *out);
void program_stop(void);
