/* SPDX-License-Identifier: MIT */
/*
 * room.h - a room in memory, on the home worker of its address.
 *
 * What happens changes the room at once. What is sent because of it waits, in order, until what it
 * rests on is on the disk (post.h), so that nobody sees what a crash would undo, and yet many
 * messages share a commit.
 */
#pragma once

#include "base/map.h"
#include "modules/xep0045_muc/config.h"
#include "modules/xep0045_muc/muc.h"
#include "server/audience.h"

#define ROOM_SECRET_SIZE 32u

struct affiliate;
struct bucket;
struct directory;
struct post;

enum room_state {
	ROOM_LOADING,
	ROOM_ABSENT, /* there is none of that name; the next join makes it one */
	ROOM_LOCKED, /* made, and not yet configured (§10.1.1): only its owner is in it */
	ROOM_OPEN,
	ROOM_GONE, /* destroyed; lives on only for what is under way */
};

struct seat {             /* one client in the room */
	struct link link; /* in occupant->seats, the one that was shown last in front */
	struct occupant *occupant;
	struct jid jid;            /* full; one allocation with the seat */
	struct str presence;       /* what the client said of itself: elements; owned */
	uint64_t failing_since_ms; /* since when its server cannot be reached; 0: it can */
	bool is_stored, is_dirty;  /* its presence is not stored as it is now */
	char text[];               /* of jid */
};

struct occupant {             /* one person under one nick */
	struct str nick, key; /* KEY: what nicks are told apart by, see prep_nick_key */
	struct str bare;      /* of the person */
	enum role role;
	uint64_t tag;      /* in audiences */
	struct link seats; /* struct seat; never empty */
	unsigned relaying; /* iqs under way to others */
	char id[45];       /* XEP-0421 */
	char text[];       /* nick, key and bare */
};

struct room {
	struct jid jid; /* bare */
	struct worker *worker;
	enum room_state state;
	struct room_config config;
	unsigned char secret[ROOM_SECRET_SIZE]; /* behind its occupants' ids */
	struct map affiliates;                  /* struct affiliate by bare JID or domain */
	struct map reserved;                    /* struct affiliate by the key of its nick */
	struct map occupants;                   /* struct occupant by nick */
	struct map keys;                        /* the same by key */
	struct map seats;                       /* struct seat by full JID */
	struct map hats;                        /* struct hat by URI */
	struct link relays;     /* iqs between occupants that wait for their answer; see relay.h */
	char *subject;          /* the last change of it, as stanza_write wrote it; or NULL */
	uint64_t subject_at_us; /* 0: there never was one */
	char *photo_hash;       /* of its avatar, or NULL */
	struct link posts;      /* struct post */
	struct audience *moderators, *others; /* of now; NULL: somebody came or went */
	struct stanza **waiting;              /* while loading, and while the room is slowed down */
	uint32_t waiting_count, waiting_size, waiting_first;
	struct timer timer;    /* what is written lazily */
	struct timer go_on;    /* the end of slowness */
	struct flight *flight; /* of all that it sends to its audiences */
	int64_t tokens;        /* deliveries that it may make at once; see flood.h */
	uint64_t filled_ms;
	uint64_t next_tag;
	uint64_t published; /* messages, since it was loaded */
	uint64_t used_ms;
	uint64_t created_us;
	unsigned pins; /* requests under way */
	unsigned owner_count;
	struct link waiters; /* for room_when_loaded */
	char *counted_for;   /* whose rooms were counted, to let him make this one; see owned.h */
	uint64_t counted;
	bool has_dirty_seats;
	bool is_occupied; /* as the store knows it: see directory_occupied */
};

/* Of a worker. */
struct rooms {
	struct worker *worker;
	struct bucket *buckets; /* see flood.h */
	struct map rooms;       /* by bare JID */
	struct timer sweep;
	struct directory *directories; /* of the services whose home this worker is */
	struct timer check;            /* see check.h */
};
struct rooms *rooms_of(struct worker *worker);
void rooms_start(struct worker *worker);
void rooms_free(void *rooms);

/* The room, which may be ROOM_LOADING or ROOM_ABSENT. On its home worker. */
struct room *room_get(struct worker *worker, struct jid jid);
struct room *room_find(struct worker *worker, struct str bare);
/* Calls RUN(ROOM, ARG) once ROOM is loaded, which may be ROOM_ABSENT then. */
void room_when_loaded(struct room *room, void (*run)(struct room *room, void *arg), void *arg);
/* Handles STANZA, which is to the room or one in it, now or once it can. Borrows it. */
void room_take(struct room *room, struct stanza *stanza);
/* STANZA, which is being handled, is handled again, before all others, after room_go_on. A room
 * that is absent. */
void room_wait_for(struct room *room, struct stanza *stanza);
void room_go_on(struct room *room);
/* Frees a room that nobody needs in memory now. */
void room_release(struct room *room);

/* The service that ROOM is of, or NULL when the configuration has lost it. */
const struct config_service *room_service(const struct room *room);
const struct option_values *room_options(const struct room *room);
bool room_exists(const struct room *room); /* locked or open */

/* From ROOM_ABSENT to ROOM_LOCKED, with the default configuration and OWNER (p NULL: none yet). */
void room_create(struct room *room, struct str owner_bare);
/* From ROOM_LOCKED to ROOM_OPEN: it is stored from now on. The request is under way when it
 * returns; see room_request. */
void room_open(struct room *room, struct store_request *request);
/* Everything stored of it goes, and all occupants are told, with DESTROY (NULL: none given). */
void room_destroy(struct room *room, const struct element *destroy);
/* Whether it is to go now that the last one has left, and then destroys it. */
void room_check_empty(struct room *room);

/* Adds what is stored of the room itself: configuration and so on. */
void room_store(struct room *room, struct store_request *request);

/* Something that the room does once the store has answered. */
struct room_task {
	struct room *room;
	struct stanza *cause; /* or NULL */
	struct post *hold;    /* what is sent stands at this place; NULL: at the end */
	bool changes_listing; /* see directory.h */
	/* TASK and REQUEST are freed after it. */
	void (*done)(struct room_task *task, struct store_request *request);
	void *arg;
};
/*
 * A request on whose answer what the room sends from now on waits. CAUSE (NULL: none) is kept. DONE
 * may be NULL.
 */
struct store_request *
room_request(struct room *room, struct stanza *cause,
	     void (*done)(struct room_task *task, struct store_request *request), void *arg);
/* The same, and nothing waits for it. */
struct store_request *
room_request_aside(struct room *room, struct stanza *cause,
		   void (*done)(struct room_task *task, struct store_request *request), void *arg);
