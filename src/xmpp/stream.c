/* SPDX-License-Identifier: MIT */
/* stream.c - the grammar of a received stream (RFC 6120 §4 to §7). */
#include "xmpp/stream.h"

#include "base/base64.h"
#include "base/rand.h"
#include "xmpp/ns.h"
#include "xmpp/sasl2.h"
#include "xmpp/stanza.h"
#include "xmpp/xml_writer.h"

static void
new_id(struct stream *stream)
{
	struct arena *arena = arena_new();
	struct str id = rand_token(arena, 128);

	memcpy(stream->id, id.p, id.len);
	stream->id[id.len] = '\0';
	arena_free(arena);
}

void
stream_init(struct stream *stream, const struct xml_limits *limits)
{
	*stream = (struct stream){.ns = NS_CLIENT, .reader = xml_reader_new(limits, true)};
	new_id(stream);
}

void
stream_init_server(struct stream *stream, const struct xml_limits *limits)
{
	stream_init(stream, limits);
	stream->ns = NS_SERVER;
}

static bool
is_between_servers(const struct stream *stream)
{
	return str_is(str(stream->ns), NS_SERVER);
}

static void
drop_scratch(struct stream *stream)
{
	arena_free(stream->scratch);
	stream->scratch = NULL;
}

void
stream_clear(struct stream *stream)
{
	drop_scratch(stream);
	xml_reader_free(stream->reader);
	stream->reader = NULL;
}

static void
begin_header(const struct stream *stream, struct buf *out)
{
	buf_printf(out,
		   "<?xml version='1.0'?><stream:stream xmlns='%s' xmlns:stream='" NS_STREAM "'",
		   stream->ns);
	if (is_between_servers(stream))
		buf_addz(out, " xmlns:db='" NS_DIALBACK "'");
}

void
stream_open(struct stream *stream, struct buf *out, struct str host, struct str to)
{
	begin_header(stream, out);
	xml_write_attr(out, "id", str(stream->id));
	xml_write_attr(out, "from", host);
	if (to.len > 0)
		xml_write_attr(out, "to", to);
	/* A client that announced no version must not see one, nor features (RFC 6120 §4.7.5). */
	if (stream->has_version)
		buf_addz(out, " version='1.0'");
	buf_addz(out, " xml:lang='en'>");
	stream->is_open = true;
}

void
stream_open_to(struct stream *stream, struct buf *out, struct str from, struct str to)
{
	begin_header(stream, out);
	xml_write_attr(out, "from", from);
	xml_write_attr(out, "to", to);
	buf_addz(out, " version='1.0' xml:lang='en'>");
	stream->is_open = true;
}

void
stream_fail(struct stream *stream, struct buf *out, struct str host,
	    enum stream_condition condition, const char *text)
{
	if (stream->is_over)
		return;
	if (!stream->is_open)
		stream_open(stream, out, host, STR_NONE);
	stream_error_write(out, condition, text);
	stream_close(stream, out);
}

void
stream_close(struct stream *stream, struct buf *out)
{
	if (stream->is_over)
		return;
	if (stream->is_open)
		buf_addz(out, "</stream:stream>");
	stream->is_over = true;
}

void
stream_restart(struct stream *stream)
{
	xml_reader_restart(stream->reader);
	stream->is_open = false;
	stream->tls_is_offered = stream->sasl_is_offered = stream->sasl2_is_offered = false;
	new_id(stream);
}

bool
stream_is_inside(const struct stream *stream)
{
	return xml_reader_is_inside(stream->reader);
}

static enum stream_condition
fault_condition(enum xml_fault fault)
{
	switch (fault) {
	case XML_NOT_WELL_FORMED:
		return STREAM_NOT_WELL_FORMED;
	case XML_BAD_UTF8:
		return STREAM_BAD_FORMAT;
	case XML_BAD_ENCODING:
		return STREAM_UNSUPPORTED_ENCODING;
	case XML_RESTRICTED:
		return STREAM_RESTRICTED_XML;
	case XML_BAD_NAMESPACE:
		return STREAM_BAD_NAMESPACE_PREFIX;
	case XML_TOO_LARGE:
		return STREAM_POLICY_VIOLATION;
	}
	return STREAM_INTERNAL_SERVER_ERROR;
}

static void
fail(struct stream *stream, struct buf *out, struct stream_event *event,
     enum stream_condition condition, const char *why)
{
	stream_fail(stream, out, STR_NONE, condition, why);
	event->kind = STREAM_FAILED;
	event->condition = condition;
	event->why = why;
}

/* "1.0" or later has features; a major version of 0, or none, is from before (§4.7.5). */
static int
read_version(struct str text, bool *has_version)
{
	struct str major = text;
	ptrdiff_t dot = str_find(text, '.');
	uint64_t n;

	*has_version = false;
	if (text.p == NULL)
		return 0;
	if (dot >= 0)
		major = str_first(text, (size_t)dot);
	if (str_to_u64(major, 1000, &n) < 0)
		return -1;
	*has_version = n >= 1;
	return 0;
}

static void
read_header(struct stream *stream, struct buf *out, struct stream_event *event,
	    const struct element *el)
{
	if (!str_is(el->ns, NS_STREAM)) {
		fail(stream, out, event, STREAM_INVALID_NAMESPACE, "not the namespace of streams");
		return;
	}
	if (!str_is(el->name, "stream")) {
		fail(stream, out, event, STREAM_BAD_FORMAT, "the root is not <stream/>");
		return;
	}
	if (read_version(element_attr(el, "version"), &stream->has_version) < 0) {
		fail(stream, out, event, STREAM_UNSUPPORTED_VERSION, "the version is not a number");
		return;
	}
	event->kind = STREAM_OPENED;
	event->to = element_attr(el, "to");
	event->from = element_attr(el, "from");
	event->id = element_attr(el, "id");
	event->has_version = stream->has_version;
	for (const struct attr *a = el->attrs; a != NULL; a = a->next)
		if (str_is(a->ns, NS_XML) && str_is(a->name, "lang"))
			event->lang = a->value;
}

/* §6.4.2: "=" stands for data of no bytes, and nothing for no data. */
static void
read_sasl_data(struct stream *stream, struct stream_event *event, const struct element *el,
	       enum stream_event_kind kind)
{
	struct str text = str_trim(element_text(stream->scratch, el));

	event->kind = kind;
	event->el = NULL;
	event->mechanism = element_attr(el, "mechanism");
	if (text.len == 0 && kind == STREAM_AUTH)
		event->data = STR_NONE;
	else if (str_is(text, "=") || text.len == 0)
		event->data = STR("");
	else
		event->data_is_bad = base64_decode(stream->scratch, text, &event->data) < 0;
}

/* XEP-0388 §2.3 to §2.5. */
static bool
read_sasl2(struct stream *stream, struct stream_event *event, struct element *el)
{
	static const struct {
		const char *name;
		enum stream_event_kind kind;
	} elements[] = {
		{"authenticate", STREAM_AUTHENTICATE},
		{"response", STREAM_RESPONSE},
		{"abort", STREAM_ABORT},
		{"next", STREAM_NEXT_TASK},
		{"task-data", STREAM_TASK_DATA},
	};

	for (size_t i = 0; i < COUNT(elements); i++) {
		if (!str_is(el->name, elements[i].name))
			continue;
		event->kind = elements[i].kind;
		event->is_sasl2 = true;
		event->el = el;
		if (event->kind == STREAM_RESPONSE)
			event->data_is_bad = sasl2_read_data(stream->scratch, el, &event->data) < 0;
		return true;
	}
	return false;
}

static bool
read_negotiation(struct stream *stream, struct stream_event *event, struct element *el)
{
	if (stream->tls_is_offered && element_is(el, NS_TLS, "starttls")) {
		event->kind = STREAM_STARTTLS;
		return true;
	}
	if (stream->sasl2_is_offered && str_is(el->ns, NS_SASL2))
		return read_sasl2(stream, event, el);
	if (!stream->sasl_is_offered || !str_is(el->ns, NS_SASL))
		return false;
	if (str_is(el->name, "auth"))
		read_sasl_data(stream, event, el, STREAM_AUTH);
	else if (str_is(el->name, "response"))
		read_sasl_data(stream, event, el, STREAM_RESPONSE);
	else if (str_is(el->name, "abort"))
		event->kind = STREAM_ABORT;
	else
		return false;
	return true;
}

static void
read_element(struct stream *stream, struct buf *out, struct stream_event *event,
	     struct arena *arena, struct element *el)
{
	if (stanza_is(el) && str_is(el->ns, stream->ns)) {
		event->kind = STREAM_STANZA;
		event->arena = arena;
		event->el = el;
		return;
	}
	drop_scratch(stream);
	stream->scratch = arena;
	if (!stream->is_authenticated && read_negotiation(stream, event, el))
		return;
	if (str_is(el->ns, NS_STREAM) && str_is(el->name, "error")) {
		/* The peer's last word; whoever owns the stream may have one yet. */
		event->kind = STREAM_CLOSED;
		event->el = el;
	} else if (str_is(el->name, "message") || str_is(el->name, "presence") ||
		   str_is(el->name, "iq")) {
		fail(stream, out, event, STREAM_INVALID_NAMESPACE,
		     "a stanza that is not in the stream's namespace");
	} else if (!stream->is_authenticated && !is_between_servers(stream)) {
		fail(stream, out, event, STREAM_NOT_AUTHORIZED, "not before authentication");
	} else {
		event->kind = STREAM_ELEMENT;
		event->el = el;
	}
}

void
stream_next(struct stream *stream, struct str *input, struct buf *out, struct stream_event *event)
{
	struct arena *arena;
	struct element *el;
	enum xml_fault fault;
	const char *why;

	*event = (struct stream_event){.kind = STREAM_MORE};
	drop_scratch(stream);
	if (stream->is_over)
		return;
	switch (xml_reader_next(stream->reader, input, &arena, &el)) {
	case XML_MORE:
		break;
	case XML_HEADER:
		stream->scratch = arena;
		read_header(stream, out, event, el);
		break;
	case XML_ELEMENT:
		read_element(stream, out, event, arena, el);
		break;
	case XML_END:
		event->kind = STREAM_CLOSED;
		break;
	case XML_WRONG:
		fault = xml_reader_why(stream->reader, &why);
		fail(stream, out, event, fault_condition(fault), why);
		break;
	}
}

void
stream_proceed(struct stream *stream, struct buf *out)
{
	buf_addz(out, "<proceed xmlns='" NS_TLS "'/>");
	stream->tls_is_offered = false;
}

static void
sasl_data(struct buf *out, const char *name, struct str data)
{
	struct arena *arena;

	if (data.p == NULL) {
		buf_printf(out, "<%s xmlns='" NS_SASL "'/>", name);
		return;
	}
	arena = arena_new();
	buf_printf(out, "<%s xmlns='" NS_SASL "'>", name);
	if (data.len == 0)
		buf_addz(out, str_is(str(name), "success") ? "=" : "");
	else
		buf_add(out, base64_encode(arena, data));
	buf_printf(out, "</%s>", name);
	arena_free(arena);
}

void
stream_challenge(struct buf *out, struct str data)
{
	sasl_data(out, "challenge", data);
}

void
stream_success(struct buf *out, struct str data)
{
	sasl_data(out, "success", data.len > 0 ? data : STR_NONE);
}

void
stream_sasl_failure(struct buf *out, enum sasl_failure failure)
{
	buf_printf(out, "<failure xmlns='" NS_SASL "'><%s/></failure>", sasl_failure_name(failure));
}
