/* SPDX-License-Identifier: MIT */
/* extdisco.h - the services of xep0215_extdisco.c, as the configuration names them. */
#pragma once

#include "server/module.h"

struct external_service {           /* views of the text */
	struct str type, host;      /* "turn", "turn.example.com" */
	struct str port, transport; /* empty: not said */
};

/* TYPE:HOST[:PORT][?transport=NAME], as of RFC 7064 and RFC 7065. Returns 0 or -1. */
MUST_CHECK int external_service_parse(struct str uri, struct external_service *out);
