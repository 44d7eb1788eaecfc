/* SPDX-License-Identifier: MIT */
/* test_dialback.c - keys and elements of dialback (XEP-0185, XEP-0220). */
#include "test.h"

#include "server/dialback.h"

/* XEP-0220, examples of §2.1.1 and §2.1.2. */
static const struct {
	const char *secret, *receiving, *originating, *id, *key;
} vectors[] = {
	{"s3cr3tf0rd14lb4ck", "montague.example", "capulet.example", "D60000229F",
	 "b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3"},
	{"d14lb4ck43v3r", "capulet.example", "montague.example", "417GAF25",
	 "225cc5aa6a071133249d25fef42ae516fc7a86c523aa1c6980a7f73e784c972d"},
	/* XEP-0185, §3. */
	{"s3cr3tf0rd14lb4ck", "xmpp.example.com", "example.org", "D60000229F",
	 "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643"},
};

TEST(dialback_key)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		char key[DIALBACK_KEY_LEN];

		test_row(t, vectors[i].secret);
		dialback_key(str(vectors[i].secret), str(vectors[i].receiving),
			     str(vectors[i].originating), str(vectors[i].id), key);
		check_str(t, str_of(key, sizeof(key)), vectors[i].key);
	}
}

/* SEC-42: each part counts, and so does the length. */
TEST(sec42_dialback_key_is_right)
{
	struct str key = str(vectors[0].key), secret = str(vectors[0].secret),
		   receiving = str(vectors[0].receiving), originating = str(vectors[0].originating),
		   id = str(vectors[0].id);

	check(t, dialback_key_is_right(secret, receiving, originating, id, key));
	check(t, !dialback_key_is_right(STR("x"), receiving, originating, id, key));
	check(t, !dialback_key_is_right(secret, originating, receiving, id, key));
	check(t, !dialback_key_is_right(secret, receiving, STR("x"), id, key));
	check(t, !dialback_key_is_right(secret, receiving, originating, STR("x"), key));
	check(t, !dialback_key_is_right(secret, receiving, originating, id, str_first(key, 63)));
	check(t, !dialback_key_is_right(secret, receiving, originating, id, STR("")));
	check(t, !dialback_key_is_right(secret, receiving, originating, id, STR_NONE));
	/* Names that run into each other are different names. */
	check(t, !dialback_key_is_right(secret, STR("montague.example capulet.example"), STR(""),
					id, key));
}

static const struct {
	struct dialback element;
	const char *text;
} elements[] = {
	{{.name = "result", .from = STR("a.example"), .to = STR("b.example"), .key = STR("k")},
	 "<db:result from='a.example' to='b.example'>k</db:result>"},
	{{.name = "result", .from = STR("a.example"), .to = STR("b.example"), .type = "valid"},
	 "<db:result from='a.example' to='b.example' type='valid'/>"},
	{{.name = "verify", .from = STR("a"), .to = STR("b"), .id = STR("'"), .type = "invalid"},
	 "<db:verify from='a' to='b' id='&apos;' type='invalid'/>"},
	{{.name = "result", .from = STR("a"), .to = STR("b"), .error = STANZA_ITEM_NOT_FOUND},
	 "<db:result from='a' to='b' type='error'><error type='cancel'><item-not-found "
	 "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>"},
};

TEST(dialback_write)
{
	for (size_t i = 0; i < COUNT(elements); i++) {
		struct buf out = {0};

		dialback_write(&out, &elements[i].element);
		check_str(t, buf_str(&out), elements[i].text);
		buf_free(&out);
	}
}
