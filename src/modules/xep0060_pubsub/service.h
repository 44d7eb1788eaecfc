/* SPDX-License-Identifier: MIT */
/* service.h - the publish-subscribe services of hosts, for the operator. */
#pragma once

#include "modules/xep0060_pubsub/pubsub.h"

/* Whether DOMAIN is one; and it, on its home worker, or NULL. */
bool service_is_there(const struct config *config, struct str domain);
struct site *service_site(struct worker *worker, struct str domain);
