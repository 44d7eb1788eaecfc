/* SPDX-License-Identifier: MIT */
/*
 * facts.c - what is known of accounts: contacts, when they were last there, their sessions. The
 * account's home worker is asked, which loads it when it is not in memory.
 */
#include "modules/xep0133_admin/admin.h"
#include "server/account_disable.h"
#include "server/c2s.h"
#include "server/roster.h"
#include "server/route.h"

#define LAST_SEEN_DOC "last-seen" /* "wall_us status": xep0012_last.c */

struct visit { /* in the call's arena, which nobody else touches meanwhile */
	struct task back;
	struct waiter waiter;
	struct command_call *call;
	struct jid *jids;
	size_t count, next;
	struct element *form;
	struct account *account; /* that is being visited, for what waits for the store */
	bool is_missing;
	/* On the home worker. Ends with go_back. */
	void (*look)(struct visit *visit, struct account *account);
	/* On the asker's worker, when all have been visited. */
	void (*done)(struct visit *visit);
};

static void go_on(struct visit *visit);

static void
came_back(struct task *task)
{
	struct visit *visit = CONTAINER(task, struct visit, back);

	if (visit->is_missing) {
		command_refuse(visit->call, STANZA_ITEM_NOT_FOUND, "there is no such account");
		return;
	}
	visit->next++;
	go_on(visit);
}

static void
go_back(struct visit *visit)
{
	visit->back.run = came_back;
	loop_post(visit->call->worker->loop, &visit->back);
}

static void
on_loaded(struct waiter *waiter, struct account *account)
{
	struct visit *visit = CONTAINER(waiter, struct visit, waiter);

	visit->is_missing = account->state != ACCOUNT_READY;
	visit->account = account;
	if (visit->is_missing)
		go_back(visit);
	else
		visit->look(visit, account);
}

static void
load(struct worker *worker, void *arg)
{
	struct visit *visit = arg;

	visit->waiter.run = on_loaded;
	account_wait(account_get(worker, jid_bare_text(visit->jids[visit->next])), &visit->waiter);
}

static void
go_on(struct visit *visit)
{
	struct str bare;

	if (visit->next == visit->count) {
		visit->done(visit);
		return;
	}
	bare = jid_bare_text(visit->jids[visit->next]);
	worker_call(worker_home(visit->call->worker, bare), load, visit);
}

static void
begin(struct command_call *call, enum form_kind kind,
      void (*look)(struct visit *visit, struct account *account), void (*done)(struct visit *visit))
{
	struct visit *visit = arena_new_of(call->arena, struct visit);

	visit->call = call;
	visit->look = look;
	visit->done = done;
	if (admin_accounts(call, false, &visit->jids, &visit->count) < 0)
		return;
	visit->form = admin_form(call, kind);
	go_on(visit);
}

static void
finish(struct visit *visit)
{
	command_done(visit->call, visit->form);
}

static void
finish_accounts(struct visit *visit)
{
	struct element *field = form_add_field(visit->call->arena, visit->form, FIELD_JID_MULTI,
					       "accountjids", "Accounts");

	for (size_t i = 0; i < visit->count; i++)
		field_add_value(visit->call->arena, field, visit->jids[i].text);
	finish(visit);
}

/* §4.8: the form's child, as jabber:iq:roster has it. */
static void
look_at_roster(struct visit *visit, struct account *account)
{
	struct arena *arena = visit->call->arena;
	struct element *query = element_add(arena, visit->form, NS_ROSTER, "query");
	uint32_t at = 0;
	void *value;

	while (map_next(&account->roster->contacts, &at, &value))
		if (((const struct contact *)value)->is_listed)
			contact_item(arena, query, value);
	go_back(visit);
}

void
admin_get_roster(struct command_call *call)
{
	begin(call, FORM_RESULT, look_at_roster, finish_accounts);
}

/* When it was last there */

static void
add_time(struct visit *visit, uint64_t us)
{
	struct arena *arena = visit->call->arena;

	if (us > 0)
		form_add_text(arena, visit->form, FIELD_TEXT, "lastlogin", "Last there",
			      time_format(arena, us, false));
}

static void
on_last_seen(struct store_request *request)
{
	struct visit *visit = request->owner;
	struct str rest = request->results[0].value, field;
	uint64_t us = 0;

	if (request->results[0].status == STORE_OK && str_split(&rest, ' ', &field) &&
	    str_to_u64(field, UINT64_MAX, &us) < 0)
		us = 0;
	store_request_free(request);
	add_time(visit, us);
	go_back(visit);
}

/* The newest session's beginning, or the last one's end. */
static void
look_when(struct visit *visit, struct account *account)
{
	struct worker *worker = account->worker;
	struct store_request *request;
	uint64_t newest = 0;

	LIST_EACH(&account->sessions, struct session, link, session)
	{
		newest = MAX(newest, session->bound_at_us);
	}
	if (newest > 0) {
		add_time(visit, newest);
		go_back(visit);
		return;
	}
	request = store_request_new(worker->store, worker->loop, on_last_seen, visit);
	store_doc_get(request, account->jid.text, LAST_SEEN_DOC);
	store_submit(request);
}

void
admin_get_last_login(struct command_call *call)
{
	begin(call, FORM_RESULT, look_when, finish_accounts);
}

/* §4.10 */
static void
add_facts(struct arena *arena, struct element *form, const struct account *account)
{
	struct element *addresses = form_add_field(arena, form, FIELD_TEXT_MULTI, "ipaddresses",
						   "Addresses of its devices");
	struct element *resources = form_add_field(arena, form, FIELD_TEXT_MULTI, "onlineresources",
						   "Resources online");

	LIST_EACH(&account->sessions, struct session, link, session)
	{
		if (session->c2s != NULL)
			field_add_value(arena, addresses, c2s_peer_text(arena, session->c2s));
		field_add_value(arena, resources, arena_dup(arena, session->jid.resource));
	}
	form_add_text(arena, form, FIELD_TEXT, "rostersize", "Contacts",
		      arena_printf(arena, "%zu", account->roster->listed));
}

static void
look_at_facts(struct visit *visit, struct account *account)
{
	add_facts(visit->call->arena, visit->form, account);
	go_back(visit);
}

void
admin_get_stats(struct command_call *call)
{
	begin(call, FORM_RESULT, look_at_facts, finish);
}

/* In two stages: which account; then, knowing what it is like, what is to be done with it. */

static void
look_for_choice(struct visit *visit, struct account *account)
{
	struct arena *arena = visit->call->arena;
	struct element *field;

	form_add_text(arena, visit->form, FIELD_FIXED, NULL, NULL,
		      arena_printf(arena, "%.*s is %s. Contacts: %zu. Sessions: %u.",
				   STR_ARG(account->jid.text),
				   account->is_disabled ? "disabled" : "enabled",
				   account->roster->listed, account->session_count));
	field = form_add_text(arena, visit->form, FIELD_LIST, "do", "What to do with it",
			      STR("nothing"));
	field_require(arena, field);
	field_add_option(arena, field, "Nothing", STR("nothing"));
	field_add_option(arena, field, "End its sessions", STR("end-sessions"));
	field_add_option(arena, field, account->is_disabled ? "Enable it" : "Disable it",
			 account->is_disabled ? STR("enable") : STR("disable"));
	go_back(visit);
}

static void
ask_for_choice(struct visit *visit)
{
	command_ask(visit->call, visit->form);
}

void
admin_ask_manage(struct command_call *call)
{
	if (call->stage == 0)
		admin_ask_account(call);
	else
		begin(call, FORM_ASK, look_for_choice, ask_for_choice);
}

void
admin_manage(struct command_call *call)
{
	struct str what = form_value(call->forms[1], "do");

	if (str_is(what, "end-sessions"))
		admin_end_session(call);
	else if (str_is(what, "disable"))
		admin_disable_user(call);
	else if (str_is(what, "enable"))
		admin_reenable_user(call);
	else
		command_done(call, NULL);
}
