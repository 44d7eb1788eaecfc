/* SPDX-License-Identifier: MIT */
/*
 * test_permission.c - the table of permissions against the tables of XEP-0045, which stand here as
 * they stand there, word for word (SEC-51).
 */
#include "modules/xep0045_muc/permission.h"

#include "test.h"

/* What a new room has, but for what is named. */
static const struct permission_rules usual = {
	.members_may_invite = true,
	.private_messages = ROLE_VISITOR,
	.shown_roles = 1u << ROLE_VISITOR | 1u << ROLE_PARTICIPANT | 1u << ROLE_MODERATOR,
	.member_list_roles = 0,
	.is_anonymous = true,
};

static struct str
word(struct str *rest)
{
	struct str out = STR_NONE;

	while (out.len == 0 && str_split(rest, ' ', &out))
		;
	return out;
}

/* §5.1.1. None, Visitor, Participant, Moderator; "Yes*": by default. The affiliation is one that
 * does not matter. */
static const struct {
	const char *privilege;
	enum action action;
	const char *cells;
} by_role[] = {
	{"Present in Room", ACTION_RECEIVE, "No Yes Yes Yes"},
	{"Receive Messages", ACTION_RECEIVE, "No Yes Yes Yes"},
	{"Receive Occupant Presence", ACTION_RECEIVE, "No Yes Yes Yes"},
	{"Broadcast Presence to All Occupants", ACTION_SHOW_PRESENCE, "No Yes* Yes Yes"},
	{"Change Availability Status", ACTION_SHOW_PRESENCE, "No Yes* Yes Yes"},
	{"Change Room Nickname", ACTION_CHANGE_NICK, "No Yes* Yes Yes"},
	{"Send Private Messages", ACTION_PRIVATE_MESSAGE, "No Yes* Yes Yes"},
	{"Invite Other Users", ACTION_INVITE, "No Yes* Yes* Yes"},
	{"Send Messages to All", ACTION_SPEAK, "No No** Yes Yes"},
	{"Modify Subject", ACTION_SUBJECT, "No No* Yes* Yes"},
	{"Kick Participants and Visitors", ACTION_KICK, "No No No Yes"},
	{"Grant Voice", ACTION_VOICE, "No No No Yes"},
	{"Revoke Voice", ACTION_VOICE, "No No No Yes***"},
};

TEST(privileges_by_role)
{
	/* With what the stars leave to the configuration as the table has it. */
	struct permission_rules rules = usual;

	rules.occupants_may_change_subject = true;
	for (size_t i = 0; i < COUNT(by_role); i++) {
		struct str cells = str(by_role[i].cells);

		test_row(t, by_role[i].privilege);
		for (int role = ROLE_NONE; role < ROLE_COUNT; role++)
			check_int(t,
				  may(by_role[i].action, (enum role)role, AFFILIATION_NONE, &rules),
				  str_starts(word(&cells), STR("Yes")));
	}
}

/* §5.2.1. Outcast, None, Member, Admin, Owner. */
static const struct {
	const char *privilege;
	enum action action;
	bool members_only, non_anonymous;
	const char *cells;
} by_affiliation[] = {
	{"Enter Open Room", ACTION_ENTER, false, false, "No Yes* Yes Yes Yes"},
	{"Register with Open Room", ACTION_REGISTER, false, false, "No Yes N/A N/A N/A"},
	{"Retrieve Member List", ACTION_LIST_MEMBERS, false, true, "No No Yes Yes Yes"},
	{"Retrieve Member List***", ACTION_LIST_MEMBERS, false, false, "No No No Yes Yes"},
	{"Enter Members-Only Room", ACTION_ENTER, true, false, "No No Yes* Yes Yes"},
	{"Ban Members and Unaffiliated Users", ACTION_BAN, false, false, "No No No Yes Yes"},
	{"Edit Member List", ACTION_EDIT_MEMBERS, false, false, "No No No Yes Yes"},
	{"Assign and Remove Moderator Role", ACTION_EDIT_MODERATORS, false, false,
	 "No No No Yes** Yes**"},
	{"Edit Admin List", ACTION_EDIT_ADMINS, false, false, "No No No No Yes"},
	{"Edit Owner List", ACTION_EDIT_OWNERS, false, false, "No No No No Yes"},
	{"Change Room Configuration", ACTION_CONFIGURE, false, false, "No No No No Yes"},
	{"Destroy Room", ACTION_DESTROY, false, false, "No No No No Yes"},
	/* XEP-0313 §6.1.2: who may enter. */
	{"Read the archive", ACTION_READ_ARCHIVE, false, false, "No Yes Yes Yes Yes"},
	{"Read the archive, members-only", ACTION_READ_ARCHIVE, true, false, "No No Yes Yes Yes"},
	/* §7.2.9. */
	{"Enter a full room", ACTION_ENTER_FULL, false, false, "No No No Yes Yes"},
};

TEST(privileges_by_affiliation)
{
	for (size_t i = 0; i < COUNT(by_affiliation); i++) {
		struct permission_rules rules = usual;
		struct str cells = str(by_affiliation[i].cells);

		rules.is_members_only = by_affiliation[i].members_only;
		rules.is_anonymous = !by_affiliation[i].non_anonymous;
		test_row(t, by_affiliation[i].privilege);
		for (int a = AFFILIATION_OUTCAST; a < AFFILIATION_COUNT; a++) {
			struct str cell = word(&cells);

			if (!str_is(cell, "N/A"))
				check_int(t,
					  may(by_affiliation[i].action, ROLE_NONE,
					      (enum affiliation)a, &rules),
					  str_starts(cell, STR("Yes")));
		}
	}
}

/* §5.1.2. None, Member, Admin, Owner. */
static const struct {
	const char *type;
	bool moderated, members_only;
	const char *cells;
} entries[] = {
	{"Moderated", true, false, "visitor participant moderator moderator"},
	{"Unmoderated", false, false, "participant participant moderator moderator"},
	{"Members-Only", false, true, "none participant moderator moderator"},
	{"Open", false, false, "participant participant moderator moderator"},
};

TEST(default_roles)
{
	for (size_t i = 0; i < COUNT(entries); i++) {
		struct permission_rules rules = usual;
		struct str cells = str(entries[i].cells);

		rules.is_moderated = entries[i].moderated;
		rules.is_members_only = entries[i].members_only;
		test_row(t, entries[i].type);
		check_int(t, role_at_entry(AFFILIATION_OUTCAST, &rules), ROLE_NONE);
		for (int a = AFFILIATION_NONE; a < AFFILIATION_COUNT; a++)
			check_strs(t, str(role_name(role_at_entry((enum affiliation)a, &rules))),
				   word(&cells));
	}
}

/* §5.2.2: who makes a row's affiliation a column's. A: admin or owner; O: owner; -: no change. */
static const char *const affiliation_changes[AFFILIATION_COUNT] = {
	[AFFILIATION_OUTCAST] = "- A A O O", [AFFILIATION_NONE] = "A - A O O",
	[AFFILIATION_MEMBER] = "A A - O O",  [AFFILIATION_ADMIN] = "O O O - O",
	[AFFILIATION_OWNER] = "O O O O -",
};

TEST(changing_affiliations)
{
	for (int from = 0; from < AFFILIATION_COUNT; from++) {
		struct str cells = str(affiliation_changes[from]);

		for (int to = 0; to < AFFILIATION_COUNT; to++) {
			struct str cell = word(&cells);
			enum affiliation least =
				str_is(cell, "A") ? AFFILIATION_ADMIN : AFFILIATION_OWNER;

			if (str_is(cell, "-"))
				continue;
			test_row(t, arena_printf(t->arena, "%s to %s",
						 affiliation_name((enum affiliation)from),
						 affiliation_name((enum affiliation)to))
					    .p);
			for (int actor = 0; actor < AFFILIATION_COUNT; actor++)
				check_int(t,
					  may_change_affiliation((enum affiliation)actor,
								 (enum affiliation)from,
								 (enum affiliation)to),
					  (enum affiliation)actor >= least);
		}
	}
}

/* §5.1.3, §8.2, §8.4, §9.6, §9.7, spelt out a second time. */
static bool
expected(struct rank actor, struct rank target, enum role to)
{
	bool is_privileged = target.affiliation >= AFFILIATION_ADMIN;

	/* "A user cannot be kicked by a moderator with a lower affiliation." A moderator is "kicked
	 * by an admin or owner". */
	if (to == ROLE_NONE && actor.affiliation < target.affiliation)
		return false;
	if (to == ROLE_NONE && target.role == ROLE_MODERATOR)
		return actor.affiliation >= AFFILIATION_ADMIN;
	if (to == ROLE_NONE)
		return actor.role == ROLE_MODERATOR;
	/* "A service MUST NOT allow the voice privileges of an admin or owner to be removed by
	 * anyone", nor an admin moderator status "from a user whose affiliation is owner or admin".
	 */
	if (is_privileged && to != ROLE_MODERATOR)
		return false;
	/* "Admin or owner grants moderator status", or "revokes" it. */
	if (to == ROLE_MODERATOR || target.role == ROLE_MODERATOR)
		return actor.affiliation >= AFFILIATION_ADMIN &&
		       actor.affiliation >= target.affiliation;
	/* "Moderator grants voice"; "Moderator revokes voice", not from those above him. */
	if (actor.role != ROLE_MODERATOR)
		return false;
	return to != ROLE_VISITOR || target.role == ROLE_VISITOR ||
	       actor.affiliation >= target.affiliation;
}

/* Whether an occupant can be that. */
static bool
is_real(struct rank rank)
{
	if (rank.affiliation == AFFILIATION_OUTCAST)
		return false;
	return rank.role == ROLE_NONE || rank.role >= role_kept(rank.affiliation);
}

TEST(changing_roles)
{
	unsigned cells = 0;

	for (unsigned n = 0;
	     n < ROLE_COUNT * AFFILIATION_COUNT * ROLE_COUNT * AFFILIATION_COUNT * ROLE_COUNT;
	     n++) {
		unsigned rest = n;
		struct rank actor, target;
		enum role to;

		actor.role = (enum role)(rest % ROLE_COUNT), rest /= ROLE_COUNT;
		actor.affiliation = (enum affiliation)(rest % AFFILIATION_COUNT),
		rest /= AFFILIATION_COUNT;
		target.role = (enum role)(rest % ROLE_COUNT), rest /= ROLE_COUNT;
		target.affiliation = (enum affiliation)(rest % AFFILIATION_COUNT),
		rest /= AFFILIATION_COUNT;
		to = (enum role)rest;
		if (!is_real(actor) || !is_real(target) || target.role == ROLE_NONE)
			continue;
		cells++;
		test_row(t, arena_printf(t->arena, "%s %s makes %s %s a %s",
					 affiliation_name(actor.affiliation), role_name(actor.role),
					 affiliation_name(target.affiliation),
					 role_name(target.role), role_name(to))
				    .p);
		check_int(t, may_change_role(actor, target, to), expected(actor, target, to));
	}
	check_int(t, cells, 12 * 8 * 4);
}

TEST(what_the_configuration_changes)
{
	struct permission_rules rules = usual;

	/* allowpm. */
	rules.private_messages = ROLE_MODERATOR;
	check(t, !may(ACTION_PRIVATE_MESSAGE, ROLE_PARTICIPANT, AFFILIATION_MEMBER, &rules));
	check(t, may(ACTION_PRIVATE_MESSAGE, ROLE_MODERATOR, AFFILIATION_NONE, &rules));
	rules.private_messages = ROLE_COUNT;
	check(t, !may(ACTION_PRIVATE_MESSAGE, ROLE_MODERATOR, AFFILIATION_OWNER, &rules));
	/* changesubject. */
	check(t, !may(ACTION_SUBJECT, ROLE_PARTICIPANT, AFFILIATION_MEMBER, &rules));
	rules.occupants_may_change_subject = true;
	check(t, may(ACTION_SUBJECT, ROLE_PARTICIPANT, AFFILIATION_NONE, &rules));
	check(t, !may(ACTION_SUBJECT, ROLE_VISITOR, AFFILIATION_NONE, &rules));
	/* allowinvites, where one has to be a member. */
	check(t, may(ACTION_INVITE, ROLE_VISITOR, AFFILIATION_NONE, &rules));
	rules.is_members_only = true;
	check(t, may(ACTION_INVITE, ROLE_PARTICIPANT, AFFILIATION_MEMBER, &rules));
	rules.members_may_invite = false;
	check(t, !may(ACTION_INVITE, ROLE_PARTICIPANT, AFFILIATION_MEMBER, &rules));
	check(t, may(ACTION_INVITE, ROLE_MODERATOR, AFFILIATION_ADMIN, &rules));
	/* whois. */
	check(t, !may(ACTION_SEE_JIDS, ROLE_PARTICIPANT, AFFILIATION_MEMBER, &rules));
	check(t, may(ACTION_SEE_JIDS, ROLE_MODERATOR, AFFILIATION_NONE, &rules));
	rules.is_anonymous = false;
	check(t, may(ACTION_SEE_JIDS, ROLE_VISITOR, AFFILIATION_NONE, &rules));
	check(t, !may(ACTION_SEE_JIDS, ROLE_NONE, AFFILIATION_NONE, &rules));
	/* getmemberlist, presencebroadcast. */
	check(t, !may(ACTION_LIST_MEMBERS, ROLE_VISITOR, AFFILIATION_NONE, &rules));
	rules.member_list_roles = 1u << ROLE_VISITOR;
	check(t, may(ACTION_LIST_MEMBERS, ROLE_VISITOR, AFFILIATION_NONE, &rules));
	rules.is_anonymous = true;
	check(t, !may(ACTION_LIST_MEMBERS, ROLE_VISITOR, AFFILIATION_NONE, &rules));
	rules.shown_roles = 1u << ROLE_MODERATOR;
	check(t, !may(ACTION_SHOW_PRESENCE, ROLE_VISITOR, AFFILIATION_NONE, &rules));
	check(t, may(ACTION_SHOW_PRESENCE, ROLE_MODERATOR, AFFILIATION_NONE, &rules));
}
