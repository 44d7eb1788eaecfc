/* SPDX-License-Identifier: MIT */
/*
 * s2s_dialback.c - the elements of dialback as they come (XEP-0220).
 *
 * Requests are answered on the streams that others opened; answers count on those that we opened,
 * for what was asked there and not answered yet. Everything else is somebody's try (SEC-41).
 */
#include "server/s2s_private.h"

#include "base/log.h"
#include "server/route.h"

#include <stdlib.h>

struct addressed {
	struct str from, to, id, type, key;
};

/* Returns 0, or -1: an address is missing or is none. */
static int
read_addresses(struct arena *arena, const struct element *el, struct addressed *out)
{
	struct str from = element_attr(el, "from"), to = element_attr(el, "to");
	const char *why;

	out->id = element_attr(el, "id");
	out->type = element_attr(el, "type");
	out->key = str_trim(element_text(arena, el));
	if (from.p == NULL || to.p == NULL ||
	    jid_prepare_domain(arena, from, &out->from, &why) < 0 ||
	    jid_prepare_domain(arena, to, &out->to, &why) < 0)
		return -1;
	return 0;
}

/* Requests */

static void
answer_result(struct s2s *s2s, const struct addressed *a, const char *type,
	      enum stanza_condition error)
{
	s2s_send_dialback(s2s, &(struct dialback){.name = "result",
						  .from = a->to,
						  .to = a->from,
						  .id = STR_NONE,
						  .type = type,
						  .error = error});
}

/* §2.2.1: what can be said without asking anybody. STANZA_NO_ERROR: nothing is wrong so far. */
static enum stanza_condition
objection(struct s2s *s2s, const struct addressed *a)
{
	const struct worker *worker = s2s->fed->worker;
	const struct config_host *host;

	if (!policy_is_ours(worker, a->to, &host))
		return STANZA_ITEM_NOT_FOUND;
	if (policy_is_ours(worker, a->from, &host) || !policy_allows(worker->config, a->from))
		return STANZA_POLICY_VIOLATION;
	if (!conn_is_secure(s2s->conn) && policy_requires_tls(worker->config, a->from))
		return STANZA_POLICY_VIOLATION;
	if (s2s->auth_count >= S2S_PAIRS_MAX)
		return STANZA_RESOURCE_CONSTRAINT;
	return STANZA_NO_ERROR;
}

static void
begin_check(struct s2s *s2s, const struct addressed *a)
{
	struct worker *worker = s2s->fed->worker;
	struct s2s_check *check = xnew(struct s2s_check);
	struct s2s_auth *auth = s2s_new_auth(s2s, a->to, a->from);

	auth->is_pending = true;
	s2s->pending_count++;
	check->asker = worker;
	check->serial = s2s->serial;
	check->local = str_dupz(a->to);
	check->remote = str_dupz(a->from);
	check->id = xstrdup(s2s->stream.id);
	check->key = str_dupz(a->key);
	worker_call(s2s_home(worker, a->to, a->from), pair_check, check);
}

static void
take_key(struct s2s *s2s, const struct addressed *a)
{
	struct worker *worker = s2s->fed->worker;
	struct s2s_auth *auth = s2s_find_auth(s2s, a->to, a->from);
	enum stanza_condition error = objection(s2s, a);

	if (auth != NULL && auth->is_pending)
		return; /* it will be answered */
	if (auth != NULL) {
		answer_result(s2s, a, "valid", STANZA_NO_ERROR);
		return;
	}
	if (error == STANZA_NO_ERROR && s2s_certificate_is_for(s2s, a->from)) { /* XEP-0344 */
		s2s_in_authorize(s2s, a->to, a->from, true);
		answer_result(s2s, a, "valid", STANZA_NO_ERROR);
		return;
	}
	if (error == STANZA_NO_ERROR && policy_requires_certificate(worker->config, a->from))
		error = STANZA_NOT_AUTHORIZED;
	if (error != STANZA_NO_ERROR)
		answer_result(s2s, a, NULL, error);
	else
		begin_check(s2s, a);
}

static void
end_check(struct s2s *s2s, struct s2s_auth *auth, const struct s2s_check *check)
{
	struct addressed a = {.from = str(check->remote), .to = str(check->local)};

	if (check->is_valid) {
		auth->is_pending = false;
		s2s_in_authorize(s2s, a.to, a.from, false);
		answer_result(s2s, &a, "valid", STANZA_NO_ERROR);
		return;
	}
	log_event(LOG_WARNING, "dialback-refused", LOG_Z("local", check->local),
		  LOG_Z("remote", check->remote),
		  LOG_Z("why", check->error == STANZA_NO_ERROR
				       ? "the domain's server does not know the key"
				       : stanza_condition_name(check->error)));
	s2s_drop_auth(s2s, auth);
	if (check->error != STANZA_NO_ERROR) {
		answer_result(s2s, &a, NULL, check->error);
	} else if (s2s->auth_count > 0) {
		answer_result(s2s, &a, NULL, STANZA_FORBIDDEN);
	} else {
		answer_result(s2s, &a, "invalid", STANZA_NO_ERROR);
		s2s_close(s2s, STREAM_NO_ERROR, "dialback failed");
	}
}

void
s2s_checked(struct worker *worker, void *arg)
{
	struct s2s_check *check = arg;

	LIST_EACH(&worker->federation->streams, struct s2s, link, s2s)
	{
		struct s2s_auth *auth;

		if (s2s->serial != check->serial || s2s->is_closing)
			continue;
		auth = s2s_find_auth(s2s, str(check->local), str(check->remote));
		if (auth != NULL && auth->is_pending) {
			s2s->pending_count--;
			end_check(s2s, auth, check);
		}
		break;
	}
	s2s_check_free(check);
}

/* §2.2.2: whether that stream to RECEIVING, which we perhaps opened, has the key of us. */
static void
take_question(struct s2s *s2s, const struct addressed *a)
{
	const struct worker *worker = s2s->fed->worker;
	const struct config_host *host;
	struct dialback answer = {.name = "verify", .from = a->to, .to = a->from, .id = a->id};

	if (!policy_is_ours(worker, a->to, &host))
		answer.error = STANZA_ITEM_NOT_FOUND;
	else
		answer.type = dialback_key_is_right(str_of(worker->server->dialback_secret,
							   sizeof(worker->server->dialback_secret)),
						    a->from, a->to, a->id, a->key)
				      ? "valid"
				      : "invalid";
	s2s_send_dialback(s2s, &answer);
}

/* Answers */

static void
take_answer(struct s2s *s2s, const struct addressed *a)
{
	if (s2s->pair == NULL)
		return;
	LIST_EACH(&s2s->pair->checks, struct s2s_check, link, check)
	{
		if (!check->is_asked || !str_is(a->id, check->id) || !str_is(a->to, check->local) ||
		    !str_is(a->from, check->remote))
			continue;
		check->is_valid = str_is(a->type, "valid");
		if (!check->is_valid && !str_is(a->type, "invalid"))
			check->error = STANZA_REMOTE_SERVER_NOT_FOUND; /* §2.4 */
		list_remove(&check->link);
		s2s_check_answer(check);
		return;
	}
	log_event(LOG_WARNING, "dialback-unasked", LOG_STR("from", a->from));
}

/* The words of <db:result type='error'/>. */
static struct str
error_of(const struct element *el)
{
	const struct element *error = element_child(el, NULL, "error");
	const struct element *condition =
		error != NULL ? element_child(error, NS_STANZA_ERROR, NULL) : NULL;

	return condition != NULL ? condition->name : STR("error");
}

static bool
dispatch(struct s2s *s2s, const struct element *el, struct addressed *a)
{
	bool is_answer = a->type.p != NULL, is_verify = str_is(el->name, "verify");

	if (!is_verify && !str_is(el->name, "result"))
		return false;
	if (!is_answer && is_verify)
		take_question(s2s, a); /* it costs nothing, whoever asks */
	else if (is_answer && is_verify && s2s->is_out)
		take_answer(s2s, a);
	else if (is_answer && s2s->is_out && s2s->state == S2S_WANTS_RESULT &&
		 str_is(a->from, s2s->remote) && str_is(a->to, s2s->local))
		s2s_out_result(s2s, a->type, error_of(el));
	else if (!is_answer && !s2s->is_out)
		take_key(s2s, a);
	else if (!is_answer)
		answer_result(s2s, a, NULL, STANZA_NOT_ALLOWED);
	else
		log_event(LOG_WARNING, "dialback-unasked", LOG_STR("from", a->from));
	return true;
}

bool
s2s_take_dialback(struct s2s *s2s, const struct element *el)
{
	struct arena *arena;
	struct addressed a;
	bool is_one;

	if (!str_is(el->ns, NS_DIALBACK))
		return false;
	arena = arena_new();
	if (read_addresses(arena, el, &a) < 0) {
		s2s_close(s2s, STREAM_IMPROPER_ADDRESSING, "dialback without good addresses");
		is_one = true;
	} else {
		is_one = dispatch(s2s, el, &a);
	}
	arena_free(arena);
	return is_one;
}
