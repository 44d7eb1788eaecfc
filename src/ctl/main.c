/* SPDX-License-Identifier: MIT */
/* main.c - recadoctl: finds the command in the table, and its flags. */
#include "base/utf8.h"
#include "ctl/client.h"

#include <stdlib.h>

const char *
ctl_flag(const struct ctl *ctl, const char *name)
{
	const struct ctl_flag *flags = ctl->command->flags;

	for (size_t i = 0; flags != NULL && flags[i].name != NULL; i++)
		if (strcmp(flags[i].name, name) == 0)
			return ctl->flag_values[i];
	return NULL;
}

int
ctl_complain(const struct ctl *ctl, int code, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "%s: ", ctl->program);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return code;
}

/* How many of ARGV are the words of COMMAND; 0: it is another. */
static int
match_words(const struct ctl_command *command, int argc, char **argv)
{
	struct str rest = str(command->words), word;
	int n = 0;

	for (; str_split(&rest, ' ', &word); n++)
		if (n >= argc || !str_is(word, argv[n]))
			return 0;
	return n;
}

static const struct ctl_flag *
find_flag(const struct ctl_flag *flags, struct str name, size_t *index)
{
	for (*index = 0; flags != NULL && flags[*index].name != NULL; ++*index)
		if (str_is(name, flags[*index].name))
			return &flags[*index];
	return NULL;
}

static void
set_common(struct ctl *ctl, const char *name, const char *value)
{
	static const struct ctl_command help = {.words = "help", .run = print_help};

	if (strcmp(name, "socket") == 0)
		ctl->socket_path = value;
	else if (strcmp(name, "config") == 0)
		ctl->config_path = value;
	else if (strcmp(name, "json") == 0)
		ctl->json = true;
	else
		ctl->command = &help;
}

/* "--name", "--name=value" or "--name value". Returns how many of ARGV it was, or -1: said. */
static int
take_flag(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv)
{
	struct str text = str(argv[0] + 2), name;
	const char *value = strchr(argv[0], '=');
	const struct ctl_flag *flag;
	size_t index;
	bool is_common;
	int taken = 1;

	name = str_first(text, value ? (size_t)(value - text.p) : text.len);
	flag = command != NULL ? find_flag(command->flags, name, &index) : NULL;
	is_common = flag == NULL;
	if (is_common)
		flag = find_flag(ctl_common_flags, name, &index);
	if (flag == NULL)
		return ctl_complain(ctl, -1, "unknown flag %s; see %s help", argv[0], ctl->program);
	if (flag->argument == NULL && value != NULL)
		return ctl_complain(ctl, -1, "--%s takes no value", flag->name);
	if (flag->argument != NULL && value == NULL) {
		if (argc < 2)
			return ctl_complain(ctl, -1, "--%s needs %s", flag->name, flag->argument);
		value = argv[1];
		taken = 2;
	} else if (value != NULL) {
		value++;
	}
	if (is_common)
		set_common(ctl, flag->name, value);
	else
		ctl->flag_values[index] = value != NULL ? value : "";
	return taken;
}

/* Flags may stand anywhere before "--". Words and operands go to OPERANDS. */
static int
split_line(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv)
{
	bool is_flags_over = false;

	ctl->operand_count = 0;
	for (int i = 1; i < argc;) {
		int taken = 1;

		if (!is_flags_over && strcmp(argv[i], "--") == 0)
			is_flags_over = true;
		else if (!is_flags_over && strncmp(argv[i], "--", 2) == 0)
			taken = take_flag(ctl, command, argc - i, argv + i);
		else if (!utf8_is_valid(str(argv[i])))
			return ctl_complain(ctl, -1, "argument %d is not valid UTF-8", i);
		else
			ctl->operands[ctl->operand_count++] = argv[i];
		if (taken < 0)
			return -1;
		i += taken;
	}
	return 0;
}

/* The command named by the arguments that are no flags: those before it must be common ones. */
static const struct ctl_command *
find_command(int argc, char **argv)
{
	const struct ctl_command *best = NULL;
	size_t index;
	int at = 1;

	while (at < argc && strncmp(argv[at], "--", 2) == 0) {
		struct str name = str(argv[at] + 2);
		const struct ctl_flag *flag = find_flag(ctl_common_flags, name, &index);

		at += flag != NULL && flag->argument != NULL ? 2 : 1;
	}
	for (const struct ctl_command *c = ctl_commands; c->words != NULL && at < argc; c++)
		if (match_words(c, argc - at, argv + at) > 0)
			best = c;
	return best;
}

static int
check_operands(struct ctl *ctl, const struct ctl_command *command, int words)
{
	ctl->operands += words;
	ctl->operand_count -= (size_t)words;
	if (ctl->operand_count >= command->min_operands &&
	    ctl->operand_count <= command->max_operands)
		return 0;
	return ctl_complain(ctl, -1, "usage: %s %s %s", ctl->program, command->words,
			    command->operands);
}

static int
run(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_command *command = find_command(argc, argv);
	int words;

	ctl->operands = arena_array(ctl->arena, const char *, argc + 1);
	if (split_line(ctl, command, argc, argv) < 0)
		return CTL_USAGE;
	if (ctl->command != NULL) /* --help: all words say what with */
		return print_help(ctl);
	if (command == NULL && ctl->operand_count == 0)
		return print_help(ctl), CTL_USAGE;
	if (command == NULL)
		return ctl_complain(ctl, CTL_USAGE, "unknown command \"%s\"; see %s help",
				    ctl->operands[0], ctl->program);
	ctl->command = command;
	words = match_words(command, (int)ctl->operand_count, (char **)ctl->operands);
	if (words == 0)
		return ctl_complain(ctl, CTL_USAGE, "the words of \"%s\" belong together",
				    command->words);
	if (check_operands(ctl, command, words) < 0)
		return CTL_USAGE;
	return command->run(ctl);
}

int
main(int argc, char **argv)
{
	struct ctl ctl = {
		.arena = arena_new(),
		.program = "recadoctl",
		.config_path = DEFAULT_CONFIG,
	};
	int code = run(&ctl, argc, argv);

	if (fflush(stdout) != 0 || ferror(stdout))
		code = ctl_complain(&ctl, CTL_FAILED, "cannot write to standard output");
	client_close(&ctl);
	arena_free(ctl.arena);
	arena_thread_end();
	return code;
}
