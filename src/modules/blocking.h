/* SPDX-License-Identifier: MIT */
/* blocking.h - whom an account has blocked (XEP-0191), and reports of them (XEP-0377). */
#pragma once

#include "server/module.h"

#define NS_BLOCKING "urn:xmpp:blocking"

/*
 * Whether ACCOUNT's owner has blocked PEER. What comes from clients and from outside is refused by
 * the module itself; ask this before sending something on the account's own behalf, such as
 * presence or notifications. Costs nothing for who has blocked nobody.
 */
bool blocking_applies(const struct account *account, struct jid peer);

/*
 * A <report/> that came with a block: tells the host's abuse contacts, else its administrators, and
 * the log. What is malformed or too much is only counted: the block stands all the same (XEP-0377
 * §5).
 */
void report_abuse(struct event *ev, struct jid reported, const struct element *report);
