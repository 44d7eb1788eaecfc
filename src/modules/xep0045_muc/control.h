/* SPDX-License-Identifier: MIT */
/* control.h - the operator's commands about rooms, for `recadoctl room`. */
#pragma once

#include "server/control.h"

extern const struct control_command room_controls[];
