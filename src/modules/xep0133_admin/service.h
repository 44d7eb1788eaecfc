/* SPDX-License-Identifier: MIT */
/* service.h - the state of a shutdown that was ordered, per worker. */
#pragma once

#include "io/loop.h"

struct worker;

struct service {
	struct timer timer;
	struct worker *worker; /* NULL: nothing was ordered here */
	bool is_restart;
};
