/* SPDX-License-Identifier: MIT */
/*
 * message_log.h - an account's messages in the durable log: appended once, at acceptance, and
 * delivered from there.
 *
 * Offline storage, the archive and what a session has not acknowledged are positions in that log.
 * An entry is outstanding until some device of the account is known to have it. A message is
 * written to a session only after its entry is on the disk, so no id that a client has seen is ever
 * lost.
 */
#pragma once

#include "server/account.h"
#include "server/session.h"

#define MESSAGE_LOG "archive"

#define ENTRY_SENT 1u   /* by the account; else it was received */
#define ENTRY_HIDDEN 2u /* not for the archive: it goes when a device has it */

/* A message that a session's queue holds. */
struct kept {
	unsigned refs;     /* of the queues, and of the append under way */
	bool is_stored;    /* it has or gets an entry in the log */
	bool is_refused;   /* there was no room for it */
	bool has_arrived;  /* at one of the sessions */
	bool is_sent;      /* by the account itself: nobody has to have it */
	uint64_t id;       /* of the entry; 0 until that is durable */
	struct wire *wire; /* what is not stored */
};

struct log_copy { /* who gets an entry, and as what */
	struct session *session;
	enum copy_form form;
};

/*
 * Appends STANZA, frozen, to ACCOUNT's log and delivers it to the COPIES in order. SENDER, if not
 * NULL, is the session that sent it, as the stanza number IN of its stream (XEP-0198). Without room
 * a stanza that was received is refused. Borrows STANZA.
 */
void message_log_append(struct account *account, struct stanza *stanza, unsigned flags,
			const struct log_copy *copies, size_t count, struct session *sender,
			uint32_t in);

/* Whether STANZA, or another one of its sender under the same origin id, was logged lately; notes
 * it. A client that sends again what was not acknowledged keeps the id (XEP-0359 §3.1). */
bool message_log_is_repeat(struct account *account, const struct stanza *stanza, bool is_sent);

/* How many entries nobody has or is being given. */
size_t message_log_undelivered(const struct account *account);
/* The first of them after AFTER, or 0. */
uint64_t message_log_next(const struct account *account, uint64_t after);
/* A message for entry ID, with no reference yet, if nobody has it or is being given it; or NULL. */
struct kept *message_log_keep(struct account *account, uint64_t id);
/* The same for an entry that somebody may have: never NULL. */
struct kept *message_log_hold(struct account *account, uint64_t id);
/* A device has entry ID, whatever was written down of that. */
void message_log_arrived(struct account *account, uint64_t id);
/* Those up to UP_TO are not in the log any more. */
void message_log_forget(struct account *account, uint64_t up_to);
/* Somebody has read the archive up to entry UNTIL: that need not be delivered (XEP-0313 §5.1.1). */
void message_log_leave_to_archive(struct account *account, uint64_t until);

/*
 * Entry ID, of BYTES bytes with FLAGS, was put into the log by an import; or is there, and is known
 * now to be outstanding. HAS_ARRIVED: some device of the account has it.
 */
void message_log_brought(struct account *account, uint64_t id, uint32_t bytes, unsigned flags,
			 bool has_arrived);

/* One queue has KEPT no more, because it arrived or else was given up. */
void kept_release(struct account *account, struct kept *kept, bool has_arrived);

/* The same at the end of the process: what is outstanding stays so. */
void kept_abandon(struct kept *kept);

/* The element that names the entry (XEP-0359), and with DELAYED when it was accepted (XEP-0203). */
void message_log_write_id(struct buf *out, const struct account *account, uint64_t id,
			  bool is_delayed);

/* Loading: adds two operations; then those that depend on them, or returns false; then the rest. */
void message_log_load(struct store_request *request, struct str bare);
bool message_log_load_rest(struct account *account, const struct store_result *results,
			   struct store_request *request);
void message_log_loaded(struct account *account, const struct store_result *results);
/* The same as an operation of another request. */
void message_log_put(struct account *account, struct store_request *request);
/* Writes down what was settled; that happens by itself a second later. */
void message_log_save(struct account *account);
/* The account leaves the memory: the same. */
void message_log_free(struct account *account);
