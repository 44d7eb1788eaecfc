/* SPDX-License-Identifier: MIT */
/*
 * password.h - where a new password comes from: never from the command line, which every user of
 * the machine can read.
 */
#pragma once

#include "ctl/ctl.h"

#define PASSWORD_BYTES_MAX 1023u

/*
 * By the flags --generate and --password-stdin, or typed twice at the terminal. *IS_NEW tells that
 * it was drawn and must be shown. Returns 0, or -1; why is said.
 */
MUST_CHECK int password_get(struct ctl *ctl, const char *account, const char **out, bool *is_new);

#define PASSWORD_FLAGS                                                                             \
	{"generate", NULL, "draw a password at random, and print it"},                             \
	{                                                                                          \
		"password-stdin", NULL, "read the password from standard input, one line"          \
	}
