/* SPDX-License-Identifier: MIT */
/* displayed.h - up to where a chat has been read, for all devices of an account (XEP-0490). */
#pragma once

#include "server/module.h"

#define NODE_DISPLAYED "urn:xmpp:mds:displayed:0"

#define NS_DISPLAYED_ASSIST "urn:xmpp:mds:server-assist:0"

/* FROM_CLIENT: takes <displayed/> out of a message, and publishes it (§4). */
enum verdict displayed_take(struct event *ev);
