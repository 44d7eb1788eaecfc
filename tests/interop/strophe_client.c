/* SPDX-License-Identifier: MIT */
/* strophe_client.c - libstrophe, driven by lines (client_protocol.md). */
#include "line_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>

#define NS_ROSTER "jabber:iq:roster"

struct client {
	xmpp_ctx_t *ctx;
	xmpp_conn_t *conn;
	unsigned next_id;
	bool is_done;
};

static int
on_roster(xmpp_conn_t *conn, xmpp_stanza_t *iq, void *data)
{
	struct client *client = data;
	const char *type = xmpp_stanza_get_type(iq), *id = xmpp_stanza_get_id(iq);
	xmpp_stanza_t *query = xmpp_stanza_get_child_by_name(iq, "query"), *item, *reply;

	if (query == NULL || type == NULL)
		return 1;
	for (item = xmpp_stanza_get_children(query); item; item = xmpp_stanza_get_next(item))
		line_say("item", or_empty(xmpp_stanza_get_attribute(item, "jid")),
			 or_empty(xmpp_stanza_get_attribute(item, "subscription")),
			 or_empty(xmpp_stanza_get_attribute(item, "name")), NULL);
	if (strcmp(type, "set") == 0) {
		reply = xmpp_iq_new(client->ctx, "result", id);
		xmpp_send(conn, reply);
		xmpp_stanza_release(reply);
	}
	return 1;
}

/* RFC 6121 §2.2: the roster comes first, then presence, so that no probe's answer is a surprise. */
static int
on_roster_result(xmpp_conn_t *conn, xmpp_stanza_t *iq, void *data)
{
	struct client *client = data;
	xmpp_stanza_t *presence = xmpp_presence_new(client->ctx);

	on_roster(conn, iq, data);
	xmpp_send(conn, presence);
	xmpp_stanza_release(presence);
	line_say("ready", NULL);
	return 0;
}

static int
on_presence(xmpp_conn_t *conn, xmpp_stanza_t *presence, void *data)
{
	const char *type = xmpp_stanza_get_type(presence);

	(void)conn;
	(void)data;
	line_say("presence", or_empty(xmpp_stanza_get_from(presence)),
		 type == NULL ? "available" : type, NULL);
	return 1;
}

static int
on_message(xmpp_conn_t *conn, xmpp_stanza_t *message, void *data)
{
	struct client *client = data;
	char *body = xmpp_message_get_body(message);

	(void)conn;
	if (body != NULL)
		line_say("message", or_empty(xmpp_stanza_get_from(message)), body, NULL);
	xmpp_free(client->ctx, body);
	return 1;
}

/* An iq of QUERY: a roster set with ITEM, or a get without. Takes ITEM over. */
static void
ask_roster(struct client *client, const char *type, const char *id, xmpp_stanza_t *item)
{
	xmpp_stanza_t *iq = xmpp_iq_new(client->ctx, type, id);
	xmpp_stanza_t *query = xmpp_stanza_new(client->ctx);

	xmpp_stanza_set_name(query, "query");
	xmpp_stanza_set_ns(query, NS_ROSTER);
	if (item != NULL) {
		xmpp_stanza_add_child(query, item);
		xmpp_stanza_release(item);
	}
	xmpp_stanza_add_child(iq, query);
	xmpp_stanza_release(query);
	xmpp_send(client->conn, iq);
	xmpp_stanza_release(iq);
}

static void
on_connection(xmpp_conn_t *conn, xmpp_conn_event_t status, int error,
	      xmpp_stream_error_t *stream_error, void *data)
{
	struct client *client = data;

	(void)error;
	(void)stream_error;
	if (status != XMPP_CONN_CONNECT) {
		line_say("offline", NULL);
		client->is_done = true;
		return;
	}
	line_say("online", xmpp_conn_get_bound_jid(conn), NULL);
	xmpp_handler_add(conn, on_message, NULL, "message", NULL, client);
	xmpp_handler_add(conn, on_presence, NULL, "presence", NULL, client);
	xmpp_handler_add(conn, on_roster, NS_ROSTER, "iq", "set", client);
	xmpp_id_handler_add(conn, on_roster_result, "roster", client);
	ask_roster(client, "get", "roster", NULL);
}

static void
set_item(struct client *client, const char *jid, const char *name, bool is_removed)
{
	xmpp_stanza_t *item = xmpp_stanza_new(client->ctx);
	char id[16];

	xmpp_stanza_set_name(item, "item");
	xmpp_stanza_set_attribute(item, "jid", jid);
	if (is_removed)
		xmpp_stanza_set_attribute(item, "subscription", "remove");
	else
		xmpp_stanza_set_attribute(item, "name", name);
	snprintf(id, sizeof(id), "set%u", client->next_id++);
	ask_roster(client, "set", id, item);
}

static void
send_presence(struct client *client, const char *to, const char *type)
{
	xmpp_stanza_t *presence = xmpp_presence_new(client->ctx);

	if (to != NULL)
		xmpp_stanza_set_to(presence, to);
	xmpp_stanza_set_type(presence, type);
	xmpp_send(client->conn, presence);
	xmpp_stanza_release(presence);
}

static void
obey(struct client *client, const struct command *command)
{
	const char *verb = command->words[0], *jid = command->words[1], *text = command->words[2];
	xmpp_stanza_t *message;

	if (strcmp(verb, "message") == 0) {
		message = xmpp_message_new(client->ctx, "chat", jid, NULL);
		xmpp_message_set_body(message, text);
		xmpp_send(client->conn, message);
		xmpp_stanza_release(message);
	} else if (strcmp(verb, "add") == 0 || strcmp(verb, "remove") == 0) {
		set_item(client, jid, text, verb[0] == 'r');
	} else if (strcmp(verb, "quit") == 0) {
		send_presence(client, NULL, "unavailable");
		xmpp_disconnect(client->conn);
	} else {
		send_presence(client, jid, verb);
	}
}

int
main(int argc, char **argv)
{
	struct arguments arguments = line_arguments(argc, argv);
	struct client client = {0};
	struct command command;

	xmpp_initialize();
	client.ctx = xmpp_ctx_new(NULL, xmpp_get_default_logger(XMPP_LEVEL_WARN));
	client.conn = xmpp_conn_new(client.ctx);
	xmpp_conn_set_jid(client.conn, arguments.jid);
	xmpp_conn_set_pass(client.conn, arguments.password);
	xmpp_conn_set_cafile(client.conn, arguments.ca_file);
	xmpp_conn_set_flags(client.conn, strcmp(arguments.mode, "tls") == 0
						 ? XMPP_CONN_FLAG_LEGACY_SSL
						 : XMPP_CONN_FLAG_MANDATORY_TLS);
	if (xmpp_connect_client(client.conn, "127.0.0.1", arguments.port, on_connection, &client) !=
	    XMPP_EOK)
		return EXIT_FAILURE;
	while (!client.is_done) {
		while (line_next(&command))
			obey(&client, &command);
		xmpp_run_once(client.ctx, 20);
	}
	xmpp_conn_release(client.conn);
	xmpp_ctx_free(client.ctx);
	xmpp_shutdown();
	return EXIT_SUCCESS;
}
