/* SPDX-License-Identifier: MIT */
/*
 * notices.h - what a host tells its people: announcements to those who are there, the message of
 * the day, and the welcome of new accounts (XEP-0133 §4.23 to §4.28).
 *
 * The message of the day and the welcome are documents that the host owns; each worker knows them
 * by heart. An announcement is a headline to each account with a session: nobody keeps it.
 */
#pragma once

#include "server/server.h"
#include "xmpp/jid.h"

struct account;

enum notice_kind { NOTICE_MOTD, NOTICE_WELCOME, NOTICE_KINDS };

#define NOTICE_BYTES_MAX 16384u

/* On each worker, before anybody is let in, and after a reload. */
void notices_load(struct worker *worker);
void notices_free(struct worker *worker);

/* HOST's, or p NULL when none is set. Empty: somebody has removed the one of the configuration. */
struct str notice_text(const struct worker *worker, struct str host, enum notice_kind kind);
/* Other than that of the text before; 0: there is none. An edit keeps it. */
uint64_t notice_id(const struct worker *worker, struct str host, enum notice_kind kind);

/*
 * Sets HOST's notice, or with TEXT.p NULL removes it; DONE on LOOP when it is durable and every
 * worker knows it. IS_EDIT: whoever has seen the message of the day need not see it again. Copies.
 */
void notice_set(struct server *server, struct loop *loop, struct str host, enum notice_kind kind,
		struct str text, bool is_edit, void (*done)(void *owner, bool is_stored),
		void *owner);

/*
 * A headline from HOST to everybody who is logged in there, with SUBJECT if that is not empty; DONE
 * with how many accounts on LOOP, when all have it before them. Copies.
 */
void notice_announce(struct server *server, struct loop *loop, struct str host, struct str subject,
		     struct str text, void (*done)(void *owner, size_t count), void *owner);

/* The message of the day, if ACCOUNT, which has a session, has not seen it. */
void notice_show_motd(struct account *account);
/* The welcome of ACCOUNT, which is new: it waits with its messages. */
void notice_welcome(struct worker *worker, const struct jid *account);
