/* SPDX-License-Identifier: MIT */
/* command_line.h - recadod's options. */
#pragma once

enum action {
	ACTION_SERVE,
	ACTION_CHECK_CONFIG,
	ACTION_HOOKS,
	ACTION_CONFIG_MANUAL, /* argument: "markdown" or "mdoc" */
	ACTION_XEPS,          /* argument: "markdown" or "doap" */
	ACTION_VERSION,
	ACTION_HELP,
	ACTION_USAGE, /* the command line was wrong, and that was said */
};

struct command_line {
	enum action action;
	const char *config_path;
	const char *argument; /* NULL when the action has none */
};

void command_line_read(int argc, char **argv, struct command_line *out);
void command_line_help(void);
