/* SPDX-License-Identifier: MIT */
/*
 * account.h - an account whose state is in memory: on its home worker, while it has sessions or was
 * needed lately.
 *
 * Load, then run: stanzas for an account that is being loaded wait, in order, and handlers never
 * do.
 */
#pragma once

#include "server/repeats.h"
#include "server/worker.h"
#include "xmpp/jid.h"
#include "xmpp/stanza.h"

struct account;
struct roster;
struct session;

enum account_state {
	ACCOUNT_LOADING,
	ACCOUNT_READY,
	ACCOUNT_ABSENT, /* there is no such account; remembered for a moment */
};

#define ACCOUNT_PREFS_DOC "archive-prefs" /* of its archive (XEP-0441) */
#define ACCOUNT_PHOTO_DOC "photo-hash"    /* of its vCard (XEP-0153) */

struct waiter { /* something that goes on once the account is loaded; stands in its owner */
	struct link link;
	void (*run)(struct waiter *waiter, struct account *account);
};

struct drain;
struct outstanding;

struct message_log {               /* of an account, in memory: message_log.c */
	struct outstanding *items; /* by rising id */
	size_t count, size;
	size_t undelivered;   /* of these, in no session's queue */
	uint64_t bytes;       /* of all of these, as far as known */
	uint64_t settled_max; /* the newest received entry that a device has */
	uint64_t last_id;     /* of an entry that is known here */
	struct repeats seen;  /* what came lately */
	unsigned appends;     /* under way */
	uint64_t appended;    /* how many have come to their end */
	struct timer timer;
	bool is_dirty; /* what is outstanding has changed since it was written down */
};

struct account {
	struct jid jid; /* bare */
	struct worker *worker;
	enum account_state state;
	bool is_guest;        /* SASL ANONYMOUS: nothing of it is stored */
	struct link sessions; /* struct session */
	unsigned session_count;
	struct link waiters;
	struct stanza **waiting; /* while loading */
	unsigned waiting_count;
	struct roster *roster; /* NULL until loaded */
	struct link clients;   /* struct client: its devices (clients.h) */
	char *photo_hash;      /* ACCOUNT_PHOTO_DOC's text, or NULL */
	struct message_log log;
	uint64_t motd_id;    /* of the message of the day that it has seen, as far as known */
	char *archive_prefs; /* ACCOUNT_PREFS_DOC, or NULL */
	struct drain *drain; /* message_drain.c; NULL: nothing is being drained */
	bool is_disabled;    /* nobody may log in (account_disable.h) */
	bool is_changing;    /* its password, or its end, is being worked on: one at a time */
	unsigned pins;       /* operations under way that point here */
	struct link idle;    /* in worker->idle_accounts while session_count is 0 */
	uint64_t idle_since_ms;
	uint64_t revoked_ms; /* when its password was changed, if lately; time_mono_ms */
	void **extra;        /* what modules keep with it (account_extra.h); NULL: nothing */
};

/* The account if it is in memory (perhaps still loading), else NULL. BARE is prepared. */
struct account *account_find(struct worker *worker, struct str bare);
/* The same, and starts loading it when it is not there. On its home worker only. */
struct account *account_get(struct worker *worker, struct str bare);
/* Runs WAITER when ACCOUNT is loaded or known to be absent: at once if it is. */
void account_wait(struct account *account, struct waiter *waiter);
/* A guest's account, with a name drawn at random; ready at once. */
struct account *account_new_guest(struct worker *worker, struct str bare);

/* A stanza to the account or one of its sessions (RFC 6121 §8.5). Takes one reference. */
void account_take(struct account *account, struct stanza *stanza);

/* The session with that resource, or NULL. */
struct session *account_session(const struct account *account, struct str resource);

/* After account removal or a new password: ends all sessions but KEEP with <not-authorized/>, and
 * forgets what is in memory when the account is gone. */
void account_revoke(struct account *account, struct session *keep, bool is_gone);

/* Keeps ACCOUNT in memory until account_unpin. */
void account_pin(struct account *account);
void account_unpin(struct account *account);

/* What is known in memory of BARE may be out of date: it was made, changed or removed in the store.
 */
void account_forget(struct worker *worker, struct str bare);

void account_session_added(struct account *account);
void account_session_removed(struct account *account);
/* Frees those that have been without session for long. */
void accounts_sweep(struct worker *worker);
/* Writes down what of them is not yet. */
void accounts_save(struct worker *worker);
void accounts_free(struct worker *worker);
