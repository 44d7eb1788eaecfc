/* SPDX-License-Identifier: MIT */
/* push.h - what the files of push share: an account's push services, and sending to one of them. */
#pragma once

#include "server/control.h"
#include "server/module.h"

#define NS_PUSH "urn:xmpp:push:0"
#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define PUSH_SET "push"
#define PUSH_FAILURES 128u /* the last ones that are shown */

struct push;

struct target {           /* a node of a push service that was enabled (§5) */
	struct link link; /* in push->targets */
	struct account *account;
	char *service;       /* a JID */
	char *node;          /* "" when none was named */
	char *options;       /* the form for publish-options as text, or NULL */
	char *device;        /* XEP-0494's id of the client that enabled it, or its resource */
	char *disabled;      /* why nothing is sent any more; NULL: it is enabled */
	unsigned messages;   /* since somebody last looked */
	char *sender, *body; /* of the last one, as far as they are to be told, or NULL */
	unsigned failures;   /* in a row */
	uint64_t last_ms;    /* when the last notification was sent */
	struct timer timer;  /* the next one */
	bool is_waiting;     /* the timer is set */
	bool is_sending;     /* an answer is awaited */
	bool is_wanted;      /* something happened that the last notification did not tell */
	bool is_urgent;      /* it rings: whoever looks elsewhere has to hear it, too */
	bool is_gone;        /* freed when the answer is there */
};

struct push { /* of an account */
	struct link targets;
	size_t count;
};

struct failure {
	uint64_t at_us;
	char account[128], service[128], condition[40]; /* cut */
	bool is_final;
};

struct push_state {                             /* of a worker */
	struct failure failures[PUSH_FAILURES]; /* a ring */
	uint64_t failure_count;
	uint64_t sent, delivered, merged;
};

/* targets.c */
struct push *push_of(const struct account *account); /* or NULL */
void *push_loaded(struct account *account, const struct store_item *items);
void push_free(void *state);
/* Writes TARGET as it is now; DONE may be NULL. */
void target_store(struct target *target, void (*done)(struct store_request *request), void *owner);
/* Takes it out of the account. */
void target_remove(struct target *target);
void target_free(struct target *target);
enum verdict push_enable(struct event *ev);
enum verdict push_disable(struct event *ev);
/* §7: the service itself says that it takes no more. */
enum verdict push_take_end(struct event *ev);

/* send.c */
/* Something happened that TARGET's device should know. */
void target_notify(struct target *target, bool is_urgent);
/* Nothing more is sent to it. */
void target_stop(struct target *target);
/* Whether somebody who would see a message is looking at SESSION. */
bool push_is_watched(const struct session *session);
/* Whether anybody of TARGET's account does, or its own client: as configured, and by urgency. */
bool target_is_watched(const struct target *target, bool is_urgent);
/* Whether SESSION is of the device that TARGET is for. */
bool target_is_of(const struct target *target, const struct session *session);

/* worth.c */
enum worth { WORTH_NOTHING, WORTH_A_NOTICE, WORTH_RINGING };
enum worth push_worth(const struct account *account, const struct stanza *message);
/* Whether it has something for people in it; and whether that is encrypted. */
bool push_says_something(const struct element *message);
bool push_is_cipher(const struct element *message);

/* module.c: of ACCOUNT, which has push services. ONLY: the devices of that session; NULL: all. */
void push_tell_if_wanted(struct account *account, struct stanza *message,
			 const struct session *only);

/* mention.c: whether MESSAGE speaks to ACCOUNT's owner, who has NICK in the chat (p NULL: none). */
bool push_mentions(const struct account *account, const struct stanza *message, struct str nick);

/* control.c */
extern const struct control_command push_controls[];
void push_note_failure(struct target *target, const char *condition);

extern const struct module xep0357_push;
const struct option_values *push_options(const struct account *account); /* NULL: it is off */
