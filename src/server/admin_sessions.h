/* SPDX-License-Identifier: MIT */
/* admin_sessions.h - the operator's commands about sessions: asked of the workers. For admin.c. */
#pragma once

#include "server/admin_private.h"

void admin_session_list(struct control_call *call);
void admin_session_kick(struct control_call *call);
