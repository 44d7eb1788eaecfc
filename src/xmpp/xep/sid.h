/* SPDX-License-Identifier: MIT */
/* sid.h - unique and stable stanza ids (XEP-0359): ours in, forged ones out. */
#pragma once

#include "base/buf.h"
#include "xmpp/element.h"

#define NS_SID "urn:xmpp:sid:0"

/* <stanza-id/> with the number ID, given by BY, as text to be written in front of what many share.
 */
void sid_write(struct buf *out, struct str by, uint64_t id);
/* Whether EL has a <stanza-id/> that claims to be from BY: nobody but BY says so (SEC-49). */
bool sid_is_forged(const struct element *el, struct str by);
/* Takes them all out. */
void sid_remove(struct element *el, struct str by);
