/* SPDX-License-Identifier: MIT */
/*
 * config_fault.h - the faults of a configuration file: collected, worded, and sorted by line.
 */
#pragma once

#include "server/config_keys.h"

#include <libconfig.h>

struct config_fault {
	unsigned line; /* 0: of the file as a whole */
	size_t order;
	struct str text;
};

struct config_faults {
	struct arena *arena;
	struct config_fault *list;
	size_t count, size;
	size_t scanned; /* the first ones, which config_scan found */
};

/* Names that may stand in one place: keys of sections, groups, modules. */
struct config_names {
	const char *names[128];
	size_t count;
};

void config_fault(struct config_faults *faults, unsigned line, const char *format, ...)
	PRINTF_LIKE(3, 4);
/*
 * SETTING's value is not what was EXPECTED; BECAUSE, when not NULL, says more. Says nothing of a
 * line where config_scan found that the value was not read as it stands.
 */
void config_fault_value(struct config_faults *faults, const config_setting_t *setting,
			struct str expected, const char *because);
/* SETTING's name is not among NAMES; WHAT is "key" or "module". */
void config_fault_unknown(struct config_faults *faults, const config_setting_t *setting,
			  const char *what, const struct config_names *names);

/* "limits.stanza_bytes", "hosts[1].admins" */
struct str config_setting_path(struct arena *arena, const config_setting_t *setting);
/* One line for each, sorted; frees the list. */
struct str config_faults_text(struct config_faults *faults, struct str path);
