/* SPDX-License-Identifier: MIT */
/* s2s_tls.h - the TLS contexts of federation, made with those for clients. */
#pragma once

#include "io/tls.h"
#include "server/config.h"

struct s2s_contexts;

/* HOSTS are those of CONFIG, with their certificates. Returns 0, or -1 with *WHY in ARENA. */
MUST_CHECK int s2s_contexts_new(const struct config *config, const struct tls_host *hosts,
				struct s2s_contexts **out, struct arena *arena, struct str *why);
void s2s_contexts_free(struct s2s_contexts *contexts); /* takes NULL */
