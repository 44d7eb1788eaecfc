/* SPDX-License-Identifier: MIT */
/* path.h - the ways to other domains, as far as modules want to know of them. */
#pragma once

#include "server/server.h"

/*
 * The connection that carried what is for DOMAIN, of another server or a component, is gone: runs
 * POINT_PATH_LOST on every worker. What was on its way may not have arrived, and whoever is there
 * may have begun anew. From any worker.
 */
void path_lost(struct server *server, struct str domain);
