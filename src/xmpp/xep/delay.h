/* SPDX-License-Identifier: MIT */
/* delay.h - the mark of delayed delivery (XEP-0203): since when a stanza waited, and with whom. */
#pragma once

#include "base/buf.h"
#include "xmpp/element.h"

#define NS_DELAY "urn:xmpp:delay"

/* Adds <delay/> to PARENT. FROM (p NULL: none) is who kept the stanza, WALL_US when he got it. */
struct element *delay_add(struct arena *arena, struct element *parent, struct str from,
			  uint64_t wall_us);
/* The same as text, to be written in front of what many share. */
void delay_write(struct buf *buf, struct str from, uint64_t wall_us);

/*
 * The delay of EL that FROM states (p NULL: the first there is). Returns 0, or -1 when there is
 * none or its stamp is no date.
 */
MUST_CHECK int delay_find(const struct element *el, struct str from, uint64_t *wall_us);
/* Takes out every <delay/> that claims to be from FROM: nobody but we says what we did (SEC-50). */
void delay_remove(struct element *el, struct str from);
