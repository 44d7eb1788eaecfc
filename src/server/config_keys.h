/* SPDX-License-Identifier: MIT */
/*
 * config_keys.h - the tables that describe every key of the configuration file, for the files that
 * read it and that write its manual.
 */
#pragma once

#include "server/config.h"

enum config_check {
	CHECK_NOTHING,
	CHECK_ENUM,      /* TEXT with choices: an enum is set to the choice's index */
	CHECK_PATH,      /* TEXT: made relative to the file's directory */
	CHECK_HOST,      /* TEXT: a host name, prepared */
	CHECK_ADDRESS,   /* TEXT: a numeric address, or "*" */
	CHECK_JIDS,      /* LIST: bare JIDs, prepared */
	CHECK_HOSTS,     /* LIST: host names, prepared */
	CHECK_URIS,      /* LIST: with a scheme */
	CHECK_MECHANISM, /* LIST: SASL mechanism names */
	CHECK_LINES,     /* TEXT: may have several lines */
	CHECK_RESOLVER,  /* TEXT: a numeric address, perhaps with @port */
};

struct config_key {
	struct option option;
	size_t offset; /* in the section's struct */
	enum config_check check;
	bool needs_restart;
};

struct config_section {
	const char *path; /* "" at the top level, "hosts", "limits" ... */
	const char *help; /* a sentence or more, for the manual */
	const struct config_key *keys;
	size_t count;
	const char *example; /* for the manual, or NULL */
};

enum {
	SECTION_TOP,
	SECTION_HOST,
	SECTION_CONTACTS,
	SECTION_LISTENER,
	SECTION_COMPONENT,
	SECTION_TLS,
	SECTION_SASL,
	SECTION_SESSIONS,
	SECTION_LIMITS,
	SECTION_S2S,
	SECTION_OVERRIDE,
	SECTION_COUNT,
};

extern const struct config_section config_sections[SECTION_COUNT];

/* One value, as the file or a default gives it. */
struct option_value {
	bool flag;       /* BOOL */
	uint64_t number; /* INT, DURATION in ms, SIZE in bytes */
	struct str text; /* TEXT, with a NUL behind it */
	struct text_list list;
};

struct option_values {
	const struct option *options;
	size_t count;
	bool is_enabled;
	struct option_value values[];
};

/*
 * TEXT as a value of OPTION, without its bounds. Return 0, or -1: not of that type.
 */
MUST_CHECK int config_parse_duration(struct str text, uint64_t *ms);
MUST_CHECK int config_parse_size(struct str text, uint64_t *bytes);
/* A const table's default; a bad one is a bug. */
struct option_value config_default(struct arena *arena, const struct option *option);
/* "a size such as 4096 or \"64KiB\", from 4096 bytes on" */
struct str config_expected(struct arena *arena, const struct option *option);
/* The index of TEXT among choices separated by blanks, or -1. */
int config_choice(const char *choices, struct str text);
/* How many single changes turn A into B; a swap of neighbours is one. */
unsigned config_distance(struct str a, struct str b);
/* In a form that config_parse_duration and _size take. */
struct str config_format_duration(struct arena *arena, uint64_t ms);
struct str config_format_size(struct arena *arena, uint64_t bytes);
