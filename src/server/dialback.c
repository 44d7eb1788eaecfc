/* SPDX-License-Identifier: MIT */
/* dialback.c - HMAC-SHA256 keys in hexadecimal digits, and the two elements. */
#include "server/dialback.h"

#include "xmpp/ns.h"
#include "xmpp/xml_writer.h"

#include <openssl/crypto.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

static void
to_hex(const unsigned char bytes[32], char out[DIALBACK_KEY_LEN])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 32; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
}

void
dialback_key(struct str secret, struct str receiving, struct str originating, struct str id,
	     char out[DIALBACK_KEY_LEN])
{
	struct buf text = {0};
	unsigned char bytes[32];
	char hashed[DIALBACK_KEY_LEN];

	buf_add(&text, receiving);
	buf_add_char(&text, ' ');
	buf_add(&text, originating);
	buf_add_char(&text, ' ');
	buf_add(&text, id);
	if (!EVP_Digest(secret.p, secret.len, bytes, NULL, EVP_sha256(), NULL))
		abort(); /* OpenSSL itself is broken */
	to_hex(bytes, hashed);
	if (HMAC(EVP_sha256(), hashed, (int)sizeof(hashed), (const unsigned char *)buf_str(&text).p,
		 buf_len(&text), bytes, NULL) == NULL)
		abort();
	to_hex(bytes, out);
	buf_free(&text);
	OPENSSL_cleanse(hashed, sizeof(hashed));
}

bool
dialback_key_is_right(struct str secret, struct str receiving, struct str originating,
		      struct str id, struct str key)
{
	char right[DIALBACK_KEY_LEN];

	dialback_key(secret, receiving, originating, id, right);
	return key.len == sizeof(right) && CRYPTO_memcmp(key.p, right, sizeof(right)) == 0;
}

void
dialback_write(struct buf *out, const struct dialback *dialback)
{
	const char *condition = dialback->condition;

	if (condition == NULL && dialback->error != STANZA_NO_ERROR)
		condition = stanza_condition_name(dialback->error);
	buf_printf(out, "<db:%s", dialback->name);
	xml_write_attr(out, "from", dialback->from);
	xml_write_attr(out, "to", dialback->to);
	xml_write_attr(out, "id", dialback->id);
	xml_write_attr(out, "type", condition != NULL ? STR("error") : str(dialback->type));
	if (condition != NULL) {
		buf_printf(
			out, "><error type='%s'><%s xmlns='" NS_STANZA_ERROR "'/></error></db:%s>",
			dialback->error != STANZA_NO_ERROR ? stanza_condition_type(dialback->error)
							   : "cancel",
			condition, dialback->name);
	} else if (dialback->key.len > 0) {
		buf_add_char(out, '>');
		xml_escape(out, dialback->key);
		buf_printf(out, "</db:%s>", dialback->name);
	} else {
		buf_addz(out, "/>");
	}
}
