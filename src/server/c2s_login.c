/* SPDX-License-Identifier: MIT */
/*
 * c2s_login.c - the second half of a login by SASL2, on the account's home worker: what was asked
 * for inline, binding, and <success/> (XEP-0388 §2.6.1; the order is login.h's).
 */
#include "base/log.h"
#include "server/c2s_private.h"
#include "server/module.h"
#include "xmpp/xml_writer.h"

#include <stdlib.h>

enum phase { PHASE_LOGIN, PHASE_PREPARE, PHASE_BIND, PHASE_SUCCESS, PHASE_COUNT };

struct inline_call { /* a feature that takes part */
	const struct inline_feature *feature;
	const struct module *module;
	const struct element *asked;
	void *kept;
	unsigned phase; /* the next one in which it is to be called */
};

static bool
is_enabled(const struct c2s *c2s, const struct config_host *host, size_t module)
{
	return config_module_enabled(config_options(c2s->worker->config, host, module));
}

static bool
is_row(const struct inline_feature *f)
{
	return f != NULL && (f->ns != NULL || f->prepare != NULL || f->run != NULL);
}

static void
write_place(const struct c2s *c2s, enum inline_place place, struct buf *out)
{
	const struct config_host *host = c2s_host(c2s);

	for (size_t i = 0; host != NULL && i < module_count(); i++) {
		const struct inline_feature *f = modules[i]->inline_features;

		for (; is_row(f); f++) {
			if (f->place != place || f->announced == NULL || !is_enabled(c2s, host, i))
				continue;
			if (place == INLINE_LOGIN)
				buf_printf(out, "<%s xmlns='%s'/>", f->announced, f->ns);
			else
				buf_printf(out, "<feature var='%s'/>", f->announced);
		}
	}
}

void
c2s_write_inline(struct c2s *c2s, struct buf *out)
{
	write_place(c2s, INLINE_LOGIN, out);
	buf_addz(out, "<bind xmlns='" NS_BIND2 "'><inline>");
	write_place(c2s, INLINE_BIND, out);
	buf_addz(out, "</inline></bind>");
}

static const struct element *
bind_request(const struct login *login)
{
	return element_child(login->request, NS_BIND2, "bind");
}

/* Whether F takes part in LOGIN; *ASKED is what asks for it. */
static bool
takes_part(const struct login *login, const struct inline_feature *f, const struct element **asked)
{
	const struct element *place =
		f->place == INLINE_LOGIN ? login->request : bind_request(login);

	*asked = NULL;
	if (place == NULL)
		return false;
	if (f->ns == NULL)
		return true;
	*asked = element_child(place, f->ns, f->name);
	return *asked != NULL;
}

static void
list_calls(struct login *login)
{
	const struct config_host *host = c2s_host(login->c2s);
	size_t max = 0;

	for (size_t i = 0; i < module_count(); i++) {
		const struct inline_feature *f = modules[i]->inline_features;

		for (; is_row(f); f++)
			max++;
	}
	login->calls = arena_array(login->arena, struct inline_call, max + 1);
	for (size_t i = 0; i < module_count(); i++) {
		const struct inline_feature *f = modules[i]->inline_features;

		for (; is_row(f); f++) {
			struct inline_call *call = &login->calls[login->call_count];

			if (is_enabled(login->c2s, host, i) && takes_part(login, f, &call->asked)) {
				call->feature = f;
				call->module = modules[i];
				login->call_count++;
			}
		}
	}
}

typedef void inline_handler(struct event *ev, struct login *login, const struct element *asked);

static inline_handler *
handler_of(const struct login *login, const struct inline_call *call)
{
	const struct inline_feature *f = call->feature;

	switch (login->phase) {
	case PHASE_LOGIN:
		return f->place == INLINE_LOGIN ? f->run : NULL;
	case PHASE_PREPARE:
		return f->place == INLINE_BIND ? f->prepare : NULL;
	case PHASE_BIND:
		return f->place == INLINE_BIND ? f->run : NULL;
	default:
		return f->place == INLINE_LOGIN || login->bound != NULL ? f->done : NULL;
	}
}

static void
run_call(struct login *login, struct inline_call *call, inline_handler *handler)
{
	struct c2s *c2s = login->c2s;
	struct event ev = {.worker = c2s->worker,
			   .session = c2s->session,
			   .account = login->account,
			   .host = c2s_host(c2s),
			   .module = call->module};

	if (ev.host == NULL)
		return;
	ev.arena = arena_new();
	login->call = call;
	login->is_in_call = true;
	handler(&ev, login, call->asked);
	login->is_in_call = false;
	arena_free(ev.arena);
}

/* False: one of them holds the login, which goes on later. */
static bool
run_phase(struct login *login)
{
	struct c2s *c2s = login->c2s;

	for (size_t i = 0; i < login->call_count; i++) {
		struct inline_call *call = &login->calls[i];
		inline_handler *handler = handler_of(login, call);

		if (call->phase > login->phase)
			continue;
		call->phase = login->phase + 1;
		/* What is resumed, is resumed once; the rest of the login is for a new session. */
		if (handler == NULL || (login->phase == PHASE_LOGIN && c2s->session != NULL))
			continue;
		run_call(login, call, handler);
		if (c2s->holds > 0 || c2s->is_closing)
			return false;
	}
	return true;
}

/* §2.6.1, and XEP-0198 §11.2: after a resumption no features. */
static void
write_success(struct login *login)
{
	struct c2s *c2s = login->c2s;
	struct str jid = c2s->session != NULL ? c2s->session->jid.text : login->account->jid.text;
	struct element *success = sasl2_success(login->arena, login->data, jid);
	struct buf *out = c2s_output(c2s);

	while (login->answers->children != NULL) {
		struct element *el = login->answers->children;

		element_detach(el);
		element_append(success, el);
	}
	if (login->bound != NULL)
		element_append(success, login->bound);
	if (login->token != NULL)
		element_append(success, login->token);
	xml_write(out, success, STR(NS_CLIENT));
	if (!login->is_resumed)
		c2s_write_features(c2s, out);
	c2s_wrote(c2s);
}

static void
go_on(struct login *login)
{
	struct c2s *c2s = login->c2s;

	for (; login->phase < PHASE_COUNT; login->phase++) {
		bool binds = c2s->session == NULL && bind_request(login) != NULL;

		if (login->phase == PHASE_BIND && binds && !c2s_bind2(login))
			break;
		if (login->phase == PHASE_SUCCESS)
			write_success(login);
		if ((login->phase == PHASE_PREPARE && !binds) ||
		    (login->phase == PHASE_BIND && login->bound == NULL))
			continue;
		if (!run_phase(login))
			return;
	}
	c2s->login = NULL;
	login_free(login);
}

static void
on_account(struct waiter *waiter, struct account *account)
{
	struct c2s *c2s = CONTAINER(waiter, struct c2s, waiter);
	struct login *login = c2s->login;

	if (!c2s_release(c2s))
		return;
	if (!c2s_may_use_account(c2s, account) || c2s_host(c2s) == NULL)
		return;
	login->account = account;
	login->answers = element_new(login->arena, NS_SASL2, "success");
	list_calls(login);
	if (c2s_enter_client(login))
		go_on(login);
}

void
c2s_login_arrived(struct c2s *c2s)
{
	c2s->waiter.run = on_account;
	c2s_hold(c2s);
	account_wait(c2s_account(c2s), &c2s->waiter);
}

struct arena *
login_arena(const struct login *login)
{
	return login->arena;
}

struct c2s *
login_c2s(const struct login *login)
{
	return login->c2s;
}

void
login_answer(struct login *login, struct element *el)
{
	bool is_bind = login->call->feature->place == INLINE_BIND;

	assert(!is_bind || login->bound != NULL);
	element_append(is_bind ? login->bound : login->answers, el);
}

void
login_keep(struct login *login, void *what)
{
	login->call->kept = what;
}

void *
login_kept(const struct login *login)
{
	return login->call->kept;
}

void
login_hold(struct login *login)
{
	assert(login->phase <= PHASE_PREPARE);
	account_pin(login->account);
	c2s_hold(login->c2s);
}

bool
login_is_there(const struct login *login)
{
	return !login->c2s->is_dead && !login->c2s->is_closing;
}

void
login_go_on(struct login *login)
{
	bool is_there;

	account_unpin(login->account);
	is_there = c2s_release(login->c2s);
	/* Before the feature has returned, whoever called it goes on. */
	if (is_there && !login->is_in_call && c2s_may_use_account(login->c2s, login->account))
		go_on(login);
}

void
login_resume(struct login *login, struct session *session)
{
	assert(login->phase == PHASE_LOGIN && login->c2s->session == session);
	login->is_resumed = true;
}
