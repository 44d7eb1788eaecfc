/* SPDX-License-Identifier: MIT */
/*
 * fuzz_server.c - streams between servers, in both roles: whatever comes in pieces of any size,
 * what is passed on of a stanza reads as the same stanza in the other namespace.
 *
 * Input: one byte for the size of the pieces, then the peer's bytes.
 */
#include "xmpp/content_ns.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"
#include "xmpp/xml_reader.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct xml_limits limits = {
	.bytes = 4096, .depth = 16, .attributes = 16, .nodes = 128};

/* TEXT as a stanza of a stream between servers, frozen; NULL: it can't be read. */
static struct stanza *
read_again(struct str text)
{
	static const struct xml_limits large = {
		.bytes = 1u << 20, .depth = 64, .attributes = 256, .nodes = 1u << 16};
	struct arena *arena = arena_new();
	struct str whole = arena_printf(arena, "<s xmlns='" NS_SERVER "'>%.*s</s>", STR_ARG(text));
	struct element *el = xml_parse(arena, whole, &large, NULL);
	enum stanza_condition condition;
	struct stanza *stanza, *reply;

	el = el != NULL ? element_child(el, NULL, NULL) : NULL;
	if (el == NULL || !str_is(el->ns, NS_SERVER))
		abort();
	element_detach(el);
	content_from_server(el);
	stanza = stanza_take(arena, el, &condition, &reply);
	stanza_unref(reply);
	return stanza;
}

static void
pass_on(struct arena *arena, struct element *el)
{
	enum stanza_condition condition;
	struct stanza *again, *reply, *stanza;
	struct buf client = {0}, client_again = {0}, server = {0};

	content_from_server(el);
	stanza = stanza_take(arena, el, &condition, &reply);
	if (stanza == NULL) {
		stanza_unref(reply);
		return;
	}
	stanza_freeze(stanza);
	content_to_server(&server, stanza);
	again = read_again(buf_str(&server));
	if (again == NULL)
		abort();
	stanza_freeze(again);
	/* From here to there and back: nothing of it has changed. */
	content_to_server(&client, stanza);
	content_to_server(&client_again, again);
	if (again->type != stanza->type || !jid_equal(again->to, stanza->to) ||
	    !str_equal(buf_str(&client), buf_str(&client_again)))
		abort();
	buf_free(&client);
	buf_free(&client_again);
	buf_free(&server);
	stanza_unref(again);
	stanza_unref(stanza);
}

static void
take(struct stream *stream, struct buf *out, const struct stream_event *event)
{
	switch (event->kind) {
	case STREAM_OPENED:
		stream_open(stream, out, STR("a.example"), event->from);
		stream->tls_is_offered = true;
		break;
	case STREAM_STARTTLS:
		stream_proceed(stream, out);
		stream_restart(stream);
		stream->sasl_is_offered = true;
		break;
	case STREAM_AUTH:
		stream->is_authenticated = true;
		break;
	case STREAM_STANZA:
		pass_on(event->arena, event->el);
		break;
	default:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream stream;
	struct buf out = {0};
	size_t piece = size > 0 ? data[0] % 16 + 1u : 1;

	stream_init_server(&stream, &limits);
	for (size_t at = 1; at < size && !stream.is_over; at += piece) {
		struct str input = str_of(data + at, MIN(piece, size - at));
		struct stream_event event;

		do {
			stream_next(&stream, &input, &out, &event);
			take(&stream, &out, &event);
		} while (event.kind != STREAM_MORE && event.kind != STREAM_FAILED &&
			 event.kind != STREAM_CLOSED);
		if (event.kind == STREAM_CLOSED)
			break;
	}
	stream_clear(&stream);
	buf_free(&out);
	return 0;
}
