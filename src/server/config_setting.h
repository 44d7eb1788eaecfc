/* SPDX-License-Identifier: MIT */
/* config_setting.h - reads one setting of the file by its entry in the tables. */
#pragma once

#include "server/config_fault.h"

struct config_reader {
	struct config *config;
	struct arena *arena; /* the configuration's */
	struct config_faults faults;
	struct str directory; /* with its slash; empty when the path has none */
	const struct config_module *modules;
	size_t module_count;
	struct config_host host; /* what holds for hosts that do not say otherwise */
};

/* Returns 0, or -1 when the fault is noted. */
MUST_CHECK int config_read_value(struct config_reader *r, const config_setting_t *setting,
				 const struct option *option, struct option_value *out);
/* Sets the key's member of the struct at BASE, or notes a fault. */
void config_read_key(struct config_reader *r, const config_setting_t *setting,
		     const struct config_key *key, void *base);
void config_set_defaults(struct config_reader *r, const struct config_section *section, void *base);
