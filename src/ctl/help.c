/* SPDX-License-Identifier: MIT */
/* help.c - recadoctl help and version, from the table. */
#include "ctl/ctl.h"

#include <stdlib.h>

#define LEFT_WIDTH 34

static void
print_flags(const struct ctl_flag *flag)
{
	for (; flag != NULL && flag->name != NULL; flag++) {
		int n = printf("  --%s%s%s", flag->name, flag->argument ? " " : "",
			       flag->argument ? flag->argument : "");

		printf("%*s %s\n", n < LEFT_WIDTH ? LEFT_WIDTH - n : 0, "", flag->help);
	}
}

static void
print_overview(void)
{
	printf("usage: recadoctl [FLAG]... COMMAND [ARGUMENT]...\n\nAdministers the Recado XMPP "
	       "server.\n\n");
	for (const struct ctl_command *c = ctl_commands; c->words != NULL; c++) {
		int n = printf("  %s %s", c->words, c->operands);

		printf("%*s %s\n", n < LEFT_WIDTH ? LEFT_WIDTH - n : 0, "", c->help);
	}
	printf("\n");
	print_flags(ctl_common_flags);
}

static void
print_command(const struct ctl_command *command)
{
	printf("usage: recadoctl %s %s%s\n\n%s\n\n", command->words, command->operands,
	       command->flags ? " [FLAG]..." : "", command->help);
	print_flags(command->flags);
	print_flags(ctl_common_flags);
}

/* "account" explains all that begin with it. */
int
print_help(struct ctl *ctl)
{
	struct str words = STR("");
	size_t found = 0;

	for (size_t i = 0; i < ctl->operand_count; i++)
		words = arena_printf(ctl->arena, "%.*s%s%s", STR_ARG(words), i > 0 ? " " : "",
				     ctl->operands[i]);
	if (words.len == 0) {
		print_overview();
		return CTL_OK;
	}
	for (const struct ctl_command *c = ctl_commands; c->words != NULL; c++) {
		bool is_part = str_starts(str(c->words), words) &&
			       (c->words[words.len] == '\0' || c->words[words.len] == ' ');
		/* After --help there may be operands too. */
		bool is_whole = str_starts(words, str(c->words));

		if (is_part || is_whole) {
			fputs(found++ > 0 ? "\n" : "", stdout);
			print_command(c);
		}
	}
	if (found == 0)
		return ctl_complain(ctl, CTL_USAGE, "there is no command \"%.*s\"", STR_ARG(words));
	return CTL_OK;
}

int
print_version(struct ctl *ctl)
{
	printf("%s " RECADO_VERSION "\n", ctl->program);
	return CTL_OK;
}
