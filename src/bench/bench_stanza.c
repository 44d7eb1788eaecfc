/* SPDX-License-Identifier: MIT */
/*
 * bench_stanza.c - what one stanza costs on its way through, step by step, in nanoseconds: reading,
 * freezing, writing with an overlay, addressing a copy to somebody else, keeping it.
 */
#include "base/time.h"
#include "xmpp/stanza.h"
#include "xmpp/xml_reader.h"
#include "xmpp/xml_writer.h"

#include <stdio.h>

#define ROUNDS 300000u

static const struct xml_limits limits = {
	.bytes = 65536, .depth = 64, .attributes = 64, .nodes = 8192};
static const char header[] = "<stream:stream xmlns='jabber:client' "
			     "xmlns:stream='http://etherx.jabber.org/streams' to='example.com'>";
static const char chat[] =
	"<message to='juliet@example.com/balcony' type='chat' id='ktx72v49' xml:lang='en'>"
	"<body>Art thou not Romeo, and a Montague? Neither, fair saint, if either thee "
	"dislike.</body><thread>e0ffe42b28561960c6b12b944a092794b9683a38</thread>"
	"<active xmlns='http://jabber.org/protocol/chatstates'/></message>";

static uint64_t began;

static void
report(const char *what)
{
	printf("%-44s %6.0f ns\n", what, (double)(time_mono_ns() - began) / ROUNDS);
}

static struct stanza *
read_one(struct xml_reader *reader)
{
	struct str input = str_of(chat, sizeof(chat) - 1);
	enum stanza_condition condition;
	struct stanza *reply;
	struct arena *arena;
	struct element *el;

	if (xml_reader_next(reader, &input, &arena, &el) != XML_ELEMENT)
		return NULL;
	return stanza_take(arena, el, &condition, &reply);
}

int
main(void)
{
	struct xml_reader *reader = xml_reader_new(&limits, true);
	struct str input = str_of(header, sizeof(header) - 1);
	struct arena *arena = arena_new(), *unused;
	struct element *el;
	struct stanza *stanza;
	struct buf out = {0};
	struct jid from, to;
	const char *why;

	if (jid_parse(arena, STR("romeo@example.com/orchard"), &from, &why) < 0 ||
	    jid_parse(arena, STR("mercutio@example.com"), &to, &why) < 0 ||
	    xml_reader_next(reader, &input, &unused, &el) != XML_HEADER)
		return 1;
	arena_free(unused);

	began = time_mono_ns();
	for (unsigned i = 0; i < ROUNDS; i++)
		stanza_unref(read_one(reader));
	report("read, parse addresses, free");

	began = time_mono_ns();
	for (unsigned i = 0; i < ROUNDS; i++) {
		stanza = read_one(reader);
		stanza_set_from(stanza, from);
		stanza_freeze(stanza);
		stanza_unref(stanza);
	}
	report("the same, stamped and frozen");

	stanza = read_one(reader);
	stanza_set_from(stanza, from);
	stanza_freeze(stanza);
	began = time_mono_ns();
	for (unsigned i = 0; i < ROUNDS; i++) {
		stanza_write(&out, stanza, &(struct overlay){.extra = STR("<delay/>")});
		buf_clear(&out);
	}
	report("written: overlay and shared tail");

	began = time_mono_ns();
	for (unsigned i = 0; i < ROUNDS; i++) {
		xml_write(&out, stanza->el, STR("jabber:client"));
		buf_clear(&out);
	}
	report("written anew from the tree, to compare");

	began = time_mono_ns();
	for (unsigned i = 0; i < ROUNDS; i++)
		stanza_unref(stanza_readdress(stanza, to));
	report("addressed to somebody else");

	began = time_mono_ns();
	for (unsigned i = 0; i < ROUNDS; i++)
		wire_unref(wire_freeze(stanza));
	report("kept beyond the event");
	stanza_unref(stanza);
	buf_free(&out);
	xml_reader_free(reader);
	arena_free(arena);
	return 0;
}
