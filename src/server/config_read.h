/* SPDX-License-Identifier: MIT */
/* config_read.h - from the text of a configuration file to a struct config, with all its faults. */
#pragma once

#include "server/config_keys.h"

/*
 * Fills CONFIG, whose arena and path are set. Returns 0, or -1 with the faults in ARENA, sorted by
 * line.
 */
MUST_CHECK int config_read_text(struct str text, const struct config_module *modules,
				size_t module_count, struct config *config, struct arena *arena,
				struct str *errors);
