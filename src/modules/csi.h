/* SPDX-License-Identifier: MIT */
/* csi.h - clients that nobody looks at (XEP-0352). */
#pragma once

#include "server/module.h"

static inline bool
session_is_inactive(const struct session *session)
{
	return session->csi != NULL;
}

/* As if the client had said so: after a resumption, for one (§5.2). */
void csi_activate(struct session *session);
