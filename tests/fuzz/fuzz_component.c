/* SPDX-License-Identifier: MIT */
/*
 * fuzz_component.c - a component's stream: nothing but the handshake is let through before it, and
 * what is handed out of a stanza reads the same when it is written to a client.
 *
 * Input: one byte for the size of the pieces and whether the secret is right, then the peer's
 * bytes.
 */
#include "xmpp/component_stream.h"
#include "xmpp/ns.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct xml_limits limits = {
	.bytes = 4096, .depth = 16, .attributes = 16, .nodes = 128};

static void
need(bool claim)
{
	if (!claim)
		abort();
}

/* Takes EL and its arena: a client sees nothing of the namespace of components. */
static void
pass_on(struct arena *arena, struct element *el)
{
	enum stanza_condition condition;
	struct stanza *reply, *again, *stanza;
	struct buf written = {0};

	need(str_is(el->ns, NS_CLIENT));
	stanza = stanza_take(arena, el, &condition, &reply);
	stanza_unref(reply);
	if (stanza != NULL) {
		stanza_freeze(stanza);
		stanza_write(&written, stanza, NULL);
		again = stanza_parse(buf_str(&written));
		need(again != NULL && again->type == stanza->type);
		for (const struct element *c = again->el->children; c != NULL; c = c->next)
			need(element_is_text(c) || !str_is(c->ns, NS_COMPONENT));
		stanza_unref(again);
	}
	buf_free(&written);
	stanza_unref(stanza);
}

static void
decide(struct component_stream *stream, const struct component_event *event, bool is_right,
       struct buf *out)
{
	switch (event->kind) {
	case COMPONENT_OPENED:
		component_stream_open(stream, out, STR("irc.example.com"));
		break;
	case COMPONENT_HANDSHAKE:
		need(!stream->is_authenticated);
		/* What a fuzzer can't find is let through sometimes. */
		if (component_stream_knows(stream, event->digest, STR("secret")) || is_right)
			component_stream_accept(stream, out);
		else
			component_stream_fail(stream, out, STREAM_NOT_AUTHORIZED, NULL);
		break;
	case COMPONENT_STANZA:
		need(stream->is_authenticated);
		pass_on(event->arena, event->el);
		break;
	case COMPONENT_CLOSED:
		component_stream_close(stream, out);
		break;
	case COMPONENT_FAILED:
		need(stream->is_over);
		break;
	case COMPONENT_MORE:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct component_stream stream;
	struct buf out = {0};
	size_t piece;

	if (size < 2)
		return 0;
	piece = (data[0] & 0x0f) == 0 ? size : (data[0] & 0x0f);
	component_stream_init(&stream, &limits);
	for (size_t at = 1; at < size && !stream.is_over; at += piece) {
		struct str input = str_of(data + at, MIN(piece, size - at));
		struct component_event event;

		do {
			component_stream_next(&stream, &input, &out, &event);
			decide(&stream, &event, (data[0] & 0x10) != 0, &out);
		} while (event.kind != COMPONENT_MORE && !stream.is_over);
	}
	buf_free(&out);
	component_stream_clear(&stream);
	return 0;
}
