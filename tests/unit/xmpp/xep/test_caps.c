/* SPDX-License-Identifier: MIT */
/* test_caps.c - capability hashes (XEP-0115) and what must not be believed (SEC-54); XEP-0030. */
#include "test.h"

#include "base/rand.h"
#include "xmpp/xep/caps.h"
#include "xmpp/xep/disco.h"
#include "xmpp/xml_reader.h"
#include "xmpp/xml_writer.h"

static const struct xml_limits limits = {1 << 20, 64, 64, 100000};

#define QUERY(inner) "<query xmlns='" NS_DISCO_INFO "'>" inner "</query>"
#define FORM(inner) "<x xmlns='jabber:x:data' type='result'>" inner "</x>"
#define TYPE(name) "<field var='FORM_TYPE' type='hidden'><value>" name "</value></field>"
#define CLIENT "<identity category='client' type='pc' name='a'/>"

static struct element *
parse(struct test *t, const char *text)
{
	const char *why = NULL;
	struct element *el = xml_parse(t->arena, str(text), &limits, &why);

	if (!check(t, el != NULL))
		check_str(t, str(why), "no fault in the test's own XML");
	return el;
}

/* §5.2 */
static const char exodus[] = QUERY("<identity category='client' type='pc' name='Exodus 0.9.1'/>"
				   "<feature var='http://jabber.org/protocol/caps'/>"
				   "<feature var='http://jabber.org/protocol/disco#info'/>"
				   "<feature var='http://jabber.org/protocol/disco#items'/>"
				   "<feature var='http://jabber.org/protocol/muc'/>");

/* §5.3, in another order than in the text. */
#define PSI_FORM                                                                                   \
	FORM("<field var='os'><value>Mac</value></field>"                                          \
	     "<field var='software_version'><value>0.11</value></field>"                           \
	     "<field var='FORM_TYPE' type='hidden'>"                                               \
	     "<value>urn:xmpp:dataforms:softwareinfo</value></field>"                              \
	     "<field var='ip_version' type='text-multi'>"                                          \
	     "<value>ipv6</value><value>ipv4</value></field>"                                      \
	     "<field var='software'><value>Psi</value></field>"                                    \
	     "<field var='os_version'><value>10.5.1</value></field>")
static const char psi[] =
	QUERY("<feature var='http://jabber.org/protocol/muc'/>"
	      "<feature var='http://jabber.org/protocol/disco#items'/>"
	      "<feature var='http://jabber.org/protocol/disco#info'/>"
	      "<feature var='http://jabber.org/protocol/caps'/>"
	      "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
	      "<identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>" PSI_FORM);

static const struct {
	const char *query, *hash, *ver; /* ver NULL: not to be believed */
} cases[] = {
	{exodus, "sha-1", "QgayPKawpkPSDYmwT/WM94uAlu0="},
	{psi, "sha-1", "q07IKJEyjvHSyhy//CH0CxmKi8w="},
	/* The same strings through another program, openssl dgst. */
	{exodus, "sha-256", "Wr6IGEKhx6b9627gBmi/cCmpxXBc/GYq5zWuYfWGWoc="},
	{exodus, "sha-512",
	 "fRSVSbrOODMrPDQyHoSWoR+RemysUcEeGGhMh+kl/hGp9UrJxyDnrh9BymsL57Am/eToRZ/"
	 "T4s6QBqeC6LVmoQ=="},
	{psi, "sha3-256", "Q9uhuGwqMGJAYzKZL1ddJV12RPt12GD3B1phox+W8KE="},
	{exodus, "md5", NULL},
	{exodus, "", NULL},
	{exodus, "SHA-1", NULL},

	/* §5.4, step 3.3 */
	{QUERY(CLIENT CLIENT), "sha-1", NULL},
	{QUERY(CLIENT "<identity category='client' type='pc' name='b'/>"), "sha-1",
	 "oRhtWLuTnW2b9qt2ALcKhe2K+Hk="},
	/* 3.4 */
	{QUERY(CLIENT "<feature var='b'/><feature var='a'/><feature var='b'/>"), "sha-1", NULL},
	/* 3.5 */
	{QUERY(CLIENT FORM(TYPE("f") "<field var='a'><value>1</value></field>")
		       FORM(TYPE("f") "<field var='a'><value>2</value></field>")),
	 "sha-1", NULL},
	{QUERY(CLIENT FORM("<field var='FORM_TYPE' type='hidden'><value>f</value><value>g</value>"
			   "</field><field var='a'><value>1</value></field>")),
	 "sha-1", NULL},
	{QUERY(CLIENT FORM("<field var='FORM_TYPE' type='hidden'><value>f</value><value>f</value>"
			   "</field><field var='a'><value>1</value></field>")),
	 "sha-1", "RYFxA+Z8NoyKEqPbqYU0aKFmyHU="},
	/* 3.6: such forms are as if they were not there. */
	{QUERY(CLIENT), "sha-1", "2dGMK/0hfGDsqgiZfBIpMxyd+vA="},
	{QUERY(CLIENT FORM("<field var='FORM_TYPE'><value>f</value></field>"
			   "<field var='a'><value>1</value></field>")),
	 "sha-1", "2dGMK/0hfGDsqgiZfBIpMxyd+vA="},
	{QUERY(CLIENT FORM("<field var='a'><value>1</value></field>")), "sha-1",
	 "2dGMK/0hfGDsqgiZfBIpMxyd+vA="},
	{QUERY(CLIENT FORM(TYPE("f") "<field var='a'><value>1</value></field>")), "sha-1",
	 "RYFxA+Z8NoyKEqPbqYU0aKFmyHU="},

	/* Not an answer at all. */
	{QUERY(""), "sha-1", NULL},
	{QUERY("<feature var='a'/>"), "sha-1", NULL},
	{QUERY(CLIENT "<feature/>"), "sha-1", NULL},
	{QUERY("<identity category='client'/>"), "sha-1", NULL},
	{QUERY("<identity type='pc'/>"), "sha-1", NULL},
	{QUERY(CLIENT FORM(TYPE("f") "<field var='a'/><field var='a'/>")), "sha-1", NULL},
	{QUERY(CLIENT "<x xmlns='jabber:x:data'/>"), "sha-1", NULL},

	/* §8.2, SEC-54: these have the strings of other answers. */
	{QUERY("<identity category='client' type='pc' name='a&lt;b'/>"), "sha-1", NULL},
	{QUERY(CLIENT "<feature var='a&lt;b'/>"), "sha-1", NULL},
	{QUERY(CLIENT "<feature var='client/pc//b'/>"), "sha-1", NULL},
	{QUERY("<identity category='client/pc' type='x' name='a'/>"), "sha-1", NULL},
	{QUERY("<identity category='client' type='pc/x' name='a'/>"), "sha-1", NULL},
	{QUERY("<identity category='client' type='pc' xml:lang='a/b'/>"), "sha-1", NULL},
	{QUERY("<identity category='http:' type='' xml:lang='jabber.org' "
	       "name='protocol/muc'/>" CLIENT),
	 "sha-1", NULL},
	{QUERY(CLIENT FORM(TYPE("urn:xmpp:ping"))), "sha-1", NULL},
	{QUERY(CLIENT FORM(TYPE("urn:xmpp:ping") "<field var='urn:xmpp:time'/>")), "sha-1", NULL},
	{QUERY(CLIENT FORM(TYPE("f&lt;g") "<field var='a'/>")), "sha-1", NULL},
	{QUERY(CLIENT FORM(TYPE("f") "<field var='a&lt;b'/>")), "sha-1", NULL},
	{QUERY(CLIENT FORM(TYPE("f") "<field var='a'><value>&lt;</value></field>")), "sha-1", NULL},
};

TEST(caps_hash)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct element *query = parse(t, cases[i].query);
		const char *why = NULL;
		struct str ver;
		int rc = caps_hash(t->arena, query, str(cases[i].hash), &ver, &why);

		test_row(t, cases[i].query);
		check_int(t, rc, cases[i].ver == NULL ? -1 : 0);
		check(t, (why != NULL) == (rc < 0));
		if (rc == 0)
			check_str(t, ver, cases[i].ver);
	}
}

TEST(caps_verify)
{
	struct caps caps = {STR("http://psi-im.org"), STR("q07IKJEyjvHSyhy//CH0CxmKi8w="),
			    STR("sha-1")};
	struct element *answer = parse(t, psi);
	const char *why;

	check_int(t, caps_verify(t->arena, &caps, answer, &why), 0);
	disco_add_feature(t->arena, answer, STR("urn:xmpp:ping"));
	check_int(t, caps_verify(t->arena, &caps, answer, &why), -1);
	caps.hash = STR("sha-256");
	check_int(t, caps_verify(t->arena, &caps, parse(t, psi), &why), -1);
}

/* The order of an answer's parts changes nothing; any other change does. */
TEST(caps_hash_does_not_depend_on_order)
{
	const char *why;
	struct str ver;

	for (int round = 0; round < 200; round++) {
		struct element *query = parse(t, psi);

		for (int i = 0; i < 7; i++) {
			struct element *el = query->children;

			for (uint64_t skip = rand_below(6); skip > 0 && el->next != NULL; skip--)
				el = el->next;
			element_detach(el);
			element_append(query, el);
		}
		check_int(t, caps_hash(t->arena, query, STR("sha-1"), &ver, &why), 0);
		check_str(t, ver, "q07IKJEyjvHSyhy//CH0CxmKi8w=");
	}
}

/* Category before type before language: "a-b" comes after "a", though '-' is before '/'. */
TEST(caps_sorts_identities_by_their_parts)
{
	struct element *a = parse(t, QUERY("<identity category='a-b' type='x'/>"
					   "<identity category='a' type='y'/>"));
	const char *why;
	struct str ver;

	check_int(t, caps_hash(t->arena, a, STR("sha-1"), &ver, &why), 0);
	check_str(t, ver, "WHolaT7MaYtQlNAJc92LjYlrsM8=");
}

TEST(caps_in_presence)
{
	struct element *presence = element_new(t->arena, "jabber:client", "presence");
	struct caps caps = {STR("https://a.example"), STR("QgayPKawpkPSDYmwT/WM94uAlu0="),
			    STR("sha-1")};
	struct caps got;

	check(t, !caps_find(presence, &got));
	caps_add(t->arena, presence, &caps);
	check_str(t, xml_text(t->arena, presence, STR("jabber:client")),
		  "<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' "
		  "node='https://a.example' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/></presence>");
	check(t, caps_find(presence, &got));
	check_strs(t, got.node, caps.node);
	check_strs(t, got.ver, caps.ver);
	check_strs(t, got.hash, caps.hash);
	/* Of the legacy format, whose ver anybody may choose. */
	element_set(t->arena, presence->children, "hash", STR_NONE);
	check(t, !caps_find(presence, &got));
}

TEST(disco_builds_and_finds)
{
	struct element *query = disco_new(t->arena, NS_DISCO_INFO, STR("n"));
	struct element *items = disco_new(t->arena, NS_DISCO_ITEMS, STR_NONE);

	disco_add_identity(t->arena, query, STR("server"), STR("im"), STR("en"), STR("Recado"));
	disco_add_identity(t->arena, query, STR("pubsub"), STR("pep"), STR_NONE, STR_NONE);
	disco_add_feature(t->arena, query, STR("urn:xmpp:ping"));
	check_str(t, xml_text(t->arena, query, STR("")),
		  "<query xmlns='http://jabber.org/protocol/disco#info' node='n'>"
		  "<identity xml:lang='en' category='server' type='im' name='Recado'/>"
		  "<identity category='pubsub' type='pep'/><feature var='urn:xmpp:ping'/></query>");
	check(t, disco_has_feature(query, "urn:xmpp:ping"));
	check(t, !disco_has_feature(query, "urn:xmpp:time"));
	check(t, disco_has_identity(query, "pubsub", NULL));
	check(t, disco_has_identity(query, "pubsub", "pep"));
	check(t, !disco_has_identity(query, "pubsub", "service"));
	check_str(t, disco_lang(query->children), "en");
	check(t, disco_lang(query).p == NULL);

	disco_add_item(t->arena, items, STR("conference.example.com"), STR_NONE, STR("Rooms"));
	check_str(t, xml_text(t->arena, items, STR("")),
		  "<query xmlns='http://jabber.org/protocol/disco#items'>"
		  "<item jid='conference.example.com' name='Rooms'/></query>");
}
