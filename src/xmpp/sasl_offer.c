/* SPDX-License-Identifier: MIT */
/* sasl_offer.c - the hash of XEP-0474. */
#include "xmpp/sasl_offer.h"

#include "base/base64.h"
#include "base/buf.h"
#include "xmpp/scram_crypto.h"

#include <stdlib.h>

/* Collation i;octet (RFC 4790 §9.3). */
static int
by_octets(const void *a, const void *b)
{
	return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static void
add_list(struct buf *out, struct str *items, size_t count)
{
	qsort(items, count, sizeof(items[0]), by_octets);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_char(out, '\x1e');
		buf_add(out, items[i]);
	}
}

struct str
sasl_offer_text(struct arena *arena, struct str *mechanisms, size_t mechanism_count,
		struct str *bindings, size_t binding_count)
{
	struct buf buf = {0};
	struct str text;

	add_list(&buf, mechanisms, mechanism_count);
	if (bindings != NULL) {
		buf_add_char(&buf, '\x1f');
		add_list(&buf, bindings, binding_count);
	}
	text = arena_dup(arena, buf_str(&buf));
	buf_free(&buf);
	return text;
}

struct str
sasl_offer_hash(struct arena *arena, enum scram_hash hash, struct str text)
{
	unsigned char digest[SCRAM_KEY_MAX];

	scram_h(hash, text, digest);
	return base64_encode(arena, str_of(digest, scram_hash_size(hash)));
}
