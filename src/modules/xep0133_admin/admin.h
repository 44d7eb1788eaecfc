/* SPDX-License-Identifier: MIT */
/* admin.h - service administration (XEP-0133): what the files of this folder share. */
#pragma once

#include "modules/commands.h"

#define NS_ADMIN "http://jabber.org/protocol/admin"
#define NODE(name) NS_ADMIN "#" name
#define JIDS_MAX 100u /* accounts of one command */

extern const struct module xep0133_admin;

/* An empty form of KIND with the command's name as its title. */
struct element *admin_form(struct command_call *call, enum form_kind kind);
/* Asks for one account, or for several: `accountjid` or `accountjids`. */
void admin_ask_account(struct command_call *call);
void admin_ask_accounts(struct command_call *call);

/*
 * The accounts that the first form names: of this host, bare unless WITH_RESOURCES. Returns 0, or
 * -1: CALL was answered.
 */
MUST_CHECK int admin_accounts(struct command_call *call, bool with_resources, struct jid **out,
			      size_t *count);
/* The text of the first form's VAR, which is not empty. The same. */
MUST_CHECK int admin_text(struct command_call *call, const char *var, struct str *out);
/* Answers CALL with results that say NUMBER as VAR. */
void admin_done_number(struct command_call *call, const char *var, const char *label,
		       uint64_t number);

/* accounts.c */
void admin_ask_new_account(struct command_call *call);
void admin_ask_password(struct command_call *call);
void admin_add_user(struct command_call *call);
void admin_delete_user(struct command_call *call);
void admin_disable_user(struct command_call *call);
void admin_reenable_user(struct command_call *call);
void admin_change_password(struct command_call *call);
void admin_end_session(struct command_call *call);
/* facts.c */
void admin_get_roster(struct command_call *call);
void admin_get_last_login(struct command_call *call);
void admin_get_stats(struct command_call *call);
void admin_ask_manage(struct command_call *call);
void admin_manage(struct command_call *call);
/* lists.c */
void admin_ask_max_items(struct command_call *call);
void admin_count_registered(struct command_call *call);
void admin_count_disabled(struct command_call *call);
void admin_count_online(struct command_call *call);
void admin_count_active(struct command_call *call);
void admin_count_idle(struct command_call *call);
void admin_list_registered(struct command_call *call);
void admin_list_disabled(struct command_call *call);
void admin_list_online(struct command_call *call);
void admin_list_active(struct command_call *call);
void admin_list_idle(struct command_call *call);
/* notices.c */
void admin_ask_announcement(struct command_call *call);
void admin_announce(struct command_call *call);
void admin_ask_motd(struct command_call *call);
void admin_set_motd(struct command_call *call);
void admin_edit_motd(struct command_call *call);
void admin_delete_motd(struct command_call *call);
void admin_ask_welcome(struct command_call *call);
void admin_set_welcome(struct command_call *call);
void admin_delete_welcome(struct command_call *call);
/* service.c */
void admin_ask_delay(struct command_call *call);
void admin_shut_down(struct command_call *call);
void admin_restart(struct command_call *call);
void admin_service_free(void *state);
