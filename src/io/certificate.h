/* SPDX-License-Identifier: MIT */
/* certificate.h - the XMPP addresses in a client's certificate (XEP-0178, RFC 6120 §13.7.1.4). */
#pragma once

#include "base/arena.h"

/* The id-on-xmppAddr names of the certificate DER, as they stand there, into ARENA. Returns how
 * many. */
size_t certificate_xmpp_addresses(struct arena *arena, struct str der, struct str **out);
