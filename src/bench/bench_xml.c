/* SPDX-License-Identifier: MIT */
/*
 * bench_xml.c - recado-bench-xml: nanoseconds to read and to write one stanza, next to expat.
 *
 * Both get stanza after stanza of a stream that stays open, each whole in one buffer. expat only
 * calls back; the reader also makes the tree and keeps the source.
 */
#include "base/buf.h"
#include "base/time.h"
#include "xmpp/xml_reader.h"
#include "xmpp/xml_writer.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>

#define HEADER                                                                                     \
	"<?xml version='1.0'?><stream:stream xmlns='jabber:client' "                               \
	"xmlns:stream='http://etherx.jabber.org/streams' to='example.com' version='1.0'>"

static const struct xml_limits limits = {262144, 64, 64, 10000};

static const struct {
	const char *name, *text;
} stanzas[] = {
	{"chat", "<message to='juliet@example.com/balcony' type='chat' id='a1b2c3d4' xml:lang='en'>"
		 "<body>Wherefore art thou, Romeo? I am here.</body>"
		 "<active xmlns='http://jabber.org/protocol/chatstates'/>"
		 "<request xmlns='urn:xmpp:receipts'/>"
		 "<origin-id xmlns='urn:xmpp:sid:0' id='a1b2c3d4'/></message>"},
	{"chat in Greek",
	 "<message to='juliet@example.com/balcony' type='chat' id='a1b2c3d4' xml:lang='el'>"
	 "<body>Γιατί είσαι ο Ρωμαίος; Αρνήσου τον πατέρα σου και το όνομά σου.</body>"
	 "<active xmlns='http://jabber.org/protocol/chatstates'/></message>"},
	{"ping", "<iq type='get' id='s2c1' to='example.com'><ping xmlns='urn:xmpp:ping'/></iq>"},
	{"presence", "<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' "
		     "node='http://code.google.com/p/exodus' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>"
		     "</presence>"},
};

static uint64_t
read_ours(struct str text, size_t rounds)
{
	struct xml_reader *reader = xml_reader_new(&limits, true);
	struct str input = STR(HEADER);
	struct element *el;
	struct arena *arena;
	uint64_t start;

	if (xml_reader_next(reader, &input, &arena, &el) != XML_HEADER)
		abort();
	arena_free(arena);
	start = time_mono_ns();
	for (size_t i = 0; i < rounds; i++) {
		input = text;
		if (xml_reader_next(reader, &input, &arena, &el) != XML_ELEMENT)
			abort();
		arena_free(arena);
	}
	start = time_mono_ns() - start;
	xml_reader_free(reader);
	return start;
}

static uint64_t
write_ours(struct str text, size_t rounds)
{
	struct arena *arena = arena_new();
	struct element *el = xml_parse(arena, text, &limits, NULL);
	struct buf buf = {0};
	uint64_t start = time_mono_ns();

	for (size_t i = 0; i < rounds; i++) {
		buf_clear(&buf);
		xml_write(&buf, el, STR(""));
	}
	start = time_mono_ns() - start;
	buf_free(&buf);
	arena_free(arena);
	return start;
}

static unsigned seen;

static void
on_start(void *unused UNUSED, const char *name, const char **attrs)
{
	seen += name[0] != '\0' && attrs != NULL;
}

static void
on_end(void *unused UNUSED, const char *name)
{
	seen += name[0] != '\0';
}

static void
on_text(void *unused UNUSED, const char *text UNUSED, int len)
{
	seen += len > 0;
}

static uint64_t
read_expat(struct str text, size_t rounds)
{
	XML_Parser parser = XML_ParserCreateNS("UTF-8", '\xff');
	uint64_t start;

	XML_SetElementHandler(parser, on_start, on_end);
	XML_SetCharacterDataHandler(parser, on_text);
	if (XML_Parse(parser, HEADER, sizeof(HEADER) - 1, 0) != XML_STATUS_OK)
		abort();
	start = time_mono_ns();
	for (size_t i = 0; i < rounds; i++)
		if (XML_Parse(parser, text.p, (int)text.len, 0) != XML_STATUS_OK)
			abort();
	start = time_mono_ns() - start;
	XML_ParserFree(parser);
	return start;
}

/* The best of several runs: what the machine can do, without what else it was doing. */
static double
best(uint64_t (*run)(struct str text, size_t rounds), struct str text, size_t rounds)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 7; i++)
		least = MIN(least, run(text, rounds));
	return (double)least / (double)rounds;
}

int
main(int argc, char **argv)
{
	uint64_t rounds = 100000;

	if (argc > 2 || (argc == 2 && str_to_u64(str(argv[1]), 100000000, &rounds) < 0)) {
		fprintf(stderr, "usage: recado-bench-xml [rounds]\n");
		return 2;
	}
	printf("%-16s %6s %10s %10s %10s\n", "ns per stanza", "bytes", "read", "expat", "write");
	for (size_t i = 0; i < COUNT(stanzas); i++) {
		struct str text = str(stanzas[i].text);
		double ours = best(read_ours, text, rounds),
		       theirs = best(read_expat, text, rounds);

		printf("%-16s %6zu %10.0f %10.0f %10.0f\n", stanzas[i].name, text.len, ours, theirs,
		       best(write_ours, text, rounds));
	}
	arena_thread_end();
	return EXIT_SUCCESS;
}
