/* SPDX-License-Identifier: MIT */
/* memory.h - what only the memory driver can do. */
#pragma once

#include "base/base.h"

/* From here on no batch that writes can be committed; or again each. STATE is the driver's. */
void memory_set_full(void *state, bool is_full);
