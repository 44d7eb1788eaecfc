/* SPDX-License-Identifier: MIT */
/* permission.c - the tables (see permission.h). */
#include "modules/xep0045_muc/permission.h"

static const char *const role_names[] = {"none", "visitor", "participant", "moderator"};
static const char *const affiliation_names[] = {"outcast", "none", "member", "admin", "owner"};

const char *
role_name(enum role role)
{
	return role_names[role];
}

const char *
affiliation_name(enum affiliation affiliation)
{
	return affiliation_names[affiliation];
}

int
role_parse(struct str text, enum role *out)
{
	for (size_t i = 0; i < COUNT(role_names); i++)
		if (str_is(text, role_names[i])) {
			*out = (enum role)i;
			return 0;
		}
	return -1;
}

int
affiliation_parse(struct str text, enum affiliation *out)
{
	for (size_t i = 0; i < COUNT(affiliation_names); i++)
		if (str_is(text, affiliation_names[i])) {
			*out = (enum affiliation)i;
			return 0;
		}
	return -1;
}

/*
 * Allowed to those of at least this role and at least this affiliation. Where the room's
 * configuration has a say, `adjust` changes the two.
 */
struct rule {
	enum role role;
	enum affiliation affiliation;
	void (*adjust)(struct rank *least, const struct permission_rules *rules);
};

static void
adjust_private_messages(struct rank *least, const struct permission_rules *rules)
{
	least->role = MAX(rules->private_messages, ROLE_VISITOR);
}

/* §7.8.2: into a members-only room, who may edit the member list, and members if so configured. */
static void
adjust_invite(struct rank *least, const struct permission_rules *rules)
{
	if (rules->is_members_only)
		least->affiliation =
			rules->members_may_invite ? AFFILIATION_MEMBER : AFFILIATION_ADMIN;
}

/* A visitor cannot speak in a moderated room, and everybody else can: that is what the role is. */
static void
adjust_subject(struct rank *least, const struct permission_rules *rules)
{
	if (rules->occupants_may_change_subject)
		least->role = ROLE_PARTICIPANT;
}

static void
adjust_see_jids(struct rank *least, const struct permission_rules *rules)
{
	if (!rules->is_anonymous)
		least->role = ROLE_VISITOR;
}

static void
adjust_enter(struct rank *least, const struct permission_rules *rules)
{
	if (rules->is_members_only)
		least->affiliation = AFFILIATION_MEMBER;
}

/* §5.2.1, note ***: not to members where it would tell them addresses that are hidden. */
static void
adjust_list_members(struct rank *least, const struct permission_rules *rules)
{
	if (rules->is_anonymous)
		least->affiliation = AFFILIATION_ADMIN;
}

/* Where only one of the two has a say, the other column is ROLE_NONE or AFFILIATION_OUTCAST. */
static const struct rule table[ACTION_COUNT] = {
	[ACTION_RECEIVE] = {ROLE_VISITOR, AFFILIATION_OUTCAST, NULL},
	[ACTION_SHOW_PRESENCE] = {ROLE_VISITOR, AFFILIATION_OUTCAST, NULL},
	[ACTION_CHANGE_NICK] = {ROLE_VISITOR, AFFILIATION_OUTCAST, NULL},
	[ACTION_PRIVATE_MESSAGE] = {ROLE_VISITOR, AFFILIATION_OUTCAST, adjust_private_messages},
	[ACTION_INVITE] = {ROLE_VISITOR, AFFILIATION_OUTCAST, adjust_invite},
	[ACTION_SPEAK] = {ROLE_PARTICIPANT, AFFILIATION_OUTCAST, NULL},
	[ACTION_SUBJECT] = {ROLE_MODERATOR, AFFILIATION_OUTCAST, adjust_subject},
	[ACTION_KICK] = {ROLE_MODERATOR, AFFILIATION_OUTCAST, NULL},
	[ACTION_VOICE] = {ROLE_MODERATOR, AFFILIATION_OUTCAST, NULL},
	[ACTION_SEE_JIDS] = {ROLE_MODERATOR, AFFILIATION_OUTCAST, adjust_see_jids},
	[ACTION_MODERATE] = {ROLE_MODERATOR, AFFILIATION_OUTCAST, NULL},
	[ACTION_ENTER] = {ROLE_NONE, AFFILIATION_NONE, adjust_enter},
	[ACTION_REGISTER] = {ROLE_NONE, AFFILIATION_NONE, NULL},
	[ACTION_ENTER_FULL] = {ROLE_NONE, AFFILIATION_ADMIN, NULL},
	[ACTION_LIST_MEMBERS] = {ROLE_NONE, AFFILIATION_MEMBER, adjust_list_members},
	[ACTION_BAN] = {ROLE_NONE, AFFILIATION_ADMIN, NULL},
	[ACTION_EDIT_MEMBERS] = {ROLE_NONE, AFFILIATION_ADMIN, NULL},
	[ACTION_EDIT_MODERATORS] = {ROLE_NONE, AFFILIATION_ADMIN, NULL},
	[ACTION_EDIT_ADMINS] = {ROLE_NONE, AFFILIATION_OWNER, NULL},
	[ACTION_EDIT_OWNERS] = {ROLE_NONE, AFFILIATION_OWNER, NULL},
	[ACTION_CONFIGURE] = {ROLE_NONE, AFFILIATION_OWNER, NULL},
	[ACTION_DESTROY] = {ROLE_NONE, AFFILIATION_OWNER, NULL},
	[ACTION_READ_ARCHIVE] = {ROLE_NONE, AFFILIATION_NONE, adjust_enter},
};

bool
may(enum action action, enum role role, enum affiliation affiliation,
    const struct permission_rules *rules)
{
	const struct rule *rule = &table[action];
	struct rank least = {rule->role, rule->affiliation};

	if (rule->adjust != NULL)
		rule->adjust(&least, rules);
	if (action == ACTION_SHOW_PRESENCE && (rules->shown_roles & 1u << role) == 0)
		return false;
	/* getmemberlist opens the list to occupants of some roles, as far as they know each other
	 * anyhow. */
	if (action == ACTION_LIST_MEMBERS && !rules->is_anonymous && role != ROLE_NONE &&
	    (rules->member_list_roles & 1u << role) != 0)
		return affiliation >= AFFILIATION_NONE;
	return role >= least.role && affiliation >= least.affiliation;
}

enum role
role_kept(enum affiliation affiliation)
{
	switch (affiliation) {
	case AFFILIATION_OUTCAST:
		return ROLE_NONE;
	case AFFILIATION_ADMIN:
	case AFFILIATION_OWNER:
		return ROLE_MODERATOR;
	default:
		return ROLE_VISITOR;
	}
}

enum role
role_at_entry(enum affiliation affiliation, const struct permission_rules *rules)
{
	if (!may(ACTION_ENTER, ROLE_NONE, affiliation, rules))
		return ROLE_NONE;
	if (affiliation == AFFILIATION_NONE)
		return rules->is_moderated ? ROLE_VISITOR : ROLE_PARTICIPANT;
	return MAX(role_kept(affiliation), ROLE_PARTICIPANT);
}

bool
may_change_role(struct rank actor, struct rank target, enum role to)
{
	if (to == ROLE_NONE) /* §8.2: by nobody who stands below */
		return actor.affiliation >= target.affiliation &&
		       (target.role == ROLE_MODERATOR ? actor.affiliation >= AFFILIATION_ADMIN
						      : actor.role == ROLE_MODERATOR);
	/* §8.4, §9.7: nobody takes from admins and owners what comes with their affiliation. */
	if (to < role_kept(target.affiliation))
		return false;
	/* §9.6, §9.7: the moderator's role is given and taken by admins and owners. */
	if (to == ROLE_MODERATOR || target.role == ROLE_MODERATOR)
		return actor.affiliation >= AFFILIATION_ADMIN &&
		       actor.affiliation >= target.affiliation;
	return actor.role == ROLE_MODERATOR &&
	       (to >= target.role || actor.affiliation >= target.affiliation);
}

bool
may_change_affiliation(enum affiliation actor, enum affiliation target, enum affiliation to)
{
	if (actor == AFFILIATION_OWNER)
		return true;
	return actor == AFFILIATION_ADMIN && target < AFFILIATION_ADMIN && to < AFFILIATION_ADMIN;
}
