/* SPDX-License-Identifier: MIT */
/* admin_backup.h - the operator's command `backup`, while the server goes on. */
#pragma once

#include "server/control.h"

void admin_backup(struct control_call *call);
