/* SPDX-License-Identifier: MIT */
/*
 * module.c - service administration by ad-hoc commands (XEP-0133): the table, and what its commands
 * have in common. They are for the administrators of a host, and touch nothing of another one.
 */
#include "modules/xep0133_admin/admin.h"

#include "modules/xep0133_admin/service.h"
#include "server/notices.h"

struct element *
admin_form(struct command_call *call, enum form_kind kind)
{
	struct element *form = form_new(call->arena, kind, NULL);

	form_set_title(call->arena, form, str(call->command->name));
	form_add_text(call->arena, form, FIELD_HIDDEN, "FORM_TYPE", NULL, STR(NS_ADMIN));
	return form;
}

void
admin_ask_account(struct command_call *call)
{
	struct element *form = admin_form(call, FORM_ASK);

	field_require(call->arena, form_add_field(call->arena, form, FIELD_JID, "accountjid",
						  "The address of the account"));
	command_ask(call, form);
}

void
admin_ask_accounts(struct command_call *call)
{
	struct element *form = admin_form(call, FORM_ASK);

	field_require(call->arena, form_add_field(call->arena, form, FIELD_JID_MULTI, "accountjids",
						  "The addresses of the accounts"));
	command_ask(call, form);
}

/* A command for one account is a command for several, of which there is one. */
int
admin_accounts(struct command_call *call, bool with_resources, struct jid **out, size_t *count)
{
	const struct form *form = call->forms[0];
	const char *var = form_field(form, "accountjid") != NULL ? "accountjid" : "accountjids";
	const char *why;

	if (form_jids(call->arena, form, var, out, count, &why) < 0) {
		command_bad_payload(call, why);
		return -1;
	}
	if (*count == 0 || *count > JIDS_MAX) {
		command_bad_payload(call, *count == 0 ? "no account" : "too many accounts at once");
		return -1;
	}
	for (size_t i = 0; i < *count; i++) {
		const struct jid *jid = &(*out)[i];

		if (jid->local.len == 0 || (!with_resources && jid->resource.len > 0)) {
			command_bad_payload(call, "that is not the address of an account");
			return -1;
		}
		if (!str_equal(jid->domain, call->to.domain)) {
			command_refuse(call, STANZA_NOT_ALLOWED, "an account of another host");
			return -1;
		}
	}
	return 0;
}

int
admin_text(struct command_call *call, const char *var, struct str *out)
{
	*out = form_text(call->arena, call->forms[0], var);
	if (out->len > 0 && out->len <= NOTICE_BYTES_MAX)
		return 0;
	command_bad_payload(call, out->len > 0 ? "the text is too long" : "the text is missing");
	return -1;
}

void
admin_done_number(struct command_call *call, const char *var, const char *label, uint64_t number)
{
	struct element *form = admin_form(call, FORM_RESULT);

	form_add_text(call->arena, form, FIELD_TEXT, var, label,
		      arena_printf(call->arena, "%llu", (unsigned long long)number));
	command_done(call, form);
}

/* The message of the day is shown when somebody is there to see it. */
static enum verdict
show_motd(struct event *ev)
{
	if (session_is_available(ev->session))
		notice_show_motd(ev->account);
	return PASS;
}

#define ADMIN(node_, name_, stages_, ask_, run_)                                                   \
	{                                                                                          \
		.node = NODE(node_), .name = name_, .is_for_admins = true, .stages = stages_,      \
		.ask = ask_, .run = run_                                                           \
	}
#define OMITTED(node_, condition, why)                                                             \
	{                                                                                          \
		.node = NODE(node_), .name = "", .is_for_admins = true, .omitted = condition,      \
		.why_omitted = why                                                                 \
	}

static const struct command commands[] = {
	ADMIN("add-user", "Add an account", 1, admin_ask_new_account, admin_add_user),
	ADMIN("delete-user", "Delete accounts", 1, admin_ask_accounts, admin_delete_user),
	ADMIN("disable-user", "Disable accounts", 1, admin_ask_accounts, admin_disable_user),
	ADMIN("reenable-user", "Enable accounts", 1, admin_ask_accounts, admin_reenable_user),
	ADMIN("end-user-session", "End sessions", 1, admin_ask_accounts, admin_end_session),
	ADMIN("change-user-password", "Change a password", 1, admin_ask_password,
	      admin_change_password),
	ADMIN("get-user-roster", "Show the contacts of accounts", 1, admin_ask_accounts,
	      admin_get_roster),
	ADMIN("get-user-lastlogin", "Show when accounts were last there", 1, admin_ask_accounts,
	      admin_get_last_login),
	ADMIN("user-stats", "Show facts of an account", 1, admin_ask_account, admin_get_stats),
	ADMIN("get-registered-users-num", "Number of accounts", 0, NULL, admin_count_registered),
	ADMIN("get-disabled-users-num", "Number of disabled accounts", 0, NULL,
	      admin_count_disabled),
	ADMIN("get-online-users-num", "Number of people online", 0, NULL, admin_count_online),
	ADMIN("get-active-users-num", "Number of active people", 0, NULL, admin_count_active),
	ADMIN("get-idle-users-num", "Number of idle people", 0, NULL, admin_count_idle),
	ADMIN("get-registered-users-list", "List of accounts", 1, admin_ask_max_items,
	      admin_list_registered),
	ADMIN("get-disabled-users-list", "List of disabled accounts", 1, admin_ask_max_items,
	      admin_list_disabled),
	ADMIN("get-online-users-list", "List of people online", 1, admin_ask_max_items,
	      admin_list_online),
	ADMIN("get-active-users", "List of active people", 1, admin_ask_max_items,
	      admin_list_active),
	ADMIN("get-idle-users", "List of idle people", 1, admin_ask_max_items, admin_list_idle),
	ADMIN("announce", "Announce something to all online", 1, admin_ask_announcement,
	      admin_announce),
	ADMIN("set-motd", "Set the message of the day", 1, admin_ask_motd, admin_set_motd),
	ADMIN("edit-motd", "Edit the message of the day", 1, admin_ask_motd, admin_edit_motd),
	ADMIN("delete-motd", "Delete the message of the day", 0, NULL, admin_delete_motd),
	ADMIN("set-welcome", "Set the welcome of new accounts", 1, admin_ask_welcome,
	      admin_set_welcome),
	ADMIN("delete-welcome", "Delete the welcome of new accounts", 0, NULL,
	      admin_delete_welcome),
	ADMIN("restart", "Restart the server", 1, admin_ask_delay, admin_restart),
	ADMIN("shutdown", "Shut the server down", 1, admin_ask_delay, admin_shut_down),
	{.node = "account",
	 .name = "Manage an account",
	 .is_for_admins = true,
	 .stages = 2,
	 .ask = admin_ask_manage,
	 .run = admin_manage},
	OMITTED("get-user-password", STANZA_NOT_ALLOWED, "passwords are not kept"),
	OMITTED("edit-blacklist", STANZA_FEATURE_NOT_IMPLEMENTED, "the server has no such list"),
	OMITTED("edit-whitelist", STANZA_FEATURE_NOT_IMPLEMENTED, "the server has no such list"),
	OMITTED("edit-admin", STANZA_FEATURE_NOT_IMPLEMENTED,
		"administrators stand in the configuration"),
	{0},
};

const struct module xep0133_admin = {
	.name = "administration",
	.specs = SPECS({"XEP-0133", "1.3.1", SPEC_COMPLETE,
			"without black and white lists, and the list of administrators, which is "
			"the configuration's; accounts have no e-mail address and name"}),
	.options = OPTIONS({"active_within", OPTION_DURATION, "10m",
			    "who sent something no longer ago counts as active"}),
	.hooks = HOOKS({POINT_PRESENCE, STAGE_HANDLE, show_motd}),
	.commands = commands,
	.state_size = sizeof(struct service),
	.state_free = admin_service_free,
};
