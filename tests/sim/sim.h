/* SPDX-License-Identifier: MIT */
/*
 * sim.h - a whole server and its clients in one thread, driven by a seed.
 *
 * Everything that is left to chance elsewhere is drawn here from one generator: which worker's turn
 * it is, when the store writes, when time passes, how the bytes of a connection are cut into
 * pieces, what people do, and when connections and the machine fail. The same seed gives the same
 * run.
 */
#pragma once

#include "io/conn.h"
#include "server/c2s.h"
#include "server/server.h"
#include "store/simulate.h"
#include "xmpp/client_stream.h"

#define HOST "example.org"
#define PASSWORD "secret"
#define ACCOUNTS_MAX 5u
#define RESOURCES_MAX 3u
#define CLIENTS_MAX (ACCOUNTS_MAX * RESOURCES_MAX)
#define WORKERS_MAX 4u
#define QUESTIONS_MAX 64u   /* iqs of one client without an answer */
#define IDS_MAX 20000u      /* iqs of one run */
#define NOBODY ACCOUNTS_MAX /* the index of an address that has no account */
#define NO_RESOURCE RESOURCES_MAX
#define NEVER UINT32_MAX

struct plan { /* what kind of run it is: drawn first, so that each has its character */
	unsigned workers, accounts, devices, steps;
	unsigned cuts, crashes, stops, checks, changes, fulls; /* of 10000 steps */
	unsigned logouts, subscriptions, messages, hall;       /* weights of what people do */
	unsigned piece_max;                                    /* bytes of a connection at a time */
	unsigned time_max_ms;                                  /* one step of the clock */
	bool has_conflicts;                                    /* two devices with one resource */
	bool has_batches;  /* the store carries out and commits at different times */
	bool has_negative; /* priorities below zero */
	bool has_bursts;   /* many messages at once, long ones too */
	bool has_refusals; /* of a second session with one resource, instead of ending the first */
};

enum client_state {
	CLIENT_OFFLINE,
	CLIENT_CONNECTING,
	CLIENT_BOUND,
	CLIENT_LEAVING, /* has said goodbye */
};

struct sight { /* what a client knows of another session */
	bool is_available;
	unsigned serial; /* of the presence that it saw last */
};

struct roster_sight { /* what a client knows of a contact */
	bool is_listed, to, from, asked;
};

struct question {             /* an iq that a client waits for */
	unsigned id;          /* 0: free */
	struct client *asked; /* NULL: the server */
	unsigned asked_life;
	bool is_roster;
};

struct client {
	struct sim *sim;
	unsigned index, account, resource;
	unsigned life; /* counts its connections */
	enum client_state state;
	struct loop *loop;
	struct conn *conn;
	const struct c2s *c2s; /* the server's side of it: only to be compared */
	struct client_stream *stream;
	struct sasl_client_keys keys;
	size_t allowance;       /* bytes it may read now */
	uint64_t sent;          /* bytes given to the connection */
	uint64_t progress;      /* counts what happened, to see when nothing does any more */
	unsigned first_message; /* how many had been sent when it connected */
	/* As it knows itself. */
	bool is_available;
	int priority;
	unsigned serial,
		first_serial; /* of its last presence, and of the one it came online with */
	bool is_ended;        /* the server has ended its session, and it does not know yet */
	unsigned seen_step;   /* when it learned that it gets what is in the log; NEVER */
	bool is_interested;   /* asked for the roster, and has it */
	unsigned requests;    /* a bit for each account that asked to subscribe */
	struct sight sights[ACCOUNTS_MAX][RESOURCES_MAX];
	struct roster_sight roster[ACCOUNTS_MAX];
	struct question questions[QUESTIONS_MAX];
	struct {               /* in the hall: see hall.c */
		unsigned life; /* plus 1 */
		bool is_in;
		uint64_t first, last; /* ids of what it heard */
		size_t count;
		unsigned heard[CLIENTS_MAX]; /* of each, the last, plus 1 */
	} stay;
};

struct message {
	unsigned id;
	struct client *from;
	unsigned from_life;
	unsigned to, to_resource; /* NO_RESOURCE: the bare JID */
	bool is_chat;
	unsigned step;    /* when it was written */
	uint64_t end;     /* of it in the bytes that its sender ever sent */
	bool is_accepted; /* the server had taken all of it when its sender went */
	bool is_excused;  /* it may be lost: it was under way when a machine or connection failed */
	bool is_disturbed; /* it may come twice, or late: a session that it may have been for ended
			    */
	bool is_doubtful;  /* like that, and newer ones may have been stored before it */
	bool is_bounced;
	bool is_logged;    /* in the log of whom it is for when that was last read */
	bool is_left;      /* and outstanding there; known while the account is in memory */
	bool is_forgotten; /* or settled */
	unsigned received; /* by how many sessions */
	unsigned seen[CLIENTS_MAX]; /* the life, plus 1, in which that client received it last */
	bool was_delayed[CLIENTS_MAX];
};

struct person { /* an account */
	struct sim *sim;
	bool is_absent;      /* it was removed, or is about to be */
	bool is_changing;    /* the operator does something to it */
	bool is_disturbed;   /* a session of it ended, and the server may not know that yet */
	unsigned doubt_step; /* when last a client of it was there, but perhaps took no messages */
	struct roster *roster; /* of the store, when it was last read */
};

struct site { /* the server's side */
	struct server server;
	struct config *config;
	struct store *store;
	struct loop *loops[WORKERS_MAX];
	struct config_listener listener;
	bool is_stopping;
	bool is_told[WORKERS_MAX], is_stopped[WORKERS_MAX];
	uint64_t deadline_ms;
};

struct sim {
	uint64_t seed, state; /* of the generator */
	struct plan plan;
	unsigned step;
	uint64_t now_ms;
	struct site *site;
	struct loop *loop; /* the harness's own, for asking the store */
	struct person people[ACCOUNTS_MAX];
	struct client clients[CLIENTS_MAX];
	unsigned client_count;
	struct message *messages;
	unsigned message_count, message_size;
	unsigned next_serial, next_id;
	unsigned next_words;
	uint64_t *accepted; /* ids of words that somebody heard, rising */
	size_t accepted_count, accepted_size;
	struct {
		const struct client *client;
		unsigned life;
	} askers[IDS_MAX]; /* who sent the iq */
	bool has_crashed;
	bool is_full, was_full;                   /* the disk */
	bool is_torn[ACCOUNTS_MAX][ACCOUNTS_MAX]; /* a crash came between the two rosters */
	/* last sequence by (receiver, sender, address): see inbox.c */
	struct {
		unsigned life, sender_life, message;
	} order[CLIENTS_MAX][CLIENTS_MAX][RESOURCES_MAX + 1];
};

/* trace.c */
extern bool sim_is_verbose;
void sim_note(struct sim *sim, const char *format, ...) PRINTF_LIKE(2, 3);
/* Prints what was violated, the seed, and the last events; ends the process. */
_Noreturn void sim_fail(struct sim *sim, const char *format, ...) PRINTF_LIKE(2, 3);
void sim_trace_start(struct sim *sim);
/* "a1/r0#3" */
const char *client_name(const struct client *client);

/* chance.c */
uint64_t sim_below(struct sim *sim, uint64_t bound);
bool sim_chance(struct sim *sim, unsigned percent);
void sim_plan(struct sim *sim);
void sim_pass_time(struct sim *sim, uint64_t ms);

/* site.c */
/* What every run starts from; made once, before the first. */
void site_prepare(void);
struct str site_credentials(void);
void site_open(struct sim *sim, struct store *store);
struct store *site_new_store(struct sim *sim);
bool site_turn(struct sim *sim, unsigned worker);
bool site_step_store(struct sim *sim);
void site_set_full(struct sim *sim, bool is_full);
/* All at once, with what is left of the machine's memory: the process dies. */
void site_crash(struct sim *sim);
/* As `recadod` ends; returns to the caller at once, and goes on in site_turn. */
void site_begin_stop(struct sim *sim);
void site_close(struct sim *sim);
/* How many sessions the server has of the account; whether one is the client's. */
/* The account in the server's memory, loaded, or NULL. */
const struct account *site_account(const struct sim *sim, unsigned account);
unsigned site_sessions(const struct sim *sim, unsigned account);
bool site_has_session(const struct client *client);

/* client.c */
void client_connect(struct client *client);
/* Some bytes on their way to the server, or to the client. Returns whether there were any. */
bool client_send(struct client *client, size_t max);
bool client_read(struct client *client, size_t max);
void client_write(struct client *client, const char *format, ...) PRINTF_LIKE(2, 3);
void client_leave(struct client *client);
void client_cut(struct client *client);
/* Bytes of it that the server has read. */
uint64_t client_taken(const struct client *client);
bool client_is_busy(const struct client *client);

/* inbox.c */
void inbox_take(struct client *client, struct arena *arena, const struct element *el);

/* hall.c */
void hall_act(struct client *client);
/* Whether EL is from the hall. */
bool hall_take(struct client *client, struct arena *arena, const struct element *el);
void hall_check(struct sim *sim);
void hall_check_gone(struct sim *sim);

/* people.c */
void people_act(struct sim *sim, struct client *client);
void people_arrive(struct client *client);
struct question *people_ask(struct client *client, struct client *asked);

/* operator.c */
void operator_act(struct sim *sim);

/* model.c */
struct message *model_message(struct sim *sim, struct client *from);
/* CLIENT's connection is over; the server had read TAKEN of its bytes. */
void model_life_ended(struct client *client, uint64_t taken);
void model_disturb(struct client *client);
void model_watch(struct sim *sim);
void model_crashed(struct sim *sim);
/* The disk is full: what cannot be stored is refused. */
void model_full(struct sim *sim);

/* check.c */
void check_read_store(struct sim *sim);
/* Lets all that is under way come to its end, without anything new. */
void check_settle(struct sim *sim);
void check_settled(struct sim *sim);
void check_nothing_left(struct sim *sim);
void check_free(struct sim *sim);
