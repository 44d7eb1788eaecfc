/* SPDX-License-Identifier: MIT */
/* offline.h - what delivery must know of the offline log (xep0160_offline.c). */
#pragma once

#include "server/module.h"

/*
 * Whether older messages are on their way from the log, so that the event's has to queue up behind
 * them, in the log (R4): to the session TO, or (NULL) to whoever takes the account's messages.
 */
bool offline_comes_first(const struct event *ev, const struct session *to);
