/* SPDX-License-Identifier: MIT */
/* mode_check.c - a smoke test: one pair logs in, chats in both directions, and pings the server. */
#include "bench/modes.h"

int
mode_check(const struct options *options, struct report *report)
{
	struct options pair = *options;

	pair.sessions = 2;
	pair.threads = 1;
	pair.window = 8;
	pair.count = MIN(options->count, 200);
	pair.seconds = MIN(options->seconds, 10);
	pair.timeout_s = MIN(options->timeout_s, 30);
	if (mode_chat(&pair, report) < 0)
		return -1;
	return options->is_relay ? 0 : mode_iq(&pair, report);
}
