/* SPDX-License-Identifier: MIT */
/* pep.h - an account as a site of nodes (XEP-0163). */
#pragma once

#include "modules/xep0060_pubsub/pubsub.h"

extern const struct module xep0163_pep;

/* ACCOUNT's, which lives as long as it; NULL for guests, and where the module is off. */
struct site *pep_site(struct account *account);
