/* SPDX-License-Identifier: MIT */
/*
 * jid_tool.c - the preparation of addresses from the command line: a partner for differential
 * tests, and a stop-watch.
 *
 * jid-tool        reads lines "WHAT HEX", where WHAT is local, domain, resource, password, jid,
 *                 account or skeleton, and HEX the bytes; answers "=HEX" or "!why".
 * jid-tool bench  prints nanoseconds for one jid_parse of several addresses.
 */
#include "base/base64.h"
#include "base/time.h"
#include "xmpp/jid.h"
#include "xmpp/prep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
nibble(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

static struct str
from_hex(struct arena *arena, const char *hex)
{
	size_t len = strlen(hex) / 2;
	char *p = arena_bytes(arena, len + 1);

	for (size_t i = 0; i < len; i++)
		p[i] = (char)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
	return str_of(p, len);
}

static int
run(struct arena *arena, struct str what, struct str in, struct str *out, const char **why)
{
	struct jid jid;

	if (str_is(what, "local"))
		return jid_prepare_local(arena, in, out, why);
	if (str_is(what, "domain"))
		return jid_prepare_domain(arena, in, out, why);
	if (str_is(what, "resource"))
		return jid_prepare_resource(arena, in, out, why);
	if (str_is(what, "password"))
		return password_prepare(arena, in, out, why);
	if (str_is(what, "account")) {
		*out = in;
		return jid_check_new_account(arena, in, why);
	}
	if (str_is(what, "skeleton")) {
		*out = prep_skeleton(arena, in);
		return 0;
	}
	if (jid_parse(arena, in, &jid, why) < 0)
		return -1;
	*out = jid.text;
	return 0;
}

static void
answer_lines(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) > 0) {
		struct arena *arena = arena_new();
		char *space = strchr(line, ' ');
		const char *why = "no reason given";
		struct str out;

		line[len - 1] = '\0';
		if (space == NULL) {
			fprintf(stderr, "jid-tool: a line without a space\n");
			exit(2);
		}
		if (run(arena, str_of(line, (size_t)(space - line)), from_hex(arena, space + 1),
			&out, &why) < 0)
			printf("!%s\n", why);
		else
			printf("=%.*s\n", STR_ARG(hex_encode(arena, out)));
		arena_free(arena);
	}
	free(line);
}

static void
bench(const char *text)
{
	const unsigned rounds = 2000000;
	unsigned good = 0;
	uint64_t start = time_mono_ns(), empty;

	for (unsigned i = 0; i < rounds; i++) {
		struct arena *arena = arena_new();

		__asm__ volatile("" : : "r"(arena) : "memory");
		arena_free(arena);
	}
	empty = time_mono_ns() - start;
	start = time_mono_ns();
	for (unsigned i = 0; i < rounds; i++) {
		struct arena *arena = arena_new();
		struct jid jid;
		const char *why;

		good += jid_parse(arena, str(text), &jid, &why) == 0;
		arena_free(arena);
	}
	printf("%8.1f ns  %s  %s\n", (double)(time_mono_ns() - start - empty) / rounds,
	       good == rounds ? "accepted" : "refused ", text);
}

int
main(int argc, char **argv)
{
	static const char *const texts[] = {
		"example.com",
		"juliet@example.com",
		"juliet@example.com/balcony",
		"juliet@capulet.example.com/Gajim.8f2c1d7a-4b62-4f6e",
		"Juliet@Example.COM/Balcony",
		"jülich@example.com/balcony",
		"juliet@example.com/Balkön",
		"juliet@bücher.example/balcony",
		"jul iet@example.com/balcony",
	};

	if (argc == 2 && strcmp(argv[1], "bench") == 0) {
		for (size_t i = 0; i < COUNT(texts); i++)
			bench(texts[i]);
		return 0;
	}
	answer_lines();
	return 0;
}
