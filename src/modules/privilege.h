/* SPDX-License-Identifier: MIT */
/* privilege.h - what components may do in the name of accounts (XEP-0356). */
#pragma once

#include "server/module.h"

/* The component that sent the event's stanza, if the configuration makes it one of ev->host; else
 * NULL. */
const struct config_component *event_component(const struct event *ev);

/* A change of CONTACT in ACCOUNT's roster is on the disk: components that read rosters hear of it.
 */
void privilege_roster_changed(struct account *account, struct str contact);
