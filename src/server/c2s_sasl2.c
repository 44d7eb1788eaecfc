/* SPDX-License-Identifier: MIT */
/*
 * c2s_sasl2.c - the Extensible SASL Profile (XEP-0388) up to the point where the client has proved
 * who it is. The mechanisms are those of c2s_auth.c, in other elements.
 */
#include "base/log.h"
#include "server/c2s_private.h"

#include <openssl/crypto.h>
#include <stdlib.h>

/* §4: only with TLS. §2.1: only with a mechanism. */
void
c2s_write_authentication(struct c2s *c2s, struct buf *out)
{
	if (c2s->offered == 0 || !conn_is_secure(c2s->conn))
		return;
	buf_addz(out, "<authentication xmlns='" NS_SASL2 "'>");
	for (int m = 0; m < SASL_MECHANISM_COUNT; m++)
		if ((c2s->offered & SASL_BIT(m)) != 0)
			buf_printf(out, "<mechanism>%s</mechanism>",
				   sasl_mechanism_name((enum sasl_mechanism)m));
	buf_addz(out, "<inline>");
	c2s_write_inline(c2s, out);
	c2s_write_fast(c2s, out);
	buf_addz(out, "</inline>");
	c2s_write_upgrades(c2s, out);
	buf_addz(out, "</authentication>");
	c2s->stream.sasl2_is_offered = true;
}

/* §2.4: nothing but what belongs to the exchange; §5.9: no second one. */
bool
c2s_sasl2_is_disturbed(const struct c2s *c2s, const struct stream_event *event)
{
	switch (event->kind) {
	case STREAM_MORE:
	case STREAM_CLOSED:
	case STREAM_FAILED:
		return false;
	case STREAM_AUTHENTICATE:
		return c2s->login != NULL || c2s->sasl != NULL;
	case STREAM_RESPONSE:
		return event->is_sasl2 != (c2s->login != NULL) ||
		       (c2s->login != NULL && c2s->login->task != TASK_NONE);
	case STREAM_ABORT:
		return event->is_sasl2 != (c2s->login != NULL);
	case STREAM_NEXT_TASK:
	case STREAM_TASK_DATA:
		return c2s->login == NULL || c2s->login->task == TASK_NONE;
	default:
		return c2s->login != NULL;
	}
}

struct login *
login_new(struct c2s *c2s)
{
	struct arena *arena = arena_new();
	struct login *login = arena_new_of(arena, struct login);

	login->arena = arena;
	login->c2s = c2s;
	return login;
}

/* Perhaps a password. */
static void
wipe_data(struct login *login)
{
	struct str *data = &login->asked.data;

	if (data->len > 0)
		OPENSSL_cleanse((char *)(uintptr_t)data->p, data->len);
	*data = STR_NONE;
}

void
login_free(struct login *login)
{
	if (login == NULL)
		return;
	wipe_data(login);
	arena_free(login->arena);
}

static void
on_authenticate(struct c2s *c2s, struct element *el)
{
	struct login *login = login_new(c2s);
	struct element *data = element_child(el, NS_SASL2, "initial-response");
	struct sasl2_request *asked = &login->asked;
	const char *why;

	c2s->login = login;
	if (sasl2_read_authenticate(login->arena, el, asked, &why) < 0 ||
	    !c2s_fast_read(login, el, &why)) {
		c2s_fail_sasl(c2s, SASL_MALFORMED_REQUEST, why);
		return;
	}
	/* These are views of EL, which goes; the login may wait for the account. */
	asked->mechanism = arena_dup(login->arena, asked->mechanism);
	asked->agent_id = arena_dup(login->arena, asked->agent_id);
	asked->software = arena_dup(login->arena, asked->software);
	asked->device = arena_dup(login->arena, asked->device);
	if (data != NULL) /* perhaps with a password in it, which shall not stay */
		element_detach(data);
	login->request = element_copy(login->arena, el);
	if (login->fast.is_mechanism) {
		c2s_fast_begin(c2s);
		return;
	}
	c2s_begin_sasl(c2s, asked->mechanism, asked->data, asked->data_is_bad);
	if (c2s->login == login) /* it has not failed */
		wipe_data(login);
}

void
c2s_sasl2_event(struct c2s *c2s, const struct stream_event *event)
{
	if (event->kind == STREAM_AUTHENTICATE)
		on_authenticate(c2s, event->el);
	else
		c2s_task_event(c2s, event);
}

void
c2s_sasl2_succeeded(struct c2s *c2s, struct str user, bool is_guest, struct str data)
{
	struct login *login = c2s->login;

	login->bare = arena_printf(login->arena, "%.*s@%s", STR_ARG(user), c2s->host);

	/* §2.1, §5.4: the header is only a hint, but one that must not be wrong. */
	if (!is_guest && c2s->claimed != NULL && !str_is(login->bare, c2s->claimed)) {
		c2s_fail_sasl(c2s, SASL_INVALID_AUTHZID, "the stream is somebody else's");
		return;
	}
	if (!is_guest)
		c2s_make_client_id(login);
	c2s->tried_password = false; /* what goes wrong now is no wrong password */
	login->user = arena_dup(login->arena, user);
	login->is_guest = is_guest;
	login->data = arena_dup(login->arena, data);
	c2s_go_on_with_tasks(c2s);
}

void
c2s_go_on_with_tasks(struct c2s *c2s)
{
	struct login *login = c2s->login;

	if (c2s_next_task(login))
		return;
	c2s_log_login(c2s, login->user);
	c2s_authenticated(c2s, login->user, login->is_guest);
}
