/* SPDX-License-Identifier: MIT */
/* config_manual.c - writes the reference of all keys from the tables, in Markdown or mdoc. */
#include "server/config_keys.h"

struct manual {
	FILE *out;
	enum config_manual format;
	struct arena *arena;
	size_t column; /* mdoc: in the line that is being written */
	bool in_code;  /* between backquotes */
};

/* The length of the word at TEXT's start, as far as the next blank. */
static size_t
word_length(struct str text)
{
	ptrdiff_t blank = str_find(text, ' ');

	return blank < 0 ? text.len : (size_t)blank;
}

/* What a word takes of a line: marks are longer than they look, as is what is not ASCII. */
static size_t
mdoc_width(struct str word)
{
	size_t width = word.len;

	for (size_t i = 0; i < word.len; i++)
		width += word.p[i] == '`' ? 2 : (unsigned char)word.p[i] >= 0x80 ? 3 : 0;
	return width;
}

/* A word in mdoc. Backslashes, and a dot or an apostrophe at a line's start, would be commands. */
static void
write_mdoc_word(struct manual *m, struct str word)
{
	if (m->column == 0 && word.len > 0 && (word.p[0] == '.' || word.p[0] == '\''))
		fputs("\\&", m->out);
	for (size_t i = 0; i < word.len; i++) {
		if (word.p[i] == '`') {
			fputs(m->in_code ? "\\fP" : "\\fB", m->out);
			m->in_code = !m->in_code;
		} else if (word.p[i] == '\\') {
			fputs("\\e", m->out);
		} else {
			fputc(word.p[i], m->out);
		}
	}
	m->column += mdoc_width(word);
}

/* Mdoc wants short lines, and each sentence on its own. */
static void
write_mdoc(struct manual *m, struct str text)
{
	bool is_first = true;

	while (text.len > 0) {
		struct str word = str_first(text, word_length(text));
		bool ends = word.len > 1 && word.p[word.len - 1] == '.';

		if (!is_first && m->column > 0 && m->column + mdoc_width(word) > 78) {
			fputc('\n', m->out);
			m->column = 0;
		} else if (!is_first && m->column > 0) {
			fputc(' ', m->out);
			m->column++;
		}
		write_mdoc_word(m, word);
		text = str_from(text, word.len + 1);
		if (ends && text.len > 0) {
			fputc('\n', m->out);
			m->column = 0;
		}
		is_first = false;
	}
}

/* Asterisks outside of `code` would be emphasis. */
static void
write_markdown(struct manual *m, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '`')
			m->in_code = !m->in_code;
		else if (text.p[i] == '*' && !m->in_code)
			fputc('\\', m->out);
		fputc(text.p[i], m->out);
	}
}

/* TEXT may hold `code`. */
static void
write_text(struct manual *m, struct str text)
{
	if (m->format == MANUAL_MDOC)
		write_mdoc(m, text);
	else
		write_markdown(m, text);
}

static void
end_line(struct manual *m)
{
	fputc('\n', m->out);
	m->column = 0;
}

static void
write_z(struct manual *m, const char *text)
{
	write_text(m, str(text));
}

static void
write_heading(struct manual *m, const char *text)
{
	fprintf(m->out, m->format == MANUAL_MDOC ? ".Ss %s\n" : "\n## %s\n\n", text);
}

static void
write_paragraph(struct manual *m, const char *text)
{
	write_z(m, text);
	end_line(m);
}

static void
write_example(struct manual *m, const char *text)
{
	fputs(m->format == MANUAL_MDOC ? ".Bd -literal -offset indent\n" : "\n```\n", m->out);
	if (m->format == MANUAL_MDOC)
		for (; *text != '\0'; text++) /* tabs are wide there */
			fputs(*text == '\t' ? "    " : (char[]){*text, '\0'}, m->out);
	else
		fputs(text, m->out);
	fputs(m->format == MANUAL_MDOC ? "\n.Ed\n" : "\n```\n", m->out);
}

static struct str
type_text(struct manual *m, const struct option *option)
{
	struct str rest = str(option->choices), choice, text = STR("");

	switch (option->type) {
	case OPTION_BOOL:
		return STR("`true` or `false`");
	case OPTION_INT:
		return STR("number");
	case OPTION_DURATION:
		return STR("duration");
	case OPTION_SIZE:
		return STR("size");
	case OPTION_LIST:
		return STR("texts");
	case OPTION_TEXT:
		break;
	}
	while (str_split(&rest, ' ', &choice))
		text = arena_printf(m->arena, "%.*s%s`\"%.*s\"`", STR_ARG(text),
				    text.len > 0 ? ", " : "", STR_ARG(choice));
	return option->choices != NULL ? text : STR("text");
}

static struct str
number_text(struct manual *m, const struct option *option, uint64_t number)
{
	if (option->type == OPTION_DURATION)
		return config_format_duration(m->arena, number);
	if (option->type == OPTION_SIZE)
		return config_format_size(m->arena, number);
	return arena_printf(m->arena, "%llu", (unsigned long long)number);
}

/* ", 10000B to 16MiB" */
static struct str
bounds_text(struct manual *m, const struct option *option)
{
	if (option->type == OPTION_TEXT || (option->min == 0 && option->max == 0))
		return STR("");
	if (option->max == 0)
		return arena_printf(m->arena, ", from %.*s",
				    STR_ARG(number_text(m, option, option->min)));
	return arena_printf(m->arena, ", %.*s to %.*s",
			    STR_ARG(number_text(m, option, option->min)),
			    STR_ARG(number_text(m, option, option->max)));
}

static struct str
default_text(struct manual *m, const struct option *option)
{
	bool is_bare = option->type == OPTION_BOOL || option->type == OPTION_INT ||
		       strcmp(option->default_value, "0") == 0;

	if (option->default_value[0] == '\0')
		return STR("none");
	return arena_printf(m->arena, is_bare ? "`%s`" : "`\"%s\"`", option->default_value);
}

static void
write_key(struct manual *m, const struct option *option, bool needs_restart)
{
	struct str type = type_text(m, option), bound = bounds_text(m, option),
		   value = default_text(m, option);
	struct str help = arena_printf(m->arena, "%s%s", option->help,
				       needs_restart ? " (takes effect at the next start)" : "");

	if (m->format == MANUAL_MDOC) {
		fprintf(m->out, ".It Ic %s\n", option->name);
		write_text(m,
			   arena_printf(m->arena, "%.*s. (%.*s%.*s; default: %.*s)", STR_ARG(help),
					STR_ARG(type), STR_ARG(bound), STR_ARG(value)));
	} else {
		write_text(m, arena_printf(m->arena, "| `%s` | %.*s%.*s | %.*s | %.*s |",
					   option->name, STR_ARG(type), STR_ARG(bound),
					   STR_ARG(value), STR_ARG(help)));
	}
	end_line(m);
}

static void
begin_keys(struct manual *m)
{
	fputs(m->format == MANUAL_MDOC
		      ? ".Bl -tag -width Ds\n"
		      : "\n| Key | Value | Default | Meaning |\n|---|---|---|---|\n",
	      m->out);
}

static void
end_keys(struct manual *m)
{
	fputs(m->format == MANUAL_MDOC ? ".El\n" : "", m->out);
}

static void
write_section(struct manual *m, const struct config_section *section)
{
	write_heading(m, section->path[0] != '\0' ? section->path : "Top level");
	write_paragraph(m, section->help);
	if (section->example != NULL)
		write_example(m, section->example);
	begin_keys(m);
	for (size_t i = 0; i < section->count; i++)
		write_key(m, &section->keys[i].option, section->keys[i].needs_restart);
	end_keys(m);
}

static void
write_modules(struct manual *m, const struct config_module *modules, size_t n)
{
	static const struct option enabled[] = {
		{"enabled", OPTION_BOOL, "true", "whether the module is there at all"},
		{"enabled", OPTION_BOOL, "false", "whether the module is there at all"},
	};

	write_heading(m, "modules");
	write_paragraph(
		m, "A group with one group for each module whose options are to differ. A host "
		   "may have such a group too, for its users alone.");
	write_example(m, "modules = { ping = { enabled = false; }; };");
	for (size_t i = 0; i < n; i++) {
		const struct option *option = modules[i].options;

		if (m->format == MANUAL_MDOC)
			fprintf(m->out, ".Pp\nModule\n.Ic %s :\n", modules[i].name);
		else
			fprintf(m->out, "\n### modules.%s\n", modules[i].name);
		begin_keys(m);
		write_key(m, &enabled[modules[i].is_off_by_default], false);
		for (; option != NULL && option->name != NULL; option++)
			write_key(m, option, false);
		end_keys(m);
	}
}

static const char markdown_head[] =
	"# Configuration\n"
	"\n"
	"This page is generated from the program's tables; `recadod --config-manual` prints it.\n"
	"\n"
	"The server reads one file, `recado.conf`. Its smallest form is one line:\n"
	"\n"
	"```\n"
	"host = \"example.com\";\n"
	"```\n"
	"\n";

static const char mdoc_head[] = ".\\\" Generated from the program's tables.\n"
				".Dd November 22, 2026\n"
				".Dt RECADO.CONF 5\n"
				".Os\n"
				".Sh NAME\n"
				".Nm recado.conf\n"
				".Nd configuration of the XMPP server recadod\n"
				".Sh DESCRIPTION\n"
				"The server reads one file.\n"
				"Its smallest form is one line:\n"
				".Bd -literal -offset indent\n"
				"host = \"example.com\";\n"
				".Ed\n"
				".Pp\n";

static const char *const rules[] = {
	"A setting is a name, an equals sign, a value and a semicolon. Texts stand in double "
	"quotes, "
	"groups of settings in braces, lists in parentheses, and several texts in brackets. "
	"Comments "
	"begin with # and end with the line. Paths that do not begin with a slash start from the "
	"file's own directory.",
	"A duration is a text of a number and a unit: `\"500ms\"`, `\"30s\"`, `\"5m\"`, `\"2h\"`, "
	"`\"7d\"`. A size is a number of bytes, or a text: `\"64KiB\"`, `\"10MiB\"`, `\"1GiB\"`.",
	"A name that is unknown or a value that does not fit is an error, and all errors of the "
	"file are "
	"reported with their lines. A file with an error is not taken: the server does not start "
	"with "
	"it, and a running server keeps what it has. `recadoctl check` looks at a file before it "
	"is "
	"used; `recadoctl reload` makes a running server read it again.",
};

void
config_write_manual(FILE *out, enum config_manual format, const struct config_module *modules,
		    size_t module_count)
{
	struct manual m = {.out = out, .format = format, .arena = arena_new()};

	fputs(format == MANUAL_MDOC ? mdoc_head : markdown_head, out);
	for (size_t i = 0; i < COUNT(rules); i++) {
		fputs(i == 0 ? "" : format == MANUAL_MDOC ? ".Pp\n" : "\n", out);
		write_paragraph(&m, rules[i]);
	}
	fputs(format == MANUAL_MDOC ? ".Sh SETTINGS\n" : "", out);
	for (size_t i = 0; i < SECTION_COUNT; i++)
		write_section(&m, &config_sections[i]);
	write_modules(&m, modules, module_count);
	if (format == MANUAL_MDOC)
		fputs(".Sh FILES\n.Bl -tag -width Ds\n.It Pa /etc/recado/recado.conf\n.El\n"
		      ".Sh SEE ALSO\n.Xr recadoctl 8 ,\n.Xr recadod 8\n",
		      out);
	arena_free(m.arena);
}
