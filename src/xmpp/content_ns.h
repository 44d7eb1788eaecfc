/* SPDX-License-Identifier: MIT */
/*
 * content_ns.h - between "jabber:server" and "jabber:client": two names of the same content (RFC
 * 6120 §4.8.2). In this program all is in the latter.
 */
#pragma once

#include "xmpp/stanza.h"

/*
 * EL is a stanza of a stream between servers: all of it that is in NS_SERVER is in NS_CLIENT from
 * now on.
 */
void content_from_server(struct element *el);

/* Writes STANZA, frozen, to a stream between servers. */
void content_to_server(struct buf *out, const struct stanza *stanza);
