/* SPDX-License-Identifier: MIT */
/* line_client.c - words on lines, read without blocking (client_protocol.md). */
#define _GNU_SOURCE
#include "line_client.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char input[65536];
static size_t used, taken;

struct arguments
line_arguments(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: %s PORT MODE JID PASSWORD CA_FILE\n", argv[0]);
		exit(2);
	}
	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	return (struct arguments){
		.port = (unsigned short)atoi(argv[1]),
		.mode = argv[2],
		.jid = argv[3],
		.password = argv[4],
		.ca_file = argv[5],
	};
}

void
line_say(const char *word, ...)
{
	va_list words;

	va_start(words, word);
	fputs(word, stdout);
	while ((word = va_arg(words, const char *)) != NULL)
		printf("\t%s", word);
	va_end(words);
	putchar('\n');
	fflush(stdout);
}

const char *
or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

static void
split(char *line, struct command *command)
{
	for (size_t i = 0; i < WORD_MAX; i++) {
		char *word = strsep(&line, "\t");

		command->words[i] = or_empty(word);
	}
}

bool
line_next(struct command *command)
{
	char *end;
	ssize_t got;

	memmove(input, input + taken, used - taken);
	used -= taken;
	taken = 0;
	got = read(STDIN_FILENO, input + used, sizeof(input) - used);
	if (got > 0)
		used += (size_t)got;
	end = memchr(input, '\n', used);
	if (end == NULL)
		return false;
	*end = '\0';
	taken = (size_t)(end - input) + 1;
	split(input, command);
	return true;
}
