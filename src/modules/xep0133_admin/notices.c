/* SPDX-License-Identifier: MIT */
/* notices.c - announcements, the message of the day, and the welcome, by the administrators. */
#include "server/notices.h"

#include "modules/xep0133_admin/admin.h"

static void
ask_text(struct command_call *call, const char *var, const char *label, struct str text)
{
	struct element *form = admin_form(call, FORM_ASK);
	struct element *field = form_add_field(call->arena, form, FIELD_TEXT_MULTI, var, label);

	field_require(call->arena, field);
	if (text.len > 0)
		field_add_lines(call->arena, field, text);
	command_ask(call, form);
}

void
admin_ask_announcement(struct command_call *call)
{
	ask_text(call, "announcement", "Announcement", STR_NONE);
}

static void
announced(void *owner, size_t count)
{
	struct command_call *call = owner;

	command_note(call, "info", arena_printf(call->arena, "Sent to %zu accounts.", count));
	command_done(call, NULL);
}

void
admin_announce(struct command_call *call)
{
	struct str text;

	if (admin_text(call, "announcement", &text) == 0)
		notice_announce(call->worker->server, call->worker->loop, call->to.domain, STR(""),
				text, announced, call);
}

static void
is_set(void *owner, bool is_stored)
{
	struct command_call *call = owner;

	if (is_stored)
		command_done(call, NULL);
	else
		command_refuse(call, STANZA_RESOURCE_CONSTRAINT, "the disk is full");
}

static void
set(struct command_call *call, enum notice_kind kind, struct str text, bool is_edit)
{
	notice_set(call->worker->server, call->worker->loop, call->to.domain, kind, text, is_edit,
		   is_set, call);
}

/* Also when it is to be set: whoever replaces one should know it. */
void
admin_ask_motd(struct command_call *call)
{
	ask_text(call, "motd", "Message of the day",
		 notice_text(call->worker, call->to.domain, NOTICE_MOTD));
}

void
admin_set_motd(struct command_call *call)
{
	struct str text;

	if (admin_text(call, "motd", &text) == 0)
		set(call, NOTICE_MOTD, text, false);
}

void
admin_edit_motd(struct command_call *call)
{
	struct str text;

	if (admin_text(call, "motd", &text) == 0)
		set(call, NOTICE_MOTD, text, true);
}

void
admin_delete_motd(struct command_call *call)
{
	set(call, NOTICE_MOTD, STR_NONE, false);
}

void
admin_ask_welcome(struct command_call *call)
{
	const struct config_host *host = command_host(call);
	struct str text = notice_text(call->worker, call->to.domain, NOTICE_WELCOME);

	ask_text(call, "welcome", "Welcome message",
		 text.p == NULL && host != NULL ? host->welcome : text);
}

void
admin_set_welcome(struct command_call *call)
{
	struct str text;

	if (admin_text(call, "welcome", &text) == 0)
		set(call, NOTICE_WELCOME, text, false);
}

/* An empty one, so that the configuration's does not come back. */
void
admin_delete_welcome(struct command_call *call)
{
	set(call, NOTICE_WELCOME, STR(""), false);
}
