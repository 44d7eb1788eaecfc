/* SPDX-License-Identifier: MIT */
/* test_pie.c - documents of XEP-0227, as events; in one piece, and byte by byte. */
#include "test.h"

#include "base/buf.h"
#include "xmpp/xep/pie.h"
#include "xmpp/xml_writer.h"

#define DATA "<server-data xmlns='urn:xmpp:pie:0' xmlns:xi='http://www.w3.org/2001/XInclude'>"

static const struct {
	const char *outer, *text, *events;
} documents[] = {
	{NULL, "<?xml version='1.0' encoding='UTF-8'?>\n" DATA "</server-data>", "end "},
	{NULL,
	 DATA "<host jid='a.example'><user name='juliet' password='x'><vCard xmlns='vcard-temp'>"
	      "<FN>J</FN></vCard></user><user name='b'/></host></server-data>",
	 "host a.example; user juliet; vCard 1; done; user b; done; end "},
	/* Each item by itself, in a copy of what is around it. */
	{NULL,
	 DATA "<host jid='a'><user name='j'>\n<query xmlns='jabber:iq:roster'><item jid='x'/>"
	      "<item jid='y'/></query><offline-messages><message xmlns='jabber:client'/>"
	      "</offline-messages><query xmlns='jabber:iq:roster'/></user></host></server-data>",
	 "host a; user j; query 1; query 1; offline-messages 1; done; end "},
	/* §5: what is included, and what is user data that looks like it. */
	{NULL, DATA "<xi:include href='a.xml'/></server-data>", "include a.xml; end "},
	{"server-data", "<host xmlns='urn:xmpp:pie:0' jid='a'><user name='j'/></host>",
	 "host a; user j; done; end "},
	{"host",
	 "<user xmlns='urn:xmpp:pie:0' name='j'><query xmlns='jabber:iq:private'>"
	 "<include xmlns='http://www.w3.org/2001/XInclude' href='x'/><user xmlns='urn:xmpp:pie:0'/>"
	 "</query></user>",
	 "user j; query 1; query 1; done; end "},
	{NULL, DATA "<other xmlns='urn:other'/><user name='j'/></server-data>",
	 "unknown other; unknown user; end "},
	/* Prefixes of all levels hold further in. */
	{NULL,
	 "<p:server-data xmlns:p='urn:xmpp:pie:0' xmlns:r='urn:x'><p:host jid='a' "
	 "xmlns:r='jabber:iq:roster'><p:user name='j'><r:query><r:item/></r:query></p:user>"
	 "</p:host></p:server-data>",
	 "host a; user j; query 1; done; end "},
	{NULL, "<html/>", "wrong "},
	{NULL, "<host xmlns='urn:xmpp:pie:0' jid='a'/>", "wrong "},
	{NULL, DATA "<host jid='a'></user></server-data>", "host a; wrong "},
	{NULL, DATA "<!-- no -->", "wrong "},
	{NULL, DATA "<host jid='a'><user name='j'><x:y/>", "host a; user j; wrong "},
};

static void
tell(struct buf *out, enum pie_event event, struct arena *arena, const struct element *el)
{
	size_t children = 0;

	for (const struct element *c = el ? el->children : NULL; c != NULL; c = c->next)
		children++;
	switch (event) {
	case PIE_HOST:
		buf_printf(out, "host %.*s; ", STR_ARG(element_attr(el, "jid")));
		break;
	case PIE_USER:
		buf_printf(out, "user %.*s; ", STR_ARG(element_attr(el, "name")));
		break;
	case PIE_DATA:
		(void)xml_text(arena, el, STR_NONE);
		buf_printf(out, "%.*s %zu; ", STR_ARG(el->name), children);
		break;
	case PIE_INCLUDE:
		buf_printf(out, "include %.*s; ", STR_ARG(element_attr(el, "href")));
		break;
	case PIE_UNKNOWN:
		buf_printf(out, "unknown %.*s; ", STR_ARG(el->name));
		break;
	default:
		buf_addz(out, event == PIE_USER_END ? "done; "
			      : event == PIE_END    ? "end "
						    : "wrong ");
	}
}

static void
read_in_pieces(struct buf *out, const char *outer, struct str text, size_t size)
{
	struct pie_reader *reader = pie_reader_new(outer);
	enum pie_event event = PIE_MORE;

	while (text.len > 0 && event != PIE_END && event != PIE_WRONG) {
		struct str input = str_first(text, size);

		text = str_from(text, size);
		do {
			struct arena *arena;
			struct element *el;

			event = pie_next(reader, &input, &arena, &el);
			if (event != PIE_MORE)
				tell(out, event, arena, el);
			arena_free(arena);
		} while (event != PIE_MORE && event != PIE_END && event != PIE_WRONG);
	}
	pie_reader_free(reader);
}

TEST(pie_documents)
{
	for (size_t i = 0; i < COUNT(documents); i++) {
		static const size_t sizes[] = {1, 7, SIZE_MAX};

		test_row(t, documents[i].text);
		for (size_t k = 0; k < COUNT(sizes); k++) {
			struct buf out = {0};

			read_in_pieces(&out, documents[i].outer, str(documents[i].text), sizes[k]);
			check_str(t, buf_str(&out), documents[i].events);
			buf_free(&out);
		}
	}
}
