/* SPDX-License-Identifier: MIT */
/* fulltext.h - which messages hold the words that somebody looks for (XEP-0431). */
#pragma once

#include "store/store.h"

#define NS_FULLTEXT "urn:xmpp:fulltext:0"
#define FULLTEXT_FIELD "{" NS_FULLTEXT "}fulltext"

struct fulltext;

/* The words of TEXT, or NULL when it has none. Lives in ARENA. */
const struct fulltext *fulltext_new(struct arena *arena, struct str text);
/* Whether TEXT holds them all: each as a part of a word, capital letters being as small ones. */
bool fulltext_holds(struct arena *arena, const struct fulltext *words, struct str text);
/*
 * Whether the body of ITEM's message, or its subject, holds ARG, a struct fulltext. Pure; for
 * store_page.match.
 */
bool fulltext_match(const struct store_item *item, const void *arg);
