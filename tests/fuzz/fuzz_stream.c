/* SPDX-License-Identifier: MIT */
/*
 * fuzz_stream.c - the negotiation of a stream: whatever comes in, in pieces of any size, what we
 * say is well-formed, every stream ends at most once, nothing but negotiation is let through before
 * authentication, and what we pass on of a stanza reads as the same stanza (SEC-03, SEC-12).
 *
 * Input: one byte for the size of the pieces and the owner's decisions, then the peer's bytes.
 */
#include "xmpp/ns.h"
#include "xmpp/sasl2.h"
#include "xmpp/stanza.h"
#include "xmpp/stream.h"
#include "xmpp/xml_writer.h"

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

/* Ours, each stream closed if it was not: a reader of our own must like it. */
static void
check_output(struct str out)
{
	static const struct xml_limits large = {
		.bytes = 1u << 20, .depth = 64, .attributes = 64, .nodes = 1u << 16};
	struct xml_reader *reader = xml_reader_new(&large, true);
	struct arena *arena;
	struct element *el;

	for (;;) {
		enum xml_event event = xml_reader_next(reader, &out, &arena, &el);

		need(event != XML_WRONG);
		arena_free(arena);
		if (event == XML_END)
			need(out.len == 0);
		if (event == XML_MORE || event == XML_END)
			break;
	}
	xml_reader_free(reader);
}

/* Takes EL and its arena over, writes the stanza as to a recipient, and reads that again. */
static void
pass_on(struct arena *arena, struct element *el)
{
	enum stanza_condition condition;
	struct stanza *reply, *again, *stanza = stanza_take(arena, el, &condition, &reply);
	struct buf first = {0}, second = {0};

	if (stanza == NULL) {
		if (reply != NULL) { /* perhaps without the id that the peer forgot */
			buf_addz(&first, "<stream xmlns='" NS_CLIENT "'>");
			stanza_freeze(reply);
			stanza_write(&first, reply, NULL);
			check_output(buf_str(&first));
		}
		stanza_unref(reply);
		buf_free(&first);
		return;
	}
	stanza_freeze(stanza);
	stanza_write(&first, stanza, NULL);
	again = stanza_parse(buf_str(&first));
	need(again != NULL && again->type == stanza->type);
	stanza_freeze(again);
	stanza_write(&second, again, NULL);
	need(str_equal(buf_str(&first), buf_str(&second)));
	buf_free(&first);
	buf_free(&second);
	stanza_unref(again);
	stanza_unref(stanza);
}

/* XEP-0388: whatever is asked, the answer is well-formed. */
static void
answer_sasl2(struct stream *stream, struct element *el, bool fails, struct buf *out)
{
	struct arena *arena = arena_new();
	struct sasl2_request request;
	const char *why;

	need(!stream->is_authenticated);
	if (sasl2_read_authenticate(arena, el, &request, &why) < 0 || fails) {
		sasl2_write_failure(out, SASL_MALFORMED_REQUEST, why);
	} else {
		need(request.mechanism.len > 0);
		need(request.agent_id.p == NULL || request.agent_id.len == SASL2_AGENT_ID_SIZE);
		need(request.device.len <= SASL2_AGENT_TEXT_MAX);
		sasl2_write_challenge(out, request.device);
		sasl2_write_continue(out, request.data_is_bad ? STR_NONE : request.data, "TASK");
		xml_write(out, sasl2_success(arena, request.software, request.device),
			  STR(NS_CLIENT));
		stream->is_authenticated = true;
	}
	arena_free(arena);
}

static void
decide(struct stream *stream, const struct stream_event *event, uint8_t decisions, struct buf *out)
{
	switch (event->kind) {
	case STREAM_OPENED:
		if (decisions & 0x10) {
			stream_fail(stream, out, STR("example.net"), STREAM_HOST_UNKNOWN, NULL);
			break;
		}
		stream_open(stream, out, STR("example.net"), event->from);
		stream->tls_is_offered = !stream->is_secure;
		stream->sasl_is_offered = stream->sasl2_is_offered = true;
		break;
	case STREAM_STARTTLS:
		need(!stream->is_secure && !stream->is_authenticated);
		stream->is_secure = true;
		check_output(buf_str(out));
		buf_clear(out);
		stream_restart(stream);
		break;
	case STREAM_AUTH:
		need(!stream->is_authenticated);
		if (decisions & 0x20) {
			stream_sasl_failure(out, SASL_NOT_AUTHORIZED);
		} else {
			stream->is_authenticated = true;
			check_output(buf_str(out));
			buf_clear(out);
			stream_restart(stream);
		}
		break;
	case STREAM_AUTHENTICATE:
		answer_sasl2(stream, event->el, (decisions & 0x20) != 0, out);
		break;
	case STREAM_NEXT_TASK:
	case STREAM_TASK_DATA:
		need(!stream->is_authenticated && str_is(event->el->ns, NS_SASL2));
		break;
	case STREAM_STANZA:
		need(str_is(event->el->ns, NS_CLIENT));
		pass_on(event->arena, event->el);
		break;
	case STREAM_ELEMENT:
		need(stream->is_authenticated && !stanza_is(event->el));
		break;
	case STREAM_CLOSED:
		stream_close(stream, out);
		break;
	case STREAM_FAILED:
		need(stream->is_over && event->condition != STREAM_NO_ERROR);
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
	size_t piece;
	uint8_t decisions;

	if (size < 2)
		return 0;
	decisions = data[0];
	piece = (decisions & 0x0f) == 0 ? size : (decisions & 0x0f);
	stream_init(&stream, &limits);
	for (size_t at = 1; at < size && !stream.is_over; at += piece) {
		struct str input = str_of(data + at, MIN(piece, size - at));
		struct stream_event event;

		do {
			stream_next(&stream, &input, &out, &event);
			decide(&stream, &event, decisions, &out);
		} while (event.kind != STREAM_MORE && !stream.is_over);
	}
	check_output(buf_str(&out));
	buf_free(&out);
	stream_clear(&stream);
	return 0;
}
