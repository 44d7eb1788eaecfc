/* SPDX-License-Identifier: MIT */
/* config_modules.h - the group "modules", of the file and of each host. */
#pragma once

#include "server/config_setting.h"

/* What holds where the file says nothing: to r->host. */
void config_default_modules(struct config_reader *r);
/* Over what HOST has already; other hosts that share it are not touched. */
void config_read_modules(struct config_reader *r, const config_setting_t *setting,
			 struct config_host *host);
