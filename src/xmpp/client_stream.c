/* SPDX-License-Identifier: MIT */
/* client_stream.c - the order of things: header, features, TLS, SASL, binding, stanzas. */
#include "xmpp/client_stream_state.h"

#include "xmpp/ns.h"
#include "xmpp/xml_writer.h"

#include <openssl/crypto.h>

static const struct xml_limits usual_limits = {
	.bytes = 1 << 20, .depth = 128, .attributes = 256, .nodes = 65535};

/* RFC 6120 §4.2; `from` only under TLS, where nobody else sees it (§4.7.1). */
static void
open_stream(struct client_stream *cs)
{
	const struct client_stream_options *o = &cs->options;

	buf_addz(&cs->out, "<?xml version='1.0'?><stream:stream");
	xml_write_attr(&cs->out, "xmlns", STR(NS_CLIENT));
	xml_write_attr(&cs->out, "xmlns:stream", STR(NS_STREAM));
	xml_write_attr(&cs->out, "to", o->domain);
	if (cs->is_secure && o->auth == CLIENT_AUTH_SASL && o->username.len > 0)
		xml_write_attr(&cs->out, "from",
			       arena_printf(cs->arena, "%.*s@%.*s", STR_ARG(o->username),
					    STR_ARG(o->domain)));
	if (o->auth == CLIENT_AUTH_SASL)
		xml_write_attr(&cs->out, "version", STR("1.0"));
	buf_add_char(&cs->out, '>');
	cs->state = CLIENT_WANTS_HEADER;
}

struct client_stream *
client_stream_new(const struct client_stream_options *options)
{
	struct arena *arena = arena_new();
	struct client_stream *cs = arena_new_of(arena, struct client_stream);
	struct client_stream_options *o = &cs->options;

	cs->arena = arena;
	*o = *options;
	o->domain = arena_dup(arena, options->domain);
	o->username = arena_dup(arena, options->username);
	o->password = arena_dup(arena, options->password);
	o->authzid = arena_dup(arena, options->authzid);
	o->resource = arena_dup(arena, options->resource);
	o->nonce = arena_dup(arena, options->nonce);
	if (o->limits.bytes == 0)
		o->limits = usual_limits;
	cs->is_secure = o->is_secure;
	cs->binding.exporter = arena_dup(arena, options->binding.exporter);
	cs->binding.end_point = arena_dup(arena, options->binding.end_point);
	cs->reader = xml_reader_new(&o->limits, true);
	open_stream(cs);
	return cs;
}

static void
forget_secrets(struct client_stream *cs)
{
	OPENSSL_cleanse((char *)cs->options.password.p, cs->options.password.len);
	cs->options.password = STR_NONE;
	sasl_client_free(cs->sasl);
	cs->sasl = NULL;
}

void
client_stream_free(struct client_stream *stream)
{
	if (stream == NULL)
		return;
	forget_secrets(stream);
	xml_reader_free(stream->reader);
	arena_free(stream->features_arena);
	OPENSSL_cleanse(stream->out.p, stream->out.size); /* PLAIN may stand there */
	buf_free(&stream->out);
	arena_free(stream->arena);
}

void
client_stream_close(struct client_stream *stream)
{
	if (!stream->is_ended)
		buf_addz(&stream->out, "</stream:stream>");
	stream->is_ended = true;
}

enum client_event
client_fail(struct client_stream *cs, struct str condition, const char *why)
{
	client_stream_close(cs);
	forget_secrets(cs);
	cs->state = CLIENT_HAS_FAILED;
	cs->condition = arena_dup(cs->arena, condition);
	cs->why = why;
	return CLIENT_FAILED;
}

enum client_event
client_online(struct client_stream *cs, struct str jid)
{
	forget_secrets(cs);
	cs->jid = arena_dup(cs->arena, jid);
	cs->state = CLIENT_IS_ONLINE;
	return CLIENT_ONLINE;
}

struct str
client_error_of(struct client_stream *cs, const struct element *el)
{
	const struct element *error = element_child(el, NS_CLIENT, "error");
	const struct element *condition =
		error != NULL ? element_child(error, NS_STANZA_ERROR, NULL) : NULL;

	return condition != NULL ? arena_dup(cs->arena, condition->name) : STR_NONE;
}

void
client_stream_secured(struct client_stream *stream, struct sasl_binding binding)
{
	assert(stream->state == CLIENT_WANTS_HANDSHAKE);
	stream->is_secure = true;
	stream->binding.exporter = arena_dup(stream->arena, binding.exporter);
	stream->binding.end_point = arena_dup(stream->arena, binding.end_point);
	xml_reader_restart(stream->reader); /* nothing that was said in clear counts */
	open_stream(stream);
}

static enum client_event
take_header(struct client_stream *cs, const struct element *el)
{
	if (!element_is(el, NS_STREAM, "stream"))
		return client_fail(cs, STR_NONE, "this is not an XMPP server");
	cs->id = arena_dup(cs->arena, element_attr(el, "id"));
	if (cs->options.auth != CLIENT_AUTH_SASL)
		return client_legacy_start(cs);
	cs->state = CLIENT_WANTS_FEATURES;
	return CLIENT_MORE;
}

/* RFC 6120 §7.6, §7.7. */
static enum client_event
start_bind(struct client_stream *cs)
{
	if (element_child(cs->features, NS_BIND, "bind") == NULL)
		return client_fail(cs, STR_NONE, "server does not offer resource binding");
	buf_addz(&cs->out, "<iq type='set' id='bind'><bind xmlns='" NS_BIND "'>");
	if (cs->options.resource.len > 0) {
		buf_addz(&cs->out, "<resource>");
		xml_escape(&cs->out, cs->options.resource);
		buf_addz(&cs->out, "</resource>");
	}
	buf_addz(&cs->out, "</bind></iq>");
	cs->state = CLIENT_WANTS_BIND;
	return CLIENT_MORE;
}

/* RFC 6120 §5.4.2.1. */
static enum client_event
take_features(struct client_stream *cs)
{
	if (cs->is_authenticated)
		return start_bind(cs);
	if (!cs->is_secure && cs->options.tls != CLIENT_TLS_NEVER) {
		if (element_child(cs->features, NS_TLS, "starttls") != NULL) {
			buf_addz(&cs->out, "<starttls xmlns='" NS_TLS "'/>");
			cs->state = CLIENT_WANTS_PROCEED;
			return CLIENT_MORE;
		}
		if (cs->options.tls == CLIENT_TLS_REQUIRED)
			return client_fail(cs, STR_NONE, "server does not offer TLS");
	}
	return client_sasl_start(cs);
}

/* SEC-28: bytes behind <proceed/> came before the handshake and are nobody's. */
static enum client_event
take_proceed(struct client_stream *cs, const struct element *el, struct str rest)
{
	if (!element_is(el, NS_TLS, "proceed"))
		return client_fail(cs, STR_NONE, "server cannot start TLS");
	if (rest.len > 0)
		return client_fail(cs, STR_NONE, "plaintext after <proceed/>");
	cs->state = CLIENT_WANTS_HANDSHAKE;
	return CLIENT_WANT_TLS;
}

/* RFC 3921 §3: servers from before RFC 6121 insist on it, newer ones call it optional. */
static bool
needs_session(const struct client_stream *cs)
{
	const struct element *session = element_child(cs->features, NS_SESSION, "session");

	return session != NULL && element_child(session, NS_SESSION, "optional") == NULL;
}

static enum client_event
take_bind_result(struct client_stream *cs, struct arena *arena, const struct element *el)
{
	const struct element *bind = element_child(el, NS_BIND, "bind");
	struct str jid;

	if (!str_is(element_attr(el, "type"), "result") || bind == NULL)
		return client_fail(cs, client_error_of(cs, el), "server did not bind the resource");
	jid = element_child_text(arena, bind, NS_BIND, "jid");
	if (jid.len == 0)
		return client_fail(cs, STR_NONE, "server bound no address");
	if (!needs_session(cs))
		return client_online(cs, jid);
	cs->jid = arena_dup(cs->arena, jid);
	buf_addz(&cs->out, "<iq type='set' id='session'><session xmlns='" NS_SESSION "'/></iq>");
	cs->state = CLIENT_WANTS_SESSION;
	return CLIENT_MORE;
}

static enum client_event
take_session_result(struct client_stream *cs, const struct element *el)
{
	if (!str_is(element_attr(el, "type"), "result"))
		return client_fail(cs, client_error_of(cs, el), "server started no session");
	return client_online(cs, cs->jid);
}

/* The answer to the one request under way; anything else cannot come yet, and is passed over. */
static enum client_event
take_iq(struct client_stream *cs, struct arena *arena, const struct element *el)
{
	static const struct {
		enum client_state state;
		const char *id;
	} awaited[] = {
		{CLIENT_WANTS_BIND, "bind"},
		{CLIENT_WANTS_SESSION, "session"},
		{CLIENT_WANTS_FIELDS, "auth_1"},
		{CLIENT_WANTS_LEGACY, "auth_2"},
	};
	size_t i = 0;

	while (awaited[i].state != cs->state) {
		i++;
		assert(i < COUNT(awaited));
	}
	if (!element_is(el, NS_CLIENT, "iq") || !str_is(element_attr(el, "id"), awaited[i].id))
		return CLIENT_MORE;
	switch (cs->state) {
	case CLIENT_WANTS_BIND:
		return take_bind_result(cs, arena, el);
	case CLIENT_WANTS_SESSION:
		return take_session_result(cs, el);
	case CLIENT_WANTS_FIELDS:
		return client_legacy_fields(cs, el);
	default:
		return client_legacy_result(cs, el);
	}
}

static enum client_event
take_sasl(struct client_stream *cs, const struct element *el)
{
	enum client_event event = client_sasl_take(cs, el);

	if (event == CLIENT_MORE && cs->is_authenticated) { /* RFC 6120 §6.4.6 */
		xml_reader_restart(cs->reader);
		open_stream(cs);
	}
	return event;
}

/* Takes *ARENA over unless the event is CLIENT_STANZA. */
static enum client_event
take_element(struct client_stream *cs, struct arena **arena, struct element *el, struct str rest)
{
	enum client_event event = CLIENT_MORE;

	if (element_is(el, NS_STREAM, "error")) {
		const struct element *condition = element_child(el, NS_STREAM_ERROR, NULL);

		event = client_fail(cs, condition != NULL ? condition->name : STR_NONE,
				    "stream error");
	} else if (cs->state == CLIENT_IS_ONLINE) {
		return CLIENT_STANZA;
	} else if (cs->state == CLIENT_WANTS_FEATURES && element_is(el, NS_STREAM, "features")) {
		arena_free(cs->features_arena);
		cs->features_arena = *arena;
		cs->features = el;
		*arena = NULL;
		return take_features(cs);
	} else if (cs->state == CLIENT_WANTS_FEATURES) {
		event = client_fail(cs, STR_NONE, "server sent no features");
	} else if (cs->state == CLIENT_WANTS_PROCEED) {
		event = take_proceed(cs, el, rest);
	} else if (cs->state == CLIENT_WANTS_CHALLENGE) {
		event = take_sasl(cs, el);
	} else {
		event = take_iq(cs, *arena, el);
	}
	arena_free(*arena);
	*arena = NULL;
	return event;
}

static enum client_event
take_end(struct client_stream *cs)
{
	bool was_asked = cs->is_ended;

	client_stream_close(cs);
	if (cs->state != CLIENT_IS_ONLINE && !was_asked)
		return client_fail(cs, STR_NONE, "server ended the stream before we were online");
	cs->state = CLIENT_IS_CLOSED;
	return CLIENT_CLOSED;
}

static enum client_event
read_one(struct client_stream *cs, struct str *input, struct arena **arena, struct element **out)
{
	enum client_event event;
	const char *phrase = NULL;

	switch (xml_reader_next(cs->reader, input, arena, out)) {
	case XML_MORE:
		return CLIENT_MORE;
	case XML_HEADER:
		event = take_header(cs, *out);
		arena_free(*arena);
		*arena = NULL;
		return event;
	case XML_ELEMENT:
		return take_element(cs, arena, *out, *input);
	case XML_END:
		return take_end(cs);
	case XML_WRONG:
		break;
	}
	xml_reader_why(cs->reader, &phrase);
	return client_fail(cs, STR_NONE, phrase);
}

enum client_event
client_stream_next(struct client_stream *stream, struct str *input, struct arena **arena,
		   struct element **out)
{
	enum client_event event = CLIENT_MORE;

	*arena = NULL;
	*out = NULL;
	if (stream->state == CLIENT_HAS_FAILED)
		return CLIENT_FAILED;
	if (stream->state == CLIENT_IS_CLOSED)
		return CLIENT_CLOSED;
	if (stream->state == CLIENT_WANTS_HANDSHAKE)
		return CLIENT_WANT_TLS;
	while (event == CLIENT_MORE && input->len > 0)
		event = read_one(stream, input, arena, out);
	if (event != CLIENT_STANZA)
		*out = NULL;
	return event;
}

struct buf *
client_stream_output(struct client_stream *stream)
{
	return &stream->out;
}

void
client_stream_send(struct client_stream *stream, const struct element *el)
{
	xml_write(&stream->out, el, STR(NS_CLIENT));
}

struct str
client_stream_jid(const struct client_stream *stream)
{
	return stream->jid;
}

const struct element *
client_stream_features(const struct client_stream *stream)
{
	return stream->features;
}

const char *
client_stream_mechanism(const struct client_stream *stream)
{
	return stream->mechanism;
}

const char *
client_stream_why(const struct client_stream *stream, struct str *condition)
{
	*condition = stream->condition;
	return stream->why;
}
