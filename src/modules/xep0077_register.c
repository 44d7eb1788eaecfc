/* SPDX-License-Identifier: MIT */
/*
 * xep0077_register.c - in-band registration (XEP-0077): a new account where the operator allows it,
 * and for everybody a new password, and the end of the account.
 *
 * Whoever finds an open client must not be able to take the account over (SEC-40): the password is
 * changed, and the account removed, only in a session that logged in lately, or with the old
 * password.
 */
#include "base/log.h"
#include "server/account_change.h"
#include "server/c2s.h"
#include "server/module.h"
#include "xmpp/xep/forms.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define NS_REGISTER "jabber:iq:register"
#define NS_FEATURE "http://jabber.org/features/iq-register"
#define FORM_CHANGE "jabber:iq:register:changepassword"
#define FORM_CANCEL_ACCOUNT "jabber:iq:register:cancel"

/* Before login: the stream instead of a session. */
struct signup {
	struct c2s *c2s;
	struct stanza *iq;
};

static void
answer_signup(struct signup *signup, enum stanza_condition condition, const char *text)
{
	/* The stream may have ended while we hashed and stored; the account stays. */
	if (c2s_release(signup->c2s))
		c2s_send(signup->c2s, condition == STANZA_NO_ERROR
					      ? stanza_result(signup->iq)
					      : stanza_error_reply(signup->iq, condition, text));
	stanza_unref(signup->iq);
	free(signup);
}

static void
on_created(void *arg, enum store_status status)
{
	switch (status) {
	case STORE_OK:
		answer_signup(arg, STANZA_NO_ERROR, NULL);
		break;
	case STORE_CONFLICT:
		answer_signup(arg, STANZA_CONFLICT, NULL);
		break;
	default:
		answer_signup(arg, STANZA_RESOURCE_CONSTRAINT, NULL);
		break;
	}
}

static void
refuse_signup(struct c2s *c2s, struct stanza *iq, enum stanza_condition condition, const char *text)
{
	c2s_send(c2s, stanza_error_reply(iq, condition, text));
}

/* §3.1, example 2. */
static void
answer_fields(struct c2s *c2s, struct stanza *iq)
{
	struct stanza *reply = stanza_result(iq);
	struct element *query = element_add(reply->arena, reply->el, NS_REGISTER, "query");

	element_add_leaf(reply->arena, query, "instructions",
			 STR("Choose a name and a password for your new account."));
	element_add(reply->arena, query, NULL, "username");
	element_add(reply->arena, query, NULL, "password");
	c2s_send(c2s, reply);
}

static void
sign_up(struct c2s *c2s, const struct config_host *host, struct stanza *iq)
{
	const struct element *query = element_child(iq->el, NS_REGISTER, "query");
	struct worker *worker = c2s_worker(c2s);
	struct str user = element_child_text(iq->arena, query, NS_REGISTER, "username");
	struct str password = element_child_text(iq->arena, query, NS_REGISTER, "password");
	struct signup *signup;
	const char *why;

	if (user.len == 0 || password.len == 0) {
		refuse_signup(c2s, iq, STANZA_NOT_ACCEPTABLE, NULL);
	} else if (jid_prepare_local(iq->arena, user, &user, &why) < 0 ||
		   jid_check_new_account(iq->arena, user, &why) < 0 ||
		   password_prepare(iq->arena, password, &password, &why) < 0) {
		refuse_signup(c2s, iq, STANZA_NOT_ACCEPTABLE, why);
	} else if (!admission_register(worker->server->admission, &worker->config->limits,
				       c2s_peer(c2s))) {
		refuse_signup(c2s, iq, STANZA_RESOURCE_CONSTRAINT,
			      "too many accounts were made from your address lately");
	} else {
		struct jid bare = jid_make(iq->arena, user, host->name, STR(""));

		signup = xnew(struct signup);
		signup->c2s = c2s;
		signup->iq = stanza_ref(iq);
		c2s_hold(c2s);
		log_event(LOG_INFO, "account-asked-for", LOG_STR("account", bare.text),
			  LOG_STR("peer", c2s_peer_text(iq->arena, c2s)));
		account_set_password(worker->server, worker->loop, worker->config, ACCOUNT_MAKE,
				     bare, password, STR(""), on_created, signup);
	}
}

static bool
before_login(struct c2s *c2s, const struct config_host *host,
	     const struct option_values *options UNUSED, struct stanza *iq)
{
	if (element_child(iq->el, NS_REGISTER, "query") == NULL)
		return false;
	if (!host->registration)
		refuse_signup(c2s, iq, STANZA_NOT_ALLOWED, "ask the operator for an account");
	else if (iq->type == IQ_GET)
		answer_fields(c2s, iq);
	else
		sign_up(c2s, host, iq);
	return true;
}

/* §3.3, §3.2 after login. */

enum task_kind { CHANGE, CANCEL };

struct task_of_owner {
	struct held_iq *held;
	enum task_kind kind;
	struct jid account; /* in held->arena */
	struct str password;
};

/* §3.2: the last word of an account that is gone, to the session that ended it. */
static void
say_goodbye(struct task_of_owner *task)
{
	const struct jid *from = &task->held->iq->from;
	struct account *account = account_find(task->held->worker, jid_bare_text(*from));
	struct session *session = account ? account_session(account, from->resource) : NULL;
	struct stanza *result = stanza_result(task->held->iq);

	if (session != NULL) {
		stanza_freeze(result);
		session_deliver(session, result, NULL);
		session_close(session, STREAM_NOT_AUTHORIZED, "the account was removed");
	}
	stanza_unref(result);
	held_drop(task->held);
}

static void
answer_owner(struct task_of_owner *task, enum store_status status)
{
	struct account *account = account_find(task->held->worker, task->account.text);

	if (account != NULL)
		account->is_changing = false;
	if (task->password.p != NULL)
		OPENSSL_cleanse((char *)(uintptr_t)task->password.p, task->password.len);
	if (status == STORE_OK && task->kind == CANCEL)
		say_goodbye(task);
	else if (status == STORE_OK)
		held_reply(task->held, NULL);
	else if (status == STORE_CONFLICT)
		held_refuse(task->held, STANZA_NOT_AUTHORIZED, "the old password is wrong");
	else
		held_refuse(task->held, STANZA_INTERNAL_SERVER_ERROR, NULL);
	free(task);
}

static void
on_done(void *arg, enum store_status status)
{
	answer_owner(arg, status);
}

static void
carry_out(struct task_of_owner *task)
{
	struct worker *worker = task->held->worker;

	log_event(LOG_INFO, task->kind == CHANGE ? "password-changed" : "account-cancelled",
		  LOG_STR("account", task->account.text));
	if (task->kind == CHANGE)
		account_set_password(worker->server, worker->loop, worker->config,
				     ACCOUNT_SET_PASSWORD, task->account, task->password,
				     task->held->iq->from.resource, on_done, task);
	else
		account_remove(worker->server, worker->loop, task->account,
			       task->held->iq->from.resource, on_done, task);
}

/* Guessing counts here as it does at login (SEC-35). */
static void
count_wrong_password(const struct task_of_owner *task)
{
	struct worker *worker = task->held->worker;
	const struct jid *from = &task->held->iq->from;
	struct account *account = account_find(worker, jid_bare_text(*from));
	struct session *session = account ? account_session(account, from->resource) : NULL;

	if (session != NULL &&
	    admission_login_failed(worker->server->admission, &worker->config->limits,
				   c2s_peer(session->c2s)))
		session_close(session, STREAM_POLICY_VIOLATION, "too many wrong passwords");
}

static void
on_old_password(void *arg, enum store_status status)
{
	if (status == STORE_OK) {
		carry_out(arg);
	} else {
		count_wrong_password(arg);
		answer_owner(arg, STORE_CONFLICT);
	}
}

/* §3.3, §3.2: the error that asks for the old password in a form. */
static enum verdict
ask_for_password(struct event *ev, enum task_kind kind)
{
	struct stanza *error = stanza_error_reply(ev->stanza, STANZA_NOT_AUTHORIZED, NULL);
	struct arena *arena = error->arena;
	struct element *query = element_new(arena, NS_REGISTER, "query");
	struct element *form =
		form_new(arena, FORM_ASK, kind == CHANGE ? FORM_CHANGE : FORM_CANCEL_ACCOUNT);

	form_set_title(arena, form, STR("Your password, please"));
	field_require(arena, form_add_text(arena, form, FIELD_TEXT, "username", "User name",
					   ev->account->jid.local));
	field_require(arena, form_add_field(arena, form, FIELD_TEXT_PRIVATE,
					    kind == CHANGE ? "old_password" : "password",
					    "The password that you have now"));
	if (kind == CHANGE)
		field_require(arena, form_add_field(arena, form, FIELD_TEXT_PRIVATE, "password",
						    "The new password"));
	element_append(query, form);
	/* The payload comes before the error (RFC 6120 §8.3.1). */
	element_detach(element_child(error->el, NULL, "error"));
	element_append(error->el, query);
	element_append(error->el, stanza_error_new(arena, STANZA_NOT_AUTHORIZED, NULL));
	route(ev->worker, error);
	return DONE;
}

/*
 * OLD with p NULL: a recent login must do. With is_for the account's owner, as all iqs here are.
 */
static enum verdict
start_task(struct event *ev, enum task_kind kind, struct str password, struct str old)
{
	uint64_t age_ms = (time_wall_us() - ev->session->bound_at_us) / 1000;
	struct task_of_owner *task;
	struct str prepared = STR_NONE, prepared_old = STR_NONE;
	const char *why;

	if (kind == CHANGE && password_prepare(ev->arena, password, &prepared, &why) < 0)
		return event_refuse_text(ev, STANZA_NOT_ACCEPTABLE, why);
	if (old.p != NULL && password_prepare(ev->arena, old, &prepared_old, &why) < 0)
		return event_refuse(ev, STANZA_NOT_AUTHORIZED);
	/* A token must not become a password: who has one, shows the old password (XEP-0484). */
	if (old.p == NULL &&
	    (age_ms > option_ms(event_options(ev), "recent") || ev->session->proof == PROOF_TOKEN))
		return ask_for_password(ev, kind);
	/* Keys are heavy work, which whoever logs in needs too (SEC-17). */
	if (ev->session->account->is_changing)
		return event_refuse_text(ev, STANZA_RESOURCE_CONSTRAINT, "a change is under way");
	ev->session->account->is_changing = true;
	task = xnew(struct task_of_owner);
	task->held = event_hold(ev);
	task->kind = kind;
	task->account = jid_make(task->held->arena, ev->account->jid.local, ev->account->jid.domain,
				 STR(""));
	task->password = arena_dup(task->held->arena, prepared);
	if (old.p != NULL)
		account_check_password(ev->worker->server, ev->worker->loop, task->account,
				       prepared_old, on_old_password, task);
	else
		carry_out(task);
	return DONE;
}

static bool
is_own_name(const struct event *ev, struct str user)
{
	struct str prepared;
	const char *why;

	return jid_prepare_local(ev->arena, user, &prepared, &why) == 0 &&
	       str_equal(prepared, ev->account->jid.local);
}

static enum verdict
take_form(struct event *ev, const struct element *query)
{
	struct form form;
	const char *why;

	if (form_find(ev->arena, query, FORM_SUBMIT, FORM_CHANGE, &form, &why) == 0) {
		if (!is_own_name(ev, form_value(&form, "username")))
			return event_refuse(ev, STANZA_NOT_AUTHORIZED);
		if (form_value(&form, "old_password").len == 0 ||
		    form_value(&form, "password").len == 0)
			return event_refuse(ev, STANZA_BAD_REQUEST);
		return start_task(ev, CHANGE, form_value(&form, "password"),
				  form_value(&form, "old_password"));
	}
	if (form_find(ev->arena, query, FORM_SUBMIT, FORM_CANCEL_ACCOUNT, &form, &why) == 0) {
		if (!is_own_name(ev, form_value(&form, "username")))
			return event_refuse(ev, STANZA_NOT_AUTHORIZED);
		return start_task(ev, CANCEL, STR_NONE, form_value(&form, "password"));
	}
	return event_refuse(ev, STANZA_BAD_REQUEST);
}

static enum verdict
set(struct event *ev)
{
	const struct element *query = event_payload(ev);
	struct str user = element_child_text(ev->arena, query, NS_REGISTER, "username");
	struct str password = element_child_text(ev->arena, query, NS_REGISTER, "password");

	/* Only one's own account, wherever the iq is addressed to (§3.2, §3.3). */
	if (ev->session == NULL || ev->session->account->is_guest ||
	    !str_equal(ev->session->jid.domain, ev->host->name))
		return event_refuse(ev, STANZA_NOT_ALLOWED);
	if (element_child(query, NS_FORMS, "x") != NULL)
		return take_form(ev, query);
	if (element_child(query, NS_REGISTER, "remove") != NULL) {
		if (user.p != NULL)
			return event_refuse(ev, STANZA_BAD_REQUEST);
		return start_task(ev, CANCEL, STR_NONE, STR_NONE);
	}
	if (user.len == 0 || password.len == 0)
		return event_refuse(ev, STANZA_BAD_REQUEST);
	if (!is_own_name(ev, user))
		return event_refuse(ev, STANZA_NOT_ALLOWED);
	return start_task(ev, CHANGE, password, STR_NONE);
}

/* §3.1, example 4: to somebody who has an account. */
static enum verdict
get(struct event *ev)
{
	struct element *query = element_new(ev->arena, NS_REGISTER, "query");

	if (ev->session == NULL || ev->session->account->is_guest)
		return event_refuse(ev, STANZA_NOT_ALLOWED);
	element_add(ev->arena, query, NULL, "registered");
	element_add_leaf(ev->arena, query, "username", ev->session->jid.local);
	element_add(ev->arena, query, NULL, "password");
	event_reply(ev, query);
	return DONE;
}

static void
write_features(struct worker *worker UNUSED, const struct config_host *host,
	       const struct option_values *options UNUSED, bool is_authenticated, struct buf *out)
{
	if (!is_authenticated && host->registration)
		buf_addz(out, "<register xmlns='" NS_FEATURE "'/>");
}

const struct module xep0077_register = {
	.name = "register",
	.specs = SPECS(
		{"XEP-0077", "2.4", SPEC_COMPLETE, "new accounts only on hosts that allow it"}),
	.features = FEATURES(NS_REGISTER),
	.options =
		OPTIONS({"recent", OPTION_DURATION, "10m",
			 "a login that is older needs the old password again to change or remove"}),
	.iqs = IQS({IQ_GET, TO_SERVER | TO_OWN_ACCOUNT, NS_REGISTER, "query", get},
		   {IQ_SET, TO_SERVER | TO_OWN_ACCOUNT, NS_REGISTER, "query", set}),
	.stream_features = write_features,
	.stream_iq = before_login,
};
