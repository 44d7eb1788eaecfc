/* SPDX-License-Identifier: MIT */
/*
 * login.h - what a client asks for together with its login: in <authenticate/> (XEP-0388 §2.1,
 * <inline/>), and in the <bind/> within it (XEP-0386).
 *
 * A module lists its elements in a table (struct module.inline_features). They are announced, and
 * its functions are called, once the client has proved who it is, on the account's home worker, the
 * account loaded. In this order:
 *
 *   INLINE_LOGIN  run      no session yet: resume one (then nothing is bound), or answer
 *   INLINE_BIND   prepare  no session yet: look up what RUN will need
 *   INLINE_BIND   run      the session is there, and nothing was written to it
 *                 done     <success/> is out, and the stream is the session's
 */
#pragma once

#include "server/c2s.h"
#include "xmpp/element.h"

struct event;
struct login;

enum inline_place {
	INLINE_LOGIN, /* a child of <authenticate/> */
	INLINE_BIND,  /* a child of <bind/> */
};

struct inline_feature {
	enum inline_place place;
	/*
	 * Of the element that asks; NAME NULL: any of NS. NS NULL, with INLINE_BIND: at every bind,
	 * asked for or not, ASKED being NULL.
	 */
	const char *ns, *name;
	/*
	 * INLINE_LOGIN: the name of the empty element of NS in <inline/>. INLINE_BIND: the `var` of
	 * <feature/>. NULL: it is not announced.
	 */
	const char *announced;
	/*
	 * Any may be NULL. ev->session is NULL before there is one. ASKED lives as long as LOGIN.
	 * PREPARE and INLINE_LOGIN's RUN may hold the login; the others may not.
	 */
	void (*prepare)(struct event *ev, struct login *login, const struct element *asked);
	void (*run)(struct event *ev, struct login *login, const struct element *asked);
	void (*done)(struct event *ev, struct login *login, const struct element *asked);
};
#define INLINE_FEATURES(...) ((const struct inline_feature[]){__VA_ARGS__, {0}})

/* Lives as long as LOGIN; EL of login_answer should stand in it. */
struct arena *login_arena(const struct login *login);
struct c2s *login_c2s(const struct login *login);

/* Adds EL to <success/> (INLINE_LOGIN) or to <bound/> (INLINE_BIND). */
void login_answer(struct login *login, struct element *el);

/* A pointer of the feature's, from its PREPARE to its RUN and DONE. Not freed here. */
void login_keep(struct login *login, void *what);
void *login_kept(const struct login *login);

/*
 * The login waits until login_go_on. The stream may end meanwhile, so that between the two only
 * functions of this file may be called, and after login_go_on none: LOGIN may be gone.
 */
void login_hold(struct login *login); /* login_go_on may be called before the handler returns */
/* Whether its stream is still there, while it is held. */
bool login_is_there(const struct login *login);
void login_go_on(struct login *login);

/*
 * For a handler that resumes: SESSION has LOGIN's stream now (sm_attach), and nothing else is
 * bound.
 */
void login_resume(struct login *login, struct session *session);
