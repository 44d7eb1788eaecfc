/* SPDX-License-Identifier: MIT */
/* roster.h - changing a roster so that it is on the disk before anybody hears of it. */
#pragma once

#include "server/module.h"
#include "server/roster.h"

#define COMMIT_THEN_MAX 4u

/* What happens once a change of one contact is durable. Fields may be left zeroed. */
struct roster_commit {
	bool push;            /* the item to every interested session (RFC 6121 §2.1.6) */
	struct held_iq *held; /* answered with an empty result */
	struct stanza *then[COMMIT_THEN_MAX]; /* routed in order */
	bool show; /* then, if the contact may see it by now, the presence that there is by now */
};
/* Puts CONTACT (taken over) into ACCOUNT's roster. COMMIT is copied; its pointers are taken over.
 */
void roster_commit(struct account *account, struct contact *contact,
		   const struct roster_commit *commit);

/* The address of a contact, which is prepared, without preparing it again. */
struct jid contact_jid(const struct contact *contact);
/* The push of CONTACT, as it is now, from ACCOUNT to TO, who is no session. One reference. */
struct stanza *roster_push_to(const struct account *account, struct jid to, struct str contact);
/* A roster set for ev->account (RFC 6121 §2.3, §2.5), from whoever may. */
enum verdict roster_change(struct event *ev);

/* A presence of TYPE from ACCOUNT's bare JID to TO. One reference. */
struct stanza *subscription_stanza(const struct account *account, enum stanza_type type,
				   struct str to);
/* The presence of all ACCOUNT's available sessions, or (IS_GONE) their unavailability, to TO. */
void presence_show(struct account *account, struct jid to, bool is_gone);
