/* SPDX-License-Identifier: MIT */
/* client_stream_legacy.c - jabber:iq:auth from the client's side (XEP-0078). */
#include "xmpp/client_stream_state.h"

#include "xmpp/legacy_auth.h"
#include "xmpp/ns.h"
#include "xmpp/xml_writer.h"

static void
write_leaf(struct client_stream *cs, const char *name, struct str text)
{
	buf_printf(&cs->out, "<%s>", name);
	xml_escape(&cs->out, text);
	buf_printf(&cs->out, "</%s>", name);
}

static void
open_query(struct client_stream *cs, const char *type, const char *id)
{
	buf_printf(&cs->out, "<iq type='%s' id='%s'", type, id);
	xml_write_attr(&cs->out, "to", cs->options.domain);
	buf_addz(&cs->out, "><query xmlns='" NS_LEGACY_AUTH "'>");
	write_leaf(cs, "username", cs->options.username);
}

/* §3.1, examples 3 and 5. */
static enum client_event
authenticate(struct client_stream *cs, bool with_digest)
{
	if (!with_digest && !cs->is_secure && !cs->options.clear_passwords)
		return client_fail(cs, STR_NONE, "the password would go in clear");
	open_query(cs, "set", "auth_2");
	if (with_digest)
		write_leaf(cs, "digest", legacy_digest(cs->arena, cs->id, cs->options.password));
	else
		write_leaf(cs, "password", cs->options.password);
	write_leaf(cs, "resource", cs->options.resource);
	buf_addz(&cs->out, "</query></iq>");
	cs->state = CLIENT_WANTS_LEGACY;
	return CLIENT_MORE;
}

enum client_event
client_legacy_start(struct client_stream *cs)
{
	if (cs->options.auth == CLIENT_AUTH_LEGACY_DIRECT)
		return authenticate(cs, false);
	open_query(cs, "get", "auth_1");
	buf_addz(&cs->out, "</query></iq>");
	cs->state = CLIENT_WANTS_FIELDS;
	return CLIENT_MORE;
}

enum client_event
client_legacy_fields(struct client_stream *cs, const struct element *el)
{
	const struct element *query = element_child(el, NS_LEGACY_AUTH, "query");

	if (!str_is(element_attr(el, "type"), "result") || query == NULL)
		return client_fail(cs, client_error_of(cs, el),
				   "server does not offer legacy authentication");
	if (element_child(query, NS_LEGACY_AUTH, "digest") != NULL && cs->id.len > 0)
		return authenticate(cs, true);
	if (element_child(query, NS_LEGACY_AUTH, "password") == NULL)
		return client_fail(cs, STR_NONE, "server offers neither digest nor password");
	return authenticate(cs, false);
}

enum client_event
client_legacy_result(struct client_stream *cs, const struct element *el)
{
	if (!str_is(element_attr(el, "type"), "result"))
		return client_fail(cs, client_error_of(cs, el), "authentication failed");
	return client_online(
		cs, arena_printf(cs->arena, "%.*s@%.*s/%.*s", STR_ARG(cs->options.username),
				 STR_ARG(cs->options.domain), STR_ARG(cs->options.resource)));
}
