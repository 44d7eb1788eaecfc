/* SPDX-License-Identifier: MIT */
/*
 * xep0050_commands.c - ad-hoc commands of the server (XEP-0050): the list of what all modules have,
 * and the sessions between their stages.
 */
#include "base/hash.h"
#include "base/log.h"
#include "base/rand.h"
#include "modules/commands.h"
#include "server/server.h"
#include "xmpp/xep/disco.h"

#include <stdatomic.h>
#include <stdlib.h>

#define ARENA_MAX (4u << 20) /* of one session: somebody goes back and forth without end */

extern const struct module xep0050_commands;

struct sessions {         /* of a worker */
	struct map by_id; /* struct command_call */
	struct link list; /* the one that was used longest ago first */
	bool is_ready;
};

enum action { ACTION_EXECUTE, ACTION_CANCEL, ACTION_PREV, ACTION_NEXT, ACTION_COMPLETE };

static const char *const action_names[] = {"execute", "cancel", "prev", "next", "complete"};

static struct sessions *
sessions_of(struct worker *worker)
{
	struct sessions *sessions = module_state(worker, &xep0050_commands);

	if (!sessions->is_ready)
		list_init(&sessions->list);
	sessions->is_ready = true;
	return sessions;
}

static void
call_free(struct command_call *call)
{
	map_remove(&sessions_of(call->worker)->by_id, call->id);
	list_remove(&call->link);
	arena_free(call->arena);
}

/* Ids */

/* One that was ours can be told from one that never was (§4.4), and from another one's. */
static struct str
id_mark(struct arena *arena, struct str token, struct str from)
{
	struct str text = arena_printf(arena, "command %.*s %.*s", STR_ARG(token), STR_ARG(from));

	return arena_printf(arena, "%016llx", (unsigned long long)hash_str(text));
}

static struct str
id_new(struct arena *arena, struct str from)
{
	struct str token = rand_token(arena, 120);

	return arena_printf(arena, "%.*s.%.*s", STR_ARG(token),
			    STR_ARG(id_mark(arena, token, from)));
}

static bool
id_was_ours(struct arena *arena, struct str id, struct str from)
{
	ptrdiff_t dot = str_find(id, '.');

	return dot > 0 && str_equal(str_from(id, (size_t)dot + 1),
				    id_mark(arena, str_first(id, (size_t)dot), from));
}

/* The server's own commands */

/* The sender's own sessions: which devices are logged in. */
static void
run_sessions(struct command_call *call)
{
	const struct account *account = account_find(call->worker, jid_bare_text(call->from));
	struct element *form = form_new(call->arena, FORM_RESULT, NULL);
	struct element *field;

	form_set_title(call->arena, form, str(call->command->name));
	field = form_add_field(call->arena, form, FIELD_TEXT_MULTI, "sessions", "Your sessions");
	if (account != NULL)
		LIST_EACH(&account->sessions, struct session, link, session)
		{
			struct str since = time_format(call->arena, session->bound_at_us, false);

			field_add_value(call->arena, field,
					arena_printf(call->arena, "%.*s since %.*s",
						     STR_ARG(session->jid.resource),
						     STR_ARG(since)));
		}
	command_done(call, form);
}

static void
run_status(struct command_call *call)
{
	const struct server *server = call->worker->server;
	struct element *form = form_new(call->arena, FORM_RESULT, NULL);
	uint64_t sessions = 0, seconds = (time_wall_us() - server->started_us) / 1000000;

	form_set_title(call->arena, form, str(call->command->name));
	for (size_t i = 0; i < server->worker_count; i++)
		sessions += atomic_load(&server->workers[i]->counters.sessions);
	form_add_text(call->arena, form, FIELD_TEXT, "version", "Version", STR(RECADO_VERSION));
	form_add_text(call->arena, form, FIELD_TEXT, "uptime", "Seconds since the start",
		      arena_printf(call->arena, "%llu", (unsigned long long)seconds));
	form_add_text(call->arena, form, FIELD_TEXT, "sessions", "Sessions",
		      arena_printf(call->arena, "%llu", (unsigned long long)sessions));
	command_done(call, form);
}

static const struct command own[] = {
	{.node = "sessions", .name = "Your sessions", .run = run_sessions},
	{.node = "status",
	 .name = "Status of the server",
	 .is_for_admins = true,
	 .run = run_status},
	{0},
};

/* The list */

/* The command after AT, which is of module *MODULE (AT NULL: the first); of modules that are on. */
static const struct command *
next_command(const struct event *ev, size_t *module, const struct command *at)
{
	if (at != NULL && at[1].node != NULL)
		return at + 1;
	for (size_t i = at != NULL ? *module + 1 : 0; i < module_count(); i++)
		if (modules[i]->commands != NULL &&
		    config_module_enabled(config_options(ev->worker->config, ev->host, i))) {
			*module = i;
			return modules[i]->commands;
		}
	return NULL;
}

static bool
may_use(const struct event *ev, const struct command *command)
{
	return !command->is_for_admins || event_is_from_admin(ev);
}

static const struct command *
find_command(const struct event *ev, struct str node)
{
	size_t module = 0;
	const struct command *at = NULL;

	while (node.len > 0 && (at = next_command(ev, &module, at)) != NULL)
		if (str_is(node, at->node))
			return at;
	return NULL;
}

static const struct command *
find_visible(const struct event *ev, struct str node)
{
	const struct command *command = find_command(ev, node);

	return command != NULL && may_use(ev, command) && command->run != NULL ? command : NULL;
}

/* §2.2 */
static void
list_commands(struct event *ev)
{
	struct element *items = disco_new(ev->arena, NS_DISCO_ITEMS, STR(NS_COMMANDS));
	const struct command *at = NULL;
	size_t module = 0;

	while ((at = next_command(ev, &module, at)) != NULL)
		if (may_use(ev, at) && at->run != NULL)
			disco_add_item(ev->arena, items, ev->stanza->to.text, str(at->node),
				       str(at->name));
	event_reply(ev, items);
}

static void
describe(struct event *ev, const struct command *command)
{
	struct element *info = disco_new(ev->arena, NS_DISCO_INFO, str(command->node));

	disco_add_identity(ev->arena, info, STR("automation"), STR("command-node"), STR_NONE,
			   str(command->name));
	disco_add_feature(ev->arena, info, STR(NS_COMMANDS));
	disco_add_feature(ev->arena, info, STR(NS_FORMS));
	event_reply(ev, info);
}

/* Answered here, before disco, which knows no nodes. */
static enum verdict
answer_disco(struct event *ev)
{
	struct event of_host = *ev;
	const struct command *command;
	struct element *query;
	struct str node;

	if (ev->stanza->kind != STANZA_IQ || ev->stanza->type != IQ_GET ||
	    ev->stanza->to.text.len == 0 || ev->stanza->to.local.len > 0)
		return PASS;
	of_host.host = worker_host(ev->worker, ev->stanza->to.domain);
	query = event_payload(ev);
	if (of_host.host == NULL || query == NULL)
		return PASS;
	node = element_attr(query, "node");
	if (element_is(query, NS_DISCO_ITEMS, "query") && str_is(node, NS_COMMANDS)) {
		list_commands(&of_host);
		return DONE;
	}
	command = find_visible(&of_host, node);
	if (command == NULL || !element_is(query, NS_DISCO_INFO, "query"))
		return PASS;
	describe(&of_host, command);
	return DONE;
}

/* Answers */

static struct element *
answer_new(struct command_call *call, const char *status)
{
	struct element *answer = element_new(call->arena, NS_COMMANDS, "command");

	element_setz(call->arena, answer, "node", call->command->node);
	element_set(call->arena, answer, "sessionid", call->id);
	element_setz(call->arena, answer, "status", status);
	return answer;
}

static void
add_notes(struct command_call *call, struct element *answer)
{
	while (call->notes != NULL && call->notes->children != NULL) {
		struct element *note = call->notes->children;

		element_detach(note);
		element_append(answer, note);
	}
}

/* Answers CALL's request; what is under way no more may be thrown out. */
static void
reply(struct command_call *call, struct element *answer)
{
	struct held_iq *held = call->held;

	call->held = NULL;
	held_reply(held, answer);
}

/* §4.4: CONDITION, and DETAIL of NS_COMMANDS. Frees HELD. */
static void
refuse(struct held_iq *held, enum stanza_condition condition, const char *detail, const char *text)
{
	struct stanza *error = stanza_error_reply(held->iq, condition, text);

	if (detail != NULL)
		element_add(error->arena, element_child(error->el, NS_CLIENT, "error"), NS_COMMANDS,
			    detail);
	route(held->worker, error);
	held_drop(held);
}

void
command_note(struct command_call *call, const char *type, struct str text)
{
	struct element *note;

	if (call->notes == NULL)
		call->notes = element_new(call->arena, NS_COMMANDS, "command");
	note = element_add_leaf(call->arena, call->notes, "note", text);
	element_setz(call->arena, note, "type", type);
}

void
command_done(struct command_call *call, struct element *form)
{
	struct element *answer = answer_new(call, "completed");

	add_notes(call, answer);
	if (form != NULL)
		element_append(answer, form);
	reply(call, answer);
	call_free(call);
}

void
command_refuse(struct command_call *call, enum stanza_condition condition, const char *text)
{
	refuse(call->held, condition, NULL, text);
	call_free(call);
}

void
command_bad_payload(struct command_call *call, const char *text)
{
	struct held_iq *held = call->held;

	call->held = NULL;
	call->stage = call->previous;
	refuse(held, STANZA_BAD_REQUEST, "bad-payload", text);
}

const struct config_host *
command_host(const struct command_call *call)
{
	return worker_host(call->worker, call->to.domain);
}

/* What was filled in before stands in the form again. */
static void
fill_in(struct arena *arena, struct element *asked, const struct form *filled)
{
	struct element *el = element_child(asked, NS_FORMS, "field");

	for (; el != NULL; el = element_next(el, NS_FORMS, "field")) {
		const struct form_field *field = NULL;
		struct element *value;

		for (size_t i = 0; i < filled->field_count && field == NULL; i++)
			if (str_equal(filled->fields[i].var, element_attr(el, "var")))
				field = &filled->fields[i];
		if (field == NULL || str_is(element_attr(el, "type"), "hidden") ||
		    str_is(element_attr(el, "type"), "text-private"))
			continue;
		while ((value = element_child(el, NS_FORMS, "value")) != NULL)
			element_detach(value);
		for (size_t i = 0; i < field->value_count; i++)
			field_add_value(arena, el, field->values[i]);
	}
}

void
command_ask(struct command_call *call, struct element *form)
{
	struct element *answer = answer_new(call, "executing"), *actions;
	bool is_last = call->stage + 1 == call->command->stages;

	if (call->forms[call->stage] != NULL)
		fill_in(call->arena, form, call->forms[call->stage]);
	actions = element_add(call->arena, answer, NULL, "actions");
	element_setz(call->arena, actions, "execute", is_last ? "complete" : "next");
	if (call->stage > 0)
		element_add(call->arena, actions, NULL, "prev");
	element_add(call->arena, actions, NULL, is_last ? "complete" : "next");
	add_notes(call, answer);
	call->asked = form;
	call->previous = call->stage;
	element_append(answer, form);
	reply(call, answer);
}

/* What was filled in */

static const struct form_field *
field_of(const struct form *form, struct str var)
{
	for (size_t i = 0; i < form->field_count; i++)
		if (str_equal(form->fields[i].var, var))
			return &form->fields[i];
	return NULL;
}

static bool
is_option(const struct element *el, struct str value)
{
	const struct element *option = element_child(el, NS_FORMS, "option");
	struct arena *arena;
	bool is_one = option == NULL;

	arena = arena_new();
	for (; option != NULL && !is_one; option = element_next(option, NS_FORMS, "option"))
		is_one = str_equal(element_child_text(arena, option, NS_FORMS, "value"), value);
	arena_free(arena);
	return is_one;
}

/* NULL, or what is wrong with FORM as an answer to ASKED. */
static const char *
check_form(const struct element *asked, const struct form *form)
{
	const struct element *el = element_child(asked, NS_FORMS, "field");

	for (; el != NULL; el = element_next(el, NS_FORMS, "field")) {
		const struct form_field *field = field_of(form, element_attr(el, "var"));
		bool is_empty = field == NULL || field->value_count == 0 ||
				(field->value_count == 1 && field->values[0].len == 0);

		if (is_empty && element_child(el, NS_FORMS, "required") != NULL)
			return "a required field is missing";
		for (size_t i = 0; !is_empty && i < field->value_count; i++)
			if (!is_option(el, field->values[i]))
				return "a value that is not among the options";
	}
	return NULL;
}

/* Takes the form that came into call->forms. Returns NULL, or what is wrong with it. */
static const char *
take_form(struct command_call *call, const struct element *asked)
{
	const struct element *x = element_child(asked, NS_FORMS, "x");
	struct form *form = arena_new_of(call->arena, struct form);
	const char *why = "a form is missing";
	struct str wanted;

	if (x == NULL || form_parse(call->arena, element_copy(call->arena, x), form, &why) < 0)
		return why;
	if (form->kind != FORM_SUBMIT)
		return "the form is not one that was filled in";
	wanted = element_child_text(call->arena, element_child(call->asked, NS_FORMS, "field"),
				    NS_FORMS, "value");
	if (form->form_type.p != NULL && !str_equal(form->form_type, wanted))
		return "the form is another one";
	why = check_form(call->asked, form);
	if (why == NULL)
		call->forms[call->stage] = form;
	return why;
}

/* Sessions */

static void
go_on(struct command_call *call)
{
	if (call->stage < call->command->stages)
		call->command->ask(call);
	else
		call->command->run(call);
}

/* Room for one more of FROM, and on the whole: the oldest gives way. */
static bool
make_room(struct event *ev, struct sessions *sessions)
{
	const struct option_values *options = event_options(ev);
	uint64_t max = option_number(options, "sessions"), own_max = 5, of_own = 0;
	struct command_call *oldest = NULL, *oldest_own = NULL;

	LIST_EACH(&sessions->list, struct command_call, link, call)
	{
		bool is_own = str_equal(jid_bare_text(call->from), jid_bare_text(ev->stanza->from));

		of_own += is_own;
		if (call->held == NULL && oldest == NULL)
			oldest = call;
		if (call->held == NULL && is_own && oldest_own == NULL)
			oldest_own = call;
	}
	if (of_own >= own_max)
		oldest = oldest_own;
	else if (max == 0 || sessions->by_id.count < max)
		return true;
	if (oldest != NULL)
		call_free(oldest);
	return oldest != NULL;
}

static enum verdict
begin(struct event *ev, const struct command *command)
{
	struct sessions *sessions = sessions_of(ev->worker);
	struct command_call *call;
	struct arena *arena;
	struct jid from = ev->stanza->from;

	if (!make_room(ev, sessions))
		return event_refuse(ev, STANZA_RESOURCE_CONSTRAINT);
	arena = arena_new();
	call = arena_new_of(arena, struct command_call);
	call->arena = arena;
	call->command = command;
	call->worker = ev->worker;
	call->from = jid_make(arena, from.local, from.domain, from.resource);
	call->to = jid_make(arena, STR(""), ev->stanza->to.domain, STR(""));
	call->id = id_new(arena, from.text);
	call->used_ms = loop_now_ms(ev->worker->loop);
	map_put(&sessions->by_id, call->id, call);
	list_add(&sessions->list, &call->link);
	call->held = event_hold(ev);
	go_on(call);
	return DONE;
}

static void
cancel(struct command_call *call)
{
	reply(call, answer_new(call, "canceled"));
	call_free(call);
}

/* §2.4.2, §3.3 */
static void
take_action(struct command_call *call, enum action action, const struct element *asked)
{
	bool is_last = call->stage + 1 == call->command->stages;
	const struct element *x = element_child(asked, NS_FORMS, "x");
	struct held_iq *held = call->held;
	const char *why;

	if (action == ACTION_EXECUTE)
		action = is_last ? ACTION_COMPLETE : ACTION_NEXT;
	if (x != NULL && str_is(element_attr(x, "type"), "cancel"))
		action = ACTION_CANCEL;
	if (action == ACTION_CANCEL) {
		cancel(call);
	} else if ((action == ACTION_PREV && call->stage == 0) ||
		   (action == ACTION_NEXT && is_last) || (action == ACTION_COMPLETE && !is_last)) {
		call->held = NULL;
		refuse(held, STANZA_BAD_REQUEST, "bad-action", NULL);
	} else if (action == ACTION_PREV) {
		call->stage--;
		go_on(call);
	} else if ((why = take_form(call, asked)) != NULL) {
		command_bad_payload(call, why);
	} else {
		call->stage++;
		go_on(call);
	}
}

/* A request within a session. */
static enum verdict
continue_session(struct event *ev, const struct command *command, struct str id, enum action action)
{
	struct sessions *sessions = sessions_of(ev->worker);
	struct command_call *call = map_get(&sessions->by_id, id);
	struct str from = ev->stanza->from.text;

	if (call == NULL && id_was_ours(ev->arena, id, from)) {
		refuse(event_hold(ev), STANZA_NOT_ALLOWED, "session-expired", NULL);
		return DONE;
	}
	if (call == NULL || call->command != command || !str_equal(call->from.text, from) ||
	    !str_equal(call->to.domain, ev->stanza->to.domain)) {
		refuse(event_hold(ev), STANZA_BAD_REQUEST, "bad-sessionid", NULL);
		return DONE;
	}
	if (call->held != NULL) /* the last request is still being carried out */
		return event_refuse(ev, STANZA_UNEXPECTED_REQUEST);
	call->held = event_hold(ev);
	call->used_ms = loop_now_ms(ev->worker->loop);
	list_remove(&call->link);
	list_add(&sessions->list, &call->link);
	if (arena_size(call->arena) > ARENA_MAX)
		command_refuse(call, STANZA_POLICY_VIOLATION, "the session has become too large");
	else
		take_action(call, action, event_payload(ev));
	return DONE;
}

static int
action_parse(struct str text, enum action *out)
{
	*out = ACTION_EXECUTE;
	if (text.p == NULL)
		return 0;
	for (size_t i = 0; i < COUNT(action_names); i++) {
		*out = (enum action)i;
		if (str_is(text, action_names[i]))
			return 0;
	}
	return -1;
}

static enum verdict
execute(struct event *ev)
{
	const struct element *asked = event_payload(ev);
	const struct command *command = find_command(ev, element_attr(asked, "node"));
	struct str id = element_attr(asked, "sessionid");
	enum action action;

	if (command == NULL)
		return event_refuse(ev, STANZA_ITEM_NOT_FOUND);
	if (!may_use(ev, command))
		return event_refuse(ev, STANZA_FORBIDDEN);
	if (command->run == NULL)
		return event_refuse_text(ev, command->omitted, command->why_omitted);
	if (action_parse(element_attr(asked, "action"), &action) < 0) {
		refuse(event_hold(ev), STANZA_BAD_REQUEST, "malformed-action", NULL);
		return DONE;
	}
	if (command->is_for_admins)
		log_event(LOG_INFO, "command", LOG_Z("node", command->node),
			  LOG_STR("by", ev->stanza->from.text),
			  LOG_Z("action", action_names[action]));
	if (id.p != NULL)
		return continue_session(ev, command, id, action);
	if (action != ACTION_EXECUTE) {
		refuse(event_hold(ev), STANZA_BAD_REQUEST, "bad-action", NULL);
		return DONE;
	}
	return begin(ev, command);
}

/* Sessions that nobody went on with. */
static void
tick(struct worker *worker)
{
	struct sessions *sessions = sessions_of(worker);
	const struct option_values *options =
		config_options(worker->config, NULL, module_index(&xep0050_commands));
	uint64_t timeout = option_ms(options, "timeout"), now = loop_now_ms(worker->loop);

	LIST_EACH(&sessions->list, struct command_call, link, call)
	{
		if (call->held == NULL && now - call->used_ms >= timeout)
			call_free(call);
	}
}

static void
state_free(void *state)
{
	struct sessions *sessions = state;

	if (sessions->is_ready)
		LIST_EACH(&sessions->list, struct command_call, link, call)
		{
			if (call->held != NULL)
				held_drop(call->held);
			arena_free(call->arena);
		}
	map_free(&sessions->by_id);
}

const struct module xep0050_commands = {
	.name = "commands",
	.specs = SPECS({"XEP-0050", "1.3.0", SPEC_COMPLETE, NULL},
		       {"XEP-0004", "2.13.2", SPEC_COMPLETE, NULL},
		       {"XEP-0068", "1.3.0", SPEC_COMPLETE, NULL}),
	.features = FEATURES(NS_COMMANDS),
	.options = OPTIONS({"timeout", OPTION_DURATION, "10m",
			    "how long a command that was begun waits for what is filled in"},
			   {"sessions", OPTION_INT, "1000",
			    "commands under way, for each worker; the oldest gives way"}),
	.iqs = IQS({IQ_SET, TO_SERVER, NS_COMMANDS, "command", execute}),
	.hooks = HOOKS({POINT_FROM_CLIENT, STAGE_HANDLE, answer_disco}),
	.commands = own,
	.tick = tick,
	.state_size = sizeof(struct sessions),
	.state_free = state_free,
};
