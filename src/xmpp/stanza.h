/* SPDX-License-Identifier: MIT */
/*
 * stanza.h - message, presence and iq (RFC 6120 §8): one parsed element that owns its arena.
 *
 * A stanza is counted by reference across threads, and not changed once it is routed: what one
 * recipient sees more than another (addresses, delay) is an overlay, put in front of the shared
 * bytes when they are written.
 */
#pragma once

#include "base/buf.h"
#include "xmpp/jid.h"
#include "xmpp/stanza_error.h"

enum stanza_kind { STANZA_MESSAGE, STANZA_PRESENCE, STANZA_IQ };

enum stanza_type {
	MESSAGE_NORMAL,
	MESSAGE_CHAT,
	MESSAGE_GROUPCHAT,
	MESSAGE_HEADLINE,
	MESSAGE_ERROR,
	PRESENCE_AVAILABLE,
	PRESENCE_UNAVAILABLE,
	PRESENCE_SUBSCRIBE,
	PRESENCE_SUBSCRIBED,
	PRESENCE_UNSUBSCRIBE,
	PRESENCE_UNSUBSCRIBED,
	PRESENCE_PROBE,
	PRESENCE_ERROR,
	IQ_GET,
	IQ_SET,
	IQ_RESULT,
	IQ_ERROR,
};

struct stanza {
	struct arena *arena;
	struct element *el;
	enum stanza_kind kind;
	enum stanza_type type;
	struct jid from; /* text empty: none */
	struct jid to;   /* text empty: none */
	struct str id;   /* p NULL: none */
	struct str rest; /* once frozen: attributes other than from and to, " type='chat' id='1'" */
	struct str inner; /* once frozen: what stands between start and end tag */
	bool is_frozen, is_edited;
	bool is_shared;                        /* all but `to` is the parent's */
	struct stanza *parent;                 /* whose bytes this one shares, or NULL */
	void (*finish)(struct stanza *stanza); /* see stanza_finish */
	void *finish_arg;
	_Atomic uint32_t refs;
};

/* Whether EL is a message, presence or iq of NS_CLIENT or NS_SERVER. */
bool stanza_is(const struct element *el);

/*
 * A stanza of EL, in ARENA, which it takes over (on failure too). It has one reference. Returns
 * NULL with *CONDITION when an address or the type is wrong; *REPLY is then the error to send back
 * (built in an arena of its own, one reference), or NULL when none is due.
 */
struct stanza *stanza_take(struct arena *arena, struct element *el,
			   enum stanza_condition *condition, struct stanza **reply);

/* An empty stanza in an arena of its own. TYPE is of KIND. FROM and TO are copied; text may be
 * empty. */
struct stanza *stanza_new(enum stanza_kind kind, enum stanza_type type, struct jid from,
			  struct jid to);
struct stanza *stanza_ref(struct stanza *stanza);
void stanza_unref(struct stanza *stanza); /* takes NULL */

/*
 * Whoever has done all that STANZA asks for, or has told the store of it, says so: the sender's
 * side, if it set STANZA->finish, is called with one reference, on this thread. At the latest that
 * happens when the last reference goes. Once.
 */
void stanza_finish(struct stanza *stanza);

/*
 * STANZA, frozen by this call, for another address: shares all but the address. One reference. This
 * is how one presence goes to many.
 */
struct stanza *stanza_readdress(struct stanza *stanza, struct jid to);

/* A copy that may be changed. One reference. */
struct stanza *stanza_copy(const struct stanza *stanza);

/*
 * What STANZA, frozen by this call, says, from FROM to TO (text empty: nobody yet): shares the
 * written content. One reference, frozen. This is how a room passes on what it was sent.
 */
struct stanza *stanza_resend(struct stanza *stanza, struct jid from, struct jid to);
/* Puts CHILD, of STANZA's arena, in front of the content of what stanza_resend made, which nobody
 * else has yet. */
void stanza_add_front(struct stanza *stanza, struct element *child);

/* Sets an address, copying it; before the stanza is routed. */
void stanza_set_from(struct stanza *stanza, struct jid from);
void stanza_set_to(struct stanza *stanza, struct jid to);
void stanza_set_id(struct stanza *stanza, struct str id);

const char *stanza_kind_name(enum stanza_kind kind);
/* Whether an error may be sent back to it (RFC 6120 §8.3.1, §8.2.3): no loops of errors. */
bool stanza_may_be_refused(const struct stanza *stanza);

/* The error, or the result, from TO to FROM: a new stanza with one reference. */
struct stanza *stanza_error_reply(const struct stanza *stanza, enum stanza_condition condition,
				  const char *text);
struct stanza *stanza_result(const struct stanza *iq);

/* Makes rest and inner; called by whoever routes it first. No edits from here on. */
void stanza_freeze(struct stanza *stanza);

/*
 * Likewise, with INNER, which is copied, as its content: well-formed, self-contained text that need
 * not be made a tree to be sent. For those who look at the stanza, CHILD (without parent, in its
 * arena) stands for it.
 */
void stanza_freeze_as(struct stanza *stanza, struct element *child, struct str inner);

struct overlay {
	struct str from, to; /* full text; p NULL: the stanza's own; empty: leave it out */
	struct str extra; /* elements to put in front of the content, well-formed, self-contained */
	bool is_inside;   /* it will stand within another namespace, and so declares its own */
};
/* OVERLAY may be NULL. STANZA is frozen. */
void stanza_write(struct buf *out, const struct stanza *stanza, const struct overlay *overlay);

/*
 * A frozen stanza in one piece of memory of just its size, for what outlives the event: last
 * presences, messages that are not yet safe with their reader.
 */
struct wire {
	_Atomic uint32_t refs;
	uint8_t kind, type;
	struct str from, to, rest, inner;
	char bytes[];
};
struct wire *wire_freeze(struct stanza *stanza);
struct wire *wire_ref(struct wire *wire);
void wire_unref(struct wire *wire); /* takes NULL */
void wire_write(struct buf *out, const struct wire *wire, const struct overlay *overlay);
/* *SLOT = WIRE, releasing what stood there. Takes WIRE over. */
void wire_replace(struct wire **slot, struct wire *wire);
/* The stanza again, parsed anew; one reference. */
struct stanza *wire_thaw(const struct wire *wire);
/* A stanza of TEXT as stanza_write wrote it; NULL when it is not one. */
struct stanza *stanza_parse(struct str text);
