/* SPDX-License-Identifier: MIT */
/* admin_clients.h - the operator's commands about the devices of an account. For admin.c. */
#pragma once

#include "server/admin_private.h"

void admin_device_list(struct control_call *call);
void admin_device_revoke(struct control_call *call);
