/* SPDX-License-Identifier: MIT */
/*
 * c2s_bind2.c - Bind 2 (XEP-0386): a resource as part of the login.
 *
 * The server makes the resource. For a client that gives a <user-agent/> id it is always the same,
 * so that a device that comes back takes the place of its own old session, and nobody else's.
 */
#include "base/base64.h"
#include "base/rand.h"
#include "server/c2s_private.h"
#include "xmpp/scram_crypto.h"

#define TAG_MAX 256u /* bytes; a longer one is left out */

/* The same for the same user agent, telling nothing of its id: CLIENT_ID_SIZE characters. */
static struct str
stable_name(struct login *login, struct str what, struct str tag)
{
	unsigned char mac[SCRAM_KEY_MAX];
	struct str parts[] = {what, STR(" "), login->bare, STR(" "), login->asked.agent_id, tag};

	scram_hmac(SCRAM_SHA_256, str_of(login->c2s->worker->server->seal_key, 32), parts,
		   COUNT(parts), mac);
	return hex_encode(login->arena, str_of(mac, CLIENT_ID_SIZE / 2));
}

void
c2s_make_client_id(struct login *login)
{
	struct str name;

	if (login->asked.agent_id.len == 0)
		return;
	name = stable_name(login, STR("client"), STR(""));
	memcpy(login->client_id, name.p, CLIENT_ID_SIZE);
}

/* "tag/generated", or what is generated alone when the tag can't stand in a resource. */
static struct str
make_resource(struct login *login, const struct element *bind)
{
	struct arena *arena = login->arena;
	struct str tag = str_trim(element_child_text(arena, bind, NS_BIND2, "tag"));
	struct str made, whole, resource;
	const char *why;

	if (tag.len > TAG_MAX)
		tag = STR("");
	made = login->client_id[0] != '\0' ? stable_name(login, STR("resource"), tag)
					   : rand_token(arena, 96);
	whole = arena_printf(arena, "%.*s/%.*s", STR_ARG(tag), STR_ARG(made));
	if (tag.len == 0 || jid_prepare_resource(arena, whole, &resource, &why) < 0)
		return made;
	return resource;
}

/* §3.2: earlier sessions of the same client end, whatever their tag was. */
static void
end_earlier(struct login *login)
{
	LIST_EACH(&login->account->sessions, struct session, link, session)
	{
		if (login->client_id[0] != '\0' &&
		    strcmp(session->client_id, login->client_id) == 0)
			c2s_replace(session);
	}
}

bool
c2s_bind2(struct login *login)
{
	struct c2s *c2s = login->c2s;
	const struct element *bind = element_child(login->request, NS_BIND2, "bind");
	struct str resource = make_resource(login, bind);
	const char *text;
	enum stanza_condition condition;

	end_earlier(login);
	condition = c2s_bind_resource(c2s, login->account, resource, &text);
	/* Another client chose just this one, and may keep it. */
	if (condition == STANZA_CONFLICT)
		condition = c2s_bind_resource(c2s, login->account, STR(""), &text);
	if (condition != STANZA_NO_ERROR) {
		c2s_close(c2s, STREAM_RESOURCE_CONSTRAINT, text); /* nothing if it ended */
		return false;
	}
	login->bound = element_new(login->arena, NS_BIND2, "bound");
	return true;
}
