/* SPDX-License-Identifier: MIT */
/*
 * admission.h - what strangers may use up: connections that have not logged in, failed logins and
 * registrations, counted for all and per address prefix (IPv4 /32, IPv6 /64; SEC-14, SEC-35).
 */
#pragma once

#include "server/config.h"

#include <sys/socket.h>

struct admission;

struct admission *admission_new(void);
void admission_free(struct admission *admission); /* takes NULL */

/* Any thread. False: over a limit, close at once. Each true is followed by one admission_leave. */
bool admission_enter(struct admission *admission, const struct config_limits *limits,
		     const struct sockaddr *peer);
void admission_leave(struct admission *admission, const struct sockaddr *peer);

/* Counts a failed login; true when that address has had too many of late. */
bool admission_login_failed(struct admission *admission, const struct config_limits *limits,
			    const struct sockaddr *peer);
bool admission_login_is_throttled(struct admission *admission, const struct config_limits *limits,
				  const struct sockaddr *peer);
/* Counts a registration; false when that address has made too many in this hour. */
bool admission_register(struct admission *admission, const struct config_limits *limits,
			const struct sockaddr *peer);
