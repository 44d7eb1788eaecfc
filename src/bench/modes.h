/* SPDX-License-Identifier: MIT */
/* modes.h - what recado-bench can do; each mode is a file. Return 0, or -1 after a message. */
#pragma once

#include "bench/options.h"

MUST_CHECK int mode_idle(const struct options *options, struct report *report);
MUST_CHECK int mode_login(const struct options *options, struct report *report);
MUST_CHECK int mode_chat(const struct options *options, struct report *report);
MUST_CHECK int mode_iq(const struct options *options, struct report *report);
MUST_CHECK int mode_presence(const struct options *options, struct report *report);
MUST_CHECK int mode_mobile(const struct options *options, struct report *report);
MUST_CHECK int mode_archive(const struct options *options, struct report *report);
MUST_CHECK int mode_room(const struct options *options, struct report *report);
MUST_CHECK int mode_storm(const struct options *options, struct report *report);
MUST_CHECK int mode_resume(const struct options *options, struct report *report);
/* Whether one pair can log in, chat without loss and ping the server: for tests. */
MUST_CHECK int mode_check(const struct options *options, struct report *report);
