/* SPDX-License-Identifier: MIT */
/* admin_s2s.h - the operator's commands about other servers: asked of the workers. For admin.c. */
#pragma once

#include "server/admin_private.h"

void admin_s2s_list(struct control_call *call);
void admin_s2s_close(struct control_call *call);
void admin_s2s_check(struct control_call *call);
