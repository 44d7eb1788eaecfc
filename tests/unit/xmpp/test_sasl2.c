/* SPDX-License-Identifier: MIT */
/* test_sasl2.c - the elements of XEP-0388. */
#include "test.h"

#include "base/base64.h"
#include "xmpp/ns.h"
#include "xmpp/sasl2.h"
#include "xmpp/stream.h"
#include "xmpp/xml_writer.h"

static const struct xml_limits limits = {
	.bytes = 65536, .depth = 16, .attributes = 16, .nodes = 128};

#define AUTHENTICATE(content)                                                                      \
	"<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'>" content "</authenticate>"
#define UUID "d4565fa7-4d72-4749-b3d3-740edbf87770"

static void
overwrite_texts(struct element *el)
{
	for (struct element *at = el->children; at != NULL; at = at->next) {
		if (element_is_text(at))
			memset((char *)(uintptr_t)at->text.p, 'x', at->text.len);
		else
			overwrite_texts(at);
	}
}

TEST(authenticate)
{
	static const struct {
		const char *text;
		bool is_good;
		/* DATA in base64; NULL: none */
		const char *data, *id, *software, *device;
		bool data_is_bad;
	} rows[] = {
		{AUTHENTICATE(""), true, NULL, NULL, "", "", false},
		/* Example 3, with white space as it stands there in others. */
		{AUTHENTICATE("<initial-response>\n  AGFsaWNlADM0NQ==\n</initial-response>"
			      "<user-agent id='" UUID "'><software>AwesomeXMPP</software>"
			      "<device>Kiva's Phone</device></user-agent>"),
		 true, "AGFsaWNlADM0NQ==", UUID, "AwesomeXMPP", "Kiva's Phone", false},
		/* §2.2: an empty element is an empty string. */
		{AUTHENTICATE("<initial-response/>"), true, "", NULL, "", "", false},
		{AUTHENTICATE("<initial-response>=</initial-response>"), true, NULL, NULL, "", "",
		 true},
		{AUTHENTICATE("<user-agent/>"), true, NULL, NULL, "", "", false},
		{AUTHENTICATE("<user-agent id='D4565FA7-4D72-4749-B3D3-740EDBF87770'/>"), true,
		 NULL, UUID, "", "", false},
		{AUTHENTICATE("<user-agent id=''/>"), false, NULL, NULL, "", "", false},
		{AUTHENTICATE("<user-agent id='d4565fa74d724749b3d3740edbf87770'/>"), false, NULL,
		 NULL, "", "", false},
		{AUTHENTICATE("<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf8777g'/>"), false,
		 NULL, NULL, "", "", false},
		{AUTHENTICATE("<user-agent/><user-agent/>"), false, NULL, NULL, "", "", false},
		{AUTHENTICATE("<initial-response/><initial-response/>"), false, NULL, NULL, "", "",
		 false},
		{"<authenticate xmlns='urn:xmpp:sasl:2'/>", false, NULL, NULL, "", "", false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sasl2_request got;
		const char *why = NULL;
		struct arena *away = arena_new();
		struct element *el = xml_parse(away, str(rows[i].text), &limits, &why);

		test_row(t, rows[i].text);
		check(t, el != NULL);
		check_int(t, sasl2_read_authenticate(t->arena, el, &got, &why),
			  rows[i].is_good ? 0 : -1);
		if (element_attr(el, "mechanism").len > 0)
			memset((char *)(uintptr_t)element_attr(el, "mechanism").p, 'x',
			       element_attr(el, "mechanism").len);
		overwrite_texts(el); /* what was read does not live in it */
		arena_free(away);
		if (!rows[i].is_good) {
			check(t, why != NULL);
			continue;
		}
		check_int(t, got.data_is_bad, rows[i].data_is_bad);
		if (!got.data_is_bad)
			check_int(t, got.data.p != NULL, rows[i].data != NULL);
		if (rows[i].data != NULL)
			check_str(t, base64_encode(t->arena, got.data), rows[i].data);
		check_str(t, got.mechanism, "PLAIN");
		check_str(t, got.agent_id, rows[i].id);
		check_str(t, got.software, rows[i].software);
		check_str(t, got.device, rows[i].device);
	}
}

TEST(a_long_device_name_is_cut_between_characters)
{
	struct sasl2_request got;
	const char *why;
	struct buf buf = {0};
	struct element *el;

	buf_addz(&buf, "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='X'><user-agent><device>a");
	for (int i = 0; i < 100; i++)
		buf_addz(&buf, "\xc3\xa9");
	buf_addz(&buf, "</device></user-agent></authenticate>");
	el = xml_parse(t->arena, buf_str(&buf), &limits, &why);
	check_int(t, sasl2_read_authenticate(t->arena, el, &got, &why), 0);
	check_int(t, (intmax_t)got.device.len, SASL2_AGENT_TEXT_MAX - 1);
	buf_free(&buf);
}

TEST(writing)
{
	struct buf buf = {0};

	sasl2_write_challenge(&buf, STR("abc"));
	sasl2_write_failure(&buf, SASL_ABORTED, "this & that");
	sasl2_write_continue(&buf, STR("v=1"), "UPGR-SCRAM-SHA-256");
	xml_write(&buf, sasl2_success(t->arena, STR("v=1"), STR("a@b/<")), STR(NS_CLIENT));
	xml_write(&buf, sasl2_success(t->arena, STR_NONE, STR("a@b")), STR(NS_CLIENT));
	check_str(t, buf_str(&buf),
		  "<challenge xmlns='urn:xmpp:sasl:2'>YWJj</challenge>"
		  "<failure xmlns='urn:xmpp:sasl:2'>"
		  "<aborted xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
		  "<text>this &amp; that</text></failure>"
		  "<continue xmlns='urn:xmpp:sasl:2'><additional-data>dj0x</additional-data>"
		  "<tasks><task>UPGR-SCRAM-SHA-256</task></tasks></continue>"
		  "<success xmlns='urn:xmpp:sasl:2'><additional-data>dj0x</additional-data>"
		  "<authorization-identifier>a@b/&lt;</authorization-identifier></success>"
		  "<success xmlns='urn:xmpp:sasl:2'>"
		  "<authorization-identifier>a@b</authorization-identifier></success>");
	buf_free(&buf);
}

/* What the stream lets through: only where it was offered, and never after login. */
TEST(events)
{
	static const struct {
		const char *text;
		bool is_offered, is_authenticated;
		enum stream_event_kind kind;
	} rows[] = {
		{AUTHENTICATE(""), true, false, STREAM_AUTHENTICATE},
		{AUTHENTICATE(""), false, false, STREAM_FAILED},
		{AUTHENTICATE(""), true, true, STREAM_ELEMENT},
		{"<response xmlns='urn:xmpp:sasl:2'/>", true, false, STREAM_RESPONSE},
		{"<abort xmlns='urn:xmpp:sasl:2'/>", true, false, STREAM_ABORT},
		{"<next xmlns='urn:xmpp:sasl:2' task='x'/>", true, false, STREAM_NEXT_TASK},
		{"<task-data xmlns='urn:xmpp:sasl:2'/>", true, false, STREAM_TASK_DATA},
		{"<success xmlns='urn:xmpp:sasl:2'/>", true, false, STREAM_FAILED},
		{"<auth xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>", true, false, STREAM_FAILED},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct stream stream;
		struct stream_event event;
		struct buf out = {0};
		struct str in = STR("<stream:stream to='example.net' version='1.0' "
				    "xmlns='jabber:client' xmlns:stream='" NS_STREAM "'>");

		test_row(t, rows[i].text);
		stream_init(&stream, &limits);
		stream_next(&stream, &in, &out, &event);
		check_int(t, event.kind, STREAM_OPENED);
		stream_open(&stream, &out, STR("example.net"), STR_NONE);
		stream.sasl2_is_offered = rows[i].is_offered;
		stream.is_authenticated = rows[i].is_authenticated;
		in = str(rows[i].text);
		stream_next(&stream, &in, &out, &event);
		check_int(t, event.kind, rows[i].kind);
		check_int(t, event.is_sasl2,
			  rows[i].kind != STREAM_FAILED && rows[i].kind != STREAM_ELEMENT);
		buf_free(&out);
		stream_clear(&stream);
	}
}
