/* SPDX-License-Identifier: MIT */
/* component_stream.c - the grammar of a component's stream (XEP-0114 §3). */
#include "xmpp/component_stream.h"

#include "base/base64.h"
#include "base/rand.h"
#include "xmpp/ns.h"
#include "xmpp/scram_crypto.h"
#include "xmpp/xml_writer.h"

#include <openssl/crypto.h>

#define DIGEST_LEN 40u /* SHA-1 in hexadecimal */

void
component_stream_init(struct component_stream *stream, const struct xml_limits *limits)
{
	struct arena *arena = arena_new();
	struct str id = rand_token(arena, 128);

	*stream = (struct component_stream){.reader = xml_reader_new(limits, true)};
	memcpy(stream->id, id.p, id.len);
	stream->id[id.len] = '\0';
	arena_free(arena);
}

static void
drop_scratch(struct component_stream *stream)
{
	arena_free(stream->scratch);
	stream->scratch = NULL;
}

void
component_stream_clear(struct component_stream *stream)
{
	drop_scratch(stream);
	xml_reader_free(stream->reader);
	stream->reader = NULL;
}

void
component_stream_open(struct component_stream *stream, struct buf *out, struct str name)
{
	buf_addz(out, "<?xml version='1.0'?><stream:stream xmlns='" NS_COMPONENT
		      "' xmlns:stream='" NS_STREAM "'");
	xml_write_attr(out, "id", str(stream->id));
	if (name.len > 0)
		xml_write_attr(out, "from", name);
	buf_addz(out, ">");
	stream->is_open = true;
}

void
component_stream_close(struct component_stream *stream, struct buf *out)
{
	if (stream->is_over)
		return;
	if (stream->is_open)
		buf_addz(out, "</stream:stream>");
	stream->is_over = true;
}

void
component_stream_fail(struct component_stream *stream, struct buf *out,
		      enum stream_condition condition, const char *text)
{
	if (stream->is_over)
		return;
	if (!stream->is_open)
		component_stream_open(stream, out, STR(""));
	stream_error_write(out, condition, text);
	component_stream_close(stream, out);
}

static void
fail(struct component_stream *stream, struct buf *out, struct component_event *event,
     enum stream_condition condition, const char *why)
{
	component_stream_fail(stream, out, condition, why);
	event->kind = COMPONENT_FAILED;
	event->condition = condition;
	event->why = why;
}

bool
component_stream_knows(const struct component_stream *stream, struct str digest, struct str secret)
{
	struct arena *arena = arena_new();
	struct str both = arena_join(arena, str(stream->id), secret), want;
	unsigned char sum[SCRAM_KEY_MAX];
	bool is_right;

	scram_h(SCRAM_SHA_1, both, sum);
	want = hex_encode(arena, str_of(sum, DIGEST_LEN / 2));
	is_right = digest.len == DIGEST_LEN && CRYPTO_memcmp(want.p, digest.p, DIGEST_LEN) == 0;
	OPENSSL_cleanse((char *)both.p, both.len);
	arena_free(arena);
	return is_right;
}

void
component_stream_accept(struct component_stream *stream, struct buf *out)
{
	buf_addz(out, "<handshake/>");
	stream->is_authenticated = true;
}

static void
read_header(struct component_stream *stream, struct buf *out, struct component_event *event,
	    const struct element *el)
{
	if (!str_is(el->ns, NS_STREAM)) {
		fail(stream, out, event, STREAM_INVALID_NAMESPACE, "not the namespace of streams");
	} else if (!str_is(el->name, "stream")) {
		fail(stream, out, event, STREAM_BAD_FORMAT, "the root is not <stream/>");
	} else {
		event->kind = COMPONENT_OPENED;
		event->to = element_attr(el, "to");
	}
}

/* The next node below TOP, in order of the document. */
static struct element *
next_node(struct element *node, const struct element *top)
{
	if (node->children != NULL)
		return node->children;
	while (node != top && node->next == NULL)
		node = node->parent;
	return node == top ? NULL : node->next;
}

static void
forget_source(struct element *el, const struct element *top)
{
	for (;; el = el->parent) {
		el->source = el->inner = STR_NONE;
		el->notes = 0;
		if (el == top)
			break;
	}
}

/* What inherits the stream's namespace says the same in another stream; what declares it does not.
 */
static void
rename_content(struct element *top)
{
	for (struct element *el = top; el != NULL; el = next_node(el, top)) {
		if (element_is_text(el) || !str_is(el->ns, NS_COMPONENT))
			continue;
		el->ns = STR(NS_CLIENT);
		if (el != top && el->declarations > 0)
			forget_source(el, top);
	}
}

static void
read_element(struct component_stream *stream, struct buf *out, struct component_event *event,
	     struct arena *arena, struct element *el)
{
	bool is_ours = str_is(el->ns, NS_COMPONENT);

	if (stream->is_authenticated && is_ours &&
	    (str_is(el->name, "message") || str_is(el->name, "presence") ||
	     str_is(el->name, "iq"))) {
		rename_content(el);
		event->kind = COMPONENT_STANZA;
		event->arena = arena;
		event->el = el;
		return;
	}
	stream->scratch = arena;
	if (str_is(el->ns, NS_STREAM) && str_is(el->name, "error")) {
		component_stream_close(stream, out);
		event->kind = COMPONENT_CLOSED;
	} else if (!stream->is_authenticated && is_ours && str_is(el->name, "handshake")) {
		event->kind = COMPONENT_HANDSHAKE;
		event->digest = str_trim(element_text(arena, el));
	} else if (!stream->is_authenticated && is_ours) {
		fail(stream, out, event, STREAM_NOT_AUTHORIZED, "not before the handshake");
	} else if (!is_ours) {
		fail(stream, out, event, STREAM_INVALID_NAMESPACE,
		     "a stanza that is not in the stream's namespace");
	} else {
		fail(stream, out, event, STREAM_UNSUPPORTED_STANZA_TYPE, "unknown element");
	}
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

void
component_stream_next(struct component_stream *stream, struct str *input, struct buf *out,
		      struct component_event *event)
{
	struct arena *arena;
	struct element *el;
	enum xml_fault fault;
	const char *why;

	*event = (struct component_event){.kind = COMPONENT_MORE};
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
		event->kind = COMPONENT_CLOSED;
		break;
	case XML_WRONG:
		fault = xml_reader_why(stream->reader, &why);
		fail(stream, out, event, fault_condition(fault), why);
		break;
	}
}
