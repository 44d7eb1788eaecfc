/* SPDX-License-Identifier: MIT */
/* hints.h - what a message asks of those who pass it on (XEP-0334). */
#pragma once

#include "xmpp/element.h"

#define NS_HINTS "urn:xmpp:hints"

enum hint { /* §4, a bit each */
	    HINT_NO_PERMANENT_STORE = 1,
	    HINT_NO_STORE = 2,
	    HINT_NO_COPY = 4,
	    HINT_STORE = 8,
};

/* The hints that stand in MESSAGE, an element <message/>. */
unsigned hints_of(const struct element *message);
