/* SPDX-License-Identifier: MIT */
/*
 * hats.h - what people are in a room beyond roles and affiliations: titles that its owners make and
 * give (XEP-0317).
 */
#pragma once

#include "modules/xep0045_muc/room.h"

#define HATS_SET "hats"
#define HATS_MAX 100u

struct hat {
	struct str uri, title, hue; /* HUE p NULL: none */
	char text[];
};

/* Adds <hats/> to a presence of BARE, when he has any. */
void hats_write(const struct room *room, struct str bare, struct buf *out);
void hats_load(struct room *room, const struct store_item *item);
void hats_store(struct room *room, struct store_request *request);
void hats_free(struct room *room);
/* The hash of the list, for disco (§3), in ARENA; p NULL: there are none. */
struct str hats_hash(const struct room *room, struct arena *arena);

/* A <command/> (XEP-0050) whose node is one of §4. Answers and returns true, or false. */
bool hats_take(struct room *room, struct stanza *iq);
/* Adds the commands to disco#items of the node of XEP-0050. */
void hats_add_commands(struct arena *arena, const struct room *room, struct element *query);
