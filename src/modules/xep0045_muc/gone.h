/* SPDX-License-Identifier: MIT */
/* gone.h - an account is removed: what it was in the rooms of this server ends with it. */
#pragma once

#include "modules/xep0045_muc/muc.h"

/* ACCOUNT_REMOVED. Who is banned stays banned; a room may be without an owner then. */
enum verdict rooms_on_account_gone(struct event *ev);
