/* SPDX-License-Identifier: MIT */
/* check.c - recadoctl check: what is wrong, or soon will be, and what to do about it. */
#include "ctl/check.h"

#include "ctl/client.h"
#include "ctl/output.h"
#include "server/module.h"

#include <unicode/uidna.h>

static const char *const level_names[] = {"ok", "warning", "error"};

void
check_say(struct check *c, enum level level, const char *topic, const char *format, ...)
{
	struct str text;
	va_list args;

	va_start(args, format);
	text = arena_vprintf(c->ctl->arena, format, args);
	va_end(args);
	c->errors += level == LEVEL_ERROR;
	c->warnings += level == LEVEL_WARNING;
	if (c->ctl->json)
		output_json(json_pack("{s:s, s:s, s:s}", "level", level_names[level], "topic",
				      topic, "text", text.p));
	else
		printf("%-8s %-14s %s\n", level_names[level], topic,
		       output_safe(c->ctl->arena, text.p));
}

const char *
check_ascii_name(struct arena *arena, struct str name)
{
	char ascii[256];
	UErrorCode error = U_ZERO_ERROR;
	UIDNAInfo info = UIDNA_INFO_INITIALIZER;
	UIDNA *idna = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII, &error);
	int32_t length = uidna_nameToASCII_UTF8(idna, name.p, (int32_t)name.len, ascii,
						(int32_t)sizeof(ascii), &info, &error);

	uidna_close(idna);
	if (U_FAILURE(error) || info.errors != 0)
		return arena_dup(arena, name).p;
	return arena_dup(arena, str_of(ascii, (size_t)length)).p;
}

/* Each line of ERRORS is one finding. */
static void
say_faults(struct check *c, struct str errors)
{
	struct str line;

	while (str_split(&errors, '\n', &line))
		if (line.len > 0)
			check_say(c, LEVEL_ERROR, "configuration", "%.*s", STR_ARG(line));
}

static void
check_running(struct check *c)
{
	c->is_running = client_connect(c->ctl, true) == 0;
	check_say(c, LEVEL_OK, "server",
		  c->is_running ? "it runs, and answers at %s"
				: "it does not run (nobody answers at %s)",
		  client_socket_path(c->ctl));
}

static int
sum_up(struct check *c)
{
	if (c->ctl->json)
		output_json(json_pack("{s:i, s:i}", "errors", (int)c->errors, "warnings",
				      (int)c->warnings));
	else
		printf("%u error%s, %u warning%s\n", c->errors, c->errors == 1 ? "" : "s",
		       c->warnings, c->warnings == 1 ? "" : "s");
	return c->errors > 0 ? CTL_FAILED : CTL_OK;
}

int
check_all(struct ctl *ctl)
{
	struct check c = {.ctl = ctl};
	const struct config_module *known;
	struct config *config;
	struct str errors;
	size_t count;

	if (ctl->operand_count > 0)
		return ctl_s2s_check(ctl);
	modules_init();
	known = modules_for_config(&count);
	if (config_load(ctl->config_path, known, count, &config, ctl->arena, &errors) < 0) {
		say_faults(&c, errors);
		return sum_up(&c);
	}
	c.config = config;
	check_say(&c, LEVEL_OK, "configuration", "%s has no faults; hosts: %zu", ctl->config_path,
		  config->host_count);
	check_running(&c);
	check_certificates(&c);
	check_ports(&c);
	check_files(&c);
	if (ctl_flag(ctl, "no-dns") == NULL)
		check_dns(&c);
	config_unref(config);
	return sum_up(&c);
}
