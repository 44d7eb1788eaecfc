/* SPDX-License-Identifier: MIT */
/*
 * fuzz_config.c - any text as configuration file: it is taken, or there is at least one fault, and
 * every fault is one line that names the file.
 */
#include "server/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets the text it was reading when a syntax error comes after it. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static const struct option options[] = {
	{"timeout", OPTION_DURATION, "30s", "d", .min = 1000, .max = 60000},
	{"loud", OPTION_BOOL, "false", "b"},
	{"tries", OPTION_INT, "3", "i"},
	{"size", OPTION_SIZE, "1KiB", "s"},
	{"mode", OPTION_TEXT, "iq", "t", .choices = "iq space"},
	{"names", OPTION_LIST, "a b", "l"},
	{0},
};
static const struct config_module modules[] = {{"ping", options}, {"version", NULL}};

static void
require(bool claim)
{
	if (!claim)
		abort();
}

static void
check_taken(struct config *config)
{
	struct arena *arena = arena_new();

	require(config->host_count > 0 && config->listener_count > 0 && config->workers > 0);
	for (size_t i = 0; i < config->host_count; i++) {
		const struct config_host *host = &config->hosts[i];
		const char *certificate = NULL, *key = NULL;

		require(config_host(config, host->name) == host);
		option_ms(config_options(config, host, 0), "timeout");
		config_host_certificate(config, host, arena, &certificate, &key);
		require(certificate != NULL && key != NULL);
	}
	require(config_needs_restart(arena, config, config).len == 0);
	arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct config *config = NULL;
	struct str errors = STR(""), line;

	if (config_parse(str_of(data, size), "f", modules, COUNT(modules), &config, arena,
			 &errors) == 0) {
		check_taken(config);
		config_unref(config);
	} else {
		require(errors.len > 0 && errors.p[errors.len - 1] == '\n');
		errors.len--;
		while (str_split(&errors, '\n', &line))
			require(str_starts(line, STR("f:")));
	}
	arena_free(arena);
	return 0;
}
