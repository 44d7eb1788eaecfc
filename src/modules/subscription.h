/* SPDX-License-Identifier: MIT */
/* subscription.h - the state machine of presence subscriptions (RFC 6121 §3, appendix A). */
#pragma once

#include "server/module.h"

/* A subscribe, subscribed, unsubscribe or unsubscribed from a client of the account. */
enum verdict subscription_from_client(struct event *ev);
/* One that came for the account. */
enum verdict subscription_to_account(struct event *ev);
/* The account was removed. */
enum verdict subscription_farewell(struct event *ev);
