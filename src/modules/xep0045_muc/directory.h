/* SPDX-License-Identifier: MIT */
/*
 * directory.h - which rooms a service has, for discovery and search.
 *
 * The store knows; the home worker of the service's domain keeps what it has read, until a room
 * tells it that something has changed. How many are in which room it asks the rooms' workers, and
 * not more often than once a second.
 */
#pragma once

#include "modules/xep0045_muc/room.h"

struct listing {                                   /* one room */
	struct str local, name, description, lang; /* texts live as long as the listing */
	bool is_public, is_members_only, is_password_protected, is_anonymous;
	uint64_t occupants;
};

struct listings {
	struct listing *items; /* by local part */
	size_t count;
};

/*
 * Calls RUN with what there is, now or soon; on the home worker of DOMAIN, a service's. LISTINGS
 * lives as long as the call.
 */
void directory_ask(struct worker *worker, struct str domain,
		   void (*run)(void *arg, const struct listings *listings), void *arg);

/* Something that REQUEST stores is of the directory: the room's entry as it is now, its end.
 * REQUEST is one of room_request. */
void directory_store(struct room *room, struct store_request *request);
void directory_remove(struct room *room, struct store_request *request);
/* Whether anybody is in it, so that they are looked after when the server starts again. */
void directory_occupied(struct room *room, struct store_request *request, bool is_occupied);

/* A change is in the store. From any worker. */
void directory_changed(struct worker *worker, struct str domain);
void directories_free(struct rooms *rooms);

#define DIRECTORY_OCCUPIED_SET "occupied" /* of the service's domain: local parts */
