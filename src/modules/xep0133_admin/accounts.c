/* SPDX-License-Identifier: MIT */
/* accounts.c - accounts are added, deleted, disabled, enabled; passwords changed; sessions ended.
 */
#include "base/log.h"
#include "modules/xep0133_admin/admin.h"
#include "server/account_change.h"
#include "server/account_disable.h"
#include "server/route.h"

void
admin_ask_new_account(struct command_call *call)
{
	struct element *form = admin_form(call, FORM_ASK);

	field_require(call->arena, form_add_field(call->arena, form, FIELD_JID, "accountjid",
						  "The address of the account"));
	field_require(call->arena, form_add_field(call->arena, form, FIELD_TEXT_PRIVATE, "password",
						  "Its password"));
	field_require(call->arena, form_add_field(call->arena, form, FIELD_TEXT_PRIVATE,
						  "password-verify", "The password again"));
	command_ask(call, form);
}

void
admin_ask_password(struct command_call *call)
{
	struct element *form = admin_form(call, FORM_ASK);

	field_require(call->arena, form_add_field(call->arena, form, FIELD_JID, "accountjid",
						  "The address of the account"));
	field_require(call->arena, form_add_field(call->arena, form, FIELD_TEXT_PRIVATE, "password",
						  "The new password"));
	command_ask(call, form);
}

static void
log_change(const struct command_call *call, struct str account)
{
	log_event(LOG_INFO, "account-changed", LOG_Z("by", call->command->node),
		  LOG_STR("admin", call->from.text), LOG_STR("account", account));
}

static void
refuse_status(struct command_call *call, enum store_status status)
{
	switch (status) {
	case STORE_CONFLICT:
		command_refuse(call, STANZA_CONFLICT, "the account is there already");
		return;
	case STORE_MISSING:
		command_refuse(call, STANZA_ITEM_NOT_FOUND, "there is no such account");
		return;
	default:
		command_refuse(call, STANZA_RESOURCE_CONSTRAINT, "the disk is full");
		return;
	}
}

/* CALL->data is the one account. */
static void
changed(void *owner, enum store_status status)
{
	struct command_call *call = owner;

	if (status != STORE_OK) {
		refuse_status(call, status);
		return;
	}
	log_change(call, ((const struct jid *)call->data)->text);
	command_done(call, NULL);
}

/* The account and password of the first form. Returns 0, or -1: CALL was answered. */
static int
read_password(struct command_call *call, struct jid **jid, struct str *password)
{
	struct str text = form_value(call->forms[0], "password");
	const char *why;
	size_t count;

	if (admin_accounts(call, false, jid, &count) < 0)
		return -1;
	if (count == 1 && password_prepare(call->arena, text, password, &why) == 0)
		return 0;
	command_bad_payload(call, count == 1 ? why : "one account, please");
	return -1;
}

static void
set_password(struct command_call *call, enum account_change what, struct jid *jid,
	     struct str password)
{
	struct worker *worker = call->worker;

	call->data = jid;
	account_set_password(worker->server, worker->loop, worker->config, what, *jid, password,
			     STR(""), changed, call);
}

void
admin_add_user(struct command_call *call)
{
	struct str password;
	struct jid *jid;
	const char *why;

	if (!str_equal(form_value(call->forms[0], "password"),
		       form_value(call->forms[0], "password-verify"))) {
		command_bad_payload(call, "the two passwords differ");
		return;
	}
	if (read_password(call, &jid, &password) < 0)
		return;
	if (jid_check_new_account(call->arena, jid->local, &why) < 0)
		command_bad_payload(call, why);
	else
		set_password(call, ACCOUNT_MAKE, jid, password);
}

void
admin_change_password(struct command_call *call)
{
	struct str password;
	struct jid *jid;

	if (read_password(call, &jid, &password) == 0)
		set_password(call, ACCOUNT_SET_PASSWORD, jid, password);
}

/* One account after the other */

struct round { /* in the call's arena */
	struct command_call *call;
	struct jid *jids;
	size_t count, next, missing;
	void (*work)(struct round *round, struct jid jid);
};

static void
next(struct round *round)
{
	struct command_call *call = round->call;

	if (round->next < round->count) {
		round->work(round, round->jids[round->next]);
		return;
	}
	if (round->missing == round->count) {
		refuse_status(call, STORE_MISSING);
		return;
	}
	if (round->missing > 0)
		command_note(
			call, "warn",
			arena_printf(call->arena, "%zu of these are not there", round->missing));
	command_done(call, NULL);
}

static void
worked(void *owner, enum store_status status)
{
	struct round *round = owner;

	if (status == STORE_FULL) {
		refuse_status(round->call, status);
		return;
	}
	if (status == STORE_OK)
		log_change(round->call, round->jids[round->next].text);
	else
		round->missing++;
	round->next++;
	next(round);
}

static void
begin(struct command_call *call, bool with_resources,
      void (*work)(struct round *round, struct jid jid))
{
	struct round *round = arena_new_of(call->arena, struct round);

	round->call = call;
	round->work = work;
	if (admin_accounts(call, with_resources, &round->jids, &round->count) == 0)
		next(round);
}

static void
remove_one(struct round *round, struct jid jid)
{
	struct worker *worker = round->call->worker;

	account_remove(worker->server, worker->loop, jid, STR(""), worked, round);
}

void
admin_delete_user(struct command_call *call)
{
	begin(call, false, remove_one);
}

static void
disable_one(struct round *round, struct jid jid)
{
	struct worker *worker = round->call->worker;

	account_set_disabled(worker->server, worker->loop, jid, true, worked, round);
}

static void
enable_one(struct round *round, struct jid jid)
{
	struct worker *worker = round->call->worker;

	account_set_disabled(worker->server, worker->loop, jid, false, worked, round);
}

void
admin_disable_user(struct command_call *call)
{
	begin(call, false, disable_one);
}

void
admin_reenable_user(struct command_call *call)
{
	begin(call, false, enable_one);
}

struct ending {
	struct task back;
	struct round *round;
	struct jid jid;
	bool has_ended;
};

static void
ended(struct task *task)
{
	struct ending *ending = CONTAINER(task, struct ending, back);

	worked(ending->round, ending->has_ended ? STORE_OK : STORE_MISSING);
}

/* §4.5: all sessions of a bare JID, the one of a full JID. */
static void
end_sessions(struct worker *worker, void *arg)
{
	struct ending *ending = arg;
	struct account *account = account_find(worker, jid_bare_text(ending->jid));

	if (account != NULL)
		LIST_EACH(&account->sessions, struct session, link, session)
		{
			if (session->is_closing ||
			    (ending->jid.resource.len > 0 &&
			     !str_equal(session->jid.resource, ending->jid.resource)))
				continue;
			ending->has_ended = true;
			session_close(session, STREAM_POLICY_VIOLATION,
				      "an administrator has ended the session");
		}
	ending->back.run = ended;
	loop_post(ending->round->call->worker->loop, &ending->back);
}

static void
end_one(struct round *round, struct jid jid)
{
	struct ending *ending = arena_new_of(round->call->arena, struct ending);

	ending->round = round;
	ending->jid = jid;
	worker_call(worker_home(round->call->worker, jid_bare_text(jid)), end_sessions, ending);
}

void
admin_end_session(struct command_call *call)
{
	begin(call, true, end_one);
}
