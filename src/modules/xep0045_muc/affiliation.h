/* SPDX-License-Identifier: MIT */
/*
 * affiliation.h - the lasting relations of people to a room (XEP-0045 §5.2): owners, admins,
 * members, the banned; with reserved nicks, and hats (XEP-0317).
 */
#pragma once

#include "modules/xep0045_muc/room.h"

#define AFFILIATIONS_SET "affiliations"
#define AFFILIATES_MAX 20000u /* of one room */

struct affiliate {
	struct str jid; /* bare, or a domain: of all who are there */
	enum affiliation affiliation;
	struct str nick;   /* reserved; p NULL: none */
	struct str key;    /* of it */
	struct str reason; /* p NULL: none */
	struct str hats;   /* URIs, separated by spaces; p NULL: none */
	char text[];       /* of jid */
};

/* What BARE, prepared, is: by itself, by its domain when that is banned, by being an administrator
 * of the host. */
enum affiliation affiliation_of(const struct room *room, struct str bare);
/* NULL: nothing is known of it. */
struct affiliate *affiliate_find(const struct room *room, struct str jid);
/* Who has reserved the nick with that key, or NULL. */
struct affiliate *affiliate_of_nick(const struct room *room, struct str key);

/*
 * Changes and stores one entry. NICK, REASON: p NULL leaves them as they are, empty removes them.
 * An entry that says nothing any more is removed. Returns false, with nothing changed, when there
 * are too many.
 */
bool affiliation_set(struct room *room, struct store_request *request, struct str jid,
		     enum affiliation affiliation, struct str nick, struct str reason);
/* The same for hats. */
bool affiliation_set_hats(struct room *room, struct store_request *request, struct str jid,
			  struct str hats);
/* All of them, for a room that is stored for the first time. */
void affiliations_store(struct room *room, struct store_request *request);
bool affiliation_load(struct room *room, const struct store_item *item);
void affiliations_free(struct room *room);
