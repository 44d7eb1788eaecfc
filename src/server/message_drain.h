/* SPDX-License-Identifier: MIT */
/*
 * message_drain.h - what nobody has yet, from an account's log to a session that takes messages
 * (XEP-0160), in order, and before all that is newer (R4).
 */
#pragma once

#include "server/message_log.h"

struct drain;

/* Begins, if there is anything, with SESSION, or (NULL) with any session that takes messages. */
void message_drain(struct account *account, struct session *session);
/* An append is done, or the reader has gone. */
void message_drain_go_on(struct account *account);
/* SESSION ends, or waits to be resumed: it is drained to no more. */
void message_drain_stop(struct session *session);
