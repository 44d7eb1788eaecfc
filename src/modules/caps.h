/* SPDX-License-Identifier: MIT */
/* caps.h - what this worker knows of hashes of capabilities (XEP-0115), verified (SEC-54). */
#pragma once

#include "server/module.h"
#include "xmpp/xep/caps.h"

/* Borrowed until the next event; NULL: nothing is known. */
struct caps_features *caps_known(struct worker *worker, const struct caps *caps);
/* QUERY is an answer of somebody who announces CAPS. NULL when it is not what that stands for. */
struct caps_features *caps_learn(struct worker *worker, const struct caps *caps,
				 const struct element *query);
