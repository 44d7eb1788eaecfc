/* SPDX-License-Identifier: MIT */
/* certificate.h - whom a certificate names, in XMPP (XEP-0178, RFC 6120 §13.7.1, RFC 9525). */
#pragma once

#include "base/arena.h"

/* The id-on-xmppAddr names of the certificate DER, as they stand there, into ARENA. Returns how
 * many. */
size_t certificate_xmpp_addresses(struct arena *arena, struct str der, struct str **out);

/*
 * Whether the certificate DER names an XMPP server of that domain in its subject alternative name
 * (RFC 6120 §13.7.1.2, RFC 9525 §6; the common name does not count): as DNS name, with "*" for the
 * whole left-most label, as SRV name of the service xmpp-server or xmpps-server (RFC 4985), or as
 * XMPP address. DOMAIN is prepared, ASCII is the same with A-labels.
 */
bool certificate_is_for(struct str der, struct str domain, struct str ascii);
