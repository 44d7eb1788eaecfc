/* SPDX-License-Identifier: MIT */
/* sasl_ht.c - hashed tokens (draft-schmaus-kitten-sasl-ht-09). */
#include "xmpp/sasl_ht.h"

#include "base/utf8.h"
#include "xmpp/scram_crypto.h"

#define AUTHCID_MAX                                                                                \
	1023u /* bytes; the draft wants at least 255, RFC 7622 allows a localpart 1023 */

static const char *const names[HT_BINDING_COUNT] = {
	[HT_EXPR] = "HT-SHA-256-EXPR",
	[HT_ENDP] = "HT-SHA-256-ENDP",
	[HT_NONE] = "HT-SHA-256-NONE",
};

const char *
ht_name(enum ht_binding binding)
{
	return names[binding];
}

int
ht_parse(struct str name, enum ht_binding *out)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		if (str_is(name, names[i])) {
			*out = (enum ht_binding)i;
			return 0;
		}
	}
	return -1;
}

static void
hash(struct str token, struct str who, struct str binding_data, unsigned char *out)
{
	struct str parts[] = {who, binding_data};

	scram_hmac(SCRAM_SHA_256, token, parts, COUNT(parts), out);
}

int
ht_read(struct str in, struct ht_message *out)
{
	ptrdiff_t nul = str_find(in, '\0');

	if (nul <= 0 || (size_t)nul > AUTHCID_MAX)
		return -1;
	out->authcid = str_first(in, (size_t)nul);
	out->hash = str_from(in, (size_t)nul + 1);
	return out->hash.len == HT_HASH_SIZE && utf8_is_valid(out->authcid) ? 0 : -1;
}

bool
ht_verify(struct str token, struct str binding_data, struct str sent)
{
	unsigned char want[SCRAM_KEY_MAX];

	hash(token, STR("Initiator"), binding_data, want);
	return sent.len == HT_HASH_SIZE &&
	       scram_equal(SCRAM_SHA_256, want, (const unsigned char *)sent.p);
}

struct str
ht_answer(struct arena *arena, struct str token, struct str binding_data)
{
	unsigned char mac[SCRAM_KEY_MAX];

	hash(token, STR("Responder"), binding_data, mac);
	return arena_dup(arena, str_of(mac, HT_HASH_SIZE));
}

struct str
ht_ask(struct arena *arena, struct str authcid, struct str token, struct str binding_data)
{
	unsigned char mac[SCRAM_KEY_MAX];
	struct str head = arena_join(arena, authcid, str_of("", 1));

	hash(token, STR("Initiator"), binding_data, mac);
	return arena_join(arena, head, str_of(mac, HT_HASH_SIZE));
}
