/* SPDX-License-Identifier: MIT */
/* purple_client.c - libpurple, the core of Pidgin, driven by lines (client_protocol.md). */
#include "line_client.h"

#include <glib.h>
#include <purple.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UI "recado-interop"

static PurpleAccount *account;
static GMainLoop *main_loop;

/* libpurple brings no event loop: this is GLib's. */

struct watch {
	PurpleInputFunction function;
	void *data;
};

static gboolean
on_watch(GIOChannel *channel, GIOCondition condition, gpointer data)
{
	struct watch *watch = data;
	PurpleInputCondition what = 0;

	if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR))
		what |= PURPLE_INPUT_READ;
	if (condition & (G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL))
		what |= PURPLE_INPUT_WRITE;
	watch->function(watch->data, g_io_channel_unix_get_fd(channel), what);
	return TRUE;
}

static guint
watch_add(gint fd, PurpleInputCondition what, PurpleInputFunction function, gpointer data)
{
	struct watch *watch = g_new(struct watch, 1);
	GIOChannel *channel = g_io_channel_unix_new(fd);
	GIOCondition condition = 0;
	guint id;

	watch->function = function;
	watch->data = data;
	if (what & PURPLE_INPUT_READ)
		condition |= G_IO_IN | G_IO_HUP | G_IO_ERR;
	if (what & PURPLE_INPUT_WRITE)
		condition |= G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL;
	id = g_io_add_watch_full(channel, G_PRIORITY_DEFAULT, condition, on_watch, watch, g_free);
	g_io_channel_unref(channel);
	return id;
}

static PurpleEventLoopUiOps loop_ops = {
	.timeout_add = g_timeout_add,
	.timeout_remove = g_source_remove,
	.input_add = watch_add,
	.input_remove = g_source_remove,
	.timeout_add_seconds = g_timeout_add_seconds,
};

/* Authorisations wait here until the test decides. */

static PurpleAccountRequestAuthorizationCb authorise;
static void *authorise_data;

static void *
on_request(PurpleAccount *whose, const char *remote_user, const char *id, const char *alias,
	   const char *message, gboolean on_list, PurpleAccountRequestAuthorizationCb yes,
	   PurpleAccountRequestAuthorizationCb no, void *data)
{
	(void)whose;
	(void)remote_user;
	(void)id;
	(void)alias;
	(void)message;
	(void)on_list;
	(void)no;
	authorise = yes;
	authorise_data = data;
	return NULL;
}

static PurpleAccountUiOps account_ops = {.request_authorize = on_request};

/* Everything that libpurple wants to ask a person is about the certificate, and answered by yes. */
static void *
on_question(const char *title, const char *primary, const char *secondary, int default_action,
	    PurpleAccount *whose, const char *who, PurpleConversation *conversation,
	    void *user_data, size_t action_count, va_list actions)
{
	PurpleRequestActionCb action;

	(void)title;
	(void)secondary;
	(void)default_action;
	(void)whose;
	(void)who;
	(void)conversation;
	g_printerr("asked: %s\n", or_empty(primary));
	if (action_count > 0) {
		(void)va_arg(actions, char *);
		action = va_arg(actions, PurpleRequestActionCb);
		action(user_data, 0);
	}
	return NULL;
}

static PurpleRequestUiOps request_ops = {.request_action = on_question};

static void
say_items(xmlnode *query)
{
	xmlnode *item;

	for (item = xmlnode_get_child(query, "item"); item; item = xmlnode_get_next_twin(item))
		line_say("item", or_empty(xmlnode_get_attrib(item, "jid")),
			 or_empty(xmlnode_get_attrib(item, "subscription")),
			 or_empty(xmlnode_get_attrib(item, "name")), NULL);
}

/* Roster and presence as they come in; the messages come from libpurple itself. */
static void
on_stanza(PurpleConnection *connection, xmlnode **stanza, void *data)
{
	xmlnode *node = *stanza, *query;
	const char *type = xmlnode_get_attrib(node, "type");

	(void)connection;
	(void)data;
	if (strcmp(node->name, "presence") == 0) {
		line_say("presence", or_empty(xmlnode_get_attrib(node, "from")),
			 type == NULL ? "available" : type, NULL);
	} else if (strcmp(node->name, "iq") == 0) {
		query = xmlnode_get_child_with_namespace(node, "query", "jabber:iq:roster");
		if (query == NULL)
			return;
		say_items(query);
		if (g_strcmp0(type, "result") == 0)
			line_say("ready", NULL);
	}
}

static void
on_message(PurpleAccount *whose, const char *sender, const char *markup,
	   PurpleConversation *conversation, PurpleMessageFlags flags, void *data)
{
	char *text = purple_markup_strip_html(markup);

	(void)whose;
	(void)conversation;
	(void)flags;
	(void)data;
	line_say("message", sender, text, NULL);
	g_free(text);
}

static void
on_signed_on(PurpleConnection *connection, void *data)
{
	(void)data;
	line_say("online", purple_connection_get_display_name(connection), NULL);
}

static void
on_signed_off(PurpleConnection *connection, void *data)
{
	(void)connection;
	(void)data;
	line_say("offline", NULL);
	g_main_loop_quit(main_loop);
}

static void
on_error(PurpleConnection *connection, PurpleConnectionError error, const char *text, void *data)
{
	(void)connection;
	(void)data;
	g_printerr("error %d: %s\n", (int)error, text);
	if (error == PURPLE_CONNECTION_ERROR_AUTHENTICATION_FAILED)
		line_say("refused", NULL);
	line_say("offline", NULL);
	g_main_loop_quit(main_loop);
}

/* To libpurple, an item of the roster and a subscription are one wish: add has both. */
static void
add_contact(const char *jid, const char *name)
{
	static char *added;
	PurpleBuddy *buddy = purple_find_buddy(account, jid);

	if (g_strcmp0(added, jid) == 0)
		return;
	added = g_strdup(jid);
	if (buddy == NULL) {
		buddy = purple_buddy_new(account, jid, name);
		purple_blist_add_buddy(buddy, NULL, NULL, NULL);
	}
	purple_account_add_buddy(account, buddy);
}

static void
remove_contact(const char *jid)
{
	PurpleBuddy *buddy = purple_find_buddy(account, jid);

	if (buddy == NULL)
		return;
	purple_account_remove_buddy(account, buddy, purple_buddy_get_group(buddy));
	purple_blist_remove_buddy(buddy);
}

static void
send_message(const char *jid, const char *text)
{
	PurpleConversation *conversation =
		purple_find_conversation_with_account(PURPLE_CONV_TYPE_IM, jid, account);
	char *markup = g_markup_escape_text(text, -1);

	if (conversation == NULL)
		conversation = purple_conversation_new(PURPLE_CONV_TYPE_IM, account, jid);
	purple_conv_im_send(PURPLE_CONV_IM(conversation), markup);
	g_free(markup);
}

static void
obey(const struct command *command)
{
	const char *verb = command->words[0], *jid = command->words[1], *text = command->words[2];

	if (strcmp(verb, "message") == 0) {
		send_message(jid, text);
	} else if (strcmp(verb, "add") == 0) {
		add_contact(jid, text);
	} else if (strcmp(verb, "subscribe") == 0) {
		add_contact(jid, NULL);
	} else if (strcmp(verb, "subscribed") == 0 && authorise != NULL) {
		authorise(authorise_data);
		authorise = NULL;
	} else if (strcmp(verb, "remove") == 0) {
		remove_contact(jid);
	} else if (strcmp(verb, "quit") == 0) {
		purple_account_disconnect(account);
	}
}

static gboolean
on_tick(gpointer data)
{
	struct command command;

	(void)data;
	while (line_next(&command))
		obey(&command);
	return TRUE;
}

static void
connect_signals(void)
{
	static int handle;
	void *connections = purple_connections_get_handle();

	purple_signal_connect(connections, "signed-on", &handle, PURPLE_CALLBACK(on_signed_on),
			      NULL);
	purple_signal_connect(connections, "signed-off", &handle, PURPLE_CALLBACK(on_signed_off),
			      NULL);
	purple_signal_connect(connections, "connection-error", &handle, PURPLE_CALLBACK(on_error),
			      NULL);
	purple_signal_connect(purple_conversations_get_handle(), "received-im-msg", &handle,
			      PURPLE_CALLBACK(on_message), NULL);
	purple_signal_connect(purple_find_prpl("prpl-jabber"), "jabber-receiving-xmlnode", &handle,
			      PURPLE_CALLBACK(on_stanza), NULL);
}

static void
log_in(const struct arguments *arguments)
{
	account = purple_account_new(arguments->jid, "prpl-jabber");
	purple_account_set_password(account, arguments->password);
	purple_account_set_string(account, "connect_server", "127.0.0.1");
	purple_account_set_int(account, "port", arguments->port);
	purple_account_set_string(account, "connection_security",
				  strcmp(arguments->mode, "tls") == 0 ? "old_ssl" : "require_tls");
	purple_accounts_add(account);
	purple_account_set_enabled(account, UI, TRUE);
	purple_savedstatus_activate(purple_savedstatus_new(NULL, PURPLE_STATUS_AVAILABLE));
}

int
main(int argc, char **argv)
{
	struct arguments arguments = line_arguments(argc, argv);

	purple_util_set_user_dir(g_build_filename(g_get_home_dir(), "purple", NULL));
	purple_eventloop_set_ui_ops(&loop_ops);
	purple_accounts_set_ui_ops(&account_ops);
	purple_request_set_ui_ops(&request_ops);
	if (!purple_core_init(UI)) {
		g_printerr("libpurple does not start\n");
		return EXIT_FAILURE;
	}
	purple_set_blist(purple_blist_new());
	main_loop = g_main_loop_new(NULL, FALSE);
	connect_signals();
	log_in(&arguments);
	g_timeout_add(20, on_tick, NULL);
	g_main_loop_run(main_loop);
	/* As it stands: unloading its plug-ins takes seconds, and the stream has ended. */
	_exit(EXIT_SUCCESS);
}
