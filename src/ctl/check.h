/* SPDX-License-Identifier: MIT */
/* check.h - recadoctl check: what the parts of it share. */
#pragma once

#include "ctl/ctl.h"
#include "server/config.h"

enum level { LEVEL_OK, LEVEL_WARNING, LEVEL_ERROR };

struct check {
	struct ctl *ctl;
	const struct config *config;
	bool is_running; /* a server answers at the control socket */
	unsigned warnings, errors;
};

/* One finding: TOPIC is a word; the text a sentence that says what to do if anything is wrong. */
void check_say(struct check *c, enum level level, const char *topic, const char *format, ...)
	PRINTF_LIKE(4, 5);

/* NAME in A-labels, as certificates and the DNS have it. */
const char *check_ascii_name(struct arena *arena, struct str name);

void check_certificates(struct check *c);
void check_ports(struct check *c);
void check_files(struct check *c);
void check_dns(struct check *c);
