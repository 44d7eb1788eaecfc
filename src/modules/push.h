/* SPDX-License-Identifier: MIT */
/* push.h - notifications for devices that are not there (XEP-0357). */
#pragma once

#include "server/module.h"

/* Somebody looks at ACCOUNT's messages: counts begin anew, and what is not sent yet is not sent. */
void push_seen(struct account *account);
