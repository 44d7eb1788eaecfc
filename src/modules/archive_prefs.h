/* SPDX-License-Identifier: MIT */
/* archive_prefs.h - what an account wants to be archived (XEP-0441): read, written, stored. */
#pragma once

#include "server/portable.h"
#include "xmpp/stanza_error.h"

/* The document's text (see archive_wants) as <prefs/>; empty: the default. */
struct element *archive_prefs_element(struct arena *arena, struct str text);
/* The reverse. Returns STANZA_NO_ERROR with *OUT in ARENA, or what refuses it. */
enum stanza_condition archive_prefs_read(struct arena *arena, const struct element *prefs,
					 struct str *out);
/* It is stored: TEXT holds from now on. */
void archive_prefs_set(struct account *account, struct str text);

/* XEP-0227 has no word for it: as XEP-0441 writes it. */
extern const struct portable archive_prefs_portables[];
