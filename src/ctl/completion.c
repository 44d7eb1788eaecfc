/* SPDX-License-Identifier: MIT */
/*
 * completion.c - recadoctl completion: scripts for bash, zsh and fish, from the table.
 *
 * Commands, flags, files and fixed words are completed; addresses are not, since asking the server
 * at every key would be slow and needs its permission.
 */
#include "ctl/ctl.h"

/* What stands at the first operand of COMMAND: words, or "@files", or nothing. */
static const char *
operand_words(const struct ctl_command *command)
{
	if (strcmp(command->words, "completion") == 0)
		return "bash zsh fish";
	if (strcmp(command->words, "log-level") == 0)
		return "error warning info debug";
	if (strcmp(command->words, "account import") == 0 || strcmp(command->words, "import") == 0)
		return "@files";
	return "";
}

/* The commands' words that may follow PREFIX ("" or "account"), each once. */
static void
print_words(struct str prefix)
{
	struct str last = STR("");

	for (const struct ctl_command *c = ctl_commands; c->words != NULL; c++) {
		struct str words = str(c->words), word;

		if (prefix.len > 0 && (!str_starts(words, prefix) || words.p[prefix.len] != ' '))
			continue;
		words = str_from(words, prefix.len > 0 ? prefix.len + 1 : 0);
		if (str_split(&words, ' ', &word) && !str_equal(word, last))
			printf("%s%.*s", last.len > 0 ? " " : "", STR_ARG(word));
		last = word;
	}
}

static void
print_flag_words(const struct ctl_flag *flag)
{
	for (; flag != NULL && flag->name != NULL; flag++)
		printf(" --%s", flag->name);
}

/* The first word of two-word commands, each once; ends with false. */
static bool
next_group(const struct ctl_command **at, struct str *group)
{
	struct str last = *group;

	for (; (*at)->words != NULL; ++*at) {
		struct str words = str((*at)->words);

		if (!str_split(&words, ' ', group) || words.p == NULL || str_equal(*group, last))
			continue;
		return true;
	}
	return false;
}

/*
 * Bash and zsh have the same case statement, on the line's words without flags: $1 is what was
 * typed so far, with a blank at its end.
 */
static void
print_cases(void)
{
	const struct ctl_command *at = ctl_commands;
	struct str group = STR("");

	printf("\tcase \"$1\" in\n\t\"\") words='");
	print_words(STR(""));
	printf("' ;;\n");
	while (next_group(&at, &group)) {
		printf("\t\"%.*s \") words='", STR_ARG(group));
		print_words(group);
		printf("' ;;\n");
	}
	for (const struct ctl_command *c = ctl_commands; c->words != NULL; c++) {
		printf("\t\"%s \"*) words='%s", c->words, operand_words(c));
		printf("' flags='");
		print_flag_words(c->flags);
		printf("' ;;\n");
	}
	printf("\tesac\n");
}

static void
print_function(void)
{
	printf("# Sets words and flags for the words $1, each with a blank behind it.\n"
	       "_recadoctl_words()\n{\n\twords='' flags=''\n");
	print_cases();
	printf("\tflags=\"$flags");
	print_flag_words(ctl_common_flags);
	printf("\"\n}\n\n");
}

static void
print_bash(void)
{
	printf("# bash completion for recadoctl; made by: recadoctl completion bash\n\n");
	print_function();
	printf("_recadoctl()\n"
	       "{\n"
	       "\tlocal words flags line='' word skip='' current=${COMP_WORDS[COMP_CWORD]}\n"
	       "\tlocal before=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tCOMPREPLY=()\n"
	       "\tcase \"$before\" in\n"
	       "\t--socket|--config) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
	       "\tesac\n"
	       "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	       "\t\tif [[ -n $skip ]]; then skip=''; continue; fi\n"
	       "\t\tcase \"$word\" in\n"
	       "\t\t--socket|--config|--reason) skip=1 ;;\n"
	       "\t\t--*) ;;\n"
	       "\t\t*) line+=\"$word \" ;;\n"
	       "\t\tesac\n"
	       "\tdone\n"
	       "\t_recadoctl_words \"$line\"\n"
	       "\tif [[ $current == -* ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$flags\" -- \"$current\"))\n"
	       "\telif [[ $words == @files ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -f -- \"$current\"))\n"
	       "\telse\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
	       "\tfi\n"
	       "}\n\n"
	       "complete -F _recadoctl recadoctl\n");
}

static void
print_zsh(void)
{
	printf("#compdef recadoctl\n"
	       "# zsh completion for recadoctl; made by: recadoctl completion zsh\n\n");
	print_function();
	printf("_recadoctl()\n"
	       "{\n"
	       "\tlocal -a typed\n"
	       "\tlocal line='' word skip='' flags current=${words[CURRENT]}\n"
	       "\ttyped=(\"${(@)words[2,CURRENT-1]}\")\n"
	       "\tcase \"${words[CURRENT-1]}\" in\n"
	       "\t--socket|--config) _files; return ;;\n"
	       "\tesac\n"
	       "\tfor word in \"${typed[@]}\"; do\n"
	       "\t\tif [[ -n $skip ]]; then skip=''; continue; fi\n"
	       "\t\tcase \"$word\" in\n"
	       "\t\t--socket|--config|--reason) skip=1 ;;\n"
	       "\t\t--*) ;;\n"
	       "\t\t*) line+=\"$word \" ;;\n"
	       "\t\tesac\n"
	       "\tdone\n"
	       "\tlocal words\n"
	       "\t_recadoctl_words \"$line\"\n"
	       "\tif [[ $current == -* ]]; then\n"
	       "\t\tcompadd -- ${=flags}\n"
	       "\telif [[ $words == @files ]]; then\n"
	       "\t\t_files\n"
	       "\telse\n"
	       "\t\tcompadd -- ${=words}\n"
	       "\tfi\n"
	       "}\n\n"
	       "_recadoctl \"$@\"\n");
}

/* In fish, inside of single quotes. */
static void
print_quoted(const char *text)
{
	putchar('\'');
	for (; *text != '\0'; text++)
		printf(*text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
	putchar('\'');
}

static void
print_fish_flags(const char *condition, const struct ctl_flag *flag)
{
	for (; flag != NULL && flag->name != NULL; flag++) {
		bool is_file = flag->argument != NULL && strcmp(flag->argument, "TEXT") != 0;

		printf("complete -c recadoctl%s -l %s%s -d ", condition, flag->name,
		       is_file                  ? " -r -F"
		       : flag->argument != NULL ? " -x"
						: "");
		print_quoted(flag->help);
		putchar('\n');
	}
}

static void
print_fish_command(struct ctl *ctl, const struct ctl_command *command)
{
	struct str words = str(command->words), first, condition;
	const char *operands = operand_words(command);

	if (!str_split(&words, ' ', &first))
		return;
	printf("complete -c recadoctl -n '__recadoctl_at%s%.*s' -a %.*s -d ", words.p ? " " : "",
	       STR_ARG(words.p ? first : STR("")), STR_ARG(words.p ? words : first));
	print_quoted(command->help);
	putchar('\n');
	condition = arena_printf(ctl->arena, " -n '__recadoctl_after %s'", command->words);
	if (strcmp(operands, "@files") == 0)
		printf("complete -c recadoctl%s -F\n", condition.p);
	else if (operands[0] != '\0')
		printf("complete -c recadoctl%s -a '%s'\n", condition.p, operands);
	print_fish_flags(condition.p, command->flags);
}

static void
print_fish(struct ctl *ctl)
{
	const struct ctl_command *at = ctl_commands;
	struct str group = STR("");

	printf("# fish completion for recadoctl; made by: recadoctl completion fish\n\n"
	       "# The words that were typed, without flags and what belongs to them.\n"
	       "function __recadoctl_words\n"
	       "\tset -l skip 0\n"
	       "\tfor word in (commandline -opc)[2..-1]\n"
	       "\t\tif test $skip = 1\n\t\t\tset skip 0\n\t\t\tcontinue\n\t\tend\n"
	       "\t\tswitch $word\n"
	       "\t\t\tcase --socket --config --reason\n\t\t\t\tset skip 1\n"
	       "\t\t\tcase '--*'\n"
	       "\t\t\tcase '*'\n\t\t\t\techo $word\n"
	       "\t\tend\n\tend\nend\n"
	       "function __recadoctl_at\n"
	       "\tset -l typed (__recadoctl_words)\n"
	       "\ttest \"$typed\" = \"$argv\"\n"
	       "end\n"
	       "function __recadoctl_after\n"
	       "\tset -l typed (__recadoctl_words)\n"
	       "\ttest (count $typed) -ge (count $argv)\n"
	       "\tand test \"$typed[1..\"(count $argv)\"]\" = \"$argv\"\n"
	       "end\n\n"
	       "complete -c recadoctl -f\n");
	while (next_group(&at, &group))
		printf("complete -c recadoctl -n __recadoctl_at -a %.*s\n", STR_ARG(group));
	print_fish_flags("", ctl_common_flags);
	for (const struct ctl_command *c = ctl_commands; c->words != NULL; c++)
		print_fish_command(ctl, c);
}

int
print_completion(struct ctl *ctl)
{
	const char *shell = ctl->operands[0];

	if (strcmp(shell, "bash") == 0)
		print_bash();
	else if (strcmp(shell, "zsh") == 0)
		print_zsh();
	else if (strcmp(shell, "fish") == 0)
		print_fish(ctl);
	else
		return ctl_complain(ctl, CTL_USAGE, "there is completion for bash, zsh and fish");
	return CTL_OK;
}
