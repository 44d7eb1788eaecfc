/* SPDX-License-Identifier: MIT */
/* command_line.c - reading recadod's options. */
#include "server/command_line.h"

#include "base/base.h"

#include <getopt.h>
#include <stdio.h>

static const struct {
	struct option option;
	enum action action;
	const char *argument, *help;
} rows[] = {
	{{"config", required_argument, NULL, 'c'},
	 ACTION_SERVE,
	 "FILE",
	 "the configuration (default: /etc/recado/recado.conf)"},
	{{"check-config", no_argument, NULL, 'k'},
	 ACTION_CHECK_CONFIG,
	 "",
	 "read the configuration, tell what is wrong with it, and end"},
	{{"hooks", no_argument, NULL, 'H'},
	 ACTION_HOOKS,
	 "",
	 "print the order in which modules see events"},
	{{"config-manual", required_argument, NULL, 'm'},
	 ACTION_CONFIG_MANUAL,
	 "FORMAT",
	 "print the manual of the configuration, in markdown or mdoc"},
	{{"xeps", required_argument, NULL, 'x'},
	 ACTION_XEPS,
	 "FORMAT",
	 "print what is implemented, in markdown or doap"},
	{{"version", no_argument, NULL, 'v'}, ACTION_VERSION, "", "print the version"},
	{{"help", no_argument, NULL, 'h'}, ACTION_HELP, "", "print this"},
};

void
command_line_help(void)
{
	printf("usage: recadod [OPTION]...\n\nThe Recado XMPP server.\n\n");
	for (size_t i = 0; i < COUNT(rows); i++)
		printf("  -%c, --%-14s %-7s %s\n", rows[i].option.val, rows[i].option.name,
		       rows[i].argument, rows[i].help);
}

void
command_line_read(int argc, char **argv, struct command_line *out)
{
	struct option options[COUNT(rows) + 1] = {0};
	int c;

	for (size_t i = 0; i < COUNT(rows); i++)
		options[i] = rows[i].option;
	*out = (struct command_line){ACTION_SERVE, "/etc/recado/recado.conf", NULL};
	while ((c = getopt_long(argc, argv, "c:kHm:x:vh", options, NULL)) != -1) {
		size_t i = 0;

		while (i < COUNT(rows) && rows[i].option.val != c)
			i++;
		if (i == COUNT(rows)) {
			out->action = ACTION_USAGE;
			return;
		}
		if (c == 'c') {
			out->config_path = optarg;
		} else {
			out->action = rows[i].action;
			out->argument = optarg;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "recadod: what is '%s'? Try recadod --help.\n", argv[optind]);
		out->action = ACTION_USAGE;
	}
}
