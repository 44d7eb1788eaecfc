/* SPDX-License-Identifier: MIT */
/*
 * permission.h - who may do what in a room: one table of actions by role and affiliation
 * (XEP-0045 §5.1.1, §5.2.1), and who may change whose role or affiliation (§5.1.3, §5.2.2).
 *
 * All decisions are taken here, by rank alone: nothing else compares roles or affiliations to
 * allow something (SEC-51).
 */
#pragma once

#include "base/str.h"

/* In order of rank. */
enum role { ROLE_NONE, ROLE_VISITOR, ROLE_PARTICIPANT, ROLE_MODERATOR, ROLE_COUNT };
enum affiliation {
	AFFILIATION_OUTCAST,
	AFFILIATION_NONE,
	AFFILIATION_MEMBER,
	AFFILIATION_ADMIN,
	AFFILIATION_OWNER,
	AFFILIATION_COUNT,
};

const char *role_name(enum role role);                      /* "moderator" */
const char *affiliation_name(enum affiliation affiliation); /* "owner" */
/* Return 0, or -1 when TEXT is no such name. */
MUST_CHECK int role_parse(struct str text, enum role *out);
MUST_CHECK int affiliation_parse(struct str text, enum affiliation *out);

enum action {
	/* By role, §5.1.1. */
	ACTION_RECEIVE, /* messages and presence of others: be there */
	ACTION_SHOW_PRESENCE,
	ACTION_CHANGE_NICK,
	ACTION_PRIVATE_MESSAGE,
	ACTION_INVITE,
	ACTION_SPEAK,
	ACTION_SUBJECT,
	ACTION_KICK,
	ACTION_VOICE, /* grant and revoke it, see the voice list */
	ACTION_SEE_JIDS,
	ACTION_MODERATE, /* retract others' messages (XEP-0425) */
	/* By affiliation, §5.2.1. */
	ACTION_ENTER,
	ACTION_REGISTER,
	ACTION_ENTER_FULL, /* a room that has all the occupants it may have (§7.2.9) */
	ACTION_LIST_MEMBERS,
	ACTION_BAN, /* and see the ban list */
	ACTION_EDIT_MEMBERS,
	ACTION_EDIT_MODERATORS, /* and see their list */
	ACTION_EDIT_ADMINS,     /* and see their list, and the owners' */
	ACTION_EDIT_OWNERS,
	ACTION_CONFIGURE,
	ACTION_DESTROY,
	ACTION_READ_ARCHIVE,
	ACTION_COUNT,
};

/* What of a room's configuration changes the table. */
struct permission_rules {
	bool is_members_only, is_moderated, is_anonymous; /* semi-anonymous */
	bool members_may_invite;                          /* allowinvites */
	bool occupants_may_change_subject;
	enum role private_messages; /* the least role that may send them; ROLE_COUNT: nobody */
	/* Bits 1 << role: whose presence is shown, and who may get the member list. */
	unsigned shown_roles, member_list_roles;
};

/* Whether somebody of that ROLE and AFFILIATION may do ACTION. */
bool may(enum action action, enum role role, enum affiliation affiliation,
	 const struct permission_rules *rules);

/* §5.1.2: the role with which AFFILIATION enters. ROLE_NONE: it does not. */
enum role role_at_entry(enum affiliation affiliation, const struct permission_rules *rules);
/* The least role that AFFILIATION has while in the room: §5.1.3, note. */
enum role role_kept(enum affiliation affiliation);

struct rank {
	enum role role;
	enum affiliation affiliation;
};

/* §5.1.3, §8, §9.6, §9.7: whether ACTOR may give TARGET, an occupant, the role TO. */
bool may_change_role(struct rank actor, struct rank target, enum role to);
/* §5.2.2, §9, §10: whether ACTOR may make TARGET's affiliation TO. */
bool may_change_affiliation(enum affiliation actor, enum affiliation target, enum affiliation to);
