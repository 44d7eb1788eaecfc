/* SPDX-License-Identifier: MIT */
/* push.h - notifications for devices that are not there (XEP-0357). */
#pragma once

#include "server/module.h"

/* Somebody looks at ACCOUNT's messages: counts begin anew, and what is not sent yet is not sent. */
void push_seen(struct account *account);
/*
 * MESSAGE, frozen, is said in a room that BARE belongs to, prepared and of this server, while no
 * client of his is in it: his devices are told, if he wants that. From any worker. Borrows MESSAGE.
 */
void push_absent_member(struct worker *worker, struct str bare, struct stanza *message);
