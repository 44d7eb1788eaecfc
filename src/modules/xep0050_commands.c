/* SPDX-License-Identifier: MIT */
/*
 * xep0050_commands.c - ad-hoc commands of the server (XEP-0050).
 *
 * A command is a row below. All of them so far have one stage: they are executed and answer with a
 * form of results.
 */
#include "base/rand.h"
#include "server/c2s.h"
#include "server/module.h"
#include "server/server.h"
#include "xmpp/xep/disco.h"
#include "xmpp/xep/forms.h"

#include <stdatomic.h>

#define NS_COMMANDS "http://jabber.org/protocol/commands"

struct command {
	const char *node, *name;
	bool is_for_admins;
	void (*fill)(struct event *ev, struct element *form);
};

/* The sender's own sessions: which devices are logged in. */
static void
fill_sessions(struct event *ev, struct element *form)
{
	const struct account *account = event_sender(ev) ? event_sender(ev)->account : NULL;
	struct element *field =
		form_add_field(ev->arena, form, FIELD_TEXT_MULTI, "sessions", "Your sessions");

	if (account == NULL)
		return;
	LIST_EACH(&account->sessions, struct session, link, session)
	{
		field_add_value(
			ev->arena, field,
			arena_printf(ev->arena, "%.*s since %.*s", STR_ARG(session->jid.resource),
				     STR_ARG(time_format(ev->arena, session->bound_at_us, false))));
	}
}

static void
fill_status(struct event *ev, struct element *form)
{
	const struct server *server = ev->worker->server;
	uint64_t sessions = 0, seconds = (time_wall_us() - server->started_us) / 1000000;

	for (size_t i = 0; i < server->worker_count; i++)
		sessions += atomic_load(&server->workers[i]->counters.sessions);
	form_add_text(ev->arena, form, FIELD_TEXT, "version", "Version", STR(RECADO_VERSION));
	form_add_text(ev->arena, form, FIELD_TEXT, "uptime", "Seconds since the start",
		      arena_printf(ev->arena, "%llu", (unsigned long long)seconds));
	form_add_text(ev->arena, form, FIELD_TEXT, "sessions", "Sessions",
		      arena_printf(ev->arena, "%llu", (unsigned long long)sessions));
}

static const struct command commands[] = {
	{"sessions", "Your sessions", false, fill_sessions},
	{"status", "Status of the server", true, fill_status},
};

static const struct command *
find_command(const struct event *ev, struct str node)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (str_is(node, commands[i].node) &&
		    (!commands[i].is_for_admins || event_is_from_admin(ev)))
			return &commands[i];
	return NULL;
}

/* §2.2: answered here, before disco, which knows no nodes. */
static enum verdict
list(struct event *ev)
{
	struct element *query;

	if (ev->stanza->kind != STANZA_IQ || ev->stanza->type != IQ_GET ||
	    ev->stanza->to.text.len == 0 || ev->stanza->to.local.len > 0 ||
	    worker_host(ev->worker, ev->stanza->to.domain) == NULL)
		return PASS;
	query = event_payload(ev);
	if (element_is(query, NS_DISCO_ITEMS, "query") &&
	    str_is(element_attr(query, "node"), NS_COMMANDS)) {
		struct element *items = disco_new(ev->arena, NS_DISCO_ITEMS, STR(NS_COMMANDS));

		for (size_t i = 0; i < COUNT(commands); i++)
			if (find_command(ev, str(commands[i].node)) != NULL)
				disco_add_item(ev->arena, items, ev->stanza->to.text,
					       str(commands[i].node), str(commands[i].name));
		event_reply(ev, items);
		return DONE;
	}
	if (element_is(query, NS_DISCO_INFO, "query") &&
	    find_command(ev, element_attr(query, "node")) != NULL) {
		const struct command *command = find_command(ev, element_attr(query, "node"));
		struct element *info = disco_new(ev->arena, NS_DISCO_INFO, str(command->node));

		disco_add_identity(ev->arena, info, STR("automation"), STR("command-node"),
				   STR_NONE, str(command->name));
		disco_add_feature(ev->arena, info, STR(NS_COMMANDS));
		disco_add_feature(ev->arena, info, STR(NS_FORMS));
		event_reply(ev, info);
		return DONE;
	}
	return PASS;
}

/* §3.4: <bad-request/> with what is bad about it. */
static enum verdict
refuse(struct event *ev, const char *detail)
{
	struct stanza *error = stanza_error_reply(ev->stanza, STANZA_BAD_REQUEST, NULL);

	element_add(error->arena, element_child(error->el, NS_CLIENT, "error"), NS_COMMANDS,
		    detail);
	route(ev->worker, error);
	return DONE;
}

static enum verdict
execute(struct event *ev)
{
	const struct element *asked = event_payload(ev);
	struct str action = element_attr(asked, "action"), id = element_attr(asked, "sessionid");
	const struct command *command = find_command(ev, element_attr(asked, "node"));
	struct element *answer, *form;
	bool is_cancelled = str_is(action, "cancel");

	if (command == NULL)
		return event_refuse(ev, STANZA_ITEM_NOT_FOUND);
	if (action.p != NULL && !is_cancelled && !str_is(action, "execute"))
		return refuse(ev, str_is(action, "next") || str_is(action, "prev") ||
						  str_is(action, "complete")
					  ? "bad-action"
					  : "malformed-action");
	answer = element_new(ev->arena, NS_COMMANDS, "command");
	element_setz(ev->arena, answer, "node", command->node);
	element_set(ev->arena, answer, "sessionid", id.p ? id : rand_token(ev->arena, 96));
	element_setz(ev->arena, answer, "status", is_cancelled ? "canceled" : "completed");
	if (!is_cancelled) {
		form = form_new(ev->arena, FORM_RESULT, NULL);
		form_set_title(ev->arena, form, str(command->name));
		command->fill(ev, form);
		element_append(answer, form);
	}
	event_reply(ev, answer);
	return DONE;
}

const struct module xep0050_commands = {
	.name = "commands",
	.specs = SPECS({"XEP-0050", "1.3.0", SPEC_COMPLETE, "commands of one stage"},
		       {"XEP-0004", "2.13.2", SPEC_COMPLETE, NULL},
		       {"XEP-0068", "1.3.0", SPEC_COMPLETE, NULL}),
	.features = FEATURES(NS_COMMANDS),
	.iqs = IQS({IQ_SET, TO_SERVER, NS_COMMANDS, "command", execute}),
	.hooks = HOOKS({POINT_FROM_CLIENT, STAGE_HANDLE, list}),
};
