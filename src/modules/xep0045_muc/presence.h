/* SPDX-License-Identifier: MIT */
/*
 * presence.h - what a room says of its occupants (XEP-0045 §7.2.2, §7.6 and wherever somebody's
 * standing changes): built here and nowhere else, so that roles, affiliations, occupant ids and
 * hats are always there, and real addresses only for those who may see them.
 */
#pragma once

#include "modules/xep0045_muc/occupant.h"

#define CODES_MAX 6

/* One change, as it is shown. Zeroed parts are not. */
struct shown {
	const struct occupant *occupant;
	const struct seat *seat; /* whose address and words; NULL: occupant_shown */
	bool is_gone;            /* unavailable: with role none, unless NEW_NICK is set */
	bool has_affiliation;    /* of AFFILIATION, instead of what the list says */
	enum affiliation affiliation;
	struct str new_nick; /* §7.6 */
	struct str actor;    /* nick of who did it */
	struct str reason;
	const struct element *destroy;
	struct str words;          /* elements of one who goes; else the seat's own are sent */
	struct str id;             /* of the client's own, which its self-presence has too */
	int codes[CODES_MAX];      /* for all */
	int self_codes[CODES_MAX]; /* only for the occupant's own seats, with 110 */
};

/* To all occupants who may see it, and to the occupant's own seats. */
void presence_broadcast(struct room *room, const struct shown *shown);
/* To all others, and not the occupant's own seats. */
void presence_to_others(struct room *room, const struct shown *shown);
/* To one client, as SEAT sees it: with code 110 and self_codes when it is the same occupant. */
struct stanza *presence_for(struct room *room, const struct shown *shown, const struct seat *seat);
/* To the occupant's own seats. */
void presence_to_self(struct room *room, const struct shown *shown);

/* What of a client's presence others get, as text: elements without those that only a room may add
 * (§17.3, SEC-50), in ARENA. */
struct str presence_words(struct arena *arena, const struct stanza *presence);
