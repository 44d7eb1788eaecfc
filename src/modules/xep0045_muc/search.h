/* SPDX-License-Identifier: MIT */
/* search.h - search for public rooms (XEP-0433). */
#pragma once

#include "modules/xep0045_muc/muc.h"

#define NS_SEARCH "urn:xmpp:channel-search:0:search"

/* <search/>: the form, or a search. */
enum verdict search_take(struct event *ev);
