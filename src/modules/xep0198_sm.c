/* SPDX-License-Identifier: MIT */
/*
 * xep0198_sm.c - stream management (XEP-0198) as clients ask for it: by itself, at login (§11.2),
 * and with a resource (§11.1). What it does is in server/sm.c.
 */
#include "server/login.h"
#include "server/module.h"
#include "server/sm.h"

static void
announce(struct worker *worker UNUSED, const struct config_host *host UNUSED,
	 const struct option_values *options UNUSED, bool is_authenticated, struct buf *out)
{
	if (is_authenticated)
		buf_addz(out, "<sm xmlns='" NS_SM "'/>");
}

static enum verdict
on_element(struct event *ev UNUSED, struct c2s *c2s, struct element *el)
{
	sm_element(c2s, el);
	return DONE;
}

/* What a restored session must know. */
static enum verdict
record(struct event *ev)
{
	if (ev->session->sm != NULL)
		sm_record(ev->session, NULL, NULL);
	return PASS;
}

/* With SASL2 */

static void
on_resumed(struct session *s, const struct sm_failure *failure, void *arg)
{
	struct login *login = arg;

	if (s != NULL && login_is_there(login)) {
		login_answer(login, sm_resumed(s, login_arena(login)));
		sm_attach(s, login_c2s(login));
		login_resume(login, s);
		login_go_on(login); /* through done */
		return;
	}
	if (s == NULL)
		login_answer(login, sm_failed(login_arena(login), failure->condition));
	login_go_on(login);
}

static void
resume(struct event *ev, struct login *login, const struct element *asked)
{
	struct str previd;
	uint32_t h;

	if (sm_read_resume(asked, &previd, &h) < 0) {
		login_answer(login, sm_failed(login_arena(login), STANZA_BAD_REQUEST));
		return;
	}
	login_hold(login);
	sm_resume(ev->account, previd, h, on_resumed, login);
}

static void
go_on(struct event *ev, struct login *login UNUSED, const struct element *asked UNUSED)
{
	if (ev->session != NULL && ev->session->sm != NULL && ev->session->sm->is_back)
		sm_go_on(ev->session);
}

/* With Bind 2 */

static void
enable(struct event *ev, struct login *login, const struct element *asked)
{
	struct arena *arena = login_arena(login);
	uint64_t max_s;
	bool resume;

	if (sm_read_enable(asked, &resume, &max_s) < 0)
		login_answer(login, sm_failed(arena, STANZA_BAD_REQUEST));
	else
		login_answer(login, sm_enable(ev->session, resume, max_s, arena));
}

/* What is on already, is not offered: clients would ask for it again. */
static bool
is_off(const struct session *session)
{
	return session->sm == NULL;
}

const struct module xep0198_sm = {
	.name = "sm",
	.specs = SPECS({"XEP-0198", "1.6.3", SPEC_COMPLETE,
			"sessions survive a restart of the server; `location` is not sent"}),
	.stream_features = announce,
	.offers_features = is_off,
	.nonzas = NONZAS({NS_SM, "enable", on_element}, {NS_SM, "resume", on_element},
			 {NS_SM, "r", on_element}, {NS_SM, "a", on_element}),
	.inline_features =
		INLINE_FEATURES({INLINE_LOGIN, NS_SM, "resume", "sm", NULL, resume, go_on},
				{INLINE_BIND, NS_SM, "enable", NS_SM, NULL, enable, NULL}),
	.hooks = HOOKS({POINT_PRESENCE, STAGE_HANDLE, record}),
};
