/* SPDX-License-Identifier: MIT */
/*
 * roster.h - an account's contacts and the state of their subscriptions (RFC 6121 §2, §3).
 *
 * The roster of an account in memory is whole. Changes are written through: the caller puts them
 * into a store request and pushes them to the clients when it is done.
 */
#pragma once

#include "base/map.h"
#include "store/store.h"
#include "xmpp/element.h"
#include "xmpp/jid.h"

struct contact {
	struct str jid;  /* prepared, usually bare */
	struct str name; /* p NULL: none */
	struct str *groups;
	size_t group_count;
	bool to, from;       /* we see the contact's presence; the contact sees ours */
	bool asked;          /* pending out: we sent subscribe */
	bool pending;        /* pending in: the contact asked, and has no answer yet */
	bool approved;       /* pre-approval (§3.4) */
	bool is_listed;      /* in the roster that clients see; one that only asked is not */
	struct str request;  /* the stored subscribe, as text; p NULL: none */
	uint64_t version;    /* of the roster when this contact changed last */
	struct arena *arena; /* holds all of it, itself too */
};

struct roster {
	struct map contacts; /* by jid */
	uint64_t version;
	uint64_t removed_at; /* the version at which a contact was last removed */
	size_t listed;
};

struct roster *roster_new(void);
void roster_free(struct roster *roster); /* takes NULL */

struct contact *roster_find(const struct roster *roster, struct str jid);
/* A changed copy to work on: of CONTACT, or (NULL) a new one for JID. */
struct contact *contact_edit(const struct contact *contact, struct str jid);
void contact_free(struct contact *contact); /* takes NULL */

/* "none", "to", "from", "both" */
const char *contact_subscription(const struct contact *contact);
/* Whether nothing is left to remember. */
bool contact_is_empty(const struct contact *contact);

/*
 * Puts CONTACT in the place of the one with its JID, in memory and into REQUEST (which may be NULL
 * for a guest), with a new version; an empty one is removed. Takes CONTACT over.
 */
void roster_put(struct roster *roster, struct contact *contact, struct store_request *request,
		struct str owner);

/* <item/> in NS_ROSTER for a client. */
struct element *contact_item(struct arena *arena, struct element *query,
			     const struct contact *contact);

/* Storage: adds the operations that load OWNER's roster, and reads their results from the first on.
 */
size_t roster_load(struct store_request *request, struct str owner);
struct roster *roster_loaded(const struct store_request *request, size_t first);
