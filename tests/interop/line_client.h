/* SPDX-License-Identifier: MIT */
/* line_client.h - what the clients written in C share: lines of words in and out. */
#pragma once

#include <stdbool.h>

struct arguments {
	unsigned short port;
	const char *mode, *jid, *password, *ca_file;
};

#define WORD_MAX 4
struct command {
	const char *words[WORD_MAX]; /* "" where the line has fewer */
};

/* Exits with a message when there are too few. */
struct arguments line_arguments(int argc, char **argv);

/* Prints one event. Ends with NULL; a NULL value can't be told from that, so use or_empty. */
void line_say(const char *word, ...) __attribute__((sentinel));
const char *or_empty(const char *text);

/*
 * The next line of the standard input, without waiting for one. False when there is none yet. The
 * words live until the next call.
 */
bool line_next(struct command *command);
