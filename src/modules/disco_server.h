/* SPDX-License-Identifier: MIT */
/* disco_server.h - what the server says of itself: one answer for disco#info and for its caps hash.
 */
#pragma once

#include "server/module.h"
#include "xmpp/xep/disco.h"

#define CAPS_NODE "https://recado.example/"

/* The <query/> of the host of EV: identities, features, forms of all modules that are switched on.
 */
struct element *disco_server_info(struct event *ev, struct str node);
