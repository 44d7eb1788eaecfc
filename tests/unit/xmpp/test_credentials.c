/* SPDX-License-Identifier: MIT */
/* test_credentials.c - derived keys, their text, sealed passwords, and the digest of XEP-0078. */
#include "test.h"

#include "base/base64.h"
#include "xmpp/credentials.h"
#include "xmpp/legacy_auth.h"
#include "xmpp/scram_crypto.h"

TEST(scram_hi)
{
	static const struct {
		enum scram_hash hash;
		const char *password, *salt;
		uint32_t iterations;
		const char *key;
	} cases[] = {
		/* RFC 6070 §2 */
		{SCRAM_SHA_1, "password", "salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"},
		{SCRAM_SHA_1, "password", "salt", 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"},
		{SCRAM_SHA_1, "password", "salt", 4096, "4b007901b765489abead49d926f721d065a429c1"},
		/* RFC 7914 §11, its first half */
		{SCRAM_SHA_256, "passwd", "salt", 1,
		 "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"},
		{SCRAM_SHA_256, "Password", "NaCl", 80000,
		 "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"},
		/* Python's hashlib.pbkdf2_hmac */
		{SCRAM_SHA_512, "password", "salt", 4096,
		 "d197b1b33db0143e018b12f3d1d1479e6cdebdcc97c5c0f87f6902e072f457b5"
		 "143f30602641b3d55cd335988cb36b84376060ecd532e039b742a239434af2d5"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned char key[SCRAM_KEY_MAX];

		test_row(t, cases[i].key);
		scram_hi(cases[i].hash, str(cases[i].password), str(cases[i].salt),
			 cases[i].iterations, key);
		check_str(t, hex_encode(t->arena, str_of(key, scram_hash_size(cases[i].hash))),
			  cases[i].key);
	}
}

TEST(hmac)
{
	/* RFC 4231 §4.3 (test case 2), RFC 2202 §3 (test case 2) */
	static const char *const want[SCRAM_HASH_COUNT] = {
		[SCRAM_SHA_1] = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
		[SCRAM_SHA_256] =
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		[SCRAM_SHA_512] =
			("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
			 "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"),
	};

	for (size_t i = 0; i < SCRAM_HASH_COUNT; i++) {
		struct str parts[] = {STR("what do ya want"), STR(""), STR(" for nothing?")};
		unsigned char mac[SCRAM_KEY_MAX];

		scram_hmac((enum scram_hash)i, STR("Jefe"), parts, COUNT(parts), mac);
		check_str(t, hex_encode(t->arena, str_of(mac, scram_hash_size((enum scram_hash)i))),
			  want[i]);
	}
}

/* The keys of RFC 5802 §5's account, from a second implementation (Python's hashlib and hmac). */
TEST(derived_keys)
{
	struct scram_keys keys;
	struct str salt;

	check_int(t, base64_decode(t->arena, STR("QSXCR+Q6sek8bf92"), &salt), 0);
	scram_keys_derive(SCRAM_SHA_1, STR("pencil"), salt, 4096, &keys);
	check(t, keys.is_set);
	check_int(t, keys.iterations, 4096);
	check_strs(t, keys.salt, salt);
	check_str(t, hex_encode(t->arena, str_of(keys.stored_key, 20)),
		  "e9d94660c39d65c38fbad91c358f14da0eef2bd6");
	check_str(t, hex_encode(t->arena, str_of(keys.server_key, 20)),
		  "0fe09258b3ac852ba502cc62ba903eaacdbf7d31");
}

TEST(derive_verify)
{
	struct credentials a, b;

	credentials_derive(t->arena, STR("secret"), 100, &a);
	credentials_derive(t->arena, STR("secret"), 100, &b);
	check(t, credentials_verify(&a, STR("secret")));
	check(t, !credentials_verify(&a, STR("Secret")));
	check(t, !credentials_verify(&a, STR("secret ")));
	check(t, !credentials_verify(&a, STR("")));
	for (size_t i = 0; i < SCRAM_HASH_COUNT; i++) {
		check(t, a.scram[i].is_set);
		check_int(t, a.scram[i].iterations, 100);
		check_int(t, (int)a.scram[i].salt.len, 16);
		check(t, !str_equal(a.scram[i].salt, b.scram[i].salt));
		check(t, !str_equal(a.scram[i].salt, a.scram[(i + 1) % SCRAM_HASH_COUNT].salt));
	}
	/* Each hash alone is enough; none is never enough. */
	for (size_t only = 0; only <= SCRAM_HASH_COUNT; only++) {
		b = a;
		for (size_t i = 0; i < SCRAM_HASH_COUNT; i++)
			b.scram[i].is_set = i == only;
		check(t, credentials_verify(&b, STR("secret")) == (only < SCRAM_HASH_COUNT));
		check(t, !credentials_verify(&b, STR("other")));
	}
}

static bool
is_same_keys(const struct scram_keys *a, const struct scram_keys *b, size_t size)
{
	return a->is_set == b->is_set && a->iterations == b->iterations &&
	       str_equal(a->salt, b->salt) && memcmp(a->stored_key, b->stored_key, size) == 0 &&
	       memcmp(a->server_key, b->server_key, size) == 0;
}

TEST(text_form)
{
	struct credentials full, back;
	struct str text;

	credentials_derive(t->arena, STR("secret"), 100, &full);
	full.sealed_password = STR("\x00\x01sealed;:\xff");
	for (unsigned set = 0; set < 16; set++) {
		struct credentials some = full;

		for (size_t i = 0; i < SCRAM_HASH_COUNT; i++)
			if (!(set & 1u << i))
				memset(&some.scram[i], 0, sizeof(some.scram[i]));
		if (!(set & 8))
			some.sealed_password = STR_NONE;
		text = credentials_format(t->arena, &some);
		check(t, str_starts(text, STR("v1")));
		check_int(t, credentials_parse(t->arena, text, &back), 0);
		for (size_t i = 0; i < SCRAM_HASH_COUNT; i++)
			check(t, is_same_keys(&some.scram[i], &back.scram[i],
					      scram_hash_size((enum scram_hash)i)));
		check(t, str_equal(some.sealed_password, back.sealed_password));
	}
	/* Cut anywhere but at a field's end, it is refused. */
	full.sealed_password = STR_NONE;
	text = credentials_format(t->arena, &full);
	for (size_t i = 0; i < text.len; i++)
		if (i != 2 && text.p[i] != ';')
			check_int(t, credentials_parse(t->arena, str_first(text, i), &back), -1);
}

#define S1 "AAAAAAAAAAAAAAAAAAAAAAAAAAA="

TEST(text_form_refused)
{
	static const char *const texts[] = {
		"",
		"v",
		"v2",
		"v1;",
		"v1;;",
		"v1;epoch:",
		"v1;epoch:0",
		"v1;epoch:01",
		"v1;epoch:1;epoch:1",
		"v1;epoch:99999999999999999999",
		"v1;SHA-1",
		"v1;SHA-1:",
		"v1;MD5:1:AAAA:" S1 ":" S1,
		"v1;sha-1:1:AAAA:" S1 ":" S1,
		"v1;SHA-1:0:AAAA:" S1 ":" S1,
		"v1;SHA-1:01:AAAA:" S1 ":" S1,
		"v1;SHA-1:-1:AAAA:" S1 ":" S1,
		"v1;SHA-1:2000001:AAAA:" S1 ":" S1,
		"v1;SHA-1:99999999999999999999:AAAA:" S1 ":" S1,
		"v1;SHA-1:1::" S1 ":" S1,
		"v1;SHA-1:1:A:" S1 ":" S1,
		"v1;SHA-1:1:AAAA:" S1,
		"v1;SHA-1:1:AAAA:" S1 ":",
		"v1;SHA-1:1:AAAA:AAAA:" S1,
		"v1;SHA-1:1:AAAA:" S1 ":" S1 ":",
		"v1;SHA-1:1:AAAA:" S1 ":" S1 ";",
		"v1;SHA-256:1:AAAA:" S1 ":" S1,
		"v1;SHA-1:1:AAAA:" S1 ":" S1 ";SHA-1:1:AAAA:" S1 ":" S1,
		"v1;sealed:",
		"v1;sealed:A",
		"v1;sealed:AAAA:AAAA",
		"v1;sealed:AAAA;sealed:AAAA",
		" v1;SHA-1:1:AAAA:" S1 ":" S1,
		"v1;SHA-1:1:AAAA:" S1 ":" S1 "\n",
	};
	struct credentials out;

	for (size_t i = 0; i < COUNT(texts); i++) {
		test_row(t, texts[i]);
		check_int(t, credentials_parse(t->arena, str(texts[i]), &out), -1);
	}
	check_int(t, credentials_parse(t->arena, STR("v1;SHA-1:1:AAAA:" S1 ":" S1), &out), 0);
	check_int(t, credentials_parse(t->arena, STR("v1"), &out), 0);
	check(t, !credentials_verify(&out, STR("")));
}

TEST(sealed_password)
{
	static const unsigned char key[32] = "0123456789abcdef0123456789abcdeF";
	static const unsigned char other[32] = "0123456789abcdef0123456789abcdeG";
	struct str owner = STR("romeo@example.net"), sealed, again, out;

	check_int(t, credentials_seal(t->arena, key, owner, STR("secret"), &sealed), 0);
	check_int(t, credentials_seal(t->arena, key, owner, STR("secret"), &again), 0);
	check(t, !str_equal(sealed, again));
	check(t, memmem(sealed.p, sealed.len, "secret", 6) == NULL);
	check_int(t, credentials_unseal(t->arena, key, owner, sealed, &out), 0);
	check_str(t, out, "secret");
	check_int(t, credentials_unseal(t->arena, other, owner, sealed, &out), -1);
	check_int(t, credentials_unseal(t->arena, key, STR("juliet@example.net"), sealed, &out),
		  -1);
	for (size_t i = 0; i < sealed.len; i++) {
		struct str bad = arena_dup(t->arena, sealed);

		check_int(t, credentials_unseal(t->arena, key, owner, str_first(sealed, i), &out),
			  -1);
		((char *)bad.p)[i] ^= 0x10;
		check_int(t, credentials_unseal(t->arena, key, owner, bad, &out), -1);
	}
	check_int(t, credentials_seal(t->arena, key, owner, STR(""), &sealed), -1);
}

TEST(legacy_digest)
{
	/* XEP-0078 §3.2 (example 6): stream 3EE948B0, password Calli0pe. */
	static const char want[] = "48fc78be9ec8f86d8ce1c39c320c97c21d62334d";

	check_str(t, legacy_digest(t->arena, STR("3EE948B0"), STR("Calli0pe")), want);
	check(t, legacy_digest_fits(STR("3EE948B0"), STR("Calli0pe"), str(want)));
	check(t, !legacy_digest_fits(STR("3EE948B1"), STR("Calli0pe"), str(want)));
	check(t, !legacy_digest_fits(STR("3EE948B0"), STR("Calli0p"), str(want)));
	check(t, !legacy_digest_fits(STR("3EE948B0"), STR("Calli0pe"), str_first(str(want), 39)));
	check(t, !legacy_digest_fits(STR("3EE948B0"), STR("Calli0pe"), STR("")));
}
